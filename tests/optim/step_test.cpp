#include "lathe/optim/composed_step.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <sstream>

#include "lathe/core/error.h"
#include "lathe/optim/clip_norm.h"
#include "lathe/optim/optimizer.h"
#include "tests/optim/gradient_list.h"

namespace lathe::optim {
namespace {

// L = ½ wᵀ H w, H = diag(1, 10), seen by `shares.size()` replicas, replica i with the loss scaled by
// shares[i].
class Quadratic : public GradientSource {
 public:
  explicit Quadratic(std::vector<double> shares = {1}, int64_t elsewhere = 0)
      : shares_(std::move(shares)), elsewhere_(elsewhere) {}
  int64_t local_replicas() const override { return static_cast<int64_t>(shares_.size()); }
  int64_t replicas() const override { return local_replicas() + elsewhere_; }
  int processes() const override { return elsewhere_ > 0 ? 2 : 1; }
  Evaluation evaluate(int64_t i, Pass) override {
    const double share = shares_[static_cast<size_t>(i)];
    const torch::Tensor curvature = torch::tensor({1.0, 10.0});
    w.mutable_grad() = share * curvature * w.detach();
    return {.loss = share * 0.5 * (curvature * w.detach().square()).sum().item<double>(),
            .samples = 4,
            .task = {}};
  }
  void all_reduce_sum(at::TensorList tensors) override {  // the other processes saw the same as this one
    ++reductions;
    for (const auto& tensor : tensors)
      tensor.mul_(static_cast<double>(replicas()) / static_cast<double>(local_replicas()));
  }
  torch::Tensor w = torch::ones({2}, torch::kFloat64).requires_grad_();
  int reductions = 0;

 private:
  std::vector<double> shares_;
  int64_t elsewhere_;
};

std::unique_ptr<StepRule> plain_sgd(const torch::Tensor& w, double lr, double clip_norm = 0) {
  return make_step(
      {w},
      {.kind = "sgd", .lr = lr, .momentum = 0, .nesterov = false, .weight_decay = 0, .clip_norm = clip_norm});
}

void expect_w(const Quadratic& problem, double a, double b) {
  EXPECT_NEAR(problem.w[0].item<double>(), a, 1e-12);
  EXPECT_NEAR(problem.w[1].item<double>(), b, 1e-12);
}

TEST(ComposedStep, PlainSgdOnAQuadratic) {
  Quadratic problem;
  const StepReport report = plain_sgd(problem.w, 0.05)->step(problem);
  expect_w(problem, 1 - 0.05 * 1, 1 - 0.05 * 10);
  EXPECT_DOUBLE_EQ(report.loss, 5.5);
  EXPECT_DOUBLE_EQ(report.progress, 1);
  EXPECT_EQ(report.evaluations, 1);
  EXPECT_EQ(report.collectives, 0);
  EXPECT_FALSE(report.skipped);
}

TEST(ComposedStep, ReplicasAreAveraged) {
  Quadratic problem({0.5, 1.0, 3.0});  // mean 1.5
  const StepReport report = plain_sgd(problem.w, 0.01)->step(problem);
  expect_w(problem, 1 - 0.01 * 1.5, 1 - 0.01 * 15);
  EXPECT_NEAR(report.loss, 1.5 * 5.5, 1e-12);
  EXPECT_EQ(report.evaluations, 3);
}

// The steepest of all processes' gradients: needs every process's part before it can choose.
class Steepest : public CombineRule {
 public:
  explicit Steepest(torch::Tensor w) : w_(std::move(w)) {}
  void replica(const GradientSource&, int64_t i, const Evaluation&) override {
    if (i == 0) gradients_.clear();
    gradients_.push_back(w_.grad().clone());
  }
  std::vector<torch::Tensor> packet(const GradientSource&) override { return gradients_; }
  void combine(const GradientSource&, StepReport& report) override {
    const auto steepest = std::max_element(gradients_.begin(), gradients_.end(), [](auto& a, auto& b) {
      return a.norm().template item<double>() < b.norm().template item<double>();
    });
    w_.mutable_grad() = *steepest;
    report.metrics["chosen"] = static_cast<double>(steepest - gradients_.begin());
    ++calls;
  }
  void save(torch::serialize::OutputArchive& archive) const override {
    archive.write("calls", c10::IValue(calls));
  }
  void load(torch::serialize::InputArchive& archive) override {
    c10::IValue value;
    archive.read("calls", value);
    calls = value.toInt();
  }
  int64_t calls = 0;

