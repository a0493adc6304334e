#include "lathe/optim/sam.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/optim/optimizer.h"

namespace lathe::optim {
namespace {

torch::Tensor doubles(std::vector<double> values) {
  return torch::tensor(values, torch::kFloat64);
}

// The mean loss of a micro-batch as a function of the parameters; differentiated by autograd.
class Problem : public GradientSource {
 public:
  using Loss = std::function<torch::Tensor(int64_t replica)>;
  Problem(std::vector<torch::Tensor> parameters, Loss loss, int64_t replicas = 1)
      : parameters_(std::move(parameters)), loss_(std::move(loss)), replicas_(replicas) {}
  int64_t step() const override { return at_step; }
  double progress() const override { return at_progress; }
  int64_t local_replicas() const override { return replicas_; }
  int64_t replicas() const override { return replicas_; }
  void all_reduce_sum(at::TensorList) override {}
  Evaluation evaluate(int64_t i, Pass pass) override {
    passes.push_back(pass);
    for (auto& parameter : parameters_) parameter.mutable_grad().reset();
    const torch::Tensor loss = loss_(i);
    loss.backward();
    if (throw_in_repeat && pass == Pass::repeat) throw std::runtime_error("second pass");
    return {.loss = loss.item<double>(), .samples = 1};
  }
  int64_t at_step = 0;
  double at_progress = 0;
  bool throw_in_repeat = false;
  std::vector<Pass> passes;

