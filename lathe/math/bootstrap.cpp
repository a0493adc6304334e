#include "lathe/math/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lathe/core/error.h"
#include "lathe/core/parallel.h"
#include "lathe/math/checks.h"
#include "lathe/math/special.h"

namespace lathe::math {
namespace {

// Levels that are resampled together with the observations that belong to them.
struct Factor {
  const std::vector<int32_t>* ids = nullptr;  // null: observation i is level i
  std::vector<int32_t> levels = {};           // those that occur
  size_t table_size = 0;                      // 1 + the largest
};

Factor factor_of(const char* where, const std::vector<int32_t>& ids) {
  if (ids.empty()) throw InputError("{}: there are no observations", where);
  const auto [smallest, largest] = std::minmax_element(ids.begin(), ids.end());
  if (*smallest < 0)
    throw InputError("{}: identities count from 0, got {} at {}", where, *smallest, smallest - ids.begin());
  Factor factor{.ids = &ids, .table_size = static_cast<size_t>(*largest) + 1};
  std::vector<char> occurs(factor.table_size, 0);
  for (const int32_t id : ids) occurs[static_cast<size_t>(id)] = 1;
  for (size_t level = 0; level < occurs.size(); ++level)
    if (occurs[level]) factor.levels.push_back(static_cast<int32_t>(level));
  return factor;
}

Factor factor_of_observations(int64_t n) {
  Factor factor{.table_size = static_cast<size_t>(std::max<int64_t>(n, 0))};
  factor.levels.resize(factor.table_size);
  std::iota(factor.levels.begin(), factor.levels.end(), 0);
  return factor;
}

// Multinomial: as many draws as there are levels. Counted in 16 bits, which stay in the cache; a level drawn
// 65536 times has a probability below 1e-280000.
std::vector<uint16_t> draw_counts(size_t num_levels, core::Random& random) {
  std::vector<uint16_t> counts(num_levels, 0);
  for (size_t draw = 0; draw < num_levels; ++draw)
    ++counts[static_cast<size_t>(random.below(static_cast<int64_t>(num_levels)))];
  return counts;
}

std::vector<double> resample(const Factor& factor, core::Random& random) {
  const size_t num_levels = factor.levels.size();
  const std::vector<uint16_t> counts = draw_counts(num_levels, random);
  std::vector<double> weights(factor.table_size, 0.0);
  for (size_t i = 0; i < num_levels; ++i) weights[static_cast<size_t>(factor.levels[i])] = counts[i];
  return weights;
}

void check_options(const char* where, const BootstrapOptions& options) {
  check_confidence(where, options.confidence);
  if (options.num_replicates < 2)
    throw InputError("{}: num_replicates must be at least 2, got {}", where, options.num_replicates);
}

class Bootstrap {
 public:
  Bootstrap(const char* where, std::vector<Factor> factors, size_t num_observations,
            const WeightedStatistic& statistic, const BootstrapOptions& options)
      : where_(where),
        factors_(std::move(factors)),
        n_(num_observations),
        statistic_(statistic),
        options_(options) {
    check();
  }

  BootstrapResult run() const {
    BootstrapResult result;
    result.estimate = value_at(std::vector<double>(n_, 1.0), "of all observations");
    result.replicates = replicates();
    result.standard_error = standard_deviation(result.replicates);

    std::vector<double> sorted = result.replicates;
    std::sort(sorted.begin(), sorted.end());
    const double tail = (1 - options_.confidence) / 2;
    result.percentile = {.low = sorted_quantile(sorted, tail), .high = sorted_quantile(sorted, 1 - tail)};
    const double bias = bias_correction(sorted, result.estimate), acceleration = this->acceleration();
    result.bca = {.low = sorted_quantile(sorted, bca_level(tail, bias, acceleration)),
                  .high = sorted_quantile(sorted, bca_level(1 - tail, bias, acceleration))};
    return result;
  }

  static double standard_deviation(const std::vector<double>& values) {
    const auto count = static_cast<double>(values.size());
    const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
    double squares = 0;
    for (const double value : values) squares += (value - mean) * (value - mean);
    return std::sqrt(squares / (count - 1));
  }

  static double sorted_quantile(const std::vector<double>& sorted, double p) {
    const double position = p * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<size_t>(position);
    const size_t above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
  }

 private:
  void check() const {
    for (const Factor& factor : factors_)
      if (factor.levels.size() < 2)
        throw InputError("{}: needs at least two levels to resample, got {}", where_, factor.levels.size());
    check_options(where_, options_);
    if (options_.max_jackknife_groups < 2)
      throw InputError("{}: max_jackknife_groups must be at least 2, got {}", where_,
                       options_.max_jackknife_groups);
  }

