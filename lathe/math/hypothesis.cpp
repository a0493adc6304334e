#include "lathe/math/hypothesis.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>

#include "lathe/core/error.h"
#include "lathe/core/parallel.h"
#include "lathe/math/checks.h"
#include "lathe/math/rank.h"
#include "lathe/math/special.h"

namespace lathe::math {
namespace {

constexpr size_t kExactWilcoxon = 50;

std::vector<double> differences(const char* where, const std::vector<double>& x, const std::vector<double>& y,
                                size_t min_size) {
  check_pairs(where, x, y, min_size);
  std::vector<double> result(x.size());
  for (size_t i = 0; i < x.size(); ++i) result[i] = x[i] - y[i];
  return result;
}

bool all_zero(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double value) { return value == 0; });
}

// Sum over groups of t equal values of t³ - t.
double tie_term(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  double sum = 0;
  for (auto begin = values.begin(); begin != values.end();) {
    const auto end = std::upper_bound(begin, values.end(), *begin);
    const auto t = static_cast<double>(end - begin);
    sum += t * t * t - t;
    begin = end;
  }
  return sum;
}

// P(W <= w): the share of subsets of {1 .. n} with at most this sum.
double exact_wilcoxon_tail(size_t n, double w) {
  std::vector<double> share(n * (n + 1) / 2 + 1, 0.0);
  share[0] = 1;
  for (size_t rank = 1; rank <= n; ++rank)
    for (size_t sum = share.size(); sum-- > 0;)
      share[sum] = (share[sum] + (sum >= rank ? share[sum - rank] : 0)) / 2;
  return std::accumulate(share.begin(), share.begin() + static_cast<int64_t>(w) + 1, 0.0);
}

// How many of the sums, all 2^n or as many random ones, lie as far from zero as the one observed.
class SignFlips {
 public:
  explicit SignFlips(const std::vector<double>& values) : values_(values) {
    // Sums in another order differ by rounding; what is equal but for that counts as extreme.
    double size = 0;
    for (const double value : values) size += std::abs(value);
    threshold_ = std::abs(std::accumulate(values.begin(), values.end(), 0.0)) - 1e-12 * size;
  }

  double exact_p() const {
    const uint64_t patterns = uint64_t{1} << values_.size();
    int64_t extreme = 0;
    for (uint64_t pattern = 0; pattern < patterns; ++pattern) {
      double sum = 0;
      for (size_t i = 0; i < values_.size(); ++i) sum += (pattern >> i & 1) != 0 ? values_[i] : -values_[i];
      extreme += std::abs(sum) >= threshold_;
    }
    return static_cast<double>(extreme) / static_cast<double>(patterns);
  }

  double sampled_p(const PermutationOptions& options) const {
    std::atomic<int64_t> extreme{0};
    core::parallel_for(options.num_permutations, 1, [&](int64_t begin, int64_t end) {
      for (int64_t index = begin; index < end; ++index)
        extreme += std::abs(random_sum(
                       options.seed.stream("permutation").stream(static_cast<uint64_t>(index)).random())) >=
                   threshold_;
    });
    return static_cast<double>(1 + extreme) / static_cast<double>(1 + options.num_permutations);
  }

 private:
  double random_sum(core::Random random) const {
    double sum = 0;
    uint64_t bits = 0;
    for (size_t i = 0; i < values_.size(); ++i, bits >>= 1) {
      if (i % 64 == 0) bits = random();
      sum += static_cast<double>(static_cast<int64_t>(bits & 1) * 2 - 1) * values_[i];
    }
    return sum;
  }

  const std::vector<double>& values_;
  double threshold_ = 0;
};

// Positions of the p-values, smallest first.
std::vector<size_t> checked_order(const char* where, const std::vector<double>& p_values) {
  for (const double p : p_values) check_probability(where, p);
  std::vector<size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p_values[a] < p_values[b]; });
  return order;
}

}  // namespace

