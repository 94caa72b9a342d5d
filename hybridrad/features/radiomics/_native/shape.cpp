#include "shape.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <stdexcept>

namespace hybridrad {

Mask::Mask(const std::uint8_t* data, std::ptrdiff_t nz, std::ptrdiff_t ny, std::ptrdiff_t nx)
    : size{nz + 2, ny + 2, nx + 2} {
    const double n_voxels = static_cast<double>(size[0]) * static_cast<double>(size[1]) * static_cast<double>(size[2]);
    if (n_voxels > std::numeric_limits<std::int32_t>::max()) throw std::invalid_argument("the crop has too many voxels.");
    inside.assign(static_cast<std::size_t>(n_voxels), 0);
    bool any = false;
    for (std::ptrdiff_t z = 0; z < nz; ++z) {
        for (std::ptrdiff_t y = 0; y < ny; ++y) {
            const std::uint8_t* row = data + (z * ny + y) * nx;
            std::uint8_t* to = inside.data() + at(z + 1, y + 1, 1);
            for (std::ptrdiff_t x = 0; x < nx; ++x) {
                to[x] = row[x] != 0;
                any |= row[x] != 0;
            }
        }
    }
    if (!any) throw std::invalid_argument("the region is empty.");
}

Mask::Cubes Mask::cubes() const {
    Cubes found;
    for (std::ptrdiff_t z = 0; z + 1 < size[0]; ++z) {
        for (std::ptrdiff_t y = 0; y + 1 < size[1]; ++y) {
            const std::uint8_t *a = inside.data() + at(z, y, 0), *b = inside.data() + at(z, y + 1, 0);
            const std::uint8_t *c = inside.data() + at(z + 1, y, 0), *d = inside.data() + at(z + 1, y + 1, 0);
            for (std::ptrdiff_t x = 0; x + 1 < size[2]; ++x) {
                const int cube = a[x] | a[x + 1] << 1 | b[x] << 2 | b[x + 1] << 3 | c[x] << 4 | c[x + 1] << 5 |
                                 d[x] << 6 | d[x + 1] << 7;
                if (cube == 0 || cube == 255) continue;
                ++found.count[cube];
                found.position[cube][0] += z;
                found.position[cube][1] += y;
                found.position[cube][2] += x;
            }
        }
    }
    return found;
}

Mask::Moments Mask::moments() const {
    // About the middle of the box, so that little is lost when the mean is taken off.
    const std::array<std::int64_t, 3> middle{size[0] / 2, size[1] / 2, size[2] / 2};
    std::int64_t n = 0;
    std::array<std::int64_t, 3> first{};
    std::array<std::int64_t, 6> second{};
    for (std::ptrdiff_t z = 0; z < size[0]; ++z) {
        for (std::ptrdiff_t y = 0; y < size[1]; ++y) {
            const std::uint8_t* row = inside.data() + at(z, y, 0);
            std::int64_t in_row = 0, sum = 0, squares = 0;
            for (std::int64_t x = 0; x < size[2]; ++x) {
                const std::int64_t from = x - middle[2], is_inside = row[x];
                in_row += is_inside;
                sum += is_inside * from;
                squares += is_inside * from * from;
            }
            const std::int64_t dz = z - middle[0], dy = y - middle[1];
            n += in_row;
            first[0] += dz * in_row;
            first[1] += dy * in_row;
            first[2] += sum;
            second[0] += dz * dz * in_row;
            second[1] += dy * dy * in_row;
            second[2] += squares;
            second[3] += dz * dy * in_row;
            second[4] += dz * sum;
            second[5] += dy * sum;
        }
    }
    Moments found{n, {}, {}};
    std::array<double, 3> mean;
    for (int k = 0; k < 3; ++k) {
        mean[k] = static_cast<double>(first[k]) / static_cast<double>(n);
        found.mean[k] = mean[k] + static_cast<double>(middle[k]);
    }
    constexpr int axis_a[6] = {0, 1, 2, 0, 0, 1}, axis_b[6] = {0, 1, 2, 1, 2, 2};
    for (int k = 0; k < 6; ++k)
        found.covariance[k] =
            static_cast<double>(second[k]) / static_cast<double>(n) - mean[axis_a[k]] * mean[axis_b[k]];
    return found;
}

namespace {

// A point of the surface in half voxels.
using Point = std::array<std::int32_t, 3>;

// For each line of half voxels along `run`, within planes across `plane`: its first and last point. Nothing between
// them can be a corner of a hull.
class Lines {
  public:
    Lines(int plane, int line, int run, const std::array<std::ptrdiff_t, 3>& size)
        : plane_(plane), line_(line), run_(run), n_lines_(2 * static_cast<std::size_t>(size[line])) {
        first_.assign(2 * static_cast<std::size_t>(size[plane]) * n_lines_, none);
        last_.assign(first_.size(), -1);
    }