  double value_at(const std::vector<double>& weights, const std::string& which) const {
    const double value = statistic_(weights);
    if (!std::isfinite(value)) throw Error("{}: the statistic {} is {}", where_, which, value);
    return value;
  }

  // An observation's weight is the product of those of its levels.
  void spread(const std::vector<std::vector<double>>& of_levels, std::vector<double>& weights) const {
    const double* row_weights = of_levels[0].data();
    const int32_t* rows = factors_[0].ids->data();
    if (factors_.size() == 1) {
      for (size_t i = 0; i < n_; ++i) weights[i] = row_weights[rows[i]];
      return;
    }
    const double* column_weights = of_levels[1].data();
    const int32_t* columns = factors_[1].ids->data();
    for (size_t i = 0; i < n_; ++i) weights[i] = row_weights[rows[i]] * column_weights[columns[i]];
  }

  // Of a sparse table some resamples have no cell at all; they are drawn again.
  void draw(core::Seed seed, std::vector<double>& weights) const {
    std::vector<core::Random> randoms;
    for (size_t f = 0; f < factors_.size(); ++f) randoms.push_back(seed.stream(f).random());
    do {
      std::vector<std::vector<double>> of_levels;
      for (size_t f = 0; f < factors_.size(); ++f) of_levels.push_back(resample(factors_[f], randoms[f]));
      if (factors_[0].ids == nullptr)
        weights = std::move(of_levels[0]);
      else
        spread(of_levels, weights);
    } while (std::all_of(weights.begin(), weights.end(), [](double weight) { return weight == 0; }));
  }

  std::vector<double> replicates() const {
    std::vector<double> values(static_cast<size_t>(options_.num_replicates));
    core::parallel_for(options_.num_replicates, 1, [&](int64_t begin, int64_t end) {
      std::vector<double> weights(n_);
      for (int64_t r = begin; r < end; ++r) {
        draw(options_.seed.stream("replicate").stream(static_cast<uint64_t>(r)), weights);
        values[static_cast<size_t>(r)] = value_at(weights, fmt::format("of replicate {}", r));
      }
    });
    return values;
  }

  // z0: the normal quantile of the share of replicates below the estimate, half of the equal ones with them.
  static double bias_correction(const std::vector<double>& sorted, double estimate) {
    const auto [first, last] = std::equal_range(sorted.begin(), sorted.end(), estimate);
    const auto count = static_cast<double>(sorted.size());
    const double share =
        (static_cast<double>(first - sorted.begin()) + static_cast<double>(last - sorted.begin())) /
        (2 * count);
    return normal_quantile(std::clamp(share, 0.5 / count, 1 - 0.5 / count));
  }

  static double bca_level(double p, double bias, double acceleration) {
    const double z = bias + normal_quantile(p);
    const double stretch = 1 - acceleration * z;
    if (stretch <= 0) return acceleration > 0 ? 1 : 0;  // beyond the pole of the transformation
    return normal_cdf(bias + z / stretch);
  }

  // The statistic without each group of a factor's levels.
  std::vector<double> jackknife(const Factor& factor, core::Seed seed) const {
    const auto num_levels = static_cast<int64_t>(factor.levels.size());
    const int64_t num_groups = std::min(num_levels, options_.max_jackknife_groups);
    const std::vector<int64_t> order = seed.random().permutation(num_levels);
    std::vector<int64_t> group_of(factor.table_size, -1);
    for (int64_t i = 0; i < num_levels; ++i)
      group_of[static_cast<size_t>(factor.levels[static_cast<size_t>(order[static_cast<size_t>(i)])])] =
          i % num_groups;
    std::vector<double> values(static_cast<size_t>(num_groups));
    core::parallel_for(num_groups, 1, [&](int64_t begin, int64_t end) {
      std::vector<double> weights(n_);
      for (int64_t group = begin; group < end; ++group) {
        for (size_t i = 0; i < n_; ++i) {
          const size_t level = factor.ids == nullptr ? i : static_cast<size_t>((*factor.ids)[i]);
          weights[i] = group_of[level] == group ? 0 : 1;
        }
        values[static_cast<size_t>(group)] = value_at(weights, "of a jackknife sample");
      }
    });
    return values;
  }

  double acceleration() const {
    double squares = 0, cubes = 0;
    for (size_t f = 0; f < factors_.size(); ++f) {
      const std::vector<double> values = jackknife(factors_[f], options_.seed.stream("jackknife").stream(f));
      const double mean =
          std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
      for (const double value : values) {
        squares += (mean - value) * (mean - value);
        cubes += (mean - value) * (mean - value) * (mean - value);
      }
    }
    return squares > 0 ? cubes / (6 * std::pow(squares, 1.5)) : 0;
  }

