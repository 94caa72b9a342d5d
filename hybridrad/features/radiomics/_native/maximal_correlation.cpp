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

double dot(const Vector& a, const Vector& b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0); }

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
    off.resize(n, 0);
    for (std::size_t l = 0; l < n; ++l) {
        for (int step = 0;; ++step) {
            std::size_t m = l;
            while (m + 1 < n && std::abs(off[m]) > 1e-16 * (std::abs(diagonal[m]) + std::abs(diagonal[m + 1]))) ++m;
            if (m == l) break;
            if (step == 60) return false;
            double g = (diagonal[l + 1] - diagonal[l]) / (2 * off[l]);
            g = diagonal[m] - diagonal[l] + off[l] / (g + std::copysign(std::hypot(g, 1.0), g));
            double s = 1, c = 1, p = 0;
            bool split = false;
            for (std::size_t i = m; i-- > l;) {
                const double f = s * off[i], b = c * off[i], r = std::hypot(f, g);
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
    Vector mass(group.size(), 0), lost(group.size(), 0);
    for (std::size_t i = 0; i < n_rows; ++i) {
        for (std::size_t k = b.start[i]; k < b.start[i + 1]; ++k) {
            const double value = p[rows[i] * n + b.column[k]];
            mass[group[i]] += value;
            lost[group[i]] += value * epsilon / (px[rows[i]] * py[b.column[k]] + epsilon);
        }
    }
    Vector tops;
    for (std::size_t k = 0; k < mass.size(); ++k)
        if (mass[k] > 0) tops.push_back(1 - lost[k] / mass[k]);
    if (tops.size() > 1) {
        std::sort(tops.begin(), tops.end());
        return {std::sqrt(tops[tops.size() - 2]), true};
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
    Vector vector;
    while (true) {
        basis.push_back(v);
        Vector w = b.times(b.transposed_times(v));
        alpha.push_back(dot(w, v));
        // Against all earlier vectors, twice: the three-term recurrence alone loses orthogonality.
        for (int pass = 0; pass < 2; ++pass) {
            add(w, -dot(w, top), top);
            for (const Vector& earlier : basis) add(w, -dot(w, earlier), earlier);
        }
        beta.push_back(normalise(w));
        const std::size_t size = alpha.size();
        const bool exhausted = size + 1 >= n_rows || beta.back() < 1e-14;
        if (exhausted || size % 6 == 0) {
            Vector values = alpha;
            std::vector<Vector> last(1, Vector(size, 0));
            last[0][size - 1] = 1;
            if (!tridiagonal_eigen(values, Vector(beta.begin(), beta.end() - 1), last)) return {0, false};
            const std::size_t at = static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
            largest = values[at];
            next = 0;
            for (std::size_t k = 0; k < size; ++k)
                if (k != at) next = std::max(next, values[k]);
            const double residual = beta.back() * std::abs(last[0][at]);
            if (exhausted || residual * residual <= 1e-14 * std::max(largest - next, residual)) {
                std::vector<Vector> all(size, Vector(size, 0));
                for (std::size_t k = 0; k < size; ++k) all[k][k] = 1;
                values = alpha;
                if (!tridiagonal_eigen(values, Vector(beta.begin(), beta.end() - 1), all)) return {0, false};
                vector.assign(n_rows, 0);
                for (std::size_t k = 0; k < size; ++k) add(vector, all[k][at], basis[k]);
                break;
            }
        }
        v = std::move(w);
    }
    largest = std::max(largest, 0.0);
    if (std::sqrt(excess_norm) > 1e-12) {
        Vector right = excess.times(b.transposed_times(vector)), left = b.times(excess.transposed_times(vector));
        const double shift = dot(vector, right);
        add(right, -shift, vector);
        add(left, -shift, vector);
        const double mixed = std::sqrt(std::max(dot(right, right), dot(left, left)));
        const double gap = std::min(largest - next, 1 - largest);
        largest = std::max(largest - shift, 0.0);
        if (mixed > 1e-10 && mixed * mixed > 1e-11 * gap) return {std::sqrt(largest), false};
    }
    return {std::sqrt(largest), true};
}

}  // namespace hybridrad
