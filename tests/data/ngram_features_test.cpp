#include "lathe/data/ngram_features.h"

#include <torch/torch.h>

#include <cmath>

#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

using testing::input_error;

// Counts by hand: "ab" and "b" have a, b, ab; 2 texts.
TEST(NgramFeatures, CountsAreWeightedAndOfLengthOne) {
  const NgramFeatures features({"ab", "B"}, {.longest = 2});
  EXPECT_EQ(features.ngrams(), (std::vector<std::string>{"b", "a", "ab"}));
  const double rare = std::log(3.0 / 2) + 1, common = 1;
  const double norm = std::sqrt(common + 2 * rare * rare);
  const torch::Tensor expected = torch::tensor({{common / norm, rare / norm, rare / norm}, {1.0, 0.0, 0.0}});
  EXPECT_TRUE(torch::allclose(features({"ab", "B"}), expected.to(torch::kFloat32)));
}

TEST(NgramFeatures, KeepsTheMostFrequentAndReadsOtherTexts) {
  const NgramFeatures features({"aaab", "a  c"}, {.longest = 1, .num_features = 2});
  EXPECT_EQ(features.ngrams(), (std::vector<std::string>{"a", " "}));
  EXPECT_TRUE(torch::equal(features({"zzz", ""}), torch::zeros({2, 2})));
  EXPECT_NEAR(features({"a\t\n b"}).square().sum().item<double>(), 1, 1e-6);
}

TEST(NgramFeatures, CharactersAreWhatPeopleSee) {
  EXPECT_EQ(NgramFeatures({"é"}, {.longest = 3}).num_features(), 1);
  EXPECT_EQ(input_error([] { NgramFeatures({"", " "}); }), "n-gram features: the texts are empty");
}

}  // namespace
}  // namespace lathe::data
