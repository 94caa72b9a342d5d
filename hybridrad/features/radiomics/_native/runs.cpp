#include <algorithm>
#include <stdexcept>

#include "matrices.hpp"

namespace hybridrad {

namespace {

constexpr double most_bytes = 1 << 30;

bool has_adjacent_pair(const Region& region, std::ptrdiff_t step) {
    const std::uint16_t* ranks = region.ranks();
    for (const Span& span : region.spans)
        for (std::ptrdiff_t i = span.start; i < span.start + span.length; ++i)
            if (ranks[i] != 0 && ranks[i + step] != 0) return true;
    return false;
}

// Whether two region voxels, adjacent or not, lie on one line along the offset.
bool has_line_of_two(const Region& region, const Offset& offset) {
    const std::uint16_t* ranks = region.ranks();
    std::vector<std::int64_t> lines;
    for (const Span& span : region.spans) {
        for (std::ptrdiff_t i = span.start; i < span.start + span.length; ++i) {
            if (ranks[i] == 0) continue;
            const std::int64_t x = i % region.padded_x;
            const std::int64_t y = i / region.padded_x % region.padded_y;
            const std::int64_t z = i / region.padded_x / region.padded_y;
            // Walk back along the line until its first moving coordinate is 0; steps have length 1 there.
            const std::int64_t t = offset.z != 0 ? z / offset.z : offset.y != 0 ? y / offset.y : x / offset.x;
            const std::int64_t reach = 4 * (region.padded_y + region.padded_x + region.size_z + 8);
            const std::int64_t line_z = z - t * offset.z, line_y = y - t * offset.y, line_x = x - t * offset.x;
            lines.push_back(((line_z + reach) * 2 * reach + line_y + reach) * 2 * reach + line_x + reach);
        }
    }
    std::sort(lines.begin(), lines.end());
    return std::adjacent_find(lines.begin(), lines.end()) != lines.end();
}

}  // namespace

RunCounts count_runs(const Region& region, const Offsets& offsets) {
    const int n = region.n_present();
    const int longest = static_cast<int>(std::max({region.size_z, region.size_y, region.size_x}));
    if (static_cast<double>(n) * longest * offsets.size() * sizeof(std::uint32_t) > most_bytes)
        throw std::invalid_argument("too many grey levels and too long runs for a run-length matrix.");
    const std::uint16_t* ranks = region.ranks();
    RunCounts found{n, longest, {}};
    for (const Offset& offset : offsets) {
        const std::ptrdiff_t step = region.step(offset);
        std::vector<std::uint32_t> runs(static_cast<std::size_t>(n) * longest, 0);
        if (has_adjacent_pair(region, step) || has_line_of_two(region, offset)) {
            // Only runs of two or more are walked along; all other voxels are runs of their own.
            std::vector<std::int64_t> in_long_runs(static_cast<std::size_t>(n), 0);
            for (const Span& span : region.spans) {
                const std::uint16_t* end = ranks + span.start + span.length;
                for (const std::uint16_t* voxel = ranks + span.start; voxel != end; ++voxel) {
                    const std::uint16_t rank = *voxel;
                    if (voxel[step] != rank || rank == 0 || voxel[-step] == rank) continue;
                    const std::uint16_t* next = voxel + 2 * step;
                    int length = 2;
                    for (; *next == rank; next += step) ++length;
                    ++runs[static_cast<std::size_t>(rank - 1) * longest + length - 1];
                    in_long_runs[rank - 1] += length;
                }
            }
            for (int level = 0; level < n; ++level)
                runs[static_cast<std::size_t>(level) * longest] =
                    static_cast<std::uint32_t>(region.count[level] - in_long_runs[level]);
        }
        found.per_offset.push_back(std::move(runs));
    }
    return found;
}

}  // namespace hybridrad
