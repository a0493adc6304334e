#include <gtest/gtest.h>
#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/optim/optimizer.h"
#include "tests/support/message.h"

namespace lathe::optim {
namespace {

// L = w²
class Square : public GradientSource {
 public:
  explicit Square(torch::Tensor w) : w_(std::move(w)) {}
  int64_t local_replicas() const override { return 1; }
  int64_t replicas() const override { return 1; }
  void all_reduce_sum(at::TensorList) override {}
  Evaluation evaluate(int64_t, Pass) override {
    w_.mutable_grad().reset();
    const torch::Tensor loss = w_.square().sum();
    loss.backward();
    return {.loss = loss.item<double>(), .samples = 1};
  }

 private:
  torch::Tensor w_;
};

struct Doubled : GradientTransform {
  void apply(const std::vector<torch::Tensor>& parameters, StepReport&) override {
    parameters[0].mutable_grad().mul_(2);
  }
};

struct Halved : UpdateRule {
  explicit Halved(torch::Tensor w) : w(std::move(w)) {}
  void step(torch::optim::Optimizer& base) override {
    const torch::Tensor before = w.detach().clone();
    base.step();
    const torch::NoGradGuard no_grad;
    w.add_(before).div_(2);
  }
  torch::Tensor w;
};

constexpr double kNone = 0;
OptimizerOptions plain(double clip = kNone) {
  return {.lr = 0.1, .momentum = 0, .nesterov = false, .weight_decay = 0, .clip_norm = clip};
}

// w = 3: gradient 6, doubled 12.
TEST(StepSlots, CallersTransformsComeBeforeClipping) {
  for (const auto& [clip, expected] : {std::pair{kNone, 3 - 1.2}, std::pair{10.0, 3 - 1.0}}) {
    torch::Tensor w = torch::full({1}, 3.0f, torch::requires_grad());
    Square source(w);
    make_step({w}, plain(clip), {.transforms = {std::make_shared<Doubled>()}})->step(source);
    EXPECT_NEAR(w.item<double>(), expected, 1e-6);
  }
}

TEST(StepSlots, AnUpdateRuleMayCorrectTheStep) {
  torch::Tensor w = torch::full({1}, 3.0f, torch::requires_grad());
  Square source(w);
  make_step({w}, plain(), {.update = std::make_shared<Halved>(w)})->step(source);
  EXPECT_NEAR(w.item<double>(), 3 - 0.3, 1e-6);
}

TEST(StepSlots, OneSlotHasOneOwner) {
  const torch::Tensor w = torch::full({1}, 3.0f, torch::requires_grad());
  const auto message = [&](OptimizerOptions options, StepSlots slots) {
    return testing_support::message_of<InputError>([&] { make_step({w}, options, slots); });
  };
  OptimizerOptions sam = plain(), adascale = plain(), scaling = plain();
  sam.sam = SamOptions{};
  adascale.adascale = AdaScaleOptions{};
  scaling.scaling = BatchScalingOptions{};
  EXPECT_NE(message(sam, {.rule = std::make_shared<GradientRule>()}).find("optim.sam"), std::string::npos);
  const auto mean = std::make_shared<MeanGradient>(std::vector<torch::Tensor>{w});
  EXPECT_NE(message(adascale, {.combine = mean}).find("optim.adascale measures"), std::string::npos);
  EXPECT_NE(message(scaling, {.factor = std::make_shared<BatchScaling>(BatchScalingOptions{})})
                .find("optim.scaling and the training method"),
            std::string::npos);
}

}  // namespace
}  // namespace lathe::optim
