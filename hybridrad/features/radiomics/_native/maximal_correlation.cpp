// The second largest singular value of B(i, j) = p(i, j) / sqrt(px(i) py(j)).
//
// PyRadiomics takes the square root of the second largest eigenvalue of a matrix Q that is similar to B B', but for an
// epsilon in its denominators. B B' is symmetric and its largest eigenpair is known, (1, sqrt(px)), so a Lanczos
// iteration beside that vector finds the wanted eigenvalue in a few dozen products. The epsilon matters where levels
// are rare (px py near epsilon); it is added by first-order perturbation.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

#include "features.hpp"

namespace hybridrad {

namespace {

using Vector = std::vector<double>;

// First order tells the largest eigenvalue of a group where the epsilon mixes in no more of other eigenvectors.
constexpr double mixed_enough = 1e-8;
// Eigenvalues this close to the largest are treated together with it, up to so many.
constexpr double near_gap = 0.05;
constexpr std::size_t most_near = 16;

// Four sums side by side: one sum would wait for each of its additions.
double dot(const Vector& a, const Vector& b) {
    const std::size_t n = a.size();
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    std::size_t k = 0;
    for (; k + 4 <= n; k += 4) {
        s0 += a[k] * b[k];
        s1 += a[k + 1] * b[k + 1];
        s2 += a[k + 2] * b[k + 2];
        s3 += a[k + 3] * b[k + 3];
    }
    for (; k < n; ++k) s0 += a[k] * b[k];
    return (s0 + s1) + (s2 + s3);
}

void add(Vector& a, double factor, const Vector& b) {
    for (std::size_t k = 0; k < a.size(); ++k) a[k] += factor * b[k];
}

double normalise(Vector& a) {
    const double length = std::sqrt(dot(a, a));
    if (length > 0)
        for (double& value : a) value /= length;
    return length;
}

// A sparse matrix by rows.
struct Sparse {
    std::vector<std::size_t> start{0};
    std::vector<std::uint32_t> column;
    Vector value;
    std::size_t n_columns = 0;

