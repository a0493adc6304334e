#include "lathe/evaluate/conformal/report.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "lathe/core/error.h"
#include "lathe/evaluate/calibration.h"
#include "lathe/evaluate/classification.h"
#include "lathe/evaluate/conformal/config.h"
#include "lathe/evaluate/conformal/synthetic.h"
#include "tests/support/message.h"

namespace lathe::evaluate::conformal {
namespace {

using testing_support::message_of;

TEST(ConformalReport, MatchesWhatTheSetsSay) {
  Examples examples = synthetic_logits(2000, core::Seed(1), 120);
  examples.groups = torch::arange(2000).remainder(3);
  Options options;
  options.groups = {"a", "b", "c"};
  const Conformal conformal = Conformal::fit(examples, options);
  const Sets sets = conformal.predict(examples);
  const Report r = report(conformal, examples);

  const at::Tensor sizes = sets.sizes(), owner = torch::repeat_interleave(sizes);
  at::Tensor in = torch::zeros({2000, 120}, torch::kBool);
  in.index_put_({owner, sets.labels}, true);
  const at::Tensor covered = in.gather(1, examples.labels.unsqueeze(1)).squeeze(1);
  const auto mean = [](const at::Tensor& x) { return x.to(torch::kFloat64).mean().item<double>(); };
  EXPECT_NEAR(r.coverage, mean(covered), 1e-12);
  EXPECT_NEAR(r.mean_size, mean(sizes), 1e-9);
  EXPECT_EQ(r.median_size, sizes.to(torch::kFloat64).quantile(0.5).item<double>());
  for (int64_t size : {0, 1, 5})
    EXPECT_EQ(r.size_counts[static_cast<size_t>(size)], sizes.eq(size).sum().item<int64_t>());
  EXPECT_EQ(r.num_empty, sizes.eq(0).sum().item<int64_t>());
  EXPECT_LT(r.coverage_interval.low, r.coverage);
  EXPECT_GT(r.coverage_interval.high, r.coverage);
  ASSERT_TRUE(r.coverage_band);

  for (int64_t group = 0; group < 3; ++group) {
    const Slice& slice = r.by_group[static_cast<size_t>(group)];
    const at::Tensor of = examples.groups.eq(group);
    EXPECT_EQ(slice.name, options.groups[static_cast<size_t>(group)]);
    EXPECT_NEAR(slice.coverage, mean(covered.masked_select(of)), 1e-12);
    EXPECT_NEAR(slice.mean_size, mean(sizes.masked_select(of)), 1e-9);
  }
  for (int64_t k : {0, 60, 119})
    EXPECT_NEAR(r.by_class[static_cast<size_t>(k)].coverage,
                mean(covered.masked_select(examples.labels.eq(k))), 1e-12);
  const at::Tensor rank =
      examples.logits.gt(examples.logits.gather(1, examples.labels.unsqueeze(1))).sum(1) + 1;
  EXPECT_EQ(r.by_difficulty[1].name, "2–3");
  const at::Tensor second = rank.ge(2).logical_and(rank.le(3));
  EXPECT_EQ(r.by_difficulty[1].count, second.sum().item<int64_t>());
  EXPECT_NEAR(r.by_difficulty[1].mean_size, mean(sizes.masked_select(second)), 1e-9);
  int64_t in_strata = 0;
  for (const Slice& slice : r.by_size) in_strata += slice.count;
  EXPECT_EQ(in_strata, 2000);

  const auto metrics = classification_metrics(examples.logits, examples.labels);
  EXPECT_NEAR(r.accuracy, metrics.accuracy, 1e-12);
  EXPECT_NEAR(r.top5_accuracy, metrics.top_k, 1e-12);
  EXPECT_NEAR(r.ece_before, expected_calibration_error(examples.logits, examples.labels), 1e-5);
  EXPECT_NEAR(r.ece_after,
              expected_calibration_error(examples.logits / conformal.fitted().temperature, examples.labels),
              1e-5);

  EXPECT_EQ(to_json(r)["coverage"], r.coverage);
  EXPECT_GT(summary_table(r).size(), 10u);
  EXPECT_EQ(slice_table("group", r.by_group).size(), 3u);
}

TEST(ConformalOptions, AreReadFromATable) {
  const auto read = [](const std::string& toml) {
    return conformal_options(core::Config::parse(toml, "c.toml"));
  };
  const Options options = read("alpha = 0.2\nmethod = 'aps'\nrandomized = 'no'\nallow_empty = false");
  EXPECT_EQ(options.alpha, 0.2);
  EXPECT_EQ(options.method, Method::kAps);
  EXPECT_EQ(options.randomized, Randomized::kNo);
  EXPECT_FALSE(options.allow_empty);
  EXPECT_FALSE(read("").k_reg);
  EXPECT_EQ(*read("tune = 'none'\nk_reg = 3\nlambda = 0.1").k_reg, 3);
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"alpha = 0", "alpha must be a number in (0, 1), got 0 (c.toml:1)"},
      {"method = 'rasp'", "method"},
      {"k_reg = 1.5", "k_reg must be a whole number, got 1.5"},
      {"tune = 'none'", "tune = \"none\" needs k_reg and lambda"},
      {"method = 'naive'\ncondition = 'class'", "does not calibrate"}};
  for (const auto& mistake : wrong) {
    const std::string message = message_of<InputError>([&] { read(mistake.first); });
    EXPECT_NE(message.find(mistake.second), std::string::npos) << message;
  }
}