 private:
  std::vector<torch::Tensor> parameters_;
  Loss loss_;
  int64_t replicas_;
};

OptimizerOptions sgd(double lr, std::optional<SamOptions> sam) {
  return {
      .kind = "sgd", .lr = lr, .momentum = 0, .nesterov = false, .weight_decay = 0, .sam = std::move(sam)};
}

torch::Tensor curved(const torch::Tensor& w) {
  return 0.5 * (doubles({1, 10}) * w.square()).sum();
}

TEST(Sam, TheQuadraticByHand) {
  const torch::Tensor w = doubles({1, 1}).requires_grad_();
  Problem problem({w}, [&](int64_t) { return curved(w); });
  const StepReport report = make_step({w}, sgd(0.05, SamOptions{.rho = 0.1}))->step(problem);
  EXPECT_NEAR(w[0].item<double>(), 0.94950248, 1e-8);
  EXPECT_NEAR(w[1].item<double>(), 0.45024814, 1e-8);
  EXPECT_DOUBLE_EQ(report.loss, 5.5);  // at w, not at w + ε
  EXPECT_EQ(report.evaluations, 2);
  EXPECT_EQ(problem.passes, (std::vector<Pass>{Pass::first, Pass::repeat}));
}

// Where SAM has nothing to do, the bits are the base optimizer's.
TEST(Sam, PlainStepsAreTheBaseOptimizer) {
  const auto after = [](std::optional<SamOptions> sam, int64_t step, double progress, bool linear) {
    const torch::Tensor w = doubles({1, 1}).requires_grad_();
    Problem problem({w}, [&](int64_t) { return linear ? (doubles({3, 4}) * w).sum() : curved(w); });
    problem.at_step = step;
    problem.at_progress = progress;
    make_step({w}, sgd(0.05, std::move(sam)))->step(problem);
    return std::make_pair(w.detach().clone(), problem.passes.size());
  };
  const auto plain = after(std::nullopt, 0, 0, false), plain_linear = after(std::nullopt, 0, 0, true);
  for (const auto& [sam, step, progress] :
       {std::make_tuple(SamOptions{.rho = 0}, 0, 0.0), std::make_tuple(SamOptions{.every = 3}, 4, 0.0),
        std::make_tuple(SamOptions{.start = 0.5}, 0, 0.49)}) {
    const auto [w, passes] = after(sam, step, progress, false);
    EXPECT_TRUE(torch::equal(w, plain.first));
    EXPECT_EQ(passes, 1u);
  }
  EXPECT_EQ(after(SamOptions{.every = 3}, 6, 0, false).second, 2u);
  EXPECT_EQ(after(SamOptions{.start = 0.5}, 0, 0.5, false).second, 2u);
  EXPECT_TRUE(torch::equal(after(SamOptions{.rho = 0.1}, 0, 0, true).first, plain_linear.first));
}

TEST(Sam, RestoresEveryBit) {
  torch::manual_seed(0);
  const torch::Tensor before = torch::cat({torch::randn({500}) * 1e6, torch::randn({500}) * 1e-6});
  const torch::Tensor slope = torch::randn({1000});
  const torch::Tensor w = before.clone().requires_grad_();
  Problem problem({w}, [&](int64_t) { return (w * slope).sum(); });
  Sam sam({{w}}, {.rho = 30});
  sam.compute(problem, 0);
  EXPECT_TRUE(torch::equal(w, before));
  const torch::Tensor epsilon = 30 * slope / slope.norm();
  EXPECT_FALSE(torch::equal(before + epsilon - epsilon, before));  // adding and subtracting would not do
}

TEST(Sam, OneNormOverAllGroups) {
  const auto step = [](bool split) {
    const torch::Tensor a = doubles({1}).requires_grad_(), b = doubles({2, 3}).requires_grad_();
    Problem problem({a, b}, [&](int64_t) { return a.pow(4).sum() + b.pow(4).sum() + (a * b).sum(); });
    Sam sam(split ? ParameterGroups{{a}, {b}} : ParameterGroups{{a, b}}, {.rho = 0.2});
    sam.compute(problem, 0);
    return torch::cat({a.grad(), b.grad()});
  };
  EXPECT_TRUE(torch::equal(step(true), step(false)));
}

TEST(Sam, ARadiusForEachGroup) {
  const torch::Tensor a = doubles({3}).requires_grad_(), b = doubles({4}).requires_grad_();
  AscentPoint ascent({{a}, {b}}, {.group_rho = {0.5, 0}});
  a.mutable_grad() = doubles({3});
  b.mutable_grad() = doubles({4});
  EXPECT_TRUE(ascent.move());
  EXPECT_NEAR(a.item<double>(), 3 + 0.5 * 3 / 5, 1e-12);
  EXPECT_EQ(b.item<double>(), 4);
}

TEST(Sam, AParameterWithoutGradientIsNeitherMovedNorStepped) {
  const torch::Tensor w = doubles({1, 1}).requires_grad_(), unused = doubles({7}).requires_grad_();
  Problem problem({w, unused}, [&](int64_t) {
    EXPECT_EQ(unused.item<double>(), 7);
    return curved(w);
  });
  make_step({unused, w}, sgd(0.05, SamOptions{.rho = 0.1}))->step(problem);
  EXPECT_EQ(unused.item<double>(), 7);
}

// ε for the gradient (3, -4, 0) at w = (1, 2, 5).
std::vector<double> perturbation(SamOptions options) {
  const torch::Tensor w = doubles({1, 2, 5}).requires_grad_();
  const torch::Tensor before = w.detach().clone();
  w.mutable_grad() = doubles({3, -4, 0});
  AscentPoint ascent({{w}}, std::move(options));
  ascent.move();
  const torch::Tensor epsilon = w.detach() - before;
  return {epsilon.data_ptr<double>(), epsilon.data_ptr<double>() + 3};
}

void expect_near(const std::vector<double>& a, const std::vector<double>& b, double tolerance = 1e-9) {
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], tolerance) << i;
}

TEST(Sam, EveryNorm) {
  expect_near(perturbation({.rho = 0.1}), {0.06, -0.08, 0});
  expect_near(perturbation({.rho = 0.1, .p = INFINITY}), {0.1, -0.1, 0});
  expect_near(perturbation({.rho = 0.1, .p = 1}), {0, -0.1, 0});
  expect_near(perturbation({.rho = 0.1, .p = 2.0000001}), {0.06, -0.08, 0}, 1e-7);  // the general formula
  // p = 3, q = 3/2: ‖ε‖₃ = ρ and ε ∝ sign(g) |g|^(1/2)
  const auto cubic = perturbation({.rho = 0.1, .p = 3});
  EXPECT_NEAR(std::cbrt(std::pow(cubic[0], 3) - std::pow(cubic[1], 3)), 0.1, 1e-9);
  EXPECT_NEAR(cubic[0] / -cubic[1], std::sqrt(3.0 / 4), 1e-9);
}

