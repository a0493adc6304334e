#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "lathe/math/intervals.h"

// What labels that were chosen on purpose say about the whole pool: Farquhar, Gal & Rainforth, ICLR 2021,
// "On Statistical Bias In Active Learning: How and When to Fix It" (arXiv 2101.11665).
//
// A pool has N points. Step m = 1 … M takes one of the N − m + 1 that remain; q_m is the probability, at that
// moment and among those, of the one that was taken, and L_m its loss. The target is the mean loss of the
// pool. Wherever q has to be given it is (q_1, …, q_M), the steps of a uniform start included.
namespace lathe::evaluate::active {

enum class Estimator {
  kNone,  // (1/M) Σ L_m: biased unless the points were drawn uniformly
  kPure,  // R_PURE, eq. 4
  kLure   // R_LURE, eq. 5: less variance, exact at M = N, weights 1 under uniform draws
};
std::string to_string(Estimator estimator);
Estimator parse_estimator(const std::string& text);  // none, pure, lure; throws InputError

// The weight of every step, so that the estimate is (1/M) Σ weight_m L_m. All of them change with M.
//
//   R_PURE   w_m = 1 / (N q_m) + (M − m) / N
//   R_LURE   v_m = 1 + (N − M) / (N − m) · (1 / ((N − m + 1) q_m) − 1),  1 for all where M = N
//
// Throw InputError, naming the step, for q outside (0, 1] and for M > N.
std::vector<double> pure_weights(const std::vector<double>& q, int64_t num_pool);
std::vector<double> lure_weights(const std::vector<double>& q, int64_t num_pool);
std::vector<double> weights(Estimator estimator, const std::vector<double>& q, int64_t num_pool);

struct Estimate {
  double value = 0;
  double standard_error = 0;  // NaN for a single step, 0 at M = N
  double effective_size = 0;  // (Σ w)² / Σ w²: as many uniform labels would have such weights
  double freedom = 0;         // of Student's t for intervals: the number of equal steps less 1
};

// Estimate after each step, in constant time. Both estimators are a mixture Σ c_m a_m, Σ c_m = 1, of
//
//   a_m = L_m / (N q_m) + (1/N) Σ_{t<m} L_t,   E[a_m | steps before] = the target
//
// with c_m = 1/M for PURE and ∝ 1 / ((N − m)(N − m + 1)) for LURE, so that the a_m are martingale differences
// and
//
//   standard_error² = Σ c_m² (a_m − estimate)² / (1 − Σ c_m²),   freedom = 1 / Σ c_m² − 1
//
// Of kNone it is that of a simple random sample without replacement: its bias is not in it.
class RunningRisk {
 public:
  RunningRisk(Estimator estimator, int64_t num_pool);
  void add(double loss, double q);  // throws InputError for q outside (0, 1], a step beyond N, a loss that is
                                    // not finite
  int64_t num_steps() const { return m_; }
  Estimate estimate() const;  // NaN everywhere before the first step

 private:
  // Σ k, Σ k x and Σ k x² of x less its first value: sums of squares without cancellation.
  struct Moments {
    double origin = 0, total = 0, first = 0, second = 0;
    bool empty = true;
    void add(double x, double k);
    double squares_around(double centre) const;  // Σ k (x − centre)²
  };
  double n() const { return static_cast<double>(num_pool_); }

  Estimator estimator_;
  int64_t num_pool_, m_ = 0;
  double losses_ = 0, corrections_ = 0, mixed_ = 0;  // Σ L, Σ e L, Σ a
  double excess_ = 0, excess_squares_ = 0;           // Σ e, Σ e²: what weights have beyond their part in M
  Moments spread_;                                   // of a_m
};

// The same of all steps at once. `losses` and `q` are equally many; throws as RunningRisk.
Estimate risk(const std::vector<double>& losses, const std::vector<double>& q, int64_t num_pool,
              Estimator estimator);

// value ± t · standard_error, t the quantile of Student's distribution.
math::Interval interval(const Estimate& estimate, double confidence = 0.95);

// The gap between the risk r of a model on new data and its mean loss on the labels it was trained on, §5:
//
//   r − R̃ = (r − R_LURE) + (R_LURE − R̃) = overfitting bias + active-learning bias
struct BiasParts {
  double overfitting = 0;      // B_OFB
  double active_learning = 0;  // B_ALB
};
BiasParts bias_parts(double population_risk, const std::vector<double>& losses, const std::vector<double>& q,
                     int64_t num_pool);

}  // namespace lathe::evaluate::active
