#include "lathe/train/stochastic_weight_average.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/nn/batch_norm.h"
#include "tests/support/archive.h"
#include "tests/support/message.h"
#include "tests/train/scene.h"

namespace lathe::train {
namespace {

using testing_support::message_of;

TEST(StochasticWeightAverage, IsTheMeanOfTheSnapshots) {
  torch::nn::Linear layer(3, 2);
  StochasticWeightAverage average(*layer);
  EXPECT_NE(message_of<InputError>([&] { average.install(); }).find("no snapshot"), std::string::npos);
  const torch::NoGradGuard no_grad;
  torch::Tensor sum = torch::zeros({2, 3}, torch::kFloat64);
  for (int i = 0; i < 7; ++i) {
    layer->weight.normal_();
    sum += layer->weight;
    average.snapshot();
  }
  const torch::Tensor last = layer->weight.clone();
  average.install();
  EXPECT_TRUE(torch::allclose(layer->weight.to(torch::kFloat64), sum / 7, 1e-6, 1e-6));
  average.snapshot();  // of the trained weights, again
  EXPECT_TRUE(torch::equal(layer->weight, last));
  average.install();
  EXPECT_TRUE(torch::allclose(layer->weight.to(torch::kFloat64), (sum + last) / 8, 1e-6, 1e-6));
}

TEST(StochasticWeightAverage, GoesRoundThroughAnArchive) {
  torch::nn::Linear layer(3, 2), other(3, 2);
  StochasticWeightAverage average(*layer), loaded(*other);
  average.snapshot();
  torch::NoGradGuard no_grad;
  layer->weight.zero_();
  average.install();
  testing_support::transfer(average, loaded);
  EXPECT_EQ(loaded.snapshots(), 1);
  EXPECT_TRUE(loaded.installed());
  loaded.restore();
  EXPECT_EQ(other->weight.abs().max().item<float>(), 0);
  loaded.install();
  EXPECT_TRUE(torch::equal(other->weight, layer->weight));
  torch::nn::Linear wider(4, 2);
  StochasticWeightAverage unlike(*wider);
  EXPECT_THROW(testing_support::transfer(average, unlike), Error);
}

TEST(StochasticWeightAverage, SchedulesOfThePaper) {
  const ScheduleOptions constant = swa_schedule({.lr_factor = 0.2});
  for (const auto& [p, factor] :
       std::vector<std::pair<double, double>>{{0, 1}, {0.5, 1}, {0.7, 0.6}, {0.9, 0.2}, {1, 0.2}})
    EXPECT_NEAR(schedule_factor(constant, p), factor, 1e-12) << p;
  const ScheduleOptions cyclic = swa_schedule({.mode = SwaMode::cyclic, .lr_factor = 0.4});
  for (const auto& [p, factor] : std::vector<std::pair<double, double>>{
           {0, 1}, {0.375, 0.5}, {0.7499999, 0}, {0.75, 0.4}, {0.775, 0.2}, {0.7999999, 0}, {0.975, 0.2}})
    EXPECT_NEAR(schedule_factor(cyclic, p), factor, 1e-5) << p;
  for (double cycle : {1380.0, 1472.0, 1564.0, 1656.0, 1748.0})  // of 1,840 steps
    EXPECT_NEAR(schedule_factor(cyclic, cycle / 1840), 0.4, 1e-6) << cycle;
}

struct SwaScene : Scene {
  explicit SwaScene(SwaOptions swa) : swa(swa) {
    options.epochs = 8;
    options.schedule = swa_schedule(swa);
  }
  Trainer averaging() {
    Trainer averaging = trainer();
    averaging.add_method(std::make_shared<SwaTraining>(swa));
    return averaging;
  }
  // The parameters after each step.
  Hooks record() {
    Hooks hooks;
    hooks.after_step = [this](int64_t, const optim::StepReport&) {
      std::vector<torch::Tensor>& now = path.emplace_back();
      for (const auto& parameter : model->parameters()) now.push_back(parameter.detach().clone());
    };
    return hooks;
  }
  SwaOptions swa;
  std::vector<std::vector<torch::Tensor>> path;
};

class EachMode : public ::testing::TestWithParam<SwaOptions> {};

// 80 steps in 8 epochs: constant from the end of the fourth epoch on, cyclic after 50, 60, 70 and 80 steps.
TEST_P(EachMode, KeepsTheMeanOfItsSnapshotsAndDoesNotDisturbTraining) {
  SwaScene scene(GetParam()), plain(GetParam());
  scene.averaging().fit(scene.train, scene.holdout, {}, {}, scene.record());
  plain.trainer().fit(plain.train, {}, {}, {}, plain.record());
  ASSERT_EQ(scene.path.size(), 80u);
  for (size_t step = 0; step < scene.path.size(); ++step)
    expect_same_bits(scene.path[step], plain.path[step]);

  const size_t first = scene.swa.mode == SwaMode::constant ? 40 : 50;
  const auto kept = scene.model->parameters();
  for (size_t p = 0; p < kept.size(); ++p) {
    torch::Tensor sum = torch::zeros_like(kept[p], torch::kFloat64);
    double count = 0;
    for (size_t steps = first; steps <= 80; steps += 10, ++count) sum += scene.path[steps - 1][p];
    EXPECT_TRUE(torch::allclose(kept[p].to(torch::kFloat64), sum / count, 1e-5, 1e-6)) << "tensor " << p;
    EXPECT_FALSE(torch::allclose(kept[p], scene.path.back()[p], 1e-5, 1e-6)) << "tensor " << p;
  }
}

TEST_P(EachMode, TakesBatchNormAnew) {
  SwaScene scene(GetParam());
  scene.averaging().fit(scene.train, {});
  const std::string name = "body.convolution0.norm.running_mean";
  const auto* mean = scene.model->named_buffers().find(name);
  ASSERT_NE(mean, nullptr);
  const torch::Tensor kept = mean->clone();
  nn::recompute_batch_norm(*scene.model, scene.train.inputs);
  EXPECT_TRUE(torch::equal(kept, *scene.model->named_buffers().find(name)));
}

TEST_P(EachMode, ResumesToTheSameBits) {
  SwaScene whole(GetParam());
  whole.averaging().fit(whole.train, whole.holdout);
  for (int64_t stop_at : {int64_t{37}, int64_t{60}, int64_t{64}}) {
    SwaScene first(GetParam()), second(GetParam());
    const core::TemporaryDirectory directory;
    const auto checkpoint = directory.path() / "checkpoint";
    const core::StopToken stop;
    Hooks hooks;
    hooks.after_step = [&](int64_t step, const optim::StepReport&) {
      if (step == stop_at) stop.request();
    };
    EXPECT_THROW(first.averaging().fit(first.train, first.holdout, checkpoint, stop, hooks), Interrupted);
    second.averaging().fit(second.train, second.holdout, checkpoint);
    expect_same_bits(weights(whole), weights(second));
  }
}
INSTANTIATE_TEST_SUITE_P(Swa, EachMode,
                         ::testing::Values(SwaOptions{.start = 0.5},
                                           SwaOptions{.mode = SwaMode::cyclic, .start = 0.5, .cycles = 4}),
                         [](const auto& info) {
                           return std::string(info.param.mode == SwaMode::constant ? "constant" : "cyclic");
                         });

TEST(SwaTraining, ComposesWithSamAndMicroBatches) {
  SwaScene scene({.start = 0.5});
  scene.optim.sam = optim::SamOptions{.rho = 0.05};
  scene.options.micro_batch = 8;
  const FitReport report = scene.averaging().fit(scene.train, scene.holdout);
  EXPECT_GT(report.epochs.back().holdout_accuracy, 0.9);
}

TEST(SwaTraining, ReadsItsTable) {
  const auto read = [](const std::string& toml) {
    return swa_options(core::Config::parse(toml, "p.toml"), 0.1);
  };
  EXPECT_DOUBLE_EQ(read("").lr_factor, 0.5);
  const SwaOptions cyclic = read("mode = 'cyclic'\nlr = 0.02\nstart = 0.6\ncycles = 3");
  EXPECT_EQ(cyclic.mode, SwaMode::cyclic);
  EXPECT_DOUBLE_EQ(cyclic.lr_factor, 0.2);
  EXPECT_EQ(cyclic.start, 0.6);
  EXPECT_EQ(cyclic.cycles, 3);
  EXPECT_THROW(read("start = 1"), InputError);
  EXPECT_THROW(read("lr = 0"), InputError);
  EXPECT_THROW(read("mode = 'linear'"), InputError);
  EXPECT_THROW(SwaTraining({.start = 1}), InputError);
  EXPECT_THROW(SwaTraining({.mode = SwaMode::cyclic, .cycles = 0}), InputError);
  EXPECT_THROW(swa_schedule({.lr_factor = 0}), InputError);
}

}  // namespace
}  // namespace lathe::train
