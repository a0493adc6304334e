#include "lathe/evaluate/classification.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <limits>

#include "lathe/core/error.h"

namespace lathe::evaluate {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string message_of(const at::Tensor& logits, const at::Tensor& targets) {
  try {
    classification_metrics(logits, targets);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

at::Tensor random_normal(at::IntArrayRef shape, uint64_t seed) {
  return torch::randn(shape, at::make_generator<at::CPUGeneratorImpl>(seed), torch::kFloat32);
}

at::Tensor random_targets(int64_t n, int64_t num_classes, uint64_t seed) {
  return torch::randint(num_classes, {n}, at::make_generator<at::CPUGeneratorImpl>(seed), torch::kInt64);
}

// Logits ln p, so that p can be read off: two examples of class 0, one of class 1, none of class 2.
TEST(Classification, MatchesACalculationByHand) {
  const at::Tensor p = torch::tensor({{0.5, 0.25, 0.25}, {0.2, 0.7, 0.1}, {0.1, 0.8, 0.1}}, torch::kFloat64);
  const auto metrics = classification_metrics(p.log(), torch::tensor({0, 0, 1}, torch::kInt64), {.top_k = 2});
  EXPECT_EQ(metrics.num_examples, 3);
  EXPECT_DOUBLE_EQ(metrics.accuracy, 2.0 / 3);
  EXPECT_DOUBLE_EQ(metrics.top_k, 1);
  EXPECT_NEAR(metrics.nll, -(std::log(0.5) + std::log(0.2) + std::log(0.8)) / 3, 1e-15);
  EXPECT_NEAR(metrics.brier, (0.375 + (0.64 + 0.49 + 0.01) + (0.01 + 0.04 + 0.01)) / 3, 1e-15);
  EXPECT_TRUE(metrics.confusion.equal(torch::tensor({{1, 1, 0}, {0, 1, 0}, {0, 0, 0}}, torch::kInt64)));
  EXPECT_DOUBLE_EQ(metrics.precision[0].item<double>(), 1);
  EXPECT_DOUBLE_EQ(metrics.precision[1].item<double>(), 0.5);
  EXPECT_DOUBLE_EQ(metrics.recall[0].item<double>(), 0.5);
  EXPECT_DOUBLE_EQ(metrics.recall[1].item<double>(), 1);
  EXPECT_NEAR(metrics.f1[0].item<double>(), 2.0 / 3, 1e-15);
  EXPECT_TRUE(std::isnan(metrics.precision[2].item<double>()));
  EXPECT_TRUE(std::isnan(metrics.recall[2].item<double>()));
  EXPECT_TRUE(std::isnan(metrics.f1[2].item<double>()));
}

TEST(Classification, MatchesTensorOperations) {
  const int64_t n = 70000, num_classes = 7;  // more than one block of rows
  const at::Tensor logits = 3 * random_normal({n, num_classes}, 1),
                   targets = random_targets(n, num_classes, 2);
  const auto metrics = classification_metrics(logits, targets, {.top_k = 3});
  const at::Tensor log_p = logits.to(torch::kFloat64).log_softmax(1);
  const at::Tensor truth = torch::one_hot(targets, num_classes);
  const at::Tensor predicted = torch::one_hot(logits.argmax(1), num_classes);
  EXPECT_NEAR(metrics.nll, torch::nll_loss(log_p, targets).item<double>(), 1e-12);
  EXPECT_NEAR(metrics.brier, (log_p.exp() - truth).square().sum(1).mean().item<double>(), 1e-12);
  EXPECT_TRUE(metrics.confusion.equal(
      truth.t().to(torch::kFloat64).matmul(predicted.to(torch::kFloat64)).to(torch::kInt64)));
  const at::Tensor top = std::get<1>(logits.topk(3, 1)).eq(targets.unsqueeze(1)).any(1);
  EXPECT_NEAR(metrics.top_k, top.to(torch::kFloat64).mean().item<double>(), 1e-15);
  const at::Tensor hits = (truth * predicted).sum(0).to(torch::kFloat64);
  EXPECT_TRUE(metrics.precision.allclose(hits / predicted.sum(0)));
  EXPECT_TRUE(metrics.recall.allclose(hits / truth.sum(0)));
  EXPECT_TRUE(metrics.f1.allclose(2 / (1 / metrics.precision + 1 / metrics.recall)));
}

TEST(Classification, RanksEqualLogitsByIndex) {
  const at::Tensor logits = torch::zeros({4, 4}), targets = torch::arange(4);
  EXPECT_DOUBLE_EQ(classification_metrics(logits, targets, {.top_k = 1}).top_k, 0.25);
  EXPECT_DOUBLE_EQ(classification_metrics(logits, targets, {.top_k = 3}).top_k, 0.75);
  EXPECT_DOUBLE_EQ(classification_metrics(logits, targets, {.top_k = 9}).top_k, 1);
  EXPECT_DOUBLE_EQ(classification_metrics(logits, targets).accuracy, 0.25);
}

TEST(Classification, SurvivesExtremeLogits) {
  const auto sure = classification_metrics(torch::tensor({{1e30, -1e30}}), torch::tensor({0}, torch::kInt64));
  EXPECT_DOUBLE_EQ(sure.nll, 0);
  EXPECT_DOUBLE_EQ(sure.brier, 0);
  const auto wrong = classification_metrics(torch::tensor({{800.0, 0.0}}), torch::tensor({1}, torch::kInt64));
  EXPECT_DOUBLE_EQ(wrong.nll, 800);
  EXPECT_DOUBLE_EQ(wrong.brier, 2);
  const auto excluded =
      classification_metrics(torch::tensor({{0.0, -kInfinity}}), torch::tensor({1}, torch::kInt64));
  EXPECT_EQ(excluded.nll, kInfinity);
}

TEST(Classification, DoesNotDependOnLayoutOrType) {
  const at::Tensor logits = random_normal({50, 5}, 3), targets = random_targets(50, 5, 4);
  const auto expected = classification_metrics(logits, targets);
  const auto transposed = classification_metrics(logits.t().contiguous().t(), targets);
  EXPECT_EQ(transposed.nll, expected.nll);
  EXPECT_EQ(classification_metrics(logits.to(torch::kFloat64), targets).brier, expected.brier);
}

TEST(Classification, NamesTheRowThatIsNoDistribution) {
  for (double bad : {std::nan(""), kInfinity}) {
    at::Tensor logits = torch::zeros({100, 3});
    logits[17][1] = bad;
    EXPECT_NE(message_of(logits, torch::zeros({100}, torch::kInt64)).find("row 17 "), std::string::npos);
  }
  EXPECT_NE(message_of(torch::full({1, 2}, -kInfinity), torch::zeros({1}, torch::kInt64)), "");
}

TEST(Classification, RejectsWhatDoesNotFit) {
  const at::Tensor targets = torch::zeros({4}, torch::kInt64);
  EXPECT_NE(message_of(torch::zeros({4}), targets).find("[4]"), std::string::npos);
  EXPECT_NE(message_of(torch::zeros({4, 2}, torch::kInt64), targets).find("Long"), std::string::npos);
  EXPECT_NE(message_of(torch::zeros({4, 2}), targets.to(torch::kInt32)).find("Int"), std::string::npos);
  EXPECT_NE(message_of(torch::zeros({3, 2}), targets).find("3 rows"), std::string::npos);
  EXPECT_NE(message_of(torch::zeros({0, 2}), targets.slice(0, 0, 0)).find("at least one"), std::string::npos);
  EXPECT_NE(message_of(torch::zeros({4, 0}), targets).find("at least one"), std::string::npos);
  EXPECT_NE(message_of(torch::zeros({4, 2}), targets + 2).find("target 0 (counted from 0) is 2"),
            std::string::npos);
  EXPECT_NE(message_of(torch::zeros({4, 2}), targets - 1).find("is -1"), std::string::npos);
  EXPECT_THROW(classification_metrics(torch::zeros({4, 2}), targets, {.top_k = 0}), InputError);
}

TEST(Classification, StreamsAMillionExamples) {
  const at::Tensor logits = random_normal({1000000, 10}, 5), targets = random_targets(1000000, 10, 6);
  const auto metrics = classification_metrics(logits, targets);
  EXPECT_NEAR(metrics.accuracy, 0.1, 0.002);
  EXPECT_NEAR(metrics.top_k, 0.5, 0.002);
  EXPECT_EQ(metrics.confusion.sum().item<int64_t>(), 1000000);
}

}  // namespace
}  // namespace lathe::evaluate
