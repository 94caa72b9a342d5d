// A recursive filter of the fourth order along the lines of a volume.
#pragma once

#include <cstddef>

namespace hybridrad {

// y[i] = sum_k ahead[k] x[i - k] - sum_k feedback[k] y[i - 1 - k] from the front of the line, and the same from its back
// with `behind` and x[i + 1 + k]; the two are added. Beyond its ends a line goes on with its last value for ever, which
// the border coefficients stand for.
struct RecursiveCoefficients {
    double ahead[4];
    double behind[4];
    double feedback[4];
    double border_ahead[4];
    double border_behind[4];
};

// Shape and strides of a volume, in elements.
struct VolumeLayout {
    std::size_t size[3];
    std::ptrdiff_t stride[3];
};

// Filters all lines along `axis` and writes elements [keep_start, keep_stop) of each to `out`, which is C-contiguous and
// as long as that along `axis`. The arithmetic is in double, in the order in which ITK adds, so the floats are ITK's.
template <typename T>
void filter_lines(const T *values, const VolumeLayout &layout, int axis, std::size_t keep_start, std::size_t keep_stop,
                  const RecursiveCoefficients &coefficients, float *out);

}  // namespace hybridrad
