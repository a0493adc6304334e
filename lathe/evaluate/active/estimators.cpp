#include "lathe/evaluate/active/estimators.h"

#include <cmath>
#include <limits>

#include "lathe/core/edit_distance.h"
#include "lathe/core/error.h"
#include "lathe/data/text.h"
#include "lathe/math/special.h"

namespace lathe::evaluate::active {
namespace {

const std::vector<std::string> kEstimators = {"none", "pure", "lure"};

double real(int64_t count) {
  return static_cast<double>(count);
}

void check_step(int64_t step, double q, int64_t num_pool) {
  if (step > num_pool)
    throw InputError("step {}: the pool has {} points, and each is taken once", step, num_pool);
  if (!(q > 0 && q <= 1))
    throw InputError(
        "step {}: q must be the probability, in (0, 1], of the point that was taken among those that "
        "remained, got {}",
        step, q);
}

// e_m: v_m = 1 + (N − M) e_m.
double lure_excess(double q, int64_t m, int64_t num_pool) {
  if (m == num_pool) return 0;
  return (1 / (real(num_pool - m + 1) * q) - 1) / real(num_pool - m);
}

// w_m = M / N + e_m.
double pure_excess(double q, int64_t m, int64_t num_pool) {
  return (1 / q - real(m)) / real(num_pool);
}

template <typename Weight>
std::vector<double> all_weights(const std::vector<double>& q, int64_t num_pool, const Weight& weight) {
  std::vector<double> weights;
  weights.reserve(q.size());
  for (size_t i = 0; i < q.size(); ++i) {
    const auto m = static_cast<int64_t>(i) + 1;
    check_step(m, q[i], num_pool);
    weights.push_back(weight(q[i], m));
  }
  return weights;
}

}  // namespace

std::string to_string(Estimator estimator) {
  return kEstimators[static_cast<size_t>(estimator)];
}

Estimator parse_estimator(const std::string& text) {
  for (size_t i = 0; i < kEstimators.size(); ++i)
    if (kEstimators[i] == text) return static_cast<Estimator>(i);
  const auto meant = core::nearest(text, kEstimators);
  throw InputError("no estimator '{}'; {}there are none, pure and lure", data::excerpt(text),
                   meant ? "did you mean '" + *meant + "'? " : "");
}

std::vector<double> pure_weights(const std::vector<double>& q, int64_t num_pool) {
  const double share = real(static_cast<int64_t>(q.size())) / real(num_pool);
  return all_weights(q, num_pool,
                     [&](double q_m, int64_t m) { return share + pure_excess(q_m, m, num_pool); });
}

std::vector<double> lure_weights(const std::vector<double>& q, int64_t num_pool) {
  const double left = real(num_pool - static_cast<int64_t>(q.size()));
  return all_weights(q, num_pool,
                     [&](double q_m, int64_t m) { return 1 + left * lure_excess(q_m, m, num_pool); });
}

std::vector<double> weights(Estimator estimator, const std::vector<double>& q, int64_t num_pool) {
  if (estimator == Estimator::kPure) return pure_weights(q, num_pool);
  if (estimator == Estimator::kLure) return lure_weights(q, num_pool);
  return all_weights(q, num_pool, [](double, int64_t) { return 1.0; });
}

void RunningRisk::Moments::add(double x, double k) {
  if (empty) origin = x;
  empty = false;
  total += k;
  first += k * (x - origin);
  second += k * (x - origin) * (x - origin);
}

double RunningRisk::Moments::squares_around(double centre) const {
  const double shift = centre - origin;
  return std::max(0.0, second - 2 * shift * first + shift * shift * total);
}

RunningRisk::RunningRisk(Estimator estimator, int64_t num_pool) : estimator_(estimator), num_pool_(num_pool) {
  if (num_pool < 1) throw InputError("a pool has at least one point, got {}", num_pool);
}

void RunningRisk::add(double loss, double q) {
  const int64_t m = m_ + 1;
  check_step(m, q, num_pool_);
  if (!std::isfinite(loss)) throw InputError("step {}: the loss must be finite, got {}", m, loss);
  const double a = loss / (n() * q) + losses_ / n();
  mixed_ += a;
  losses_ += loss;
  switch (estimator_) {
    case Estimator::kNone:
      spread_.add(loss, 1);
      break;
    case Estimator::kPure: {
      const double e = pure_excess(q, m, num_pool_);
      excess_ += e;
      excess_squares_ += e * e;
      spread_.add(a, 1);
      break;
    }
    case Estimator::kLure: {
      const double e = lure_excess(q, m, num_pool_);
      corrections_ += e * loss;
      excess_ += e;
      excess_squares_ += e * e;
      // At m = N the estimate is exact, and nothing of the spread is used.
      if (m < num_pool_) spread_.add(a, std::pow(1 / (real(num_pool_ - m) * real(num_pool_ - m + 1)), 2));
      break;
    }
  }
  m_ = m;
}

Estimate RunningRisk::estimate() const {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  if (m_ == 0) return {nan, nan, 0, 0};
  const double M = real(m_), left = n() - M;
  Estimate result;
  double part = 1, scale = 1, squares = 1 / M;  // of weights in common; c_m² = scale k_m; Σ c_m²
  switch (estimator_) {
    case Estimator::kNone:
      result.value = losses_ / M;
      scale = (1 - M / n()) / (M * M);
      break;
    case Estimator::kPure:
      result.value = mixed_ / M;
      part = M / n();
      scale = 1 / (M * M);
      break;
    case Estimator::kLure:
      result.value = (losses_ + left * corrections_) / M;
      scale = std::pow(n() * left / M, 2);
      squares = scale * spread_.total;
      break;
  }
  const double lever = estimator_ == Estimator::kLure ? left : 1;
  const double sum = M * part + lever * excess_;
  result.effective_size =
      sum * sum / (M * part * part + 2 * part * lever * excess_ + lever * lever * excess_squares_);
  const bool exact = m_ == num_pool_ && estimator_ != Estimator::kPure;
  result.freedom = squares > 0 ? 1 / squares - 1 : 0;
  result.standard_error = exact     ? 0
                          : m_ == 1 ? nan
                                    : std::sqrt(scale * spread_.squares_around(result.value) / (1 - squares));
  return result;
}

Estimate risk(const std::vector<double>& losses, const std::vector<double>& q, int64_t num_pool,
              Estimator estimator) {
  if (losses.size() != q.size())
    throw InputError("{} losses for {} steps; each step has one", losses.size(), q.size());
  RunningRisk running(estimator, num_pool);
  for (size_t i = 0; i < q.size(); ++i) running.add(losses[i], q[i]);
  return running.estimate();
}

math::Interval interval(const Estimate& estimate, double confidence) {
  if (!(estimate.standard_error > 0)) {
    const double unknown =
        std::isnan(estimate.standard_error) ? std::numeric_limits<double>::infinity() : 0.0;
    return {estimate.value - unknown, estimate.value + unknown};
  }
  const double margin = math::student_t_quantile((1 + confidence) / 2, std::max(1.0, estimate.freedom)) *
                        estimate.standard_error;
  return {estimate.value - margin, estimate.value + margin};
}

BiasParts bias_parts(double population_risk, const std::vector<double>& losses, const std::vector<double>& q,
                     int64_t num_pool) {
  const double lure = risk(losses, q, num_pool, Estimator::kLure).value;
  const double plain = risk(losses, q, num_pool, Estimator::kNone).value;
  return {.overfitting = population_risk - lure, .active_learning = lure - plain};
}

}  // namespace lathe::evaluate::active
