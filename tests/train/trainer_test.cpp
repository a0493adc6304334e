#include "lathe/train/trainer.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/progress.h"
#include "lathe/nn/classifier.h"
#include "lathe/nn/initialization.h"
#include "lathe/optim/optimizer.h"
#include "lathe/train/threads.h"
#include "tests/support/message.h"
#include "tests/train/scene.h"

namespace lathe::train {
namespace {

using core::Config;
using core::Seed;
using testing_support::message_of;

TEST(Trainer, Learns) {
  Scene setup;
  const FitReport report = setup.trainer().fit(setup.train, setup.holdout);
  EXPECT_EQ(report.steps, 30);
  EXPECT_EQ(report.epochs.size(), 3u);
  EXPECT_GT(report.epochs.back().holdout_accuracy, 0.95);
  EXPECT_LT(report.curve.back().loss, report.curve.front().loss);
}

TEST(Trainer, SameSeedSameBits) {
  Scene a, b;
  a.trainer().fit(a.train, a.holdout);
  b.trainer().fit(b.train, b.holdout);
  expect_same_bits(weights(a), weights(b));
}

// Written out by hand with libtorch alone: the Trainer adds nothing to the arithmetic.
TEST(Trainer, EqualsAHandWrittenLoop) {
  Scene setup, by_hand;
  setup.options.augment = by_hand.options.augment = {};
  setup.trainer().fit(setup.train, setup.holdout);

  by_hand.model->fit_inputs(by_hand.train.inputs);
  data::Batches batches(by_hand.train, {.size = 16}, Seed(3).stream("batches"));
  torch::optim::SGD sgd(by_hand.model->parameters(),
                        torch::optim::SGDOptions(0.05).momentum(0.9).nesterov(true).weight_decay(5e-4));
  by_hand.model->train();
  for (int64_t step = 0; step < 30; ++step) {
    static_cast<torch::optim::SGDOptions&>(sgd.param_groups()[0].options())
        .lr(0.05 * schedule_factor(setup.options.schedule, static_cast<double>(step) / 30));
    const data::Batch batch = batches.at(step);
    sgd.zero_grad();
    torch::manual_seed(
        Seed(3).stream("step").stream(static_cast<uint64_t>(step)).stream(uint64_t{0}).value());
    torch::cross_entropy_loss(by_hand.model->forward(batch.inputs), batch.targets).backward();
    sgd.step();
  }
  expect_same_bits(weights(setup), weights(by_hand));
}

TEST(Trainer, MicroBatchesWithoutBatchNormEqualTheWholeBatch) {
  Scene whole, micro;
  for (Scene* setup : {&whole, &micro}) {
    setup->model = nn::build(Config::parse("kind = 'mlp'\nhidden = [16]"), setup->train.schema, Seed(7));
    setup->optim = {.lr = 0.01, .clip_norm = 0.1};
  }
  micro.options.micro_batch = 4;
  whole.trainer().fit(whole.train, whole.holdout);
  micro.trainer().fit(micro.train, micro.holdout);
  const auto a = weights(whole), b = weights(micro);
  for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(torch::allclose(a[i], b[i], 1e-4, 1e-5));
}

TEST(Trainer, RefusesLeftOverExamplesWhenTold) {
  Scene setup;
  setup.options.last_batch = LastBatch::refuse;
  setup.options.steps = 1;
  setup.trainer().fit(setup.train, setup.holdout);  // 160 = 10 · 16
  EXPECT_NE(message_of<InputError>([&] {
              setup.trainer().fit(setup.holdout, setup.train);
            }).find("batches of 16 leave 12 of 60 examples over"),
            std::string::npos);
}

// Counts its calls; doubles every gradient.
class Doubling : public Method {
 public:
  void begin(nn::Model& model, const data::Dataset& train, int64_t steps_per_epoch) override {
    model_ = &model;
    EXPECT_EQ(train.size(), 160);
    EXPECT_EQ(steps_per_epoch, 10);
  }
  void before_step(int64_t step) override { EXPECT_EQ(step, steps_); }
  optim::Evaluation evaluate(optim::GradientSource& source, int64_t i, optim::Pass pass) override {
    const optim::Evaluation evaluation = source.evaluate(i, pass);
    for (const auto& parameter : model_->parameters()) parameter.mutable_grad().mul_(2);
    return evaluation;
  }
  void after_step(optim::StepReport& report) override {
    report.metrics["steps"] = static_cast<double>(++steps_);
  }
  void settle() override { ++settled; }
  void save(torch::serialize::OutputArchive& archive) const override {
    archive.write("steps", c10::IValue(steps_));
  }
  void load(torch::serialize::InputArchive& archive) override {
    c10::IValue value;
    archive.read("steps", value);
    steps_ = value.toInt();
  }
  int64_t settled = 0;

