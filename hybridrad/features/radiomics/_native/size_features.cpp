#include <cmath>
#include <limits>
#include <map>

#include "features.hpp"

namespace hybridrad {

namespace {

struct Entry {
    double level, size, count;
};

// `by_size`: count of each size, ascending. A total of 0 gives what PyRadiomics gives: NaN but for two features.
SizeFeatures evaluate(const std::vector<Entry>& entries, const std::vector<double>& by_level,
                      const std::vector<std::pair<double, double>>& by_size, const std::vector<int>& levels) {
    SizeFeatures f{};
    double total = 0, voxels = 0;
    for (const auto& [size, count] : by_size) {
        total += count;
        voxels += count * size;
    }
    if (total == 0) {
        f.fill(std::numeric_limits<double>::quiet_NaN());
        f[size_variance] = f[entropy] = 0;
        return f;
    }
    for (const Entry& e : entries) {
        const double ii = e.level * e.level, jj = e.size * e.size, p = e.count / total;
        f[small_low_emphasis] += e.count / (ii * jj);
        f[small_high_emphasis] += e.count * ii / jj;
        f[large_low_emphasis] += e.count * jj / ii;
        f[large_high_emphasis] += e.count * (jj * ii);
        f[entropy] -= p * std::log2(p + epsilon);
    }
    for (const SizeFeature k : {small_low_emphasis, small_high_emphasis, large_low_emphasis, large_high_emphasis})
        f[k] /= total;

    double mean_level = 0, mean_size = 0;
    for (const auto& [size, count] : by_size) {
        f[small_emphasis] += count / (size * size);
        f[large_emphasis] += count * (size * size);
        f[size_non_uniformity] += count * count;
        mean_size += count / total * size;
    }
    for (const auto& [size, count] : by_size) f[size_variance] += count / total * (size - mean_size) * (size - mean_size);
    for (std::size_t k = 0; k < levels.size(); ++k) {
        const double level = levels[k], count = by_level[k];
        f[low_level_emphasis] += count / (level * level);
        f[high_level_emphasis] += count * (level * level);
        f[level_non_uniformity] += count * count;
        mean_level += count / total * level;
    }
    for (std::size_t k = 0; k < levels.size(); ++k)
        f[level_variance] += by_level[k] / total * (levels[k] - mean_level) * (levels[k] - mean_level);
    f[small_emphasis] /= total;
    f[large_emphasis] /= total;
    f[low_level_emphasis] /= total;
    f[high_level_emphasis] /= total;
    f[level_non_uniformity_normalized] = f[level_non_uniformity] / (total * total);
    f[size_non_uniformity_normalized] = f[size_non_uniformity] / (total * total);
    f[level_non_uniformity] /= total;
    f[size_non_uniformity] /= total;
    f[percentage] = total / voxels;
    return f;
}

}  // namespace

SizeFeatures size_features(const std::vector<SizeCount>& counts, const std::vector<int>& levels) {
    std::vector<Entry> entries;
    std::vector<double> by_level(levels.size(), 0);
    std::map<std::int64_t, double> sizes;
    for (const SizeCount& c : counts) {
        const double count = static_cast<double>(c.count);
        entries.push_back({static_cast<double>(levels[c.level]), static_cast<double>(c.size), count});
        by_level[c.level] += count;
        sizes[c.size] += count;
    }
    std::vector<std::pair<double, double>> by_size;
    for (const auto& [size, count] : sizes) by_size.emplace_back(static_cast<double>(size), count);
    return evaluate(entries, by_level, by_size, levels);
}

SizeFeatures run_features(const RunCounts& counts, const std::vector<int>& levels, const std::vector<double>& weights) {
    const std::size_t n = levels.size(), longest = static_cast<std::size_t>(counts.longest);
    const std::size_t n_offsets = counts.per_offset.size(), n_matrices = weights.empty() ? n_offsets : 1;
    SizeFeatures mean{};
    std::size_t n_used = 0;
    std::vector<Entry> entries;
    for (std::size_t m = 0; m < n_matrices; ++m) {
        entries.clear();
        std::vector<double> by_level(n, 0), by_length(longest, 0);
        for (std::size_t level = 0; level < n; ++level) {
            for (std::size_t k = 0; k < longest; ++k) {
                const std::size_t at = level * longest + k;
                double count = 0;
                if (weights.empty()) {
                    count = counts.per_offset[m][at];
                } else {
                    for (std::size_t o = 0; o < n_offsets; ++o) count += counts.per_offset[o][at] * weights[o];
                }
                if (count == 0) continue;
                entries.push_back({static_cast<double>(levels[level]), k + 1.0, count});
                by_level[level] += count;
                by_length[k] += count;
            }
        }
        if (entries.empty() && n_matrices > 1) continue;
        std::vector<std::pair<double, double>> by_size;
        for (std::size_t k = 0; k < longest; ++k)
            if (by_length[k] != 0) by_size.emplace_back(k + 1.0, by_length[k]);
        const SizeFeatures f = evaluate(entries, by_level, by_size, levels);
        for (std::size_t k = 0; k < mean.size(); ++k) mean[k] += f[k];
        ++n_used;
    }
    // No matrix left: 0 / 0, as the mean of nothing.
    for (double& value : mean) value /= static_cast<double>(n_used);
    return mean;
}

}  // namespace hybridrad
