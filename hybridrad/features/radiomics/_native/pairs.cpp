#include <limits>
#include <stdexcept>

#include "matrices.hpp"

namespace hybridrad {

namespace {

// Largest memory for all tables together.
constexpr double most_bytes = 1 << 30;
// Tables of this size together stay in the second-level cache, so that one pass can feed all of them.
constexpr std::size_t cached_bytes = 256 * 1024;

// Rank 0, a neighbour outside, is counted too, which saves a branch; its row and column are dropped afterwards.
template <int N>
void count_group(const Region& region, const std::ptrdiff_t* steps, std::uint32_t* const* tables) {
    const std::uint16_t* ranks = region.ranks();
    const std::size_t width = static_cast<std::size_t>(region.n_present()) + 1;
    for (const Span& span : region.spans) {
        const std::uint16_t* end = ranks + span.start + span.length;
        for (const std::uint16_t* voxel = ranks + span.start; voxel != end; ++voxel) {
            if (*voxel == 0) continue;
            const std::size_t row = *voxel * width;
            for (int k = 0; k < N; ++k) ++tables[k][row + voxel[steps[k]]];
        }
    }
}

}  // namespace

PairCounts count_pairs(const Region& region, const Offsets& offsets) {
    const std::size_t n = static_cast<std::size_t>(region.n_present()), width = n + 1, n_offsets = offsets.size();
    if (static_cast<double>(width) * width * n_offsets * sizeof(std::uint32_t) > most_bytes)
        throw std::invalid_argument("too many grey levels and offsets for a co-occurrence matrix.");
    if (region.n_voxels > std::numeric_limits<std::uint32_t>::max())
        throw std::invalid_argument("the region has too many voxels.");
    std::vector<std::uint32_t> counts(width * width * n_offsets, 0);
    const std::vector<std::ptrdiff_t> steps = region.steps(offsets);
    std::vector<std::uint32_t*> tables;
    for (std::size_t k = 0; k < n_offsets; ++k) tables.push_back(counts.data() + k * width * width);

    std::size_t done = 0;
    if (counts.size() * sizeof(std::uint32_t) <= cached_bytes)
        for (; done + 13 <= n_offsets; done += 13) count_group<13>(region, steps.data() + done, tables.data() + done);
    for (; done + 4 <= n_offsets; done += 4) count_group<4>(region, steps.data() + done, tables.data() + done);
    for (; done < n_offsets; ++done) count_group<1>(region, steps.data() + done, tables.data() + done);

    PairCounts found{static_cast<int>(n), {}};
    for (const std::uint32_t* table : tables) {
        std::vector<std::uint32_t> inside;
        inside.reserve(n * n);
        for (std::size_t i = 1; i < width; ++i)
            inside.insert(inside.end(), table + i * width + 1, table + (i + 1) * width);
        found.per_offset.push_back(std::move(inside));
    }
    return found;
}

}  // namespace hybridrad