TEST(Sam, TiesShareTheRadiusOfTheOneNorm) {
  const torch::Tensor w = doubles({0, 0}).requires_grad_();
  w.mutable_grad() = doubles({2, -2});
  AscentPoint ascent({{w}}, {.rho = 0.1, .p = 1});
  ascent.move();
  expect_near({w[0].item<double>(), w[1].item<double>()}, {0.05, -0.05});
}

TEST(Sam, AdaptiveIsKwonsFormula) {
  // T g = (3, -8, 0), ‖T g‖ = √73, ε = ρ T² g / ‖T g‖
  const double norm = std::sqrt(73.0);
  expect_near(perturbation({.rho = 0.1, .adaptive = true}), {0.1 * 3 / norm, -0.1 * 16 / norm, 0});
}

// Rescaling one layer up and the next down leaves a ReLU network's function, and ASAM's loss at w + ε,
// unchanged.
TEST(Sam, AdaptiveDoesNotSeeScales) {
  const auto loss_at_ascent = [](double scale, bool adaptive) {
    const torch::Tensor first =
        (doubles({0.3, -0.2, 0.5, 0.4, 0.1, -0.7}).reshape({3, 2}) * scale).requires_grad_();
    const torch::Tensor second = (doubles({0.6, -0.3, 0.8}).reshape({1, 3}) / scale).requires_grad_();
    const torch::Tensor x = doubles({1, 2, -1, 0.5}).reshape({2, 2});
    const auto loss = [&] { return (x.matmul(first.t()).relu().matmul(second.t()) - 1).square().mean(); };
    loss().backward();
    AscentPoint ascent({{first, second}}, {.rho = 0.3, .adaptive = adaptive});
    ascent.move();
    return loss().item<double>();
  };
  EXPECT_NEAR(loss_at_ascent(1, true), loss_at_ascent(5, true), 1e-9);
  EXPECT_GT(std::abs(loss_at_ascent(1, false) - loss_at_ascent(5, false)), 1e-3);
}

// Two micro-batches: each has its own ε, their gradients are averaged.
TEST(Sam, MicroBatchesHaveTheirOwnAscent) {
  const std::vector<torch::Tensor> targets = {doubles({1, -1}), doubles({-2, 0.5})};
  const torch::Tensor w = doubles({0.3, 0.7}).requires_grad_();
  const auto loss = [&](const torch::Tensor& at, int64_t i) {
    return (at - targets[static_cast<size_t>(i)]).pow(4).sum();
  };
  torch::Tensor expected = torch::zeros({2}, torch::kFloat64);
  for (int64_t i = 0; i < 2; ++i) {
    const torch::Tensor at = w.detach().clone().requires_grad_();
    const torch::Tensor g = torch::autograd::grad({loss(at, i)}, {at})[0];
    const torch::Tensor up = (at.detach() + 0.2 * g / g.norm()).requires_grad_();
    expected += torch::autograd::grad({loss(up, i)}, {up})[0] / 2;
  }
  const torch::Tensor before = w.detach().clone();
  Problem problem(
      {w}, [&](int64_t i) { return loss(w, i); }, 2);
  const StepReport report = make_step({w}, sgd(0.01, SamOptions{.rho = 0.2}))->step(problem);
  EXPECT_TRUE(torch::allclose(w.detach(), before - 0.01 * expected, 0, 1e-12));
  EXPECT_EQ(report.evaluations, 4);
}

TEST(Sam, ZeroGradientIsNoPerturbation) {
  const torch::Tensor w = doubles({0, 0}).requires_grad_();
  Problem problem({w}, [&](int64_t) { return curved(w); });
  const StepReport report = make_step({w}, sgd(0.05, SamOptions{}))->step(problem);
  EXPECT_FALSE(report.skipped);
  EXPECT_TRUE(torch::equal(w.detach(), doubles({0, 0})));
}

