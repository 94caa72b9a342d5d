// Raw texture matrices: integer counts over the grey levels that are present.
#pragma once

#include <cstdint>
#include <vector>

#include "region.hpp"

namespace hybridrad {

// Pairs of a voxel of level i and its neighbour of level j along each offset.
struct PairCounts {
    int n_levels;
    std::vector<std::vector<std::uint32_t>> per_offset;  // n_levels x n_levels each
};
PairCounts count_pairs(const Region& region, const Offsets& offsets);

// Runs of equal level along each offset; offsets along which no line holds two region voxels have no runs.
struct RunCounts {
    int n_levels;
    int longest;
    std::vector<std::vector<std::uint32_t>> per_offset;  // n_levels x longest each; [.., length - 1]
};
RunCounts count_runs(const Region& region, const Offsets& offsets);

// Number of voxels or zones with a level (its position among the present ones) and a size.
struct SizeCount {
    int level;
    std::int64_t size;
    std::int64_t count;
};
// Connected zones of equal level; `offsets`: one of each two opposite directions.
std::vector<SizeCount> count_zones(const Region& region, const Offsets& offsets);

// What a voxel's neighbours say: how many of them are about as bright (size is 1 more than that), and, per level,
// the summed absolute difference between a voxel and the mean of its neighbours.
struct Neighbourhood {
    std::vector<SizeCount> dependences;
    std::vector<double> difference;
};
Neighbourhood look_around(const Region& region, const Offsets& offsets, int tolerance);

}  // namespace hybridrad