TEST(ConformalReport, SaysWhenSetsHoldAllLabels) {
  const Examples examples = synthetic_logits(8, core::Seed(2), 30);
  const Conformal conformal = Conformal::fit(examples, {.k_reg = 5, .lambda = 0.1, .temperature = 1});
  const Report r = report(conformal, examples);
  EXPECT_EQ(r.num_full, 8);
  ASSERT_EQ(r.notes.size(), 2u);
  EXPECT_NE(r.notes[1].find("8 of 8 sets hold all labels"), std::string::npos);
}

TEST(ConformalJson, GoesRound) {
  Examples examples = synthetic_logits(600, core::Seed(3), 25);
  examples.groups = torch::arange(600).remainder(2);
  for (Condition condition : {Condition::kNone, Condition::kGroup, Condition::kClass, Condition::kCluster}) {
    for (Method method : {Method::kRaps, Method::kLac}) {
      const Conformal conformal =
          Conformal::fit(examples, {.method = method, .condition = condition, .seed = ~uint64_t{0}});
      const nlohmann::json json = to_json(conformal);
      const Conformal loaded = conformal_from_json(nlohmann::json::parse(json.dump()));
      EXPECT_EQ(to_json(loaded), json);
      EXPECT_TRUE(loaded.predict(examples).labels.equal(conformal.predict(examples).labels));
    }
  }
  examples.weights = torch::rand({600}, torch::kFloat64) + 0.1;
  const Conformal weighted = Conformal::fit(examples);
  EXPECT_EQ(to_json(conformal_from_json(to_json(weighted))), to_json(weighted));
  const Conformal naive = Conformal::fit(examples, {.method = Method::kNaive});
  EXPECT_TRUE(
      conformal_from_json(to_json(naive)).predict(examples).labels.equal(naive.predict(examples).labels));
}