TEST(Sam, NonFiniteInEitherPassSkipsAndRestores) {
  for (size_t bad_pass : {1u, 2u}) {
    const torch::Tensor w = doubles({1, 1}).requires_grad_();
    Problem* self = nullptr;
    Problem problem({w},
                    [&](int64_t) { return self->passes.size() == bad_pass ? curved(w) * NAN : curved(w); });
    self = &problem;
    const StepReport report = make_step({w}, sgd(0.05, SamOptions{}))->step(problem);
    EXPECT_TRUE(report.skipped);
    EXPECT_TRUE(torch::equal(w.detach(), doubles({1, 1}))) << bad_pass;
  }
}

TEST(Sam, AnExceptionInTheSecondPassLeavesTheWeights) {
  const torch::Tensor w = doubles({1, 1}).requires_grad_();
  Problem problem({w}, [&](int64_t) { return curved(w); });
  problem.throw_in_repeat = true;
  EXPECT_THROW(make_step({w}, sgd(0.05, SamOptions{}))->step(problem), std::runtime_error);
  EXPECT_TRUE(torch::equal(w.detach(), doubles({1, 1})));
}

TEST(StandaloneSam, BothFormsAreTheComposedStep) {
  const auto standalone = [](bool closure) {
    const torch::Tensor w = doubles({1, 1}).requires_grad_();
    torch::optim::SGD base({w}, torch::optim::SGDOptions(0.05).momentum(0.9));
    StandaloneSam sam(base, {.rho = 0.1});
    const auto backward = [&] {
      base.zero_grad();
      const torch::Tensor loss = curved(w);
      loss.backward();
      return loss;
    };
    for (int i = 0; i < 5; ++i) {
      if (closure) {
        sam.step(backward);
      } else {
        backward();
        sam.first_step();
        backward();
        sam.second_step();
      }
    }
    return w.detach().clone();
  };
  const torch::Tensor w = doubles({1, 1}).requires_grad_();
  Problem problem({w}, [&](int64_t) { return curved(w); });
  auto options = sgd(0.05, SamOptions{.rho = 0.1});
  options.momentum = 0.9;
  const auto composed = make_step({w}, options);
  for (int i = 0; i < 5; ++i) composed->step(problem);
  EXPECT_TRUE(torch::equal(standalone(true), w.detach()));
  EXPECT_TRUE(torch::equal(standalone(false), w.detach()));
}

TEST(StandaloneSam, SaysWhatTheClosureMustDo) {
  const torch::Tensor w = doubles({1, 1}).requires_grad_();
  torch::optim::SGD base({w}, torch::optim::SGDOptions(0.05));
  StandaloneSam sam(base, {});
  try {
    sam.step([&] { return curved(w); });
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("the closure must call backward()"), std::string::npos);
  }
}

std::string mistake(const std::string& toml) {
  try {
    optimizer_options(core::Config::parse(toml, "p.toml"));
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(SamOptions, SayWhatIsWrong) {
  EXPECT_NE(mistake("[sam]\nrho = -1").find("sam.rho must be a number at least 0, got -1"), std::string::npos)
      << mistake("[sam]\nrho = -1");
  EXPECT_NE(mistake("[sam]\np = 0.5").find("sam.p"), std::string::npos);
  EXPECT_NE(mistake("[sam]\nevery = 0").find("sam.every"), std::string::npos);
  EXPECT_NE(mistake("[sam]\nstart = 1").find("sam.start must be a number in [0, 1)"), std::string::npos);
  EXPECT_FALSE(optimizer_options(core::Config::parse("")).sam.has_value());
  EXPECT_EQ(optimizer_options(core::Config::parse("weight_decay = 0.01\n[sam]\nascent_weight_decay = true"))
                .sam->ascent_weight_decay,
            0.01);
  const torch::Tensor w = doubles({1}).requires_grad_();
  EXPECT_THROW(AscentPoint({{w}}, {.rho = -0.1}), InputError);
  EXPECT_THROW(AscentPoint({{w}}, {.group_rho = {0.1, 0.2}}), InputError);
}

}  // namespace
}  // namespace lathe::optim