 private:
  torch::Tensor w_;
  std::vector<torch::Tensor> gradients_;
};

std::unique_ptr<ComposedStep> steepest_sgd(const Quadratic& problem, const std::shared_ptr<Steepest>& rule) {
  return std::make_unique<ComposedStep>(
      make_optimizer({problem.w}, {.lr = 0.01, .momentum = 0, .nesterov = false, .weight_decay = 0}),
      StepSlots{.combine = rule});
}

TEST(ComposedStep, ACombineRuleChoosesFromAllReplicas) {
  Quadratic problem({0.5, 1.5, 1.0}, 3);
  const auto rule = std::make_shared<Steepest>(problem.w);
  const StepReport report = steepest_sgd(problem, rule)->step(problem);
  EXPECT_EQ(report.metrics.at("chosen"), 1);
  EXPECT_EQ(problem.reductions, 1);
  expect_w(problem, 1 - 0.01 * 3, 1 - 0.01 * 30);  // twice 1.5: this process's and the other's
}

TEST(ComposedStep, ACombineRuleIsNotCalledForASkippedStepAndIsSaved) {
  Quadratic problem({1.0, std::nan("")});
  const auto rule = std::make_shared<Steepest>(problem.w);
  const auto step = steepest_sgd(problem, rule);
  EXPECT_TRUE(step->step(problem).skipped);
  EXPECT_EQ(rule->calls, 0);
  expect_w(problem, 1, 1);

  Quadratic sound({1.0, 0.5});
  const auto counting = std::make_shared<Steepest>(sound.w), restored = std::make_shared<Steepest>(sound.w);
  const auto counted = steepest_sgd(sound, counting);
  counted->step(sound);
  const auto resumed = steepest_sgd(sound, restored);
  transfer(*counted, *resumed);
  EXPECT_EQ(restored->calls, 1);
}

TEST(ComposedStep, OneReductionPerStepAcrossProcesses) {
  Quadratic problem({0.5, 1.5}, 2);
  const StepReport report = plain_sgd(problem.w, 0.01)->step(problem);
  expect_w(problem, 1 - 0.01 * 1, 1 - 0.01 * 10);
  EXPECT_EQ(problem.reductions, 1);
  EXPECT_EQ(report.collectives, 1);
}

TEST(ComposedStep, NonFiniteStepChangesNothing) {
  for (double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    Quadratic problem({1.0, bad});
    const auto rule = make_step({problem.w}, {.lr = 0.1});
    const StepReport report = rule->step(problem);
    EXPECT_TRUE(report.skipped);
    EXPECT_EQ(report.progress, 0);
    expect_w(problem, 1, 1);
    EXPECT_TRUE(rule->base().state().empty());  // no momentum either
  }
}

TEST(ComposedStep, MissingGradientsAreAnError) {
  class Nothing : public GradientSource {
    int64_t local_replicas() const override { return 1; }
    int64_t replicas() const override { return 1; }
    Evaluation evaluate(int64_t, Pass) override { return {.loss = 1, .samples = 1, .task = {}}; }
    void all_reduce_sum(at::TensorList) override {}
  } source;
  EXPECT_THROW(plain_sgd(torch::ones({1}).requires_grad_(), 0.1)->step(source), InputError);
}

TEST(ComposedStep, AParameterWithoutGradientIsLeftAlone) {
  Quadratic problem;
  const torch::Tensor other = torch::ones({3}).requires_grad_();
  make_step({other, problem.w}, {.lr = 0.05, .momentum = 0, .nesterov = false, .weight_decay = 0.5})
      ->step(problem);
  EXPECT_TRUE(torch::equal(other, torch::ones({3})));
}

TEST(ClipNorm, RescalesToTheNormAndReportsIt) {
  Quadratic problem;
  const StepReport report = plain_sgd(problem.w, 1, 0.5)->step(problem);
  const double norm = std::sqrt(101.0);
  EXPECT_NEAR(report.metrics.at("gradient_norm"), norm, 1e-9);
  expect_w(problem, 1 - 0.5 / norm, 1 - 0.5 * 10 / norm);
}

TEST(ClipNorm, LeavesASmallGradient) {
  Quadratic problem;
  plain_sgd(problem.w, 0.05, 1000)->step(problem);
  expect_w(problem, 0.95, 0.5);
}

TEST(ClipNorm, RejectsANegativeNorm) {
  EXPECT_THROW(ClipNorm(-1), InputError);
}

TEST(ComposedStep, StateSurvivesSaveAndLoad) {
  const auto run = [](bool reload) {
    Quadratic problem;
    auto rule = make_step({problem.w}, {.kind = "adam", .lr = 0.1, .weight_decay = 0});
    for (int i = 0; i < 10; ++i) {
      if (reload && i == 5) {
        torch::serialize::OutputArchive out;
        rule->save(out);
        std::stringstream stream;
        out.save_to(stream);
        rule = make_step({problem.w}, {.kind = "adam", .lr = 0.1, .weight_decay = 0});
        torch::serialize::InputArchive in;
        in.load_from(stream);
        rule->load(in);
      }
      rule->step(problem);
    }
    return problem.w.detach().clone();
  };
  EXPECT_TRUE(torch::equal(run(false), run(true)));
}

TEST(OptimizerOptions, ReadsATable) {
  const OptimizerOptions o = optimizer_options(core::Config::parse("kind = 'adamw'\nweight_decay = 0.01"));
  EXPECT_EQ(o.kind, "adamw");
  EXPECT_DOUBLE_EQ(o.lr, 1e-3);
  EXPECT_DOUBLE_EQ(o.weight_decay, 0.01);
  EXPECT_THROW(optimizer_options(core::Config::parse("momentum = 1.0")), InputError);
  EXPECT_THROW(optimizer_options(core::Config::parse("lr = 0")), InputError);
  EXPECT_THROW(optimizer_options(core::Config::parse("momentum = 0\nnesterov = true")), InputError);
}

}  // namespace
}  // namespace lathe::optim
