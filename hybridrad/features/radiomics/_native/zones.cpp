#include <algorithm>
#include <cstdlib>

#include "matrices.hpp"

namespace hybridrad {

namespace {

struct Backward {
    std::ptrdiff_t step;
    std::uint64_t adjacent;  // which of the other backward neighbours touch this one
};

bool touch(const Offset& a, const Offset& b, const Offsets& offsets) {
    const Offset d{a.z - b.z, a.y - b.y, a.x - b.x};
    for (const Offset& o : offsets)
        if ((o.z == d.z && o.y == d.y && o.x == d.x) || (o.z == -d.z && o.y == -d.y && o.x == -d.x)) return true;
    return false;
}

// The neighbours that come before a voxel, those first that touch most of the others: where such a one has the
// voxel's level, the ones it touches with that level are in its zone already and need not be looked at.
std::vector<Backward> backward_neighbours(const Region& region, const Offsets& offsets) {
    Offsets back;
    for (const Offset& o : offsets) {
        const bool forward = region.step(o) > 0;
        back.push_back(forward ? Offset{-o.z, -o.y, -o.x} : o);
    }
    const auto touching = [&](const Offset& a) {
        return std::count_if(back.begin(), back.end(), [&](const Offset& b) { return touch(a, b, offsets); });
    };
    std::stable_sort(back.begin(), back.end(), [&](const Offset& a, const Offset& b) { return touching(a) > touching(b); });
    std::vector<Backward> found;
    for (const Offset& a : back) {
        std::uint64_t adjacent = 0;
        for (std::size_t k = 0; k < back.size(); ++k)
            if (touch(a, back[k], offsets)) adjacent |= std::uint64_t{1} << k;
        found.push_back({region.step(a), adjacent});
    }
    return found;
}

std::int32_t root_of(std::vector<std::int32_t>& parent, std::int32_t i) {
    while (parent[i] != i) {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    return i;
}

}  // namespace

std::vector<SizeCount> count_zones(const Region& region, const Offsets& offsets) {
    const std::uint16_t* ranks = region.ranks();
    const std::vector<Backward> neighbours = backward_neighbours(region, offsets);
    const std::uint64_t all = (std::uint64_t{1} << neighbours.size()) - 1;
    // Zones are numbered as they start; joined ones point to the older number.
    std::vector<std::int32_t> zone_of(region.padded_size());
    std::vector<std::int32_t> parent;
    std::vector<std::int64_t> size;
    std::vector<std::uint16_t> level;
    for (const Span& span : region.spans) {
        for (std::ptrdiff_t i = span.start; i < span.start + span.length; ++i) {
            const std::uint16_t rank = ranks[i];
            if (rank == 0) continue;
            std::int32_t zone = -1;
            std::uint64_t left = all;
            for (std::size_t k = 0; k < neighbours.size(); ++k) {
                if (!(left >> k & 1) || ranks[i + neighbours[k].step] != rank) continue;
                left &= ~neighbours[k].adjacent;
                const std::int32_t other = root_of(parent, zone_of[i + neighbours[k].step]);
                if (zone < 0 || zone == other) {
                    zone = other;
                } else {
                    const std::int32_t older = std::min(zone, other), younger = std::max(zone, other);
                    parent[younger] = older;
                    size[older] += size[younger];
                    zone = older;
                }
                if (left == 0) break;
            }
            if (zone < 0) {
                zone = static_cast<std::int32_t>(parent.size());
                parent.push_back(zone);
                size.push_back(0);
                level.push_back(rank);
            }
            ++size[zone];
            zone_of[i] = zone;
        }
    }
    std::vector<SizeCount> zones;
    for (std::size_t k = 0; k < parent.size(); ++k)
        if (parent[k] == static_cast<std::int32_t>(k)) zones.push_back({level[k] - 1, size[k], 1});
    // Small zones are most: count them in a table, the rest by sorting.
    constexpr std::int64_t small = 64;
    const std::size_t n = static_cast<std::size_t>(region.n_present());
    std::vector<std::int64_t> table(n * small, 0);
    std::vector<SizeCount> large, found;
    for (const SizeCount& zone : zones) {
        if (zone.size <= small)
            ++table[zone.level * small + zone.size - 1];
        else
            large.push_back(zone);
    }
    for (std::size_t k = 0; k < table.size(); ++k)
        if (table[k]) found.push_back({static_cast<int>(k / small), static_cast<std::int64_t>(k % small) + 1, table[k]});
    std::sort(large.begin(), large.end(), [](const SizeCount& a, const SizeCount& b) {
        return a.level != b.level ? a.level < b.level : a.size < b.size;
    });
    for (const SizeCount& zone : large) {
        const bool same = !found.empty() && found.back().level == zone.level && found.back().size == zone.size;
        if (same)
            ++found.back().count;
        else
            found.push_back(zone);
    }
    return found;
}

}  // namespace hybridrad
