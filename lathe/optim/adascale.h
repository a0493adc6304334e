#pragma once
#include <functional>
#include <string>
#include <vector>

#include "lathe/core/config.h"
#include "lathe/optim/composed_step.h"

namespace lathe::optim {

// AdaScale: S times the batch, the learning-rate schedule of the batch before. Johnson, Agrawal, Gu &
// Guestrin, ICML 2020 (arXiv 2007.05105).
//
//   r = (σ² + μ²) / (σ²/S + μ²) in [1, S]     the gain, eq. (in Algorithm 1)
//   w ← w − r · lr(⌊τ⌋) · ḡ,  τ ← τ + r       until τ reaches the number of steps of the schedule
//
// σ² is the total variance of the gradient of one batch of the schedule's size, μ² the squared norm of its
// mean. From N replicas of a step, their gradients g_i and the mean ḡ:
//   σ̂² = S/(N(N−1)) Σ‖g_i‖² − S/(N−1) ‖ḡ‖²,   μ̂² = ‖ḡ‖² − σ̂²/S                           (appendix B.3)
// From consecutive gradients a, b of single-replica steps, biased since the weights moved between them:
//   σ̂² = 2S ((‖a‖² + ‖b‖²)/2 − ‖(a + b)/2‖²),  μ̂² = 2‖(a + b)/2‖² − (‖a‖² + ‖b‖²)/2
// Both are averaged over steps, and only then clamped (μ² ≥ 0, σ² ≥ 1e-6 μ²) and divided.
struct GradientMoments {
  double variance = 0, squared_mean = 0;
};
GradientMoments replica_moments(double sum_of_squared_norms, double squared_norm_of_mean, int64_t replicas,
                                double scale);
GradientMoments consecutive_moments(double squared_norm_a, double squared_norm_b, double squared_norm_of_mean,
                                    double scale);
double gain(const GradientMoments& moments, double scale);  // 1 where both moments are 0

enum class MomentEstimator { replicas, difference };
enum class MomentAverage { debias, plain };

struct AdaScaleOptions {
  double scale = 0;       // S = batch of a step / batch of the schedule, 1 or more; 0: the replicas of a step
  double smoothing = -1;  // θ; below 0: max(0, 1 − N/1000) (appendix B.3), consecutive gradients 0.999^S
  // debias: moving average divided by 1 − θᵗ; plain: mean of all while t < 1/(1 − θ), then a moving average
  // (paper)
  MomentAverage average = MomentAverage::debias;
  MomentEstimator estimator = MomentEstimator::replicas;
  double power = 1;  // lr factor is r^power; 0.5 suits optimizers that divide by the gradient's size
  // σ² ≥ 1e-6 and μ² ≥ 0 at each step, before averaging, as in fairscale: biased, for comparison.
  bool clamp_before_average = false;
};
AdaScaleOptions adascale_options(const core::Config& adascale, bool sgd);  // reads an [optim.adascale] table
void check(const AdaScaleOptions& options);                                // throws InputError

// What a parameter's gradient is divided by before its moments are taken; undefined: not known yet.
using Preconditioner = std::function<torch::Tensor(const torch::Tensor& parameter)>;
// √v̂ + ε of libtorch's Adam or AdamW, undefined in their first five steps and for other optimizers.
Preconditioner adam_preconditioner(torch::optim::Optimizer& optimizer);

// Slots 2 and 5 of the composed step. Each group's learning rate is multiplied by its own gain; progress is
// the gain of the groups' moments added up. Reports "gain", "variance", "squared_mean", "noise_scale" (σ²/μ²,
// in batches of the schedule). One reduction carries one number a group and two a process. Throws InputError
// for micro-batches of different sizes, for a scale above 1 with nothing to estimate from, and, on all
// processes, where they differ in scale or number of micro-batches.
class AdaScale : public GradientObserver, public LearningRateFactor {
 public:
  AdaScale(ParameterGroups groups, AdaScaleOptions options, Preconditioner preconditioner = {});

  double gain() const { return gain_at(scale_); }
  double gain(size_t group) const { return optim::gain(moments(group), scale_); }
  double gain_at(double scale) const;  // what it would be at another scale
  GradientMoments moments() const;     // clamped, of all groups together
  GradientMoments moments(size_t group) const;
  double noise_scale() const;
  bool biased() const { return biased_; }  // estimated from consecutive gradients
  // For a number of processes that changes: moments are of the schedule's batch and stay.
  void set_scale(double scale);

  void replica(const GradientSource& source, int64_t i, const Evaluation& evaluation) override;
  torch::Tensor sums(const GradientSource& source) const override;
  void mean(const GradientSource& source, const torch::Tensor& sums, StepReport& report) override;
  double factor(size_t group, double share) const override;
  double progress() const override { return gain(); }
  void save(torch::serialize::OutputArchive& archive) const override;
  void load(torch::serialize::InputArchive& archive) override;

  // What replica() does with the gradients in .grad: here in the order of the groups' parameters, undefined
  // ones allowed.
  void add_replica(const std::vector<torch::Tensor>& gradients);
  void discard_step() { squares_ = torch::Tensor(); }

 private:
  bool preconditioned() const;  // or no preconditioner is wanted
  torch::Tensor squared_norms(const std::vector<torch::Tensor>& gradients) const;  // float64 [groups]
  std::vector<torch::Tensor> gradients() const;  // of all parameters, copied
  void estimate_from_replicas(const torch::Tensor& squares, int64_t replicas);
  void estimate_from_difference();
  void average(const std::vector<GradientMoments>& now, double smoothing);
  void forget();

  ParameterGroups groups_;
  AdaScaleOptions options_;
  Preconditioner preconditioner_;
  double scale_;
  torch::Tensor squares_;  // of each group: Σ‖g_i‖² of this step's replicas so far
  int64_t samples_ = 0;    // of each of them

  std::vector<GradientMoments> averages_;  // of each group, before clamping
  double weight_ = 0;                      // of the moving average, 1 − θᵗ
  int64_t count_ = 0;
  bool biased_ = false;
  std::vector<torch::Tensor> previous_;  // gradients of the last step; difference only
};

// AdaScale around any libtorch optimizer, for loops of your own:
//   optimizer.zero_grad();
//   for (micro-batch) { loss.backward(); adascale.end_micro_batch(); }   // gradients add up in .grad
//   double gain = adascale.step();                                       // mean, scaled learning rate, step
//   set the learning rate by adascale.progress(), stop when it reaches the steps of the schedule.
enum class Accumulation { sum, mean };  // mean: each loss was divided by the number of micro-batches
class StandaloneAdaScale {
 public:
  StandaloneAdaScale(torch::optim::Optimizer& base, AdaScaleOptions options,
                     Accumulation accumulation = Accumulation::sum, Communicator* communicator = nullptr);
  void end_micro_batch();  // after each backward()
  double step();           // the gain; 0 where a gradient was not finite and nothing was done
  double progress() const { return progress_; }
  const AdaScale& moments() const { return adascale_; }
  void save(torch::serialize::OutputArchive& archive) const;  // throws Error between micro-batches
  void load(torch::serialize::InputArchive& archive);

 private:
  torch::optim::Optimizer& base_;
  Accumulation accumulation_;
  Communicator* communicator_;
  AdaScale adascale_;
  std::vector<torch::Tensor> parameters_, before_;  // before_: .grad at the end of the last micro-batch
  int64_t micro_batches_ = 0;
  double progress_ = 0;
};

}  // namespace lathe::optim
