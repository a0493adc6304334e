#include "lathe/evaluate/gradient_similarity.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "lathe/core/error.h"
#include "tests/support/message.h"

namespace lathe::evaluate {
namespace {

using testing_support::message_of;

TEST(GradientSimilarity, AveragesCosinesOfEachComponent) {
  GradientSimilarity similarity(2, {{"a", 0, 2}, {"b", 2, 4}});
  similarity.observe(torch::tensor({{1.0, 0.0, 1.0, 2.0}, {3.0, 4.0, -2.0, -4.0}}));
  similarity.observe(torch::tensor({{0.0, 2.0, 1.0, 0.0}, {0.0, 5.0, 0.0, 7.0}}));
  const SimilarityReport report = similarity.report();
  EXPECT_EQ(report.components, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(report.observations, 2);
  EXPECT_NEAR(report.cosine[0][0][1].item<double>(), (0.6 + 1) / 2, 1e-12);
  EXPECT_NEAR(report.cosine[1][0][1].item<double>(), (-1.0 + 0) / 2, 1e-12);
  EXPECT_TRUE(torch::allclose(report.cosine, report.cosine.transpose(1, 2)));
  EXPECT_NEAR(report.cosine[1][1][1].item<double>(), 1, 1e-12);
  EXPECT_EQ(report.negative, (std::vector<double>{0, 0.5}));
}

TEST(GradientSimilarity, LeavesOutWhatIsUndefined) {
  GradientSimilarity similarity(3, {{"all", 0, 2}});
  similarity.observe(torch::tensor({{1.0, 0.0}, {0.0, 0.0}, {1.0, 1.0}}));
  similarity.observe(torch::tensor({{1.0, 0.0}, {0.0, 0.0}, {std::nan(""), 1.0}}));
  const torch::Tensor cosine = similarity.report().cosine[0];
  EXPECT_NEAR(cosine[0][2].item<double>(), std::sqrt(0.5), 1e-12);
  EXPECT_TRUE(std::isnan(cosine[0][1].item<double>()));
}

TEST(GradientSimilarity, ClosenessIsRankCorrelationOverPairs) {
  const torch::Tensor distance = torch::tensor({{0.0, 1.0, 4.0}, {1.0, 0.0, 9.0}, {4.0, 9.0, 0.0}});
  EXPECT_NEAR(closeness((-distance).exp(), distance).value, 1, 1e-12);
  EXPECT_NEAR(closeness(distance, distance).value, -1, 1e-12);
}

TEST(GradientSimilarity, RefusesWhatDoesNotFit) {
  const std::vector<GradientComponent> one = {{"a", 0, 3}};
  EXPECT_NE(message_of<InputError>([&] { GradientSimilarity(1, one); }).find("got 1"), std::string::npos);
  EXPECT_NE(message_of<InputError>([&] { GradientSimilarity(2, {}); }).find("needs a component"),
            std::string::npos);
  EXPECT_NE(message_of<InputError>([&] {
              GradientSimilarity(2, {{"a", 3, 3}});
            }).find("'a' has columns 3 to 3"),
            std::string::npos);
  GradientSimilarity similarity(2, one);
  EXPECT_NE(message_of<InputError>([&] {
              similarity.observe(torch::zeros({3, 3}));
            }).find("2 tasks"),
            std::string::npos);
  EXPECT_NE(message_of<InputError>([&] {
              similarity.observe(torch::zeros({2, 2}));
            }).find("column 3 of 2"),
            std::string::npos);
  EXPECT_NE(message_of<InputError>([&] {
              closeness(torch::zeros({2, 2}), torch::zeros({3, 3}));
            }).find("square"),
            std::string::npos);
}

}  // namespace
}  // namespace lathe::evaluate
