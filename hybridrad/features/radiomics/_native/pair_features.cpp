#include <algorithm>
#include <cmath>
#include <limits>

#include "features.hpp"

namespace hybridrad {

namespace {

// Below these, a feature is the root or the ratio of a difference that rounding may have made.
constexpr double least_information = 1e-6;
constexpr double least_spread = 1e-5;
constexpr double least_correlation = 1e-6;

// log2(a * b + epsilon) from the logarithms of a and b, where epsilon is too small for anything but first order.
double log2_of_product(double a, double b, double log_a, double log_b) {
    constexpr double per_log2 = 1.4426950408889634;
    const double product = a * b;
    if (product < 1e-9) return std::log2(product + epsilon);
    return log_a + log_b + epsilon / product * per_log2;
}

std::array<double, n_pair_features> no_pairs(std::size_t n_levels) {
    std::array<double, n_pair_features> f;
    f.fill(std::numeric_limits<double>::quiet_NaN());
    // Nothing but 0 is summed there: NaN stands at a difference of 0 only.
    if (n_levels == 1) f[inverse_variance] = 0;
    return f;
}

PairFeatures evaluate(const std::vector<double>& p, const std::vector<int>& levels) {
    const std::size_t n = levels.size();
    const int max_level = levels.back();
    PairFeatures found{{}, false};
    auto& f = found.values;
    std::vector<double> px(n, 0), py(n, 0), log_px(n), log_py(n);
    std::vector<double> p_sum(2 * static_cast<std::size_t>(max_level) + 1, 0), p_difference(max_level, 0);
    double mean_x = 0, mean_y = 0, entropy_xy = 0;
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
            const double value = p[i * n + j];
            if (value == 0) continue;
            px[i] += value;
            py[j] += value;
            p_sum[levels[i] + levels[j]] += value;
            p_difference[std::abs(levels[i] - levels[j])] += value;
            f[autocorrelation] += value * (static_cast<double>(levels[i]) * levels[j]);
            f[joint_energy] += value * value;
            f[maximum_probability] = std::max(f[maximum_probability], value);
            entropy_xy -= value * std::log2(value + epsilon);
        }
    }
    for (std::size_t k = 0; k < n; ++k) {
        mean_x += levels[k] * px[k];
        mean_y += levels[k] * py[k];
    }
    double variance_x = 0, variance_y = 0, entropy_x = 0, entropy_y = 0;
    for (std::size_t k = 0; k < n; ++k) {
        variance_x += px[k] * (levels[k] - mean_x) * (levels[k] - mean_x);
        variance_y += py[k] * (levels[k] - mean_y) * (levels[k] - mean_y);
        log_px[k] = std::log2(px[k] + epsilon);
        log_py[k] = std::log2(py[k] + epsilon);
        entropy_x -= px[k] * log_px[k];
        entropy_y -= py[k] * log_py[k];
    }
    double covariance = 0, cross_1 = 0, cross_2 = 0;
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
            const double product = px[i] * py[j];
            if (product == 0) continue;
            const double value = p[i * n + j], log = log2_of_product(px[i], py[j], log_px[i], log_py[j]);
            covariance += value * (levels[i] - mean_x) * (levels[j] - mean_y);
            cross_1 -= value * log;
            cross_2 -= product * log;
        }
    }
    for (std::size_t k = 0; k < p_sum.size(); ++k) {
        const double value = p_sum[k];
        if (value == 0) continue;
        const double from_mean = static_cast<double>(k) - mean_x - mean_y, squared = from_mean * from_mean;
        f[cluster_tendency] += value * squared;
        f[cluster_shade] += value * squared * from_mean;
        f[cluster_prominence] += value * squared * squared;
        f[sum_average] += value * static_cast<double>(k);
        f[sum_entropy] -= value * std::log2(value + epsilon);
    }
    for (std::size_t k = 0; k < p_difference.size(); ++k) {
        const double value = p_difference[k], d = static_cast<double>(k);
        if (value == 0) continue;
        f[contrast] += value * d * d;
        f[difference_average] += value * d;
        f[difference_entropy] -= value * std::log2(value + epsilon);
        f[inverse_difference] += value / (1 + d);
        f[inverse_difference_moment] += value / (1 + d * d);
        f[inverse_difference_normalized] += value / (1 + d / max_level);
        f[inverse_difference_moment_normalized] += value / (1 + d * d / (static_cast<double>(max_level) * max_level));
        if (k > 0) f[inverse_variance] += value / (d * d);
    }
    for (std::size_t k = 0; k < p_difference.size(); ++k) {
        const double d = static_cast<double>(k) - f[difference_average];
        f[difference_variance] += p_difference[k] * d * d;
    }
    const double spread = std::sqrt(variance_x) * std::sqrt(variance_y);
    f[correlation] = spread == 0 ? 1 : covariance / (spread + epsilon);
    f[joint_average] = mean_x;
    f[joint_entropy] = entropy_xy;
    f[sum_squares] = variance_x;
    const double largest_entropy = std::max(entropy_x, entropy_y);
    f[imc1] = largest_entropy == 0 ? 0 : (entropy_xy - cross_1) / largest_entropy;
    const double information = cross_2 - entropy_xy;
    f[imc2] = std::sqrt(1 - std::exp(-2 * information));
    const MaximalCorrelation correlated = n == 1 ? MaximalCorrelation{1, true} : maximal_correlation(p, px, py);
    f[mcc] = correlated.value;
    found.ill_conditioned = n > 1 && (information < least_information || spread < least_spread ||
                                      !correlated.certain || correlated.value < least_correlation);
    if (n == 1) f[imc1] = f[imc2] = 0;
    return found;
}

}  // namespace

PairFeatures pair_features(const PairCounts& counts, const std::vector<int>& levels, bool symmetrical,
                           const std::vector<double>& weights) {
    const std::size_t n = levels.size(), n_offsets = counts.per_offset.size();
    const std::size_t n_matrices = weights.empty() ? n_offsets : 1;
    PairFeatures mean{{}, false};
    std::size_t n_used = 0;
    std::vector<double> p(n * n);
    for (std::size_t m = 0; m < n_matrices; ++m) {
        double total = 0;
        std::fill(p.begin(), p.end(), 0);
        for (std::size_t o = weights.empty() ? m : 0; o < (weights.empty() ? m + 1 : n_offsets); ++o) {
            const std::vector<std::uint32_t>& count = counts.per_offset[o];
            const double weight = weights.empty() ? 1 : weights[o];
            for (std::size_t i = 0; i < n; ++i) {
                for (std::size_t j = 0; j < n; ++j) {
                    double both = count[i * n + j];
                    if (symmetrical) both += count[j * n + i];
                    p[i * n + j] += both * weight;
                    total += both * weight;
                }
            }
        }
        PairFeatures one{no_pairs(n), false};
        if (total != 0) {
            for (double& value : p) value /= total;
            one = evaluate(p, levels);
        } else if (n_matrices > 1) {
            continue;
        }
        for (std::size_t k = 0; k < mean.values.size(); ++k) mean.values[k] += one.values[k];
        mean.ill_conditioned |= one.ill_conditioned;
        ++n_used;
    }
    // No matrix left: 0 / 0, as the mean of nothing; PyRadiomics looks for one single level before that.
    for (double& value : mean.values) value /= static_cast<double>(n_used);
    if (n_used == 0 && n == 1) mean.values[mcc] = 1;
    return mean;
}

}  // namespace hybridrad
