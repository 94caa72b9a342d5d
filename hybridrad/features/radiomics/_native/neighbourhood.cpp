#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "matrices.hpp"

namespace hybridrad {

namespace {

// Row by row, so that the compiler can work on several voxels at once. T holds the sum of all neighbours' levels.
template <typename T>
void sum_neighbours(const std::uint16_t* row, std::ptrdiff_t length, const std::vector<std::ptrdiff_t>& steps,
                    T tolerance, T* sum, T* inside, T* alike) {
    std::fill(sum, sum + length, T{0});
    std::fill(inside, inside + length, T{0});
    std::fill(alike, alike + length, T{0});
    for (const std::ptrdiff_t step : steps) {
        const std::uint16_t* other = row + step;
        for (std::ptrdiff_t x = 0; x < length; ++x) {
            const T a = row[x], b = other[x];
            const T is_inside = b != 0;
            const T apart = static_cast<T>(a > b ? a - b : b - a);
            sum[x] = static_cast<T>(sum[x] + b);
            inside[x] = static_cast<T>(inside[x] + is_inside);
            alike[x] = static_cast<T>(alike[x] + (is_inside & static_cast<T>(apart <= tolerance)));
        }
    }
}

template <typename T>
Neighbourhood look(const Region& region, const Offsets& offsets, int tolerance) {
    const std::vector<std::ptrdiff_t> steps = region.steps(offsets);
    const std::size_t n = static_cast<std::size_t>(region.n_present()), width = steps.size() + 1;
    // Differences are kept as integers times the number of neighbours, and divided at the end: exact, in any order.
    std::vector<std::int64_t> apart(n * width, 0), dependent(n * width, 0);
    const std::size_t row_length = static_cast<std::size_t>(region.size_x);
    std::vector<T> sum(row_length), inside(row_length), alike(row_length);
    const std::uint16_t* ranks = region.ranks();
    for (const Span& span : region.spans) {
        const std::uint16_t* row = region.levels() + span.start;
        sum_neighbours<T>(row, span.length, steps, static_cast<T>(tolerance), sum.data(), inside.data(), alike.data());
        for (std::ptrdiff_t x = 0; x < span.length; ++x) {
            const std::uint16_t rank = ranks[span.start + x];
            if (rank == 0) continue;
            const std::size_t at = (rank - std::size_t{1}) * width;
            const std::int64_t difference =
                std::int64_t{row[x]} * static_cast<std::int64_t>(inside[x]) - static_cast<std::int64_t>(sum[x]);
            apart[at + inside[x]] += std::abs(difference);
            ++dependent[at + alike[x]];
        }
    }
    Neighbourhood found;
    for (std::size_t level = 0; level < n; ++level) {
        double difference = 0;
        for (std::size_t k = 1; k < width; ++k)
            difference += static_cast<double>(apart[level * width + k]) / static_cast<double>(k);
        found.difference.push_back(difference);
        for (std::size_t k = 0; k < width; ++k)
            if (const std::int64_t count = dependent[level * width + k])
                found.dependences.push_back({static_cast<int>(level), static_cast<std::int64_t>(k) + 1, count});
    }
    return found;
}

}  // namespace

Neighbourhood look_around(const Region& region, const Offsets& offsets, int tolerance) {
    if (tolerance < 0) throw std::invalid_argument("gldm_a must not be negative.");
    tolerance = std::min(tolerance, region.max_level());
    const std::size_t largest_sum = offsets.size() * static_cast<std::size_t>(region.max_level());
    if (largest_sum <= 65535) return look<std::uint16_t>(region, offsets, tolerance);
    return look<std::uint32_t>(region, offsets, tolerance);
}

}  // namespace hybridrad
