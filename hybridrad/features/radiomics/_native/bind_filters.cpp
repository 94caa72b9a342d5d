#include "bind_filters.hpp"

#include <cstdint>
#include <memory>
#include <stdexcept>

#include <nanobind/ndarray.h>

#include "recursive_filter.hpp"

namespace nb = nanobind;

namespace hybridrad {
namespace {

using Volume = nb::ndarray<nb::ro, nb::ndim<3>, nb::device::cpu>;
using Table = nb::ndarray<const double, nb::shape<5, 4>, nb::c_contig, nb::device::cpu>;
using Floats = nb::ndarray<nb::numpy, float, nb::ndim<3>>;

template <typename T>
void filter_typed(const Volume &values, const VolumeLayout &layout, int axis, std::size_t start, std::size_t stop,
                  const RecursiveCoefficients &coefficients, float *out) {
    filter_lines(static_cast<const T *>(values.data()), layout, axis, start, stop, coefficients, out);
}

using Filter = void (*)(const Volume &, const VolumeLayout &, int, std::size_t, std::size_t,
                        const RecursiveCoefficients &, float *);

Filter filter_for(nb::dlpack::dtype type) {
    if (type == nb::dtype<std::int8_t>()) return filter_typed<std::int8_t>;
    if (type == nb::dtype<std::uint8_t>()) return filter_typed<std::uint8_t>;
    if (type == nb::dtype<std::int16_t>()) return filter_typed<std::int16_t>;
    if (type == nb::dtype<std::uint16_t>()) return filter_typed<std::uint16_t>;
    if (type == nb::dtype<std::int32_t>()) return filter_typed<std::int32_t>;
    if (type == nb::dtype<std::uint32_t>()) return filter_typed<std::uint32_t>;
    if (type == nb::dtype<std::int64_t>()) return filter_typed<std::int64_t>;
    if (type == nb::dtype<std::uint64_t>()) return filter_typed<std::uint64_t>;
    if (type == nb::dtype<float>()) return filter_typed<float>;
    if (type == nb::dtype<double>()) return filter_typed<double>;
    throw std::invalid_argument("values must be integers or floats");
}

Floats recursive_filter(Volume values, int axis, std::size_t start, std::size_t stop, Table table) {
    if (axis < 0 || axis > 2) throw std::invalid_argument("axis must be 0, 1 or 2");
    if (start >= stop || stop > values.shape(axis)) throw std::invalid_argument("start and stop must lie in the axis");
    const Filter filter = filter_for(values.dtype());
    VolumeLayout layout;
    std::size_t kept[3], n = 1;
    for (int i = 0; i < 3; ++i) {
        layout.size[i] = values.shape(i);
        layout.stride[i] = values.stride(i);
        kept[i] = i == axis ? stop - start : values.shape(i);
        n *= kept[i];
    }
    RecursiveCoefficients coefficients;
    double *const rows[5] = {coefficients.ahead, coefficients.behind, coefficients.feedback,
                             coefficients.border_ahead, coefficients.border_behind};
    for (std::size_t row = 0; row < 5; ++row) {
        for (std::size_t k = 0; k < 4; ++k) rows[row][k] = table(row, k);
    }
    std::unique_ptr<float[]> out(new float[n]);
    {
        nb::gil_scoped_release released;
        filter(values, layout, axis, start, stop, coefficients, out.get());
    }
    float *data = out.get();
    nb::capsule owner(data, [](void *given) noexcept { delete[] static_cast<float *>(given); });
    out.release();
    return Floats(data, {kept[0], kept[1], kept[2]}, owner);
}

}  // namespace

void bind_filters(nb::module_ &module) {
    module.def("recursive_filter", &recursive_filter, nb::arg("values"), nb::arg("axis"), nb::arg("start"),
               nb::arg("stop"), nb::arg("coefficients"),
               "Filter the lines of a volume along an axis and keep elements start to stop of each.\n\n"
               "The rows of coefficients are: ahead, behind, feedback, border ahead, border behind.");
}

}  // namespace hybridrad