 private:
  nn::Model* model_ = nullptr;
  int64_t steps_ = 0;
};

TEST(Trainer, AMethodSeesEveryStepAndResumes) {
  Scene with, twice, resumed;
  for (Scene* setup : {&with, &resumed}) setup->optim = {.lr = 0.05, .weight_decay = 0};
  twice.optim = {.lr = 0.05, .weight_decay = 0};
  const auto method = std::make_shared<Doubling>();
  Trainer trainer = with.trainer();
  trainer.add_method(method);
  const FitReport report = trainer.fit(with.train, with.holdout);
  EXPECT_EQ(report.curve.back().metrics.at("steps"), 30);
  EXPECT_EQ(method->settled, 4);  // three epochs, the end

  Trainer by_loss = twice.trainer();
  by_loss.set_objective([](nn::Model& model, const data::Batch& batch) {
    return 2 * torch::cross_entropy_loss(model.forward(batch.inputs), batch.targets);
  });
  by_loss.fit(twice.train, twice.holdout);
  expect_same_bits(weights(with), weights(twice));

  core::TemporaryDirectory directory;
  const auto checkpoint = directory.path() / "checkpoint";
  const core::StopToken stop;
  Hooks hooks;
  hooks.after_step = [&](int64_t step, const optim::StepReport&) {
    if (step == 13) stop.request();
  };
  Trainer first = resumed.trainer();
  first.add_method(std::make_shared<Doubling>());
  EXPECT_THROW(first.fit(resumed.train, resumed.holdout, checkpoint, stop, hooks), Interrupted);
  Scene again;
  again.optim = resumed.optim;
  Trainer second = again.trainer();
  second.add_method(std::make_shared<Doubling>());
  second.fit(again.train, again.holdout, checkpoint);
  expect_same_bits(weights(with), weights(again));
}

// What the Trainer promises a rule that evaluates twice: the same samples and dropout, statistics of the
// first pass.
TEST(Trainer, RepeatsAnEvaluationExactly) {
  Scene sam, plain;
  sam.optim.sam = optim::SamOptions{.rho = 0.05};
  std::vector<torch::Tensor> masks, inputs;
  const auto recording = [&](nn::Model& model, const data::Batch& batch) {
    inputs.push_back(batch.inputs.clone());
    masks.push_back(torch::dropout(torch::ones({64}), 0.5, true));
    return torch::cross_entropy_loss(model.forward(batch.inputs), batch.targets);
  };
  sam.options.steps = plain.options.steps = 1;
  Trainer trainer = sam.trainer();
  trainer.set_objective(recording);
  trainer.fit(sam.train, {});
  ASSERT_EQ(masks.size(), 2u);
  EXPECT_TRUE(torch::equal(masks[0], masks[1]));
  EXPECT_TRUE(torch::equal(inputs[0], inputs[1]));
  Trainer once = plain.trainer();
  once.set_objective(recording);
  once.fit(plain.train, {});
  const auto a = sam.model->buffers(), b = plain.model->buffers();
  for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(torch::equal(a[i], b[i])) << "buffer " << i;
}

struct Variant {
  const char* name;
  double average_decay;
  int64_t patience;
  const char* optimizer;
  bool sam = false;
};

class Resume : public testing::TestWithParam<Variant> {
 protected:
  void prepare(Scene& setup) const {
    setup.options.average_decay = GetParam().average_decay;
    setup.options.patience = GetParam().patience;
    setup.optim.kind = GetParam().optimizer;
    if (setup.optim.kind != "sgd") setup.optim.lr = 0.01;
    if (GetParam().sam) setup.optim.sam = optim::SamOptions{.every = 2, .start = 0.2};
  }
};

// Interrupted after each of several steps, resumed by a new process's worth of objects: the same bits and
// curves.
TEST_P(Resume, EqualsUninterrupted) {
  Scene uninterrupted;
  prepare(uninterrupted);
  const FitReport expected = uninterrupted.trainer().fit(uninterrupted.train, uninterrupted.holdout);
  for (int64_t stop_after : {1, 10, 17, 29}) {
    const core::TemporaryDirectory directory;
    const auto checkpoint = directory.path() / "train.checkpoint";
    const core::StopToken stop;
    Hooks hooks;
    hooks.after_step = [&](int64_t step, const optim::StepReport&) {
      if (step == stop_after) stop.request();
    };
    Scene first;
    prepare(first);
    EXPECT_THROW(first.trainer().fit(first.train, first.holdout, checkpoint, stop, hooks), Interrupted);
    EXPECT_EQ(checkpoint_threads(checkpoint), compute_threads());
    Scene second;
    prepare(second);
    second.model->initialize(Seed(99));  // whatever was there before is overwritten
    const FitReport report = second.trainer().fit(second.train, second.holdout, checkpoint);
    expect_same_bits(weights(uninterrupted), weights(second));
    ASSERT_EQ(report.curve.size(), expected.curve.size());
    for (size_t i = 0; i < report.curve.size(); ++i) EXPECT_EQ(report.curve[i].loss, expected.curve[i].loss);
    ASSERT_EQ(report.epochs.size(), expected.epochs.size());
    for (size_t i = 0; i < report.epochs.size(); ++i)
      EXPECT_EQ(report.epochs[i].holdout_loss, expected.epochs[i].holdout_loss);
  }
}
INSTANTIATE_TEST_SUITE_P(Variants, Resume,
                         testing::Values(Variant{"plain", 0, 0, "sgd"}, Variant{"average", 0.9, 0, "sgd"},
                                         Variant{"best", 0, 5, "adam"}, Variant{"all", 0.9, 5, "adamw"},
                                         Variant{"sam", 0.9, 0, "sgd", true}),
                         [](const auto& info) { return std::string(info.param.name); });

// One pipeline of any two of what may change a step: it trains, and resumes to the same bits.
const std::vector<std::pair<std::string, std::string>> kParts = {{"sam", "[optim.sam]\nrho = 0.1"},
                                                                 {"adascale", "[optim.adascale]\nscale = 4"},
                                                                 {"clipping", "[optim]\nclip_norm = 0.5"},
                                                                 {"accumulation", "[train]\nmicro_batch = 8"},
                                                                 {"label noise", "[data]\nlabel_noise = 0.2"},
                                                                 {"average", "[train]\naverage_decay = 0.9"}};

std::string toml_of(const std::string& a, const std::string& b) {
  std::map<std::string, std::string> tables = {{"[optim]", "lr = 0.02\n"},
                                               {"[train]", "epochs = 2\nbatch_size = 16\n"}};
  for (const std::string& part : {a, b}) {
    const size_t line = part.find('\n');
    tables[part.substr(0, line)] += part.substr(line + 1) + "\n";
  }
  std::string toml;
  for (const auto& [header, text] : tables) toml += header + "\n" + text;
  return toml;
}

TEST(Trainer, AnyTwoPartsCombineAndResume) {
  for (size_t i = 0; i < kParts.size(); ++i) {
    for (size_t j = i + 1; j < kParts.size(); ++j) {
      SCOPED_TRACE(kParts[i].first + " and " + kParts[j].first);
      const Config config = Config::parse(toml_of(kParts[i].second, kParts[j].second));
      const core::TemporaryDirectory directory;
      const auto checkpoint = directory.path() / "train.checkpoint";
      const auto fit = [&](Scene& scene, const std::filesystem::path& file, int64_t stop_after) {
        scene.optim = optim::optimizer_options(config.section("optim"));
        scene.options = train_options(config.section("train"), scene.optim);
        const double noise = config.section("data").number("label_noise", 0);
        if (noise > 0) scene.train = data::corrupt_labels(scene.train, noise, Seed(5)).dataset;
        const core::StopToken stop;
        Hooks hooks;
        hooks.after_step = [&](int64_t step, const optim::StepReport&) {
          if (step == stop_after) stop.request();
        };
        return scene.trainer().fit(scene.train, scene.holdout, file, stop, hooks);
      };
      Scene whole, first, second;
      const FitReport report = fit(whole, {}, -1);
      config.reject_unknown();
      EXPECT_GT(report.epochs.back().holdout_accuracy, 0.4);  // of three classes
      EXPECT_THROW(fit(first, checkpoint, 4), Interrupted);
      second.model->initialize(Seed(99));
      fit(second, checkpoint, -1);
      expect_same_bits(weights(whole), weights(second));
    }
  }
}

// The steps of a schedule made for batches of 4 are counted in batches of 4.
TEST(Trainer, CountsScaleInvariantSteps) {
  Scene scene;
  scene.optim.adascale = optim::AdaScaleOptions{.scale = 4};
  scene.options.epochs = 2;
  scene.options.micro_batch = 4;
  scene.options.schedule_scale = 4;
  scene.options.schedule = {.kind = "step", .warmup = 0, .milestones = {0.5}, .decay = 0.5};
  std::vector<std::pair<double, double>> tau_and_factor;  // before each step
  double tau = 0;
  Hooks hooks;
  Trainer trainer = scene.trainer();
  hooks.after_step = [&](int64_t, const optim::StepReport& report) {
    tau_and_factor.emplace_back(tau, report.lr_factor);
    EXPECT_GT(report.progress, 1);
    EXPECT_LE(report.progress, 4);
    tau += report.progress;
  };
  const FitReport report = trainer.fit(scene.train, scene.holdout, {}, {}, hooks);
  EXPECT_GE(report.progress, 80);  // 2 epochs of 160 examples in batches of 4
  EXPECT_LT(report.progress, 84);
  EXPECT_DOUBLE_EQ(report.progress, tau);
  EXPECT_LT(report.steps, 80);
  EXPECT_GE(report.steps, 20);
  EXPECT_EQ(report.evaluations, 4 * report.steps);
  for (size_t i = 0; i < report.curve.size(); ++i) {
    const auto [before, factor] = tau_and_factor[static_cast<size_t>(report.curve[i].step) - 1];
    EXPECT_NEAR(report.curve[i].learning_rate, 0.05 * (before >= 40 ? 0.5 : 1) * factor, 1e-12) << before;
    EXPECT_EQ(report.curve[i].metrics.count("gain"), 1u);
  }
}

TEST(Trainer, RefusesACheckpointOfAnotherRun) {
  const core::TemporaryDirectory directory;
  const auto checkpoint = directory.path() / "train.checkpoint";
  Scene first;
  const core::StopToken stop;
  Hooks hooks;
  hooks.after_step = [&](int64_t step, const optim::StepReport&) {
    if (step == 3) stop.request();
  };
  EXPECT_THROW(first.trainer().fit(first.train, first.holdout, checkpoint, stop, hooks), Interrupted);
  Scene second;
  second.options.batch_size = 32;
  try {
    second.trainer().fit(second.train, second.holdout, checkpoint);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("batch_size"), std::string::npos);
  }
  const std::string bytes = core::read_file(checkpoint);
  for (const std::string& damaged :
       {bytes.substr(0, bytes.size() / 2), std::string("garbage"), std::string()}) {
    core::write_file(checkpoint, damaged);
    Scene third;
    EXPECT_THROW(third.trainer().fit(third.train, third.holdout, checkpoint), InputError);
  }
}

TEST(Trainer, SkipsNonFiniteStepsThenStops) {
  Scene setup;
  Trainer trainer = setup.trainer();
  int calls = 0;
  trainer.set_objective([&](nn::Model& model, const data::Batch& batch) {
    const torch::Tensor loss = torch::cross_entropy_loss(model.forward(batch.inputs), batch.targets);
    return ++calls == 5 ? loss * std::numeric_limits<double>::quiet_NaN() : loss;
  });
  const FitReport report = trainer.fit(setup.train, setup.holdout);
  EXPECT_EQ(report.skipped_steps, 1);
  EXPECT_EQ(report.steps, 31);  // τ did not move in the skipped one
  for (const auto& tensor : trained_tensors(*setup.model)) EXPECT_TRUE(tensor.isfinite().all().item<bool>());

  Scene diverging;
  Trainer hopeless = diverging.trainer();
  hopeless.set_objective([](nn::Model& model, const data::Batch& batch) {
    return model.forward(batch.inputs).sum() * std::nan("");
  });
  EXPECT_THROW(hopeless.fit(diverging.train, diverging.holdout), Error);
}

TEST(Trainer, StopsEarlyWithTheBestWeights) {
  Scene setup;
  setup.options.epochs = 50;
  setup.options.patience = 2;
  setup.options.schedule = {.kind = "constant", .warmup = 0};
  const FitReport report = setup.trainer().fit(setup.train, setup.holdout);
  EXPECT_TRUE(report.stopped_early);
  EXPECT_LT(report.epochs.size(), 50u);
  double best = 0;
  for (const auto& epoch : report.epochs) best = std::max(best, epoch.holdout_accuracy);
  const torch::Tensor logits = nn::predict(*setup.model, setup.holdout.inputs);
  EXPECT_DOUBLE_EQ(logits.argmax(1).eq(setup.holdout.targets).to(torch::kFloat64).mean().item<double>(),
                   best);
}

TEST(WeightAverage, IsTheRecursion) {
  torch::nn::Linear layer(1, 1);
  const torch::NoGradGuard no_grad;
  layer->weight.fill_(0);
  WeightAverage average(*layer, 0.5);
  layer->weight.fill_(1);
  average.update();  // d = min(0.5, 1/10): 0.9
  EXPECT_NEAR(average.values()[0].item<double>(), 0.9, 1e-6);
  layer->weight.fill_(2);
  average.update();  // d = min(0.5, 2/11)
  const double expected = 0.9 * 2 / 11 + 2.0 * 9 / 11;
  EXPECT_NEAR(average.values()[0].item<double>(), expected, 1e-6);
  average.swap();
  EXPECT_NEAR(layer->weight.item<double>(), expected, 1e-6);
  average.swap();
  EXPECT_EQ(layer->weight.item<double>(), 2);
}

TEST(Schedule, FollowsItsDefinition) {
  const auto factor = [](const ScheduleOptions& o, double p) { return schedule_factor(o, p); };
  EXPECT_EQ(factor({.kind = "constant", .warmup = 0}, 0.3), 1);
  EXPECT_DOUBLE_EQ(factor({.kind = "constant", .warmup = 0.2, .start = 0.1}, 0.1), 0.55);
  EXPECT_DOUBLE_EQ(factor({.kind = "step", .warmup = 0}, 0.49), 1);
  EXPECT_DOUBLE_EQ(factor({.kind = "step", .warmup = 0}, 0.5), 0.1);
  EXPECT_NEAR(factor({.kind = "step", .warmup = 0}, 0.75), 0.01, 1e-15);
  EXPECT_DOUBLE_EQ(factor({.kind = "cosine", .warmup = 0, .end = 0}, 0.5), 0.5);
  EXPECT_NEAR(factor({.kind = "one-cycle"}, 0), 0.1, 1e-12);
  EXPECT_NEAR(factor({.kind = "one-cycle"}, 0.1), 0.55, 1e-12);
  EXPECT_NEAR(factor({.kind = "one-cycle"}, 0.2), 1, 1e-12);
  EXPECT_NEAR(factor({.kind = "one-cycle"}, 1), 1e-3, 1e-12);
}

TEST(TrainOptions, SplitTheBatchForAdaScale) {
  const auto options = [](const std::string& train, optim::AdaScaleOptions adascale) {
    return train_options(Config::parse(train), {.adascale = adascale});
  };
  EXPECT_EQ(options("batch_size = 128", {.scale = 8}).micro_batch, 16);
  EXPECT_EQ(options("batch_size = 128", {.scale = 1.5}).micro_batch, 64);
  EXPECT_EQ(options("batch_size = 100", {.scale = 8}).micro_batch, 20);  // 8 does not divide it, 5 does
  EXPECT_EQ(options("batch_size = 4", {.scale = 8}).micro_batch, 1);
  EXPECT_EQ(
      options("batch_size = 128", {.scale = 8, .estimator = optim::MomentEstimator::difference}).micro_batch,
      0);
  EXPECT_EQ(options("batch_size = 128\nmicro_batch = 32", {}).schedule_scale, 4);
  EXPECT_EQ(options("batch_size = 128", {.scale = 8}).schedule_scale, 8);
  EXPECT_EQ(
      train_options(Config::parse(""), {.scaling = optim::BatchScalingOptions{.scale = 4}}).schedule_scale,
      4);
  try {
    options("batch_size = 1", {.scale = 8});
    FAIL();
  } catch (const InputError& error) {
    for (const char* remedy : {"batch_size", "difference", "scale = 1"})
      EXPECT_NE(std::string(error.what()).find(remedy), std::string::npos) << error.what();
  }
}

TEST(TrainOptions, SayWhatIsWrong) {
  try {
    train_options(Config::parse("[train]\nbatch_size = 100\nmicro_batch = 33", "p.toml").section("train"));
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(
        std::string(error.what()).find("train.micro_batch must divide batch_size = 100, got 33 (p.toml:3)"),
        std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace lathe::train