  const char* where_;
  const std::vector<Factor> factors_;  // one, or rows and columns
  const size_t n_;
  const WeightedStatistic& statistic_;
  const BootstrapOptions& options_;
};

}  // namespace

BootstrapResult bootstrap(int64_t n, const WeightedStatistic& statistic, const BootstrapOptions& options) {
  const Factor factor = factor_of_observations(n);
  return Bootstrap("bootstrap", {factor}, factor.table_size, statistic, options).run();
}

BootstrapResult bootstrap_one_way(const std::vector<int32_t>& clusters, const WeightedStatistic& statistic,
                                  const BootstrapOptions& options) {
  const char* where = "bootstrap_one_way";
  return Bootstrap(where, {factor_of(where, clusters)}, clusters.size(), statistic, options).run();
}

BootstrapResult bootstrap_two_way(const std::vector<int32_t>& rows, const std::vector<int32_t>& columns,
                                  const WeightedStatistic& statistic, const BootstrapOptions& options) {
  const char* where = "bootstrap_two_way";
  if (rows.size() != columns.size())
    throw InputError("{}: an observation has a row and a column, got {} rows and {} columns", where,
                     rows.size(), columns.size());
  return Bootstrap(where, {factor_of(where, rows), factor_of(where, columns)}, rows.size(), statistic,
                   options)
      .run();
}

namespace {

TwoWayEstimate summarise(double estimate, std::vector<double> replicates, double confidence) {
  TwoWayEstimate result{.estimate = estimate, .replicates = std::move(replicates)};
  std::vector<double> sorted;
  for (const double value : result.replicates)
    if (!std::isnan(value)) sorted.push_back(value);
  result.num_undefined = static_cast<int64_t>(result.replicates.size() - sorted.size());
  if (sorted.size() < 2) {
    result.standard_error = result.interval.low = result.interval.high = NAN;
    return result;
  }
  std::sort(sorted.begin(), sorted.end());
  result.standard_error = Bootstrap::standard_deviation(sorted);
  const double tail = (1 - confidence) / 2;
  result.interval = {.low = Bootstrap::sorted_quantile(sorted, tail),
                     .high = Bootstrap::sorted_quantile(sorted, 1 - tail)};
  return result;
}

}  // namespace

std::vector<TwoWayEstimate> bootstrap_two_way(int64_t num_rows, int64_t num_columns,
                                              const TwoWayStatistics& statistics,
                                              const BootstrapOptions& options) {
  const char* where = "bootstrap_two_way";
  for (const int64_t levels : {num_rows, num_columns})
    if (levels < 2) throw InputError("{}: needs at least two levels to resample, got {}", where, levels);
  check_options(where, options);
  const auto rows = static_cast<size_t>(num_rows), columns = static_cast<size_t>(num_columns);
  const std::vector<double> estimates =
      statistics({std::vector<float>(rows, 1.0F), std::vector<float>(columns, 1.0F)});

  std::vector<std::vector<double>> replicates(
      estimates.size(), std::vector<double>(static_cast<size_t>(options.num_replicates)));
  core::parallel_for(options.num_replicates, 1, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const core::Seed seed = options.seed.stream("replicate").stream(static_cast<uint64_t>(r));
      core::Random of_rows = seed.stream(0).random(), of_columns = seed.stream(1).random();
      const std::vector<uint16_t> row_counts = draw_counts(rows, of_rows);
      const std::vector<uint16_t> column_counts = draw_counts(columns, of_columns);
      const std::vector<double> values =
          statistics({{row_counts.begin(), row_counts.end()}, {column_counts.begin(), column_counts.end()}});
      if (values.size() != estimates.size())
        throw InputError("{}: {} statistics of all observations, but {} of replicate {}", where,
                         estimates.size(), values.size(), r);
      for (size_t s = 0; s < values.size(); ++s) replicates[s][static_cast<size_t>(r)] = values[s];
    }
  });

  std::vector<TwoWayEstimate> results;
  for (size_t s = 0; s < estimates.size(); ++s)
    results.push_back(summarise(estimates[s], std::move(replicates[s]), options.confidence));
  return results;
}

double quantile(std::vector<double> values, double p) {
  check_probability("quantile", p);
  if (values.empty()) throw InputError("quantile: the sample is empty");
  if (std::any_of(values.begin(), values.end(), [](double value) { return std::isnan(value); }))
    throw InputError("quantile: the sample has NaN");
  std::sort(values.begin(), values.end());
  return Bootstrap::sorted_quantile(values, p);
}

}  // namespace lathe::math
