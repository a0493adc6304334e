#include "studies/adascale_quadratic.h"

#include <torch/torch.h>

#include <cmath>

#include "lathe/data/noisy_quadratic.h"
#include "lathe/optim/optimizer.h"

namespace lathe::studies::adascale {
namespace {

using core::Seed;

// Independent gradients at the present point.
class Replicas : public optim::GradientSource {
 public:
  Replicas(const data::NoisyQuadratic& problem, torch::Tensor w, int64_t replicas, Seed seed)
      : problem_(problem), w_(std::move(w)), replicas_(replicas), seed_(seed) {}
  int64_t local_replicas() const override { return replicas_; }
  int64_t replicas() const override { return replicas_; }
  void all_reduce_sum(at::TensorList) override {}
  optim::Evaluation evaluate(int64_t, optim::Pass) override {
    w_.mutable_grad() = problem_.noisy_gradient(w_.detach(), seed_.stream(draws_++));
    return {.loss = problem_.value(w_), .samples = 1};
  }

 private:
  const data::NoisyQuadratic& problem_;
  torch::Tensor w_;
  int64_t replicas_;
  Seed seed_;
  uint64_t draws_ = 0;
};

std::unique_ptr<optim::StepRule> sgd(const torch::Tensor& w, double lr) {
  return optim::make_step(
      {w},
      {.lr = lr, .momentum = 0, .nesterov = false, .weight_decay = 0, .adascale = optim::AdaScaleOptions{}});
}

}  // namespace

double gain_error(Seed seed) {
  const data::NoisyQuadratic problem = data::noisy_quadratic(100, 0.1, 1, 0.5);
  double worst = 0;
  for (int64_t scale : {2, 4, 8, 16, 32}) {
    const torch::Tensor w = torch::ones({100}, torch::kFloat64).requires_grad_();
    const auto rule = sgd(w, 1e-6);
    Replicas source(problem, w, scale, seed.stream(static_cast<uint64_t>(scale)));
    double measured = 0;
    for (int step = 0; step < 200; ++step) measured = rule->step(source).progress;
    const optim::GradientMoments exact = {problem.variance(),
                                          problem.gradient(w.detach()).square().sum().item<double>()};
    worst = std::max(worst, std::abs(measured / optim::gain(exact, static_cast<double>(scale)) - 1));
  }
  return worst;
}

ConvergenceResult convergence(Seed seed) {
  constexpr double kSteps = 400;
  constexpr int kTrials = 20;
  const data::NoisyQuadratic problem = data::noisy_quadratic(20, 0.1, 1, 0.5);
  const double alpha = 0.1, beta = 1, eta = 0.1;
  const torch::Tensor start = torch::ones({20}, torch::kFloat64);
  const double gamma = alpha * eta * (2 - eta * beta);
  ConvergenceResult result;
  result.bound = std::pow(1 - gamma, kSteps) * problem.value(start) +
                 eta * eta * beta * problem.variance() / (2 * gamma);
  for (int64_t scale : {1, 4, 8, 16, 32}) {
    Convergence mean{.scale = static_cast<double>(scale)};
    for (uint64_t trial = 0; trial < kTrials; ++trial) {
      const torch::Tensor w = start.clone().requires_grad_();
      const auto rule = sgd(w, eta);
      Replicas source(problem, w, scale, seed.stream(static_cast<uint64_t>(scale)).stream(trial));
      for (double tau = 0; tau < kSteps; mean.steps += 1.0 / kTrials) tau += rule->step(source).progress;
      mean.value += problem.value(w) / kTrials;
    }
    result.scales.push_back(mean);
  }
  return result;
}

}  // namespace lathe::studies::adascale
