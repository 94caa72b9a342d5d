#include "recursive_filter.hpp"

#include <cstdint>
#include <vector>

namespace hybridrad {
namespace {

// Lines lie side by side in a block, so that the compiler can work on several at once with vector instructions; one
// line alone cannot be, as each value waits for the one before.
constexpr std::size_t width = 16;

// Runs the recursion down a block of `n` rows; `lag` is 0 where a value uses its own input and 1 where it does not.
void run(const double *in, double *out, std::size_t n, std::size_t lag, const double *taps, const double *feedback,
         const double *border) {
    const std::size_t start = n < 5 ? n : 5;
    for (std::size_t i = 0; i < start; ++i) {
        for (std::size_t line = 0; line < width; ++line) {
            const double first = in[line];
            double input[4], output[4];
            for (std::size_t k = 0; k < 4; ++k) {
                input[k] = (i >= k + lag ? in[(i - k - lag) * width + line] : first) * taps[k];
                output[k] = i > k ? out[(i - 1 - k) * width + line] * feedback[k] : first * border[k];
            }
            out[i * width + line] = input[0] + input[1] + input[2] + input[3] -
                                    (output[0] + output[1] + output[2] + output[3]);
        }
    }
    const double t0 = taps[0], t1 = taps[1], t2 = taps[2], t3 = taps[3];
    const double f0 = feedback[0], f1 = feedback[1], f2 = feedback[2], f3 = feedback[3];
    for (std::size_t i = start; i < n; ++i) {
        const double *x = in + (i - lag) * width;
        double *y = out + i * width;
        const double *before = y - width;
        for (std::size_t line = 0; line < width; ++line) {
            const double input = x[line] * t0 + (x - width)[line] * t1 + (x - 2 * width)[line] * t2 +
                                 (x - 3 * width)[line] * t3;
            y[line] = input - (before[line] * f0 + (before - width)[line] * f1 + (before - 2 * width)[line] * f2 +
                               (before - 3 * width)[line] * f3);
        }
    }
}

}  // namespace

template <typename T>
void filter_lines(const T *values, const VolumeLayout &layout, int axis, std::size_t keep_start, std::size_t keep_stop,
                  const RecursiveCoefficients &c, float *out) {
    const int inner = axis == 2 ? 1 : 2, outer = axis == 0 ? 1 : 0;
    const std::size_t n = layout.size[axis], n_inner = layout.size[inner], n_outer = layout.size[outer];
    const std::size_t n_kept = keep_stop - keep_start;
    std::size_t kept[3] = {layout.size[0], layout.size[1], layout.size[2]};
    kept[axis] = n_kept;
    const std::size_t out_stride[3] = {kept[1] * kept[2], kept[2], 1};
    // From the front a line is needed up to the end of what is kept, from the back down to its start.
    const std::size_t n_ahead = keep_stop, n_behind = n - keep_start;
    std::vector<double> block(n * width), ahead(n * width), behind(n * width);
    for (std::size_t o = 0; o < n_outer; ++o) {
        for (std::size_t i = 0; i < n_inner; i += width) {
            const std::size_t n_lines = n_inner - i < width ? n_inner - i : width;
            const T *first = values + static_cast<std::ptrdiff_t>(o) * layout.stride[outer] +
                             static_cast<std::ptrdiff_t>(i) * layout.stride[inner];
            if (n_lines < width) {
                block.assign(n * width, 0.0);
            }
            for (std::size_t row = 0; row < n_ahead; ++row) {
                const T *from = first + static_cast<std::ptrdiff_t>(row) * layout.stride[axis];
                for (std::size_t line = 0; line < n_lines; ++line) {
                    block[row * width + line] =
                        static_cast<double>(from[static_cast<std::ptrdiff_t>(line) * layout.stride[inner]]);
                }
            }
            run(block.data(), ahead.data(), n_ahead, 0, c.ahead, c.feedback, c.border_ahead);
            for (std::size_t row = 0; row < n_behind; ++row) {
                const T *from = first + static_cast<std::ptrdiff_t>(n - 1 - row) * layout.stride[axis];
                for (std::size_t line = 0; line < n_lines; ++line) {
                    block[row * width + line] =
                        static_cast<double>(from[static_cast<std::ptrdiff_t>(line) * layout.stride[inner]]);
                }
            }
            run(block.data(), behind.data(), n_behind, 1, c.behind, c.feedback, c.border_behind);
            for (std::size_t row = 0; row < n_kept; ++row) {
                float *to = out + row * out_stride[axis] + o * out_stride[outer] + i * out_stride[inner];
                const double *a = ahead.data() + (keep_start + row) * width;
                const double *b = behind.data() + (n - 1 - keep_start - row) * width;
                for (std::size_t line = 0; line < n_lines; ++line) {
                    to[line * out_stride[inner]] = static_cast<float>(a[line] + b[line]);
                }
            }
        }
    }
}

#define HYBRIDRAD_FILTER_LINES(T)                                                                                     \
    template void filter_lines<T>(const T *, const VolumeLayout &, int, std::size_t, std::size_t,                     \
                                  const RecursiveCoefficients &, float *);
HYBRIDRAD_FILTER_LINES(std::int8_t)
HYBRIDRAD_FILTER_LINES(std::uint8_t)
HYBRIDRAD_FILTER_LINES(std::int16_t)
HYBRIDRAD_FILTER_LINES(std::uint16_t)
HYBRIDRAD_FILTER_LINES(std::int32_t)
HYBRIDRAD_FILTER_LINES(std::uint32_t)
HYBRIDRAD_FILTER_LINES(std::int64_t)
HYBRIDRAD_FILTER_LINES(std::uint64_t)
HYBRIDRAD_FILTER_LINES(float)
HYBRIDRAD_FILTER_LINES(double)
#undef HYBRIDRAD_FILTER_LINES

}  // namespace hybridrad
