#include "lathe/train/invariance/invariant_training.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <sstream>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/progress.h"
#include "lathe/nn/classifier.h"
#include "lathe/nn/initialization.h"
#include "lathe/train/trainer.h"
#include "tests/support/archive.h"
#include "tests/support/message.h"

namespace lathe::train::invariance {
namespace {

using core::Config;
using core::Seed;
using testing_support::message_of;

// Tables of three classes: a weak true feature, a strong shortcut that 80 % of a class share, and noise.
data::Dataset shortcuts(int64_t count, uint64_t seed) {
  data::Dataset dataset;
  for (int i = 0; i < 8; ++i) dataset.schema.columns.push_back({"x" + std::to_string(i), {}});
  dataset.schema.columns.push_back({"place", {"common", "rare"}});
  dataset.schema.shape = {9};
  dataset.schema.classes = {"a", "b", "c"};
  dataset.targets = torch::arange(count).remainder(3);
  const torch::Tensor rare = torch::arange(count).floor_divide(3).remainder(5).eq(0);
  dataset.inputs = torch::randn({count, 9}, nn::generator(Seed(seed)));
  const torch::Tensor shortcut = torch::where(rare, (dataset.targets + 1).remainder(3), dataset.targets);
  dataset.inputs.narrow(1, 0, 3).add_(torch::one_hot(dataset.targets, 3));
  dataset.inputs.narrow(1, 3, 3).add_(4 * torch::one_hot(shortcut, 3));
  dataset.inputs.select(1, 8).copy_(rare);
  return dataset;
}

struct Scene {
  data::Dataset train = shortcuts(300, 1), holdout = shortcuts(60, 2);
  TrainOptions options = {.epochs = 4, .batch_size = 60};
  std::shared_ptr<nn::Classifier> model =
      nn::build(Config::parse("kind = 'mlp'\nhidden = [16]"), train.schema, Seed(7));
  Scene() {
    core::Progress::set_quiet(true);
    model->fit_inputs(train.inputs);
  }
  Trainer trainer() {
    return Trainer(model, optim::make_step(model->parameters(), {.lr = 0.05}), options, Seed(3));
  }
  void fit(const std::shared_ptr<InvariantTraining>& training, const std::filesystem::path& checkpoint = {},
           const core::StopToken& stop = {}, const Hooks& hooks = {}) {
    Trainer t = trainer();
    t.add_method(training);
    t.set_objective(training->objective());
    t.fit(train, holdout, checkpoint, stop, hooks);
  }
  std::vector<torch::Tensor> weights() const {
    std::vector<torch::Tensor> copies;
    for (const torch::Tensor& p : model->parameters()) copies.push_back(p.detach().clone());
    return copies;
  }
};

void expect_same_bits(const std::vector<torch::Tensor>& a, const std::vector<torch::Tensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(torch::equal(a[i], b[i])) << "tensor " << i;
}

InvarianceOptions given(const std::string& method, double weight) {
  InvarianceOptions o = published(method);
  o.weight = weight;
  o.column = "place";
  o.ramp_epochs = 1;
  return o;
}

data::Batch whole(const data::Dataset& d) {
  return {d.inputs, d.targets, torch::arange(d.size())};
}

TEST(InvariantTraining, WithoutPenaltyAndBalanceIsPlainTraining) {
  Scene plain, invariant;
  plain.trainer().fit(plain.train, plain.holdout);
  InvarianceOptions options = given("pgi", 0);
  options.balance = false;
  invariant.fit(std::make_shared<InvariantTraining>(options, Seed(1)));
  expect_same_bits(invariant.weights(), plain.weights());
}

TEST(InvariantTraining, RampRisesFromTheStartStep) {
  EXPECT_EQ(ramped(50, 9, 10, 20), 0);
  EXPECT_DOUBLE_EQ(ramped(50, 10, 10, 20), 50.0 / 20);
  EXPECT_DOUBLE_EQ(ramped(50, 30, 10, 20), 50);
  EXPECT_DOUBLE_EQ(ramped(50, 29, 10, 20), 50);
  EXPECT_EQ(ramped(50, 10, 10, 0), 50);
}

TEST(InvariantTraining, GroupsAreInferredOnceAtTheStart) {
  Scene scene;
  InvarianceOptions options = published("pgi");
  options.start_epoch = 2;
  options.inference = published_inference("loss");
  const auto training = std::make_shared<InvariantTraining>(options, Seed(1));
  std::vector<bool> had_groups;
  torch::Tensor first;
  bool same = true;
  Hooks hooks;
  hooks.after_step = [&](int64_t, const optim::StepReport&) {
    had_groups.push_back(training->groups().has_value());
    if (!training->groups()) return;
    if (!first.defined()) first = training->groups()->assignment.clone();
    same = same && torch::equal(first, training->groups()->assignment);
  };
  scene.fit(training, {}, {}, hooks);
  const int64_t start = 2 * 5;
  ASSERT_EQ(had_groups.size(), 20u);
  for (int64_t s = 0; s < 20; ++s) EXPECT_EQ(had_groups[static_cast<size_t>(s)], s >= start) << "step " << s;
  EXPECT_TRUE(same);
  // Part 1, the harder one, should be the rare place.
  const Agreement a = agreement(first, scene.train.inputs.select(1, 8));
  EXPECT_GT(a.precision, 0.4) << "twice the share of rare examples";
}

// What the penalty adds to the loss moves the features only, or also the last layer where that is asked for.
TEST(InvariantTraining, PenaltyLeavesTheLastLayerAlone) {
  const auto gradients = [](InvarianceOptions options) {
    Scene scene;
    options.ramp_epochs = 0;
    InvariantTraining training(options, Seed(1));
    training.begin(*scene.model, scene.train, 5);
    training.before_step(100);
    training.loss(*scene.model, whole(scene.train)).backward();
    std::vector<torch::Tensor> result;
    for (const torch::Tensor& p : scene.model->parameters()) result.push_back(p.grad().clone());
    return result;
  };
  for (const std::string& method : {"pgi", "irm_v1", "rex"}) {
    InvarianceOptions without = given(method, 0), with = given(method, 0.9), all = given(method, 0.9);
    with.features_only = true;
    all.features_only = false;
    const auto a = gradients(without), b = gradients(with), c = gradients(all);
    ASSERT_EQ(a.size(), 4u);
    EXPECT_FALSE(torch::allclose(a[0], b[0])) << method;
    EXPECT_TRUE(torch::equal(a[2], b[2])) << method << ": weight of the last layer";
    EXPECT_TRUE(torch::equal(a[3], b[3])) << method << ": bias of the last layer";
    EXPECT_FALSE(torch::allclose(a[2], c[2])) << method;
    EXPECT_TRUE(torch::allclose(b[0], c[0])) << method << ": the features see the same penalty";
  }
}

// The loss written out from the penalties, at a step on the ramp.
TEST(InvariantTraining, LossIsCrossEntropyPlusWeightedPenalty) {
  Scene scene;
  const data::Batch batch = whole(scene.train);
  const torch::Tensor rare = scene.train.inputs.select(1, 8).to(torch::kInt64);
  const torch::NoGradGuard no_grad;
  const torch::Tensor features = scene.model->features(batch.inputs),
                      logits = scene.model->forward(batch.inputs);
  const torch::Tensor losses = torch::cross_entropy_loss(logits, batch.targets, {}, at::Reduction::None);
  const Parts by_class = parts_of(batch.targets, rare, 3, 2), together = parts_of(rare, 2);
  const torch::Tensor balanced = balanced_mean(losses, rare, 2);
  torch::Tensor norm = torch::zeros({});
  for (const torch::Tensor& p : scene.model->parameters()) norm += p.square().sum();
  constexpr double kWeight = 8, kL2 = 0.01;
  const double lambda = kWeight * 3 / 5;  // the third of five steps of the ramp
  const std::map<std::string, torch::Tensor> expected = {
      {"pgi", balanced + lambda * pgi_penalty(torch::softmax(logits, 1), by_class).value + kL2 / 2 * norm},
      {"cmmd", balanced + lambda * mmd_penalty(features, by_class).value + kL2 / 2 * norm},
      {"irm_v1",
       (balanced + lambda * irm_penalty(logits, batch.targets, together).value + kL2 / 2 * norm) / lambda},
      {"rex", (balanced + lambda * rex_penalty(losses, together).value + kL2 / 2 * norm) / lambda},
      {"reweight", reweighted_mean(losses, rare, lambda) + kL2 / 2 * norm},
      {"group_dro", GroupDro(together.counts, {}).step(losses, together, lambda).loss + kL2 / 2 * norm},
  };
  for (const auto& [method, loss] : expected) {
    InvarianceOptions options = given(method, kWeight);
    options.l2 = kL2;
    InvariantTraining training(options, Seed(1));
    training.begin(*scene.model, scene.train, 5);
    training.before_step(5 + 2);
    EXPECT_NEAR(training.loss(*scene.model, batch).item<double>(), loss.item<double>(), 1e-5) << method;
  }
}

TEST(InvariantTraining, PenaltyBringsThePartsTogether) {
  const auto penalty_after = [](double weight) {
    Scene scene;
    scene.options.epochs = 12;
    scene.fit(std::make_shared<InvariantTraining>(given("pgi", weight), Seed(1)));
    const torch::NoGradGuard no_grad;
    const torch::Tensor p = torch::softmax(scene.model->forward(scene.train.inputs), 1);
    return pgi_penalty(p, parts_of(scene.train.targets, scene.train.inputs.select(1, 8), 3, 2))
        .value.item<double>();
  };
  EXPECT_LT(penalty_after(1), 0.5 * penalty_after(0));
}

// SAM evaluates each micro-batch twice; GroupDRO's weights must move once a step, by the first pass.
TEST(InvariantTraining, GroupWeightsMoveOnceAStep) {
  Scene scene;
  InvarianceOptions options = given("group_dro", 0.5);
  options.ramp_epochs = 0;
  InvariantTraining training(options, Seed(1));
  training.begin(*scene.model, scene.train, 5);
  const auto q = [](const InvariantTraining& of) {
    torch::serialize::InputArchive in = testing_support::saved(of);
    torch::Tensor weights;
    in.read("group_weights", weights, true);
    return weights;
  };
  // Stands for the Trainer: each evaluation is one of the whole batch.
  struct Source : optim::GradientSource {
    Scene& scene;
    InvariantTraining& training;
    Source(Scene& s, InvariantTraining& t) : scene(s), training(t) {}
    int64_t local_replicas() const override { return 1; }
    int64_t replicas() const override { return 1; }
    void all_reduce_sum(at::TensorList) override {}
    optim::Evaluation evaluate(int64_t, optim::Pass) override {
      return {.loss = training.loss(*scene.model, whole(scene.train)).item<double>()};
    }
  } source(scene, training);
  optim::StepReport report;
  training.before_step(5);
  training.evaluate(source, 0, optim::Pass::first);
  training.evaluate(source, 0, optim::Pass::repeat);
  const torch::Tensor before = q(training);
  training.after_step(report);
  const torch::Tensor once = q(training);
  EXPECT_FALSE(torch::equal(before, once));

  InvariantTraining plain(options, Seed(1));
  plain.begin(*scene.model, scene.train, 5);
  plain.before_step(5);
  plain.loss(*scene.model, whole(scene.train));
  plain.after_step(report);
  EXPECT_TRUE(torch::equal(q(plain), once));

  training.before_step(6);
  training.loss(*scene.model, whole(scene.train));
  report.skipped = true;
  training.after_step(report);
  EXPECT_TRUE(torch::equal(q(training), once)) << "a skipped step changes no state";
}

TEST(InvariantTraining, ReportsWhatThePenaltySaw) {
  Scene scene;
  InvariantTraining training(given("pgi", 2), Seed(1));
  training.begin(*scene.model, scene.train, 5);
  training.before_step(5);
  // Examples 0, 3, 15: class 0, of which 0 and 15 are rare; 1 and 4: class 1, of which 1 is rare; 5: class 2.
  training.loss(*scene.model, [&] {
    const torch::Tensor rows = torch::tensor({0, 3, 15, 1, 4, 5}, torch::kInt64);
    const data::Dataset part = scene.train.select(rows);
    return data::Batch{part.inputs, part.targets, rows};
  }());
  optim::StepReport report;
  training.after_step(report);
  EXPECT_DOUBLE_EQ(report.metrics.at("invariance.weight"), 2.0 / 5);
  EXPECT_DOUBLE_EQ(report.metrics.at("invariance.active_classes"), 2);
  EXPECT_GT(report.metrics.at("invariance.penalty"), 0);
}

TEST(InvariantTraining, ResumesToTheSameBits) {
  const core::TemporaryDirectory directory;
  const auto file = directory.path() / "checkpoint";
  for (const std::string& method : {"pgi", "group_dro"}) {
    InvarianceOptions options = published(method);
    options.weight = 0.5;
    options.ramp_epochs = 1;
    options.inference = published_inference("loss");
    Scene whole_run, resumed;
    whole_run.fit(std::make_shared<InvariantTraining>(options, Seed(1)));
    core::StopToken stop;
    Hooks hooks;
    hooks.after_step = [&](int64_t step, const optim::StepReport&) {
      if (step == 12) stop.request();
    };
    EXPECT_THROW(resumed.fit(std::make_shared<InvariantTraining>(options, Seed(1)), file, stop, hooks),
                 Interrupted);
    const auto training = std::make_shared<InvariantTraining>(options, Seed(1));
    resumed.fit(training, file);
    expect_same_bits(resumed.weights(), whole_run.weights());
    EXPECT_FALSE(training->groups()->per_class[0].losses.empty());
    std::filesystem::remove(file);
  }
}

TEST(InvariantTraining, RefusesADamagedState) {
  Scene scene;
  InvariantTraining training(given("pgi", 1), Seed(1));
  training.begin(*scene.model, scene.train, 5);
  torch::serialize::InputArchive in = testing_support::saved(training);
  Scene other;
  other.train = shortcuts(90, 1);
  InvariantTraining second(given("pgi", 1), Seed(1));
  second.begin(*other.model, other.train, 5);
  EXPECT_NE(message_of<InputError>([&] { second.load(in); }).find("300 assignments"), std::string::npos);
  torch::serialize::OutputArchive nonsense;
  nonsense.write("state",
                 c10::IValue(std::string("{\"step\": -1, \"collapsed_steps\": 0, \"has_groups\": false}")));
  std::stringstream bytes;
  nonsense.save_to(bytes);
  torch::serialize::InputArchive bad;
  bad.load_from(bytes);
  EXPECT_THROW(second.load(bad), Error);
}

// A model that predicts one class for everything, however it is asked.
TEST(InvariantTraining, StopsAfter200CollapsedSteps) {
  Scene scene;
  {
    const torch::NoGradGuard no_grad;
    scene.model->head().weight.zero_();
    scene.model->head().bias[1].fill_(30);
  }
  InvariantTraining training(given("pgi", 40), Seed(1));
  training.begin(*scene.model, scene.train, 1);
  const auto step = [&](int64_t s) {
    optim::StepReport report;
    training.before_step(s);
    training.loss(*scene.model, whole(scene.train));
    training.after_step(report);
  };
  step(0);  // before the start: does not count
  for (int64_t s = 1; s < 200; ++s) step(s);
  const std::string message = message_of<Error>([&] { step(200); });
  EXPECT_NE(message.find("lower train.groups.weight = 40"), std::string::npos) << message;
}

TEST(InvariantTraining, OneGoodStepForgivesTheCollapse) {
  Scene scene;
  InvariantTraining training(given("pgi", 40), Seed(1));
  training.begin(*scene.model, scene.train, 1);
  const torch::NoGradGuard no_grad;
  const torch::Tensor bias = scene.model->head().bias;
  for (int64_t s = 1; s < 350; ++s) {
    bias[1].fill_(s == 150 ? 0 : 1000);
    training.before_step(s);
    training.loss(*scene.model, whole(scene.train));
    optim::StepReport report;
    EXPECT_NO_THROW(training.after_step(report)) << s;
  }
}

TEST(InvariantTraining, RefusesWhatItCannotTrain) {
  Scene scene;
  InvarianceOptions early = published("pgi");
  early.start_epoch = 0;
  EXPECT_THROW(InvariantTraining(early, Seed(1)), InputError);

  const auto begin_message = [&](const InvarianceOptions& options, const data::Dataset& train,
                                 std::optional<Groups> groups = std::nullopt) {
    return message_of<InputError>(
        [&] { InvariantTraining(options, Seed(1), groups).begin(*scene.model, train, 5); });
  };
  data::Dataset regression = scene.train;
  regression.targets = regression.targets.to(torch::kFloat32);
  EXPECT_NE(begin_message(given("pgi", 1), regression).find("regression and multi-label"), std::string::npos);
  data::Dataset multi_label = scene.train;
  multi_label.targets = torch::one_hot(multi_label.targets, 3);
  EXPECT_NE(begin_message(given("pgi", 1), multi_label).find("one class"), std::string::npos);

  InvarianceOptions unknown = given("pgi", 1);
  unknown.column = "plaice";
  EXPECT_NE(begin_message(unknown, scene.train).find("there is no such column"), std::string::npos);
  data::Dataset missing = scene.train;
  missing.inputs = missing.inputs.clone();
  missing.inputs[4][8] = -1;
  EXPECT_NE(begin_message(given("pgi", 1), missing).find("rows 4"), std::string::npos);

  Groups short_by_one = groups_from_values(scene.train.inputs.select(1, 8), scene.train.targets, 3, "place");
  short_by_one.assignment = short_by_one.assignment.slice(0, 1);
  EXPECT_NE(begin_message(published("pgi"), scene.train, short_by_one).find("299 assignments"),
            std::string::npos);

  struct Opaque : nn::Model {
    torch::Tensor forward(torch::Tensor x) override { return x; }
  } opaque;
  EXPECT_THROW(InvariantTraining(given("pgi", 1), Seed(1)).begin(opaque, scene.train, 5), InputError);
}

TEST(InvariantTraining, ReadsItsTable) {
  const Config config = Config::parse(R"(
[groups]
method = "pgi"
infer = "eiil"
weight = 50
reduction = "mean"
[groups.inference]
iterations = 500
)");
  const InvarianceOptions o = invariance_options(config.section("groups"));
  config.reject_unknown();
  EXPECT_EQ(o.weight, 50);
  EXPECT_EQ(o.reduction, "mean");
  EXPECT_EQ(o.inference.method, "eiil");
  EXPECT_EQ(o.inference.iterations, 500);
  EXPECT_EQ(o.inference.lr, 1e-3) << "eiil's own default";
  EXPECT_TRUE(o.class_conditional);

  const auto read = [](const std::string& text) {
    const Config c = Config::parse(text);
    const InvarianceOptions options = invariance_options(c);
    c.reject_unknown();
    return options;
  };
  EXPECT_FALSE(read("method = 'irm_v1'").class_conditional);
  EXPECT_FALSE(read("method = 'irm_v1'").features_only);
  EXPECT_EQ(read("method = 'group_dro'").ramp_epochs, 0);
  EXPECT_EQ(read("groups = 'column:place'").column, "place");
  EXPECT_EQ(read("groups = 'column:place'\nstart_epoch = 0").start_epoch, 0);
  for (const std::string& bad :
       {"method = 'erm'", "weight = -1", "groups = 'given'", "groups = 'column:'", "start_epoch = 0",
        "reduction = 'max'", "infer = 'kmeans'", "ramp_epoch = 3", "method = 'rex'\nreduction = 'sum'",
        "groups = 'column:place'\ninfer = 'loss'", "[inference]\ntemperature = 0"})
    EXPECT_THROW(read(bad), InputError) << bad;
}

}  // namespace
}  // namespace lathe::train::invariance
