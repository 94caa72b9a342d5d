// From raw matrices to features; the formulas and fill values are those of PyRadiomics 3.0.1.
#pragma once

#include <array>
#include <vector>

#include "matrices.hpp"

namespace hybridrad {

// The smallest x with 1 + x > 1, which PyRadiomics adds inside its logarithms and denominators.
constexpr double epsilon = 2.220446049250313e-16;

enum PairFeature {
    autocorrelation, cluster_prominence, cluster_shade, cluster_tendency, contrast, correlation, difference_average,
    difference_entropy, difference_variance, inverse_difference, inverse_difference_moment,
    inverse_difference_moment_normalized, inverse_difference_normalized, imc1, imc2, inverse_variance, joint_average,
    joint_energy, joint_entropy, mcc, maximum_probability, sum_average, sum_entropy, sum_squares, n_pair_features
};
struct PairFeatures {
    std::array<double, n_pair_features> values;
    // A difference of nearly equal numbers decides about a feature: its value is rounding noise, and PyRadiomics' own
    // noise can only be had with its own arithmetic.
    bool ill_conditioned;
};
// `weights`: one per offset, or empty. A weighted sum of all offsets takes the place of their mean.
PairFeatures pair_features(const PairCounts& counts, const std::vector<int>& levels, bool symmetrical,
                           const std::vector<double>& weights);

// Second largest singular value of p(i, j) / sqrt(px(i) py(j)): Haralick's maximal correlation coefficient, with the
// small term that PyRadiomics adds to the denominator. `certain` is false where first order does not tell.
struct MaximalCorrelation {
    double value;
    bool certain;
};
MaximalCorrelation maximal_correlation(const std::vector<double>& p, const std::vector<double>& px,
                                       const std::vector<double>& py);

enum SizeFeature {
    small_emphasis, large_emphasis, level_non_uniformity, level_non_uniformity_normalized, size_non_uniformity,
    size_non_uniformity_normalized, percentage, level_variance, size_variance, entropy, low_level_emphasis,
    high_level_emphasis, small_low_emphasis, small_high_emphasis, large_low_emphasis, large_high_emphasis,
    n_size_features
};
using SizeFeatures = std::array<double, n_size_features>;
SizeFeatures size_features(const std::vector<SizeCount>& counts, const std::vector<int>& levels);
SizeFeatures run_features(const RunCounts& counts, const std::vector<int>& levels, const std::vector<double>& weights);

enum DifferenceFeature { busyness, coarseness, complexity, ngtdm_contrast, strength, n_difference_features };
std::array<double, n_difference_features> difference_features(const std::vector<double>& difference,
                                                              const std::vector<std::int64_t>& count,
                                                              const std::vector<int>& levels);

}  // namespace hybridrad
