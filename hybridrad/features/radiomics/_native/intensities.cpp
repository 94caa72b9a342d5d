#include "intensities.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace hybridrad {

void digitize(const double* values, std::size_t n, const std::vector<double>& edges, std::int32_t* levels) {
    const std::ptrdiff_t n_edges = static_cast<std::ptrdiff_t>(edges.size());
    if (n_edges < 2) throw std::invalid_argument("at least two bin edges are needed.");
    for (std::ptrdiff_t k = 1; k < n_edges; ++k)
        if (!(edges[k] >= edges[k - 1])) throw std::invalid_argument("bin edges must ascend.");
    const double low = edges[0], scale = static_cast<double>(n_edges - 2) / (edges[n_edges - 2] - low);
    const bool regular = n_edges > 2 && std::isfinite(scale);
    for (std::size_t i = 0; i < n; ++i) {
        const double value = values[i];
        // Edges are about evenly spaced: a guess, then the exact comparisons.
        double guess = regular ? (value - low) * scale + 1 : 1;
        if (!(guess > 0)) guess = 0;
        std::ptrdiff_t level = static_cast<std::ptrdiff_t>(std::min(guess, static_cast<double>(n_edges)));
        while (level < n_edges && edges[level] <= value) ++level;
        while (level > 0 && edges[level - 1] > value) --level;
        levels[i] = static_cast<std::int32_t>(level);
    }
}

namespace {

constexpr std::size_t lanes = 8, block = 1024;

// Sum of f(value) over all values: lanes within blocks, blocks in order. The same bits every time, and as exact as
// pairwise summation for any region that fits into memory.
template <typename F>
double sum(const double* values, std::size_t n, F f) {
    double total = 0;
    for (std::size_t start = 0; start < n; start += block) {
        const std::size_t end = std::min(n, start + block);
        std::array<double, lanes> lane{};
        std::size_t i = start;
        for (; i + lanes <= end; i += lanes)
            for (std::size_t k = 0; k < lanes; ++k) lane[k] += f(values[i + k]);
        double rest = 0;
        for (; i < end; ++i) rest += f(values[i]);
        total += ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7])) + rest;
    }
    return total;
}

// Values at given places of the sorted order, without sorting: a histogram tells in which bucket each lies, and only
// those buckets are sorted.
class OrderStatistics {
  public:
    OrderStatistics(const double* values, std::size_t n, double low, double high, const std::vector<std::size_t>& places) {
        const double width = high - low;
        const double scale = static_cast<double>(n_buckets - 1) / width;
        const bool spread = width > 0 && std::isfinite(scale) && n > 64;
        std::vector<std::uint16_t> bucket(spread ? n : 0);
        std::vector<std::size_t> filled(n_buckets + 1, 0);
        if (!spread) {
            sorted_.assign(values, values + n);
            std::sort(sorted_.begin(), sorted_.end());
            ranges_.push_back({0, n, 0});
            return;
        }
        for (std::size_t i = 0; i < n; ++i) {
            bucket[i] = static_cast<std::uint16_t>((values[i] - low) * scale);
            ++filled[bucket[i] + std::size_t{1}];
        }
        for (std::size_t k = 1; k <= n_buckets; ++k) filled[k] += filled[k - 1];
        std::vector<std::ptrdiff_t> wanted(n_buckets, -1);
        std::size_t size = 0;
        for (std::size_t k = 0; k < n_buckets; ++k) {
            const auto inside = [&](std::size_t place) { return filled[k] <= place && place < filled[k + 1]; };
            if (!std::any_of(places.begin(), places.end(), inside)) continue;
            wanted[k] = static_cast<std::ptrdiff_t>(size);
            ranges_.push_back({filled[k], filled[k + 1], size});
            size += filled[k + 1] - filled[k];
        }
        sorted_.resize(size);
        for (std::size_t i = 0; i < n; ++i)
            if (wanted[bucket[i]] >= 0) sorted_[static_cast<std::size_t>(wanted[bucket[i]]++)] = values[i];
        for (const Range& range : ranges_) {
            const auto start = sorted_.begin() + static_cast<std::ptrdiff_t>(range.at);
            std::sort(start, start + static_cast<std::ptrdiff_t>(range.end - range.begin));
        }
    }