    std::size_t n_rows() const { return start.size() - 1; }
    Vector times(const Vector& x) const {
        Vector y(n_rows());
        for (std::size_t i = 0; i < y.size(); ++i) {
            double sum = 0;
            for (std::size_t k = start[i]; k < start[i + 1]; ++k) sum += value[k] * x[column[k]];
            y[i] = sum;
        }
        return y;
    }
    Vector transposed_times(const Vector& x) const {
        Vector y(n_columns, 0);
        for (std::size_t i = 0; i < x.size(); ++i)
            for (std::size_t k = start[i]; k < start[i + 1]; ++k) y[column[k]] += value[k] * x[i];
        return y;
    }
};

// Eigenvalues of a symmetric tridiagonal matrix by implicit QL steps with Wilkinson's shift; `rows` holds one or more
// rows of a matrix that the rotations are applied to from the right. Returns false where it does not converge.
bool tridiagonal_eigen(Vector& diagonal, Vector off, std::vector<Vector>& rows) {
    const std::size_t n = diagonal.size();
    off.resize(n);
    off.back() = 0;
    for (std::size_t l = 0; l < n; ++l) {
        for (int step = 0;; ++step) {
            std::size_t m = l;
            while (m + 1 < n && std::abs(off[m]) > 1e-16 * (std::abs(diagonal[m]) + std::abs(diagonal[m + 1]))) ++m;
            if (m == l) break;
            if (step == 60) return false;
            double g = (diagonal[l + 1] - diagonal[l]) / (2 * off[l]);
            g = diagonal[m] - diagonal[l] + off[l] / (g + std::copysign(std::sqrt(g * g + 1), g));
            double s = 1, c = 1, p = 0;
            bool split = false;
            for (std::size_t i = m; i-- > l;) {
                const double f = s * off[i], b = c * off[i], r = std::sqrt(f * f + g * g);
                off[i + 1] = r;
                if (r == 0) {
                    diagonal[i + 1] -= p;
                    off[m] = 0;
                    split = true;
                    break;
                }
                s = f / r;
                c = g / r;
                g = diagonal[i + 1] - p;
                const double t = (diagonal[i] - g) * s + 2 * c * b;
                p = s * t;
                diagonal[i + 1] = g + p;
                g = c * t - b;
                for (Vector& row : rows) {
                    const double right = row[i + 1];
                    row[i + 1] = s * row[i] + c * right;
                    row[i] = c * row[i] - s * right;
                }
            }
            if (split) continue;
            diagonal[l] -= p;
            off[l] = g;
            off[m] = 0;
        }
    }
    return true;
}

// Eigenvector of the largest eigenvalue of a tridiagonal matrix, by inverse iteration. Shifted to just above that
// eigenvalue the matrix is definite, so that elimination needs no pivots.
Vector top_of_tridiagonal(const Vector& diagonal, const Vector& off, double largest) {
    const std::size_t n = diagonal.size();
    const double shift = largest + 1e-14;
    Vector pivot(n), x(n, 1.0);
    for (std::size_t k = 0; k < n; ++k) {
        pivot[k] = shift - diagonal[k] - (k ? off[k - 1] * off[k - 1] / pivot[k - 1] : 0);
        pivot[k] = std::max(pivot[k], 1e-300);
    }
    for (int step = 0; step < 3; ++step) {
        for (std::size_t k = 1; k < n; ++k) x[k] += off[k - 1] / pivot[k - 1] * x[k - 1];
        for (std::size_t k = n; k-- > 0;) x[k] = (x[k] + (k + 1 < n ? off[k] * x[k + 1] : 0)) / pivot[k];
        normalise(x);
    }
    return x;
}

// Levels that are joined by pairs, directly or through others; rows first, then columns.
std::vector<std::size_t> components(const Sparse& matrix) {
    std::vector<std::size_t> parent(matrix.n_rows() + matrix.n_columns);
    std::iota(parent.begin(), parent.end(), std::size_t{0});
    const auto root = [&](std::size_t i) {
        while (parent[i] != i) i = parent[i] = parent[parent[i]];
        return i;
    };
    for (std::size_t i = 0; i < matrix.n_rows(); ++i)
        for (std::size_t k = matrix.start[i]; k < matrix.start[i + 1]; ++k)
            parent[root(i)] = root(matrix.n_rows() + matrix.column[k]);
    for (std::size_t i = 0; i < parent.size(); ++i) parent[i] = root(i);
    return parent;
}

// How far the epsilon moves the eigenvalue of a unit vector, and how much of other eigenvectors it mixes in.
struct Shift {
    double by, mixed;
};
Shift first_order_shift(const Sparse& b, const Sparse& excess, const Vector& vector) {
    Vector right = excess.times(b.transposed_times(vector)), left = b.times(excess.transposed_times(vector));
    const double by = dot(vector, right);
    add(right, -by, vector);
    add(left, -by, vector);
    return {by, std::sqrt(std::max(dot(right, right), dot(left, left)))};
}

// Largest eigenvalue of a small symmetric matrix, by Jacobi's rotations.
double largest_eigenvalue(std::vector<Vector> a) {
    const std::size_t n = a.size();
    for (int sweep = 0; sweep < 30; ++sweep) {
        double off = 0;
        for (std::size_t p = 0; p < n; ++p) {
            for (std::size_t q = p + 1; q < n; ++q) {
                off = std::max(off, std::abs(a[p][q]));
                if (a[p][q] == 0) continue;
                const double half = (a[q][q] - a[p][p]) / (2 * a[p][q]);
                const double t = std::copysign(1.0, half) / (std::abs(half) + std::hypot(half, 1.0));
                const double c = 1 / std::hypot(t, 1.0), s = t * c;
                for (std::size_t k = 0; k < n; ++k) {
                    const double kp = a[k][p], kq = a[k][q];
                    a[k][p] = c * kp - s * kq;
                    a[k][q] = s * kp + c * kq;
                }
                for (std::size_t k = 0; k < n; ++k) {
                    const double pk = a[p][k], qk = a[q][k];
                    a[p][k] = c * pk - s * qk;
                    a[q][k] = s * pk + c * qk;
                }
            }
        }
        if (off < 1e-16) break;
    }
    double largest = 0;
    for (std::size_t k = 0; k < n; ++k) largest = std::max(largest, a[k][k]);
    return largest;
}

// Eigenvalues so close together that the epsilon mixes their vectors: the largest one within the space of these.
MaximalCorrelation largest_of_several(const Sparse& b, const Sparse& excess, const std::vector<Vector>& vectors,
                                      const Vector& values) {
    const std::size_t m = vectors.size();
    std::vector<Vector> within(m, Vector(m, 0));
    Vector outside = excess.times(b.transposed_times(vectors[0]));
    for (std::size_t q = 0; q < m; ++q) {
        const Vector right = excess.times(b.transposed_times(vectors[q]));
        for (std::size_t p = 0; p < m; ++p) within[p][q] = (p == q ? values[p] : 0) - dot(vectors[p], right);
    }
    double skew = 0;
    for (std::size_t p = 0; p < m; ++p) {
        for (std::size_t q = 0; q < p; ++q) {
            skew = std::max(skew, std::abs(within[p][q] - within[q][p]));
            within[p][q] = within[q][p] = (within[p][q] + within[q][p]) / 2;
        }
    }
    for (const Vector& vector : vectors) add(outside, -dot(outside, vector), vector);
    const double largest = largest_eigenvalue(within);
    const double gap = m < most_near ? near_gap : 1e-3;
    return {std::sqrt(largest), dot(outside, outside) <= 1e-11 * gap && skew <= 1e-9};
}

}  // namespace

MaximalCorrelation maximal_correlation(const Vector& p, const Vector& px, const Vector& py) {
    const std::size_t n = px.size();
    Sparse b, excess;  // `excess`: the part of B that the epsilon takes away
    std::vector<std::size_t> rows;
    Vector top;
    double excess_norm = 0;
    b.n_columns = n;
    for (std::size_t i = 0; i < n; ++i) {
        if (px[i] == 0) continue;
        for (std::size_t j = 0; j < n; ++j) {
            if (p[i * n + j] == 0) continue;
            const double value = p[i * n + j] / std::sqrt(px[i] * py[j]);
            const double lost = value * epsilon / (px[i] * py[j] + epsilon);
            b.column.push_back(static_cast<std::uint32_t>(j));
            b.value.push_back(value);
            excess.value.push_back(lost);
            excess_norm += lost * lost;
        }
        b.start.push_back(b.value.size());
        rows.push_back(i);
        top.push_back(std::sqrt(px[i]));
    }
    excess.start = b.start;
    excess.column = b.column;
    excess.n_columns = n;
    const std::size_t n_rows = b.n_rows();
    if (n_rows == 1) return {0, true};

    // Levels that fall into several groups without pairs between them: each group has a largest eigenvalue of 1.
    const std::vector<std::size_t> group = components(b);
    const Vector products = b.transposed_times(top);
    Vector mass(group.size(), 0), lost(group.size(), 0);
    for (std::size_t i = 0; i < n_rows; ++i) {
        mass[group[i]] += top[i] * top[i];
        for (std::size_t k = b.start[i]; k < b.start[i + 1]; ++k)
            lost[group[i]] += top[i] * excess.value[k] * products[b.column[k]];
    }
    Vector tops;
    for (std::size_t k = 0; k < mass.size(); ++k)
        if (mass[k] > 0) tops.push_back(1 - lost[k] / mass[k]);
    if (tops.size() > 1) {
        Vector right = excess.times(products), left = b.times(excess.transposed_times(top));
        double largest_mixed = 0;
        for (std::size_t i = 0; i < n_rows; ++i) {
            const double shift = lost[group[i]] / mass[group[i]] * top[i];
            const double scale = std::sqrt(mass[group[i]] / static_cast<double>(n_rows));
            largest_mixed = std::max(largest_mixed, std::max(std::abs(right[i] - shift), std::abs(left[i] - shift)) / scale);
        }
        std::sort(tops.begin(), tops.end());
        // A group of very few pairs may lose so much that an eigenvalue of another group comes before its largest.
        const double second = tops[tops.size() - 2];
        return {std::sqrt(std::max(second, 0.0)), largest_mixed <= mixed_enough && second > 1 - 1e-4};
    }

    normalise(top);
    std::vector<Vector> basis;
    Vector alpha, beta;
    Vector v(n_rows);
    std::uint32_t state = 12345;
    for (double& value : v) {
        state = state * 1664525u + 1013904223u;
        value = static_cast<double>(state >> 8) / 16777216.0 - 0.5;
    }
    add(v, -dot(v, top), top);
    normalise(v);
    double largest = 0, next = 0;
    std::size_t size = 0;
    while (true) {
        basis.push_back(v);
        Vector w = b.times(b.transposed_times(v));
        alpha.push_back(dot(w, v));
        add(w, -alpha.back(), v);
        if (basis.size() > 1) add(w, -beta.back(), basis[basis.size() - 2]);
        // The three-term recurrence alone loses orthogonality.
        add(w, -dot(w, top), top);
        for (const Vector& earlier : basis) add(w, -dot(w, earlier), earlier);
        beta.push_back(normalise(w));
        size = alpha.size();
        const bool exhausted = size + 1 >= n_rows || beta.back() < 1e-14;
        if (exhausted || (size >= 12 && size % 6 == 0)) {
            Vector values = alpha;
            std::vector<Vector> last(1, Vector(size, 0));
            last[0][size - 1] = 1;
            if (!tridiagonal_eigen(values, beta, last)) return {0, false};
            const auto at = std::max_element(values.begin(), values.end()) - values.begin();
            const double residual = beta.back() * std::abs(last[0][static_cast<std::size_t>(at)]);
            largest = values[static_cast<std::size_t>(at)];
            values.erase(values.begin() + at);
            next = values.empty() ? 0 : std::max(0.0, *std::max_element(values.begin(), values.end()));
            // There is an eigenvalue within the residual; its square over the gap would be enough, but a pair of close
            // eigenvalues that is not told apart yet looks like one with a wide gap.
            if (exhausted || residual <= 1e-11) break;
        }
        v = std::move(w);
    }
    largest = std::max(largest, 0.0);
    if (std::sqrt(excess_norm) <= 1e-12) return {std::sqrt(largest), true};
    Vector vector(n_rows, 0);
    const Vector of_basis = top_of_tridiagonal(alpha, beta, largest);
    for (std::size_t k = 0; k < size; ++k) add(vector, of_basis[k], basis[k]);
    const Shift of_top = first_order_shift(b, excess, top), of_vector = first_order_shift(b, excess, vector);
    // The epsilon may even bring the largest eigenvalue below the second one.
    const bool top_is_apart = 1 - largest > 1e-3;
    const bool in_order = largest - of_vector.by >= next && of_top.by <= 1e-4;
    const double gap = std::min(largest - next, 1 - largest);
    const double mixed = std::max(of_vector.mixed, top_is_apart ? 0.0 : of_top.mixed);
    if (in_order && (mixed <= 1e-10 || (top_is_apart && mixed * mixed <= 1e-11 * gap)))
        return {std::sqrt(std::max(std::min(largest - of_vector.by, 1 - of_top.by), 0.0)), true};
    if (!top_is_apart || of_top.by > 1e-4) return {std::sqrt(largest), false};

    std::vector<Vector> near, all(size, Vector(size, 0));
    Vector values = alpha, near_values;
    for (std::size_t k = 0; k < size; ++k) all[k][k] = 1;
    if (!tridiagonal_eigen(values, beta, all)) return {std::sqrt(largest), false};
    std::vector<std::size_t> order(size);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t p, std::size_t q) { return values[p] > values[q]; });
    for (const std::size_t m : order) {
        if (near.size() == most_near || values[m] < largest - near_gap) break;
        near.emplace_back(n_rows, 0.0);
        near_values.push_back(values[m]);
        for (std::size_t k = 0; k < size; ++k) add(near.back(), all[k][m], basis[k]);
    }
    return largest_of_several(b, excess, near, near_values);
}

}  // namespace hybridrad
