#include <cmath>

#include "features.hpp"

namespace hybridrad {

std::array<double, n_difference_features> difference_features(const std::vector<double>& difference,
                                                              const std::vector<std::int64_t>& count,
                                                              const std::vector<int>& levels) {
    const std::size_t n = levels.size();
    double n_voxels = 0, sum = 0;
    for (std::size_t i = 0; i < n; ++i) {
        n_voxels += static_cast<double>(count[i]);
        sum += difference[i];
    }
    std::vector<double> p(n), level_p(n), p_difference(n);
    double weighted = 0;
    for (std::size_t i = 0; i < n; ++i) {
        p[i] = static_cast<double>(count[i]) / n_voxels;
        level_p[i] = levels[i] * p[i];
        p_difference[i] = p[i] * difference[i];
        weighted += p_difference[i];
    }
    std::array<double, n_difference_features> f{};
    double apart = 0;
    // Each unordered pair once; all sums are symmetric.
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = i + 1; j < n; ++j) {
            const double d = levels[j] - levels[i];
            f[ngtdm_contrast] += 2 * p[i] * p[j] * d * d;
            f[complexity] += 2 * d * (p_difference[i] + p_difference[j]) / (p[i] + p[j]);
            f[strength] += 2 * (p[i] + p[j]) * d * d;
            apart += 2 * std::abs(level_p[i] - level_p[j]);
        }
    }
    const double pairs = static_cast<double>(n) * (static_cast<double>(n) - 1);
    f[ngtdm_contrast] = pairs == 0 ? 0 : f[ngtdm_contrast] * sum / n_voxels / pairs;
    f[complexity] /= n_voxels;
    f[strength] = sum == 0 ? 0 : f[strength] / sum;
    f[busyness] = apart == 0 ? 0 : weighted / apart;
    f[coarseness] = weighted == 0 ? 1e6 : 1 / weighted;
    return f;
}

}  // namespace hybridrad