// Every member damaged in every way: an InputError, or an object that still works.
TEST(ConformalJson, SurvivesGarbage) {
  const Examples examples = synthetic_logits(200, core::Seed(4), 6);
  const nlohmann::json good = to_json(Conformal::fit(examples, {.condition = Condition::kClass}));
  const std::vector<nlohmann::json> garbage = {nullptr,      -1,       0.5,
                                               1e300,        "x",      nlohmann::json::array(),
                                               {1, "x"},     {{3, 2}}, nlohmann::json::object(),
                                               ~uint64_t{0}, true,     {-1, 99}};
  int refused = 0;
  for (const auto& [key, value] : good.items()) {
    std::vector<nlohmann::json> damaged = {good};
    damaged.back().erase(key);
    for (const nlohmann::json& bad : garbage) {
      damaged.push_back(good);
      damaged.back()[key] = bad;
    }
    for (const nlohmann::json& json : damaged) {
      try {
        conformal_from_json(json).predict(examples);
      } catch (const InputError&) {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 150);
  for (const nlohmann::json& json : garbage) EXPECT_THROW(conformal_from_json(json), InputError);
  nlohmann::json unsorted = good;
  std::swap(unsorted["scores"][0].front(), unsorted["scores"][0].back());
  EXPECT_NE(message_of<InputError>([&] { conformal_from_json(unsorted); }).find("scores must ascend"),
            std::string::npos);
}

class ConformalInput : public testing::Test {
 protected:
  void expect(const Options& options, const std::string& part) { expect(examples_, options, part); }
  void expect(const Examples& examples, const Options& options, const std::string& part) {
    const std::string message = message_of<InputError>([&] { Conformal::fit(examples, options); });
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }
  Examples examples_ = synthetic_logits(100, core::Seed(5), 10);
};

TEST_F(ConformalInput, NamesTheOption) {
  for (double alpha : {0.0, 1.0, -0.1, std::nan("")}) expect({.alpha = alpha}, "alpha must be in (0, 1)");
  expect({.tune_fraction = 1}, "tune_fraction");
  expect({.k_reg = 11}, "k_reg must be in [0, 10]");
  expect({.lambda = -1}, "lambda must be at least 0");
  expect({.temperature = 0}, "temperature must be positive");
  expect({.tune = Tune::kNone}, "RAPS needs k_reg and lambda");
  expect({.method = Method::kNaive, .condition = Condition::kClass}, "does not calibrate");
  expect({.condition = Condition::kGroup}, "groups");
  expect({.classes = {"one"}}, "1 class names for 10");
  expect({.tune_fraction = 0.001}, "tuning part empty");
}

TEST_F(ConformalInput, NamesTheRow) {
  Examples bad = examples_;
  bad.labels = examples_.labels.clone();
  bad.labels[7] = 10;
  expect(bad, {}, "label 7 (counted from 0) is 10; with 10 classes it must be in [0, 9]");
  for (double value : {std::nan(""), static_cast<double>(INFINITY)}) {
    bad = examples_;
    bad.logits = examples_.logits.clone();
    bad.logits[42][3] = value;
    expect(bad, {}, "row 42 of the logits");
    expect(bad, {.method = Method::kLac, .temperature = 1}, "row 42 of the logits");
    EXPECT_THROW(Conformal::fit(examples_).predict(bad), InputError);
  }
  bad = examples_;
  bad.labels = at::Tensor();
  expect(bad, {}, "no labels");
  bad = examples_;
  bad.rows = torch::tensor({3, 100}, torch::kInt64);
  expect(bad, {}, "row 100 is none of the 100");
  bad.rows = at::Tensor();
  bad.weights = torch::zeros({100}, torch::kFloat64);
  expect(bad, {}, "weight 0 (counted from 0) must be positive");
}

TEST_F(ConformalInput, OtherClassesAtPrediction) {
  const Conformal conformal = Conformal::fit(examples_);
  EXPECT_NE(message_of<InputError>([&] {
              conformal.predict({.logits = torch::zeros({2, 9})});
            }).find("calibrated for 10 classes, these logits have 9"),
            std::string::npos);
}

TEST_F(ConformalInput, WarnsAboutProbabilitiesAndTrainingData) {
  Examples probabilities = examples_;
  probabilities.logits = examples_.logits.softmax(1);
  ASSERT_FALSE(Conformal::fit(probabilities).warnings().empty());
  EXPECT_NE(Conformal::fit(probabilities).warnings()[0].find("--probabilities"), std::string::npos);
  EXPECT_TRUE(Conformal::fit(examples_).warnings().empty());
  EXPECT_NE(Conformal::fit(examples_, {.training_accuracy = 0.1}).warnings().at(0).find("in training"),
            std::string::npos);
  EXPECT_TRUE(Conformal::fit(examples_, {.training_accuracy = 1.0}).warnings().empty());

  probabilities.logits = logits_of_probabilities(examples_.logits.to(torch::kFloat64).softmax(1));
  EXPECT_NEAR(Conformal::fit(probabilities).thresholds()[0], Conformal::fit(examples_).thresholds()[0], 1e-4);
  at::Tensor wrong = torch::full({5, 2}, 0.5);
  wrong[3][0] = 0.7;
  EXPECT_NE(
      message_of<InputError>([&] { logits_of_probabilities(wrong); }).find("row 3 of the probabilities"),
      std::string::npos);
}

}  // namespace
}  // namespace lathe::evaluate::conformal
