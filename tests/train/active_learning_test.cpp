#include "lathe/train/active_learning.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <set>

#include "lathe/core/error.h"
#include "lathe/core/progress.h"
#include "lathe/nn/mlp.h"
#include "tests/support/message.h"

namespace lathe::train {
namespace {

using evaluate::active::BiasParts;
using evaluate::active::Estimator;
using evaluate::active::ProposalKind;
using testing_support::message_of;

// Scores that depend on the labelled points, as a model's would.
struct Watched {
  Learner learner;
  std::vector<Learner::Points> trained;
  std::vector<std::vector<double>> weights;
};

std::shared_ptr<Watched> watched() {
  auto result = std::make_shared<Watched>();
  Watched* w = result.get();
  w->learner.train = [w](const Learner::Points& points, const std::vector<double>& weights) {
    w->trained.push_back(points);
    w->weights.push_back(weights);
  };
  w->learner.score = [w](const Learner::Points& points) {
    std::vector<double> scores;
    for (int64_t point : points)
      scores.push_back(1 + std::abs(static_cast<double>(point - w->trained.back().back())));
    return scores;
  };
  return result;
}

TEST(ActiveLearning, RecomputesEveryWeightAfterEveryLabel) {
  for (Estimator estimator : {Estimator::kNone, Estimator::kPure, Estimator::kLure}) {
    const auto w = watched();
    const Acquired acquired = learn_actively(
        30, w->learner, {.estimator = estimator, .start = 4, .budget = 15, .batch = 3}, core::Seed(1));
    ASSERT_EQ(w->trained.size(), 5u);  // at 4, 7, 10, 13 and 15 labels
    EXPECT_EQ(w->trained.back(), acquired.points);
    EXPECT_EQ(std::set<int64_t>(acquired.points.begin(), acquired.points.end()).size(), 15u);
    for (size_t t = 0; t < w->trained.size(); ++t) {
      const auto m = static_cast<int64_t>(w->trained[t].size());
      EXPECT_EQ(w->weights[t],
                evaluate::active::weights(estimator, {acquired.q.begin(), acquired.q.begin() + m}, 30));
    }
    for (int64_t m = 0; m < 4; ++m) EXPECT_EQ(acquired.q[static_cast<size_t>(m)], 1.0 / (30 - m));
  }
}

// q is the probability among the points that remained, by the scores of the model at that time.
TEST(ActiveLearning, KeepsTheProbabilityOfEachDraw) {
  const auto w = watched();
  const Acquired acquired = learn_actively(20, w->learner, {.start = 1, .budget = 10}, core::Seed(2));
  std::set<int64_t> taken = {acquired.points[0]};
  for (size_t m = 1; m < acquired.points.size(); ++m) {
    double total = 0;
    for (int64_t point = 0; point < 20; ++point)
      if (taken.count(point) == 0) total += 1 + std::abs(static_cast<double>(point - acquired.points[m - 1]));
    EXPECT_NEAR(acquired.q[m],
                (1 + std::abs(static_cast<double>(acquired.points[m] - acquired.points[m - 1]))) / total,
                1e-12);
    taken.insert(acquired.points[m]);
  }
}

TEST(ActiveLearning, SameSeedSamePoints) {
  const auto points = [](uint64_t seed) {
    return learn_actively(50, watched()->learner, {.start = 2, .budget = 20}, core::Seed(seed)).points;
  };
  EXPECT_EQ(points(3), points(3));
  EXPECT_NE(points(3), points(4));
}

TEST(ActiveLearning, RefusesWhatCannotBe) {
  const auto run = [](ActiveLearningOptions options) {
    return message_of<InputError>([&] { learn_actively(10, watched()->learner, options, core::Seed(1)); });
  };
  EXPECT_NE(run({.start = 2, .budget = 11}).find("the pool's 10 points, got 11"), std::string::npos);
  EXPECT_NE(run({.start = 0, .budget = 5}).find("start"), std::string::npos);
  EXPECT_NE(
      run({.proposal = {.kind = ProposalKind::kGreedy}, .start = 2, .budget = 5}).find("weights undefined"),
      std::string::npos);
  auto w = watched();
  w->learner.score = [](const Learner::Points& points) { return std::vector<double>(points.size(), -1); };
  EXPECT_NE(message_of<InputError>([&] {
              learn_actively(10, w->learner, {.start = 1, .budget = 3}, core::Seed(1));
            }).find("(step 2) must be finite and at least 0, got -1"),
            std::string::npos);
}

TEST(ActiveDiagnosis, ByHand) {
  // A network: it overfits by 1 and the choice offsets 0.4 of that.
  const Diagnosis network = diagnosis_of({{1.1, -0.4}, {0.9, -0.5}, {1.0, -0.3}});
  EXPECT_NEAR(network.overfitting.mean, 1, 1e-12);
  EXPECT_NEAR(network.overfitting.standard_error, 0.1 / std::sqrt(3), 1e-12);
  EXPECT_NEAR(network.active_learning.mean, -0.4, 1e-12);
  EXPECT_NEAR(network.harm.mean, 0.4, 1e-12);
  EXPECT_EQ(network.recommended, Estimator::kNone);
  // A line: hardly any overfitting, all of the bias is the choice's.
  const Diagnosis line = diagnosis_of({{0.01, -0.3}, {-0.01, -0.2}});
  EXPECT_EQ(line.recommended, Estimator::kLure);
  EXPECT_LT(line.harm.mean, 0);
  EXPECT_NE(diagnosis_of({{1, -0.2}, {-0.9, 0.1}}).reason.find("too much to be sure"), std::string::npos);
  EXPECT_EQ(message_of<InputError>([] {
              diagnosis_of({{1, 2}});
            }),
            "a diagnosis needs at least 2 runs, got 1");
}

nn::Mlp network(const std::vector<int64_t>& hidden) {
  nn::Mlp model({.num_inputs = 2, .num_classes = 2, .hidden = hidden, .dropout = 0.5});
  model.initialize(core::Seed(5));
  return model;
}

// A network with one feature: a member has it doubled, or not at all.
TEST(ActiveMembers, DropWhatTheLastLayerSees) {
  nn::Mlp model = network({1});
  {
    const torch::NoGradGuard no_grad;
    model.parameters()[0].fill_(1);  // no input leaves the feature at 0
  }
  const torch::Tensor inputs = torch::randn({6, 2}).abs();
  torch::Tensor feature;
  {
    const nn::EvaluationMode evaluation(model);
    const torch::NoGradGuard no_grad;
    feature = model.features(inputs);
  }
  const torch::Tensor members = dropout_members(model, inputs, 40, 0.5, core::Seed(1));
  ASSERT_EQ(members.sizes(), (std::vector<int64_t>{40, 6, 2}));
  const torch::Tensor with = model.head().forward(2 * feature).softmax(1).detach();
  const torch::Tensor without = model.head().forward(0 * feature).softmax(1).detach();
  int64_t kept = 0;
  for (int64_t k = 0; k < 40; ++k) {
    const bool on = torch::allclose(members[k], with), off = torch::allclose(members[k], without);
    EXPECT_TRUE(on || off) << k;
    kept += on;
  }
  EXPECT_GT(kept, 8);
  EXPECT_LT(kept, 32);
}

TEST(ActiveMembers, AreTheModelWithoutDropout) {
  nn::Mlp model = network({16, 8});
  const torch::Tensor inputs = torch::randn({700, 2});
  const torch::Tensor members = dropout_members(model, inputs, 2, 0, core::Seed(1));
  const torch::Tensor expected = nn::predict(model, inputs).softmax(1);
  EXPECT_TRUE(torch::allclose(members[0], expected));
  EXPECT_TRUE(torch::equal(members[0], members[1]));
  EXPECT_TRUE(model.is_training());
  EXPECT_NE(
      message_of<InputError>([&] { dropout_members(model, inputs, 2, 1, core::Seed(1)); }).find("[0, 1)"),
      std::string::npos);
  EXPECT_NE(
      message_of<InputError>([&] { dropout_members(model, inputs, 0, 0.5, core::Seed(1)); }).find("member"),
      std::string::npos);
}

// Two clouds in the plane.
data::Dataset clouds(int64_t n, uint64_t seed) {
  core::Random random = core::Seed(seed).random();
  data::Dataset dataset;
  dataset.inputs = torch::empty({n, 2});
  dataset.targets = torch::empty({n}, torch::kInt64);
  for (int64_t i = 0; i < n; ++i) {
    dataset.targets[i] = i % 2;
    for (int64_t j = 0; j < 2; ++j) dataset.inputs[i][j] = (i % 2 ? 1.5 : -1.5) + random.normal();
  }
  dataset.schema.classes = {"low", "high"};
  return dataset;
}

Learner cloud_learner(const data::Dataset& pool, const data::Dataset& clean, double dropout = 0.5) {
  return classifier_learner(pool, clean,
                            {.make_model =
                                 [](core::Seed seed) {
                                   auto model = std::make_shared<nn::Mlp>(
                                       nn::MlpOptions{.num_inputs = 2, .num_classes = 2, .hidden = {8}});
                                   model->initialize(seed);
                                   return model;
                                 },
                             .optim = {.kind = "adam", .lr = 0.02, .weight_decay = 0},
                             .steps = 60,
                             .num_members = 8,
                             .dropout = dropout},
                            core::Seed(6));
}

TEST(ActiveLearner, LearnsByWeights) {
  const core::QuietProgress quiet;
  const data::Dataset pool = clouds(60, 1), clean = clouds(200, 2);
  const Learner learner = cloud_learner(pool, clean, /*dropout=*/0);
  Learner::Points points;
  for (int64_t i = 0; i < 40; ++i) points.push_back(i);
  learner.train(points, std::vector<double>(40, 1));
  const double risk = learner.population_risk();
  EXPECT_LT(risk, 0.2);
  double mean = 0;
  for (double loss : learner.losses(points)) mean += loss / 40;
  EXPECT_LT(mean, 0.2);
  for (double score : learner.score({50, 51})) EXPECT_GE(score, 0);
  // One class does not count: everything is taken for the other.
  std::vector<double> weights;
  for (int64_t i = 0; i < 40; ++i) weights.push_back(i % 2);
  learner.train(points, weights);
  const std::vector<double> losses = learner.losses(points);
  EXPECT_GT(losses[0], losses[1]);
  EXPECT_GT(learner.population_risk(), risk + 0.3);
}

TEST(ActiveDiagnosis, OfNetworksThatLearn) {
  const core::QuietProgress quiet;
  const data::Dataset pool = clouds(60, 1), clean = clouds(200, 2);
  const Diagnosis d = diagnose(
      60, [&](core::Seed) { return cloud_learner(pool, clean); }, {.start = 6, .budget = 12, .batch = 3}, 2,
      core::Seed(7));
  ASSERT_EQ(d.runs.size(), 2u);
  EXPECT_TRUE(std::isfinite(d.overfitting.mean));
  EXPECT_NE(d.runs[0].active_learning, d.runs[1].active_learning);
}

}  // namespace
}  // namespace lathe::train
