#include "lathe/pipeline/text_details.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "lathe/data/text_encoding.h"
#include "lathe/nn/bag_of_words.h"
#include "lathe/pipeline/text_section.h"

namespace lathe::pipeline {
namespace {

// "the" 3 times in either class, "good" 3 times in the second, "bad" twice and "cold" once in the first.
data::Splits splits() {
  data::Dataset dataset;
  dataset.schema.fields = {"text"};
  dataset.schema.classes = {"no", "yes"};
  dataset.texts = {{"the bad", "the bad", "the cold", "the good", "the good", "the good", ""}};
  dataset.targets = torch::tensor({0, 0, 0, 1, 1, 1, 1}, torch::kInt64);
  const auto encoding =
      std::make_shared<const data::TextEncoding>(data::TextEncodingOptions{.length = 1}, dataset.texts);
  data::Splits splits;
  splits.train = data::encode(dataset, encoding);
  splits.holdout = splits.test = splits.train.select(torch::tensor({0, 1}, torch::kInt64));
  return splits;
}

TEST(TextDetails, CountsAndWarns) {
  const nlohmann::json details = text_details(splits());
  EXPECT_EQ(details.at("vocabulary"), data::kNumSpecialWords + 4);
  EXPECT_EQ(details.at("lengths").at("tokens"), nlohmann::json({"0", "1", "2"}));
  EXPECT_EQ(details.at("lengths").at("texts"), nlohmann::json({1, 0, 6}));
  const auto warnings = text_warnings(splits());
  ASSERT_EQ(warnings.size(), 4u);
  EXPECT_EQ(warnings[0], "6 of 7 training texts are longer than 1 tokens and were cut (data.length)");
  EXPECT_EQ(warnings[1], "1 of 7 training texts are empty");
}

// Equation 22 of Monroe et al. by hand, with the counts of all texts as prior.
TEST(TextDetails, WordsByTheirLogOdds) {
  data::Splits whole = splits();
  whole.train = data::encode(whole.train, std::make_shared<const data::TextEncoding>(
                                              data::TextEncodingOptions{.length = 2}, whole.train.texts));
  whole.test = whole.train;
  const nlohmann::json words = text_details(whole).at("words");
  ASSERT_EQ(words.size(), 2u);
  EXPECT_EQ(words[0].at("words"), nlohmann::json({"bad", "cold"}));  // "the" speaks for neither
  EXPECT_EQ(words[1].at("words"), nlohmann::json({"good"}));
  // "good": 3 of 6 words of its class and 0 of 6 of the other, prior 3 of 12.
  const double yes = std::log(6.0 / (18 - 6)), no = std::log(3.0 / (18 - 3));
  EXPECT_NEAR(words[1].at("scores")[0].get<double>(), (yes - no) / std::sqrt(1 / 6.0 + 1 / 3.0), 1e-4);
}

TEST(TextDetails, StrongestWordsOfABag) {
  const data::Splits data = splits();
  const auto model =
      nn::build(core::Config::parse("kind = 'bag-of-words'"), data.train.schema, core::Seed(0));
  const torch::NoGradGuard no_grad;
  const int64_t good = data.train.schema.encoding->numbers("good").at(0);
  model->parameters()[0][good].copy_(torch::tensor({-1.0, 3.0}));
  const nlohmann::json words = strongest_words(*model);
  EXPECT_EQ(words[1].at("words"), nlohmann::json({"good"}));
  EXPECT_EQ(words[1].at("scores"), nlohmann::json({2.0}));
  EXPECT_TRUE(words[0].at("words").empty());
  const auto gru = nn::build(core::Config::parse("kind = 'gru'"), data.train.schema, core::Seed(0));
  EXPECT_TRUE(strongest_words(*gru).is_null());

  const Section section = text_section({{"text", text_details(data)}}, {{"words", words}});
  EXPECT_EQ(section.charts.size(), 2u);  // lengths, and the words of one class
  EXPECT_TRUE(text_section({}, {}).charts.empty() && text_section({}, {}).text.empty());
}

}  // namespace
}  // namespace lathe::pipeline