TestResult paired_t_test(const std::vector<double>& x, const std::vector<double>& y) {
  const std::vector<double> d = differences("paired_t_test", x, y, 2);
  if (all_zero(d)) return {};
  const auto n = static_cast<double>(d.size());
  const double mean = std::accumulate(d.begin(), d.end(), 0.0) / n;
  double squares = 0;
  for (const double value : d) squares += (value - mean) * (value - mean);
  const double t = mean / std::sqrt(squares / (n - 1) / n);
  return {.statistic = t, .p_value = 2 * student_t_cdf(-std::abs(t), n - 1)};
}

TestResult wilcoxon_signed_rank_test(const std::vector<double>& x, const std::vector<double>& y) {
  std::vector<double> d = differences("wilcoxon_signed_rank_test", x, y, 1);
  d.erase(std::remove(d.begin(), d.end(), 0.0), d.end());
  if (d.empty()) return {};
  std::vector<double> magnitudes(d.size());
  std::transform(d.begin(), d.end(), magnitudes.begin(), [](double value) { return std::abs(value); });
  const std::vector<double> rank = ranks(magnitudes);
  double positive = 0;
  for (size_t i = 0; i < d.size(); ++i)
    if (d[i] > 0) positive += rank[i];

  const auto n = static_cast<double>(d.size());
  const double ties = tie_term(magnitudes);
  const double all = n * (n + 1) / 2;
  if (ties == 0 && d.size() <= kExactWilcoxon) {
    const double tail = exact_wilcoxon_tail(d.size(), std::min(positive, all - positive));
    return {.statistic = positive, .p_value = std::min(1.0, 2 * tail)};
  }
  const double deviation = std::max(0.0, std::abs(positive - all / 2) - 0.5);
  const double variance = n * (n + 1) * (2 * n + 1) / 24 - ties / 48;
  return {.statistic = positive, .p_value = 2 * normal_cdf(-deviation / std::sqrt(variance))};
}

TestResult sign_test(const std::vector<double>& x, const std::vector<double>& y) {
  const std::vector<double> d = differences("sign_test", x, y, 1);
  return mcnemar_test(std::count_if(d.begin(), d.end(), [](double value) { return value > 0; }),
                      std::count_if(d.begin(), d.end(), [](double value) { return value < 0; }));
}

TestResult mcnemar_test(int64_t only_first, int64_t only_second) {
  if (only_first < 0 || only_second < 0)
    throw InputError("mcnemar_test: counts must not be negative, got {} and {}", only_first, only_second);
  const double tail = binomial_lower_tail(std::min(only_first, only_second), only_first + only_second, 0.5);
  return {.statistic = static_cast<double>(only_first), .p_value = std::min(1.0, 2 * tail)};
}

TestResult paired_permutation_test(const std::vector<double>& x, const std::vector<double>& y,
                                   const PermutationOptions& options) {
  const std::vector<double> d = differences("paired_permutation_test", x, y, 1);
  if (options.num_permutations < 1)
    throw InputError("paired_permutation_test: num_permutations must be at least 1, got {}",
                     options.num_permutations);
  const SignFlips flips(d);
  const bool few = d.size() < 63 && int64_t{1} << d.size() <= options.num_permutations;
  return {.statistic = std::accumulate(d.begin(), d.end(), 0.0) / static_cast<double>(d.size()),
          .p_value = few ? flips.exact_p() : flips.sampled_p(options)};
}

std::vector<double> holm(const std::vector<double>& p_values) {
  const std::vector<size_t> order = checked_order("holm", p_values);
  std::vector<double> adjusted(p_values.size());
  double largest = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    largest = std::max(largest, static_cast<double>(order.size() - i) * p_values[order[i]]);
    adjusted[order[i]] = std::min(1.0, largest);
  }
  return adjusted;
}

std::vector<double> benjamini_hochberg(const std::vector<double>& p_values) {
  const std::vector<size_t> order = checked_order("benjamini_hochberg", p_values);
  std::vector<double> adjusted(p_values.size());
  double smallest = 1;
  for (size_t i = order.size(); i-- > 0;) {
    smallest = std::min(smallest,
                        static_cast<double>(order.size()) / static_cast<double>(i + 1) * p_values[order[i]]);
    adjusted[order[i]] = smallest;
  }
  return adjusted;
}

}  // namespace lathe::math