    double operator[](std::size_t place) const {
        for (const Range& range : ranges_)
            if (range.begin <= place && place < range.end) return sorted_[range.at + place - range.begin];
        throw std::logic_error("a place was not asked for.");
    }

  private:
    static constexpr std::size_t n_buckets = 4096;
    struct Range {
        std::size_t begin, end, at;
    };
    std::vector<Range> ranges_;
    std::vector<double> sorted_;
};

// NumPy's linear interpolation, rounding included: it decides which voxels lie between two percentiles.
double between(double low, double high, double t) {
    const double difference = high - low;
    return t >= 0.5 ? high - difference * (1 - t) : low + difference * t;
}

}  // namespace

std::array<double, n_first_order> first_order(const double* values, std::size_t n, double shift) {
    if (n == 0) throw std::invalid_argument("the region is empty.");
    std::array<double, n_first_order> f{};
    double low = values[0], high = values[0];
    for (std::size_t i = 0; i < n; ++i) {
        if (!std::isfinite(values[i])) throw std::invalid_argument("an intensity is not finite.");
        low = std::min(low, values[i]);
        high = std::max(high, values[i]);
    }
    const double count = static_cast<double>(n);
    const std::array<double, 4> shares{0.10, 0.25, 0.75, 0.90};
    std::vector<std::size_t> places{(n - 1) / 2, n / 2};
    for (const double share : shares) {
        const std::size_t place = static_cast<std::size_t>(std::floor((count - 1) * share));
        places.push_back(place);
        places.push_back(std::min(place + 1, n - 1));
    }
    const OrderStatistics order(values, n, low, high, places);
    const auto percentile = [&](double share) {
        const double virtual_place = (count - 1) * share, below = std::floor(virtual_place);
        const std::size_t place = static_cast<std::size_t>(below);
        return between(order[place], order[std::min(place + 1, n - 1)], virtual_place - below);
    };
    f[percentile_10] = percentile(shares[0]);
    f[percentile_25] = percentile(shares[1]);
    f[percentile_75] = percentile(shares[2]);
    f[percentile_90] = percentile(shares[3]);
    f[median] = n % 2 ? order[n / 2] : (order[(n - 1) / 2] + order[n / 2]) / 2;
    f[minimum] = low;
    f[maximum] = high;

    const double average = sum(values, n, [](double v) { return v; }) / count;
    f[mean] = average;
    f[energy] = sum(values, n, [=](double v) { return (v + shift) * (v + shift); });
    f[mean_absolute_deviation] = sum(values, n, [=](double v) { return std::abs(v - average); }) / count;
    f[moment_2] = sum(values, n, [=](double v) { return (v - average) * (v - average); }) / count;
    f[moment_3] = sum(values, n, [=](double v) { return (v - average) * (v - average) * (v - average); }) / count;
    f[moment_4] = sum(values, n, [=](double v) {
        const double squared = (v - average) * (v - average);
        return squared * squared;
    }) / count;

    std::vector<double> kept;
    kept.reserve(n);
    for (std::size_t i = 0; i < n; ++i)
        if (values[i] >= f[percentile_10] && values[i] <= f[percentile_90]) kept.push_back(values[i]);
    const double n_kept = static_cast<double>(kept.size());
    const double kept_mean = sum(kept.data(), kept.size(), [](double v) { return v; }) / n_kept;
    f[robust_mean_absolute_deviation] =
        sum(kept.data(), kept.size(), [=](double v) { return std::abs(v - kept_mean); }) / n_kept;
    return f;
}

}  // namespace hybridrad
