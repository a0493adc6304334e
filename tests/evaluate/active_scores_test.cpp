#include "lathe/evaluate/active/scores.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "lathe/core/error.h"
#include "tests/support/message.h"

namespace lathe::evaluate::active {
namespace {

using testing_support::message_of;

at::Tensor rows(const std::vector<std::vector<double>>& values) {
  std::vector<at::Tensor> parts;
  for (const auto& row : values) parts.push_back(torch::tensor(row, torch::kFloat64));
  return torch::stack(parts);
}

TEST(ActiveScores, BaldIsWhatMembersDisagreeAbout) {
  const at::Tensor sure = rows({{1, 0}}), other = rows({{0, 1}}), unsure = rows({{0.5, 0.5}});
  EXPECT_NEAR(bald(torch::stack({sure, other})).item<double>(), std::log(2), 1e-15);
  EXPECT_EQ(bald(torch::stack({sure, sure})).item<double>(), 0);
  EXPECT_NEAR(bald(torch::stack({unsure, unsure, unsure})).item<double>(), 0, 1e-15);  // noise, not ignorance
  // H(0.6, 0.4) − (H(0.9, 0.1) + H(0.3, 0.7)) / 2
  const auto h = [](double p) { return -p * std::log(p) - (1 - p) * std::log(1 - p); };
  EXPECT_NEAR(bald(torch::stack({rows({{0.9, 0.1}}), rows({{0.3, 0.7}})})).item<double>(),
              h(0.6) - (h(0.9) + h(0.3)) / 2, 1e-15);
}

TEST(ActiveScores, ByHand) {
  const at::Tensor p = rows({{0.7, 0.2, 0.1}, {1, 0, 0}, {1.0 / 3, 1.0 / 3, 1.0 / 3}});
  const auto is = [](const at::Tensor& values, std::vector<double> expected) {
    const std::vector<double> got = to_vector(values);
    ASSERT_EQ(got.size(), expected.size());
    for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-12) << i;
  };
  is(entropy(p), {-0.7 * std::log(0.7) - 0.2 * std::log(0.2) - 0.1 * std::log(0.1), 0, std::log(3)});
  is(margin(p), {0.5, 0, 1});
  is(least_confidence(p), {0.3, 0, 2.0 / 3});
  is(expected_loss(p, p, Loss::kZeroOne), {0.3, 0, 2.0 / 3});
  is(expected_loss(p, rows({{0, 1, 0}, {0.5, 0.5, 0}, {0, 0, 1}}), Loss::kZeroOne), {1, 0.5, 1});
  is(expected_loss(p, p, Loss::kCrossEntropy), to_vector(entropy(p)));
  is(rms_loss(p, p, Loss::kZeroOne), {std::sqrt(0.3), 0, std::sqrt(2.0 / 3)});
  is(score(Acquisition::kRandom, p), {1, 1, 1});
  EXPECT_NE(message_of<InputError>([&] { score(Acquisition::kBald, p); }).find("cannot be made"),
            std::string::npos);
}

// The expectation of the loss over labels drawn from π is what expected_loss says.
TEST(ActiveScores, ExpectedLossIsAnExpectation) {
  torch::manual_seed(1);
  const at::Tensor p = torch::randn({20, 4}, torch::kFloat64).softmax(1);
  const at::Tensor pi = torch::randn({20, 4}, torch::kFloat64).softmax(1);
  for (Loss loss : {Loss::kZeroOne, Loss::kCrossEntropy}) {
    at::Tensor sum = torch::zeros({20}, torch::kFloat64);
    for (int64_t y = 0; y < 4; ++y)
      sum += pi.select(1, y) * losses(p, torch::full({20}, y, torch::kInt64), loss);
    EXPECT_TRUE(torch::allclose(sum, expected_loss(p, pi, loss)));
  }
}

// Of q ∝ sqrt(E[L²]) and q ∝ E[L], the first has the smaller Σ E[L²] / q, and no other q a smaller one.
TEST(ActiveScores, RmsLossHasTheLeastVariance) {
  torch::manual_seed(3);
  const at::Tensor p = (3 * torch::randn({50, 4}, torch::kFloat64)).softmax(1);
  for (Loss loss : {Loss::kZeroOne, Loss::kCrossEntropy}) {
    const at::Tensor rms = rms_loss(p, p, loss), squares = rms.square();
    const auto variance = [&](const at::Tensor& scores) {
      return (squares / (scores / scores.sum())).sum().item<double>();
    };
    const double least = variance(rms);
    EXPECT_LT(least, variance(expected_loss(p, p, loss)));
    for (int t = 0; t < 20; ++t)
      EXPECT_LT(least, variance(rms * torch::rand({50}, torch::kFloat64).add(0.5)));
  }
}

TEST(ActiveScores, DistanceIsTheSumOfSquares) {
  torch::manual_seed(2);
  const at::Tensor x = torch::randn({30, 2, 3}, torch::kFloat64) + 1000;
  const std::vector<int64_t> acquired = {4, 17, 29};
  const at::Tensor got = distance_to(x, acquired);
  for (int64_t i = 0; i < 30; ++i) {
    double expected = 0;
    for (int64_t j : acquired) expected += (x[i] - x[j]).pow(2).sum().item<double>();
    EXPECT_NEAR(got[i].item<double>(), expected, 1e-9);
  }
}

TEST(ActiveScores, RefuseWhatIsNoDistribution) {
  EXPECT_EQ(message_of<InputError>([] {
              entropy(rows({{0.5, 0.5}, {0.5, 0.6}}));
            }),
            "row 1 of the probabilities (counted from 0) is no distribution: its sum is 1.1");
  EXPECT_NE(message_of<InputError>([] {
              margin(rows({{std::nan(""), 1}}));
            }).find("row 0"),
            std::string::npos);
  EXPECT_NE(message_of<InputError>([] { margin(rows({{1.5, -0.5}})); }).find("row 0"), std::string::npos);
  EXPECT_NE(message_of<InputError>([] {
              bald(rows({{1, 0}}));
            }).find("[members, points, classes]"),
            std::string::npos);
  EXPECT_NE(message_of<InputError>([] {
              losses(rows({{1, 0}}), torch::tensor({2}), Loss::kZeroOne);
            }).find("label 0 (counted from 0) is 2"),
            std::string::npos);
  EXPECT_EQ(message_of<InputError>([] { parse_acquisition("entropi"); }),
            "no acquisition 'entropi'; did you mean 'entropy'? there are random, entropy, bald, margin, "
            "least-confidence, rms-loss, expected-loss, given");
}

}  // namespace
}  // namespace lathe::evaluate::active
