#include "region.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <stdexcept>

namespace hybridrad {

Region::Region(const Levels& given, const std::vector<const Offsets*>& reach)
    : size_z(given.nz), size_y(given.ny), size_x(given.nx) {
    std::ptrdiff_t pad_z = 0, pad_y = 0, pad_x = 0;
    for (const Offsets* offsets : reach) {
        for (const Offset& offset : *offsets) {
            pad_z = std::max<std::ptrdiff_t>(pad_z, std::abs(offset.z));
            pad_y = std::max<std::ptrdiff_t>(pad_y, std::abs(offset.y));
            pad_x = std::max<std::ptrdiff_t>(pad_x, std::abs(offset.x));
        }
    }
    const std::ptrdiff_t padded_z = size_z + 2 * pad_z;
    padded_y = size_y + 2 * pad_y;
    padded_x = size_x + 2 * pad_x;
    // The zone search keeps positions in 32 bits.
    constexpr double most = std::numeric_limits<std::int32_t>::max();
    if (static_cast<double>(padded_z) * static_cast<double>(padded_y) * static_cast<double>(padded_x) > most)
        throw std::invalid_argument("the crop has too many voxels.");
    if (given.n_levels < 1 || given.n_levels > std::numeric_limits<std::uint16_t>::max())
        throw std::invalid_argument("n_levels must lie between 1 and 65535.");

    std::vector<std::int64_t> histogram(static_cast<std::size_t>(given.n_levels) + 1, 0);
    level_.assign(static_cast<std::size_t>(padded_z * padded_y * padded_x), 0);
    for (std::ptrdiff_t z = 0; z < size_z; ++z) {
        for (std::ptrdiff_t y = 0; y < size_y; ++y) {
            const std::int32_t* row = given.data + (z * size_y + y) * size_x;
            const std::ptrdiff_t start = ((z + pad_z) * padded_y + y + pad_y) * padded_x + pad_x;
            std::ptrdiff_t first = size_x, last = -1;
            for (std::ptrdiff_t x = 0; x < size_x; ++x) {
                const std::int32_t value = row[x];
                if (value == 0) continue;
                if (value < 0 || value > given.n_levels)
                    throw std::invalid_argument("grey levels must lie between 0 and n_levels.");
                if (last < 0) first = x;
                last = x;
                ++histogram[static_cast<std::size_t>(value)];
                level_[static_cast<std::size_t>(start + x)] = static_cast<std::uint16_t>(value);
            }
            if (last >= 0) spans.push_back({start + first, last - first + 1});
        }
    }
    std::vector<std::uint16_t> rank_of(histogram.size(), 0);
    for (std::size_t value = 1; value < histogram.size(); ++value) {
        if (histogram[value] == 0) continue;
        present.push_back(static_cast<int>(value));
        count.push_back(histogram[value]);
        n_voxels += histogram[value];
        rank_of[value] = static_cast<std::uint16_t>(present.size());
    }
    if (present.empty()) throw std::invalid_argument("the region is empty.");
    if (present.back() == n_present()) return;
    rank_.assign(level_.size(), 0);
    for (const Span& span : spans)
        for (std::ptrdiff_t i = span.start; i < span.start + span.length; ++i) rank_[i] = rank_of[level_[i]];
}

std::vector<std::ptrdiff_t> Region::steps(const Offsets& offsets) const {
    std::vector<std::ptrdiff_t> found;
    for (const Offset& offset : offsets) found.push_back(step(offset));
    return found;
}

}  // namespace hybridrad
