// Intensities of a region: grey levels from bin edges, and first-order statistics.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hybridrad {

// Number of edges that are not above the value, for ascending edges: numpy.digitize without its search.
void digitize(const double* values, std::size_t n, const std::vector<double>& edges, std::int32_t* levels);

enum FirstOrder {
    percentile_10, percentile_25, median, percentile_75, percentile_90, minimum, maximum, mean, energy,
    mean_absolute_deviation, robust_mean_absolute_deviation, moment_2, moment_3, moment_4, n_first_order
};
// `shift` is added to intensities before they are squared for the energy.
std::array<double, n_first_order> first_order(const double* values, std::size_t n, double shift);

}  // namespace hybridrad
