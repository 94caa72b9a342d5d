// A region of interest, padded so that neighbours can be read without looking for borders.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hybridrad {

struct Offset {
    int z, y, x;
};
using Offsets = std::vector<Offset>;

// The part of a row of voxels that can hold region voxels: from the first to the last of them.
struct Span {
    std::ptrdiff_t start;
    std::ptrdiff_t length;
};

// Levels 0 (outside) to n_levels in C order, as they come from Python.
struct Levels {
    const std::int32_t* data;
    std::ptrdiff_t nz, ny, nx;
    int n_levels;
};

class Region {
  public:
    // Pads far enough for all offsets. Throws std::invalid_argument where a level is out of range and where the
    // region is empty.
    Region(const Levels& levels, const std::vector<const Offsets*>& reach);

    // The way to a neighbour in the padded volumes.
    std::ptrdiff_t step(const Offset& offset) const {
        return (offset.z * padded_y + offset.y) * padded_x + offset.x;
    }
    std::vector<std::ptrdiff_t> steps(const Offsets& offsets) const;

    int n_present() const { return static_cast<int>(present.size()); }
    int max_level() const { return present.back(); }
    // Padded volume of grey levels, and of their numbers among the present ones (from 1); 0 outside.
    const std::uint16_t* levels() const { return level_.data(); }
    const std::uint16_t* ranks() const { return rank_.empty() ? level_.data() : rank_.data(); }
    std::size_t padded_size() const { return level_.size(); }

    std::ptrdiff_t size_z, size_y, size_x, padded_y, padded_x;
    std::int64_t n_voxels = 0;
    std::vector<int> present;         // grey levels that occur, ascending
    std::vector<std::int64_t> count;  // voxels of each
    std::vector<Span> spans;

  private:
    std::vector<std::uint16_t> level_, rank_;
};

}  // namespace hybridrad
