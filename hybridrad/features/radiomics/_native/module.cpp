// The Python side of the kernels: arguments are checked, the work is done without the interpreter's lock.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>

#include "bind_filters.hpp"
#include "bind_filters.hpp"
#include "features.hpp"
#include "intensities.hpp"
#include "shape.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace hybridrad {
namespace {

using LevelArray = nb::ndarray<const std::int32_t, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using OffsetArray = nb::ndarray<const std::int32_t, nb::shape<-1, 3>, nb::c_contig, nb::device::cpu>;
using ValueArray = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using MaskArray = nb::ndarray<const std::uint8_t, nb::ndim<3>, nb::c_contig, nb::device::cpu>;

template <typename T>
nb::object to_numpy(std::vector<T> values, std::vector<std::size_t> shape) {
    auto* kept = new std::vector<T>(std::move(values));
    nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
    return nb::cast(nb::ndarray<nb::numpy, T>(kept->data(), shape.size(), shape.data(), owner));
}

template <typename Container>
nb::object as_vector(const Container& values) {
    return to_numpy(std::vector<double>(values.begin(), values.end()), {values.size()});
}

Offsets read_offsets(const OffsetArray& array, const char* name) {
    if (array.shape(0) == 0) throw std::invalid_argument(std::string(name) + " holds no offset.");
    Offsets offsets;
    for (std::size_t k = 0; k < array.shape(0); ++k) {
        const Offset offset{array(k, 0), array(k, 1), array(k, 2)};
        if (offset.z == 0 && offset.y == 0 && offset.x == 0)
            throw std::invalid_argument(std::string(name) + " holds a zero offset.");
        if (std::max({std::abs(offset.z), std::abs(offset.y), std::abs(offset.x)}) > 1000)
            throw std::invalid_argument(std::string(name) + " holds an offset of more than 1000 voxels.");
        offsets.push_back(offset);
    }
    return offsets;
}

// Runs and zones are made of steps to adjacent voxels.
Offsets read_adjacent(const OffsetArray& array) {
    const Offsets offsets = read_offsets(array, "adjacent");
    if (offsets.size() > 13) throw std::invalid_argument("adjacent holds more than 13 offsets.");
    for (const Offset& o : offsets)
        if (std::max({std::abs(o.z), std::abs(o.y), std::abs(o.x)}) != 1)
            throw std::invalid_argument("adjacent holds an offset that is not to an adjacent voxel.");
    return offsets;
}

std::vector<double> read_weights(const std::vector<double>& weights, std::size_t n_offsets, const char* name) {
    if (!weights.empty() && weights.size() != n_offsets)
        throw std::invalid_argument(std::string(name) + " does not hold one weight per offset.");
    return weights;
}

Levels view(const LevelArray& levels, int n_levels) {
    return {levels.data(), static_cast<std::ptrdiff_t>(levels.shape(0)), static_cast<std::ptrdiff_t>(levels.shape(1)),
            static_cast<std::ptrdiff_t>(levels.shape(2)), n_levels};
}

bool has(const std::vector<std::string>& classes, const char* name) {
    return std::find(classes.begin(), classes.end(), name) != classes.end();
}

// Counts of size (offsets, levels, levels) or (offsets, levels, longest).
nb::object stacked(const std::vector<std::vector<std::uint32_t>>& per_offset, std::size_t rows, std::size_t columns) {
    std::vector<std::int64_t> all;
    all.reserve(per_offset.size() * rows * columns);
    for (const auto& counts : per_offset) all.insert(all.end(), counts.begin(), counts.end());
    return to_numpy(std::move(all), {per_offset.size(), rows, columns});
}

nb::object sizes(const std::vector<SizeCount>& counts, const std::vector<int>& levels) {
    std::vector<std::int64_t> all;
    for (const SizeCount& c : counts) {
        all.push_back(levels[c.level]);
        all.push_back(c.size);
        all.push_back(c.count);
    }
    return to_numpy(std::move(all), {counts.size(), 3});
}

nb::dict texture_features(const LevelArray& levels, int n_levels, const OffsetArray& pairs,
                          const OffsetArray& neighbours, const OffsetArray& adjacent,
                          const std::vector<double>& pair_weights, const std::vector<double>& run_weights,
                          bool symmetrical, int tolerance, const std::vector<std::string>& classes) {
    const Offsets pair_offsets = read_offsets(pairs, "pairs"), adjacent_offsets = read_adjacent(adjacent);
    const Offsets neighbour_offsets = read_offsets(neighbours, "neighbours");
    read_weights(pair_weights, pair_offsets.size(), "pair_weights");
    read_weights(run_weights, adjacent_offsets.size(), "run_weights");

    PairCounts pair_counts;
    PairFeatures glcm{};
    SizeFeatures glrlm{}, glszm{}, gldm{};
    std::array<double, n_difference_features> ngtdm{};
    std::vector<int> present;
    {
        nb::gil_scoped_release unlocked;
        const Region region(view(levels, n_levels), {&pair_offsets, &neighbour_offsets, &adjacent_offsets});
        present = region.present;
        if (has(classes, "glcm")) {
            pair_counts = count_pairs(region, pair_offsets);
            glcm = pair_features(pair_counts, region.present, symmetrical, pair_weights);
        }
        if (has(classes, "glrlm"))
            glrlm = run_features(count_runs(region, adjacent_offsets), region.present, run_weights);
        if (has(classes, "glszm")) glszm = size_features(count_zones(region, adjacent_offsets), region.present);
        if (has(classes, "gldm") || has(classes, "ngtdm")) {
            const Neighbourhood around = look_around(region, neighbour_offsets, tolerance);
            gldm = size_features(around.dependences, region.present);
            ngtdm = difference_features(around.difference, region.count, region.present);
        }
    }
    nb::dict found;
    if (has(classes, "glcm")) {
        found["glcm"] = as_vector(glcm.values);
        if (glcm.ill_conditioned) {
            found["pairs"] = stacked(pair_counts.per_offset, present.size(), present.size());
            found["levels"] = to_numpy(std::vector<std::int64_t>(present.begin(), present.end()), {present.size()});
        }
    }
    if (has(classes, "glrlm")) found["glrlm"] = as_vector(glrlm);
    if (has(classes, "glszm")) found["glszm"] = as_vector(glszm);
    if (has(classes, "gldm")) found["gldm"] = as_vector(gldm);
    if (has(classes, "ngtdm")) found["ngtdm"] = as_vector(ngtdm);
    return found;
}

nb::dict texture_matrices(const LevelArray& levels, int n_levels, const OffsetArray& pairs,
                          const OffsetArray& neighbours, const OffsetArray& adjacent, int tolerance) {
    const Offsets pair_offsets = read_offsets(pairs, "pairs"), adjacent_offsets = read_adjacent(adjacent);
    const Offsets neighbour_offsets = read_offsets(neighbours, "neighbours");
    PairCounts pair_counts;
    RunCounts runs;
    std::vector<SizeCount> zones;
    Neighbourhood around;
    std::vector<int> present;
    std::vector<std::int64_t> count;
    {
        nb::gil_scoped_release unlocked;
        const Region region(view(levels, n_levels), {&pair_offsets, &neighbour_offsets, &adjacent_offsets});
        pair_counts = count_pairs(region, pair_offsets);
        runs = count_runs(region, adjacent_offsets);
        zones = count_zones(region, adjacent_offsets);
        around = look_around(region, neighbour_offsets, tolerance);
        present = region.present;
        count = region.count;
    }
    nb::dict found;
    found["levels"] = to_numpy(std::vector<std::int64_t>(present.begin(), present.end()), {present.size()});
    found["count"] = to_numpy(std::move(count), {present.size()});
    found["glcm"] = stacked(pair_counts.per_offset, present.size(), present.size());
    found["glrlm"] = stacked(runs.per_offset, present.size(), static_cast<std::size_t>(runs.longest));
    found["glszm"] = sizes(zones, present);
    found["gldm"] = sizes(around.dependences, present);
    found["ngtdm"] = as_vector(around.difference);
    return found;
}

nb::object digitize_values(const ValueArray& values, const ValueArray& edges) {
    std::vector<std::int32_t> levels(values.shape(0));
    {
        nb::gil_scoped_release unlocked;
        digitize(values.data(), levels.size(), {edges.data(), edges.data() + edges.shape(0)}, levels.data());
    }
    const std::size_t n = levels.size();
    return to_numpy(std::move(levels), {n});
}

nb::object first_order_statistics(const ValueArray& values, double shift) {
    std::array<double, n_first_order> found;
    {
        nb::gil_scoped_release unlocked;
        found = first_order(values.data(), values.shape(0), shift);
    }
    return as_vector(found);
}

nb::dict shape_sums(const MaskArray& mask, double spacing_z, double spacing_y, double spacing_x) {
    Mask::Cubes cubes;
    Mask::Moments moments{};
    std::array<double, 4> diameters{};
    {
        nb::gil_scoped_release unlocked;
        const Mask padded(mask.data(), static_cast<std::ptrdiff_t>(mask.shape(0)),
                          static_cast<std::ptrdiff_t>(mask.shape(1)), static_cast<std::ptrdiff_t>(mask.shape(2)));
        cubes = padded.cubes();
        moments = padded.moments();
        diameters = padded.diameters({spacing_z, spacing_y, spacing_x});
    }
    std::vector<std::int64_t> position;
    for (const auto& sums : cubes.position) position.insert(position.end(), sums.begin(), sums.end());
    nb::dict found;
    found["cubes"] = to_numpy(std::vector<std::int64_t>(cubes.count.begin(), cubes.count.end()), {256});
    found["cube_positions"] = to_numpy(std::move(position), {256, 3});
    found["n_voxels"] = moments.n;
    found["covariance"] = as_vector(moments.covariance);
    found["diameters"] = as_vector(diameters);
    return found;
}

}  // namespace

NB_MODULE(_kernels, m) {
    m.doc() = "Compiled kernels of the radiomics engine.";
    bind_filters(m);
    m.def("texture_features", &texture_features, "levels"_a, "n_levels"_a, nb::kw_only(), "pairs"_a, "neighbours"_a,
          "adjacent"_a, "pair_weights"_a, "run_weights"_a, "symmetrical"_a, "tolerance"_a, "classes"_a,
          "Texture features of a crop of grey levels, in the order of the kernels' enumerations.");
    m.def("texture_matrices", &texture_matrices, "levels"_a, "n_levels"_a, nb::kw_only(), "pairs"_a, "neighbours"_a,
          "adjacent"_a, "tolerance"_a, "The raw counts behind the texture features.");
    m.def("digitize", &digitize_values, "values"_a, "edges"_a, "Number of edges that are not above each value.");
    m.def("first_order", &first_order_statistics, "values"_a, "shift"_a, "Statistics of intensities.");
    m.def("shape_sums", &shape_sums, "mask"_a, "spacing_z"_a, "spacing_y"_a, "spacing_x"_a,
          "Counts of marching cubes, moments and diameters of a mask.");
    bind_filters(m);
}

}  // namespace hybridrad