    void add(const Point& point) {
        const std::size_t at = static_cast<std::size_t>(point[plane_]) * n_lines_ + static_cast<std::size_t>(point[line_]);
        first_[at] = std::min(first_[at], point[run_]);
        last_[at] = std::max(last_[at], point[run_]);
    }

    std::size_t n_planes() const { return first_.size() / n_lines_; }

    // Corners of the convex hull of a plane's points. Whole numbers, so collinear points are told exactly.
    void hull(std::size_t plane, std::vector<Point>& corners) const {
        corners.clear();
        std::vector<Point> chain;
        for (const bool lower : {true, false}) {
            chain.clear();
            for (std::size_t line = 0; line < n_lines_; ++line) {
                const std::size_t at = plane * n_lines_ + line;
                if (last_[at] < 0) continue;
                Point p;
                p[plane_] = static_cast<std::int32_t>(plane);
                p[line_] = static_cast<std::int32_t>(line);
                p[run_] = lower ? first_[at] : last_[at];
                while (chain.size() > 1 && !turns(chain[chain.size() - 2], chain.back(), p, lower)) chain.pop_back();
                chain.push_back(p);
            }
            corners.insert(corners.end(), chain.begin(), chain.end());
        }
        std::sort(corners.begin(), corners.end());
        corners.erase(std::unique(corners.begin(), corners.end()), corners.end());
    }

  private:
    bool turns(const Point& a, const Point& b, const Point& c, bool lower) const {
        const std::int64_t cross = std::int64_t{b[line_] - a[line_]} * (c[run_] - a[run_]) -
                                   std::int64_t{c[line_] - a[line_]} * (b[run_] - a[run_]);
        return lower ? cross > 0 : cross < 0;
    }

    static constexpr std::int32_t none = std::numeric_limits<std::int32_t>::max();
    int plane_, line_, run_;
    std::size_t n_lines_;
    std::vector<std::int32_t> first_, last_;
};

double largest_squared_distance(const std::vector<Point>& points, const std::array<double, 3>& spacing) {
    std::vector<std::array<double, 3>> mm;
    for (const Point& p : points) mm.push_back({p[0] / 2.0 * spacing[0], p[1] / 2.0 * spacing[1], p[2] / 2.0 * spacing[2]});
    double largest = 0;
    for (std::size_t i = 0; i < mm.size(); ++i) {
        for (std::size_t j = i + 1; j < mm.size(); ++j) {
            const double z = mm[i][0] - mm[j][0], y = mm[i][1] - mm[j][1], x = mm[i][2] - mm[j][2];
            largest = std::max(largest, z * z + y * y + x * x);
        }
    }
    return largest;
}

}  // namespace

std::array<double, 4> Mask::diameters(const std::array<double, 3>& spacing) const {
    std::array<Lines, 3> families{Lines(0, 1, 2, size), Lines(1, 0, 2, size), Lines(2, 0, 1, size)};
    const std::array<std::ptrdiff_t, 3> step{size[1] * size[2], size[2], 1};
    for (std::ptrdiff_t z = 1; z < size[0]; ++z) {
        for (std::ptrdiff_t y = 1; y < size[1]; ++y) {
            const std::uint8_t* row = inside.data() + at(z, y, 0);
            for (std::ptrdiff_t x = 1; x < size[2]; ++x) {
                for (int axis = 0; axis < 3; ++axis) {
                    if (row[x] == row[x - step[axis]]) continue;
                    Point point{static_cast<std::int32_t>(2 * z), static_cast<std::int32_t>(2 * y),
                                static_cast<std::int32_t>(2 * x)};
                    --point[axis];
                    for (Lines& family : families) family.add(point);
                }
            }
        }
    }
    std::array<double, 4> largest{};
    std::vector<Point> corners, candidates, of_family, both;
    for (std::size_t k = 0; k < 3; ++k) {
        of_family.clear();
        for (std::size_t plane = 0; plane < families[k].n_planes(); ++plane) {
            families[k].hull(plane, corners);
            largest[k] = std::max(largest[k], largest_squared_distance(corners, spacing));
            of_family.insert(of_family.end(), corners.begin(), corners.end());
        }
        // A corner of the whole hull is a corner of the hull of each plane through it.
        std::sort(of_family.begin(), of_family.end());
        if (k == 0) {
            candidates = of_family;
        } else {
            both.clear();
            std::set_intersection(candidates.begin(), candidates.end(), of_family.begin(), of_family.end(),
                                  std::back_inserter(both));
            candidates.swap(both);
        }
    }
    largest[3] = largest_squared_distance(candidates, spacing);
    for (double& value : largest) value = std::sqrt(value);
    return largest;
}

}  // namespace hybridrad
