#include "lathe/evaluate/checklist/suggest.h"

#include <gtest/gtest.h>
#include <torch/script.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/seed.h"
#include "tests/support/message.h"

namespace lathe::evaluate::checklist {
namespace {

using testing_support::message_of;

// Scores that depend on all known words of a text, the same for the same text.
class RandomModel : public MaskedLanguageModel {
 public:
  RandomModel() : MaskedLanguageModel({"a", "b", "c", "d", "e", "f"}) {}
  std::vector<std::vector<float>> first_gap(const std::vector<GappedTokens>& texts) const override {
    std::vector<std::vector<float>> rows;
    for (const GappedTokens& text : texts) {
      core::Seed seed(5);
      for (const std::string& token : text) seed = seed.stream(token);
      core::Random random = seed.random();
      rows.emplace_back();
      for (size_t i = 0; i < words().size(); ++i)
        rows.back().push_back(static_cast<float>(std::log(random.uniform(0.01, 1))));
    }
    return rows;
  }
};

// What a fill scores, by the definition: the mean over its words, then over texts.
double score(const MaskedLanguageModel& model, const std::vector<GappedTokens>& texts,
             const std::vector<std::string>& fill) {
  double sum = 0;
  for (GappedTokens text : texts)
    for (const std::string& word : fill) {
      sum += model.first_gap({text})[0][*model.index_of(word)];
      *std::find(text.begin(), text.end(), kGap) = word;
    }
  return sum / static_cast<double>(texts.size() * fill.size());
}

TEST(Suggest, FindsTheBestOfAllFills) {
  const RandomModel model;
  const std::vector<GappedText> texts = {{"one ", " two ", " three"}, {"four ", " five ", ""}};
  const std::vector<GappedTokens> tokens = {{"one", kGap, "two", kGap, "three"},
                                            {"four", kGap, "five", kGap}};
  const auto fills = suggest(model, texts, {.most_fills = 36});
  ASSERT_EQ(fills.size(), 36u);  // the beam is wider than all there is
  std::vector<std::pair<double, std::vector<std::string>>> all;
  for (const std::string& first : model.words())
    for (const std::string& second : model.words())
      all.push_back({-score(model, tokens, {first, second}), {first, second}});
  std::sort(all.begin(), all.end());
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(fills[i].words, all[i].second);
    EXPECT_NEAR(fills[i].score, -all[i].first, 1e-5);
  }
  EXPECT_EQ(suggest(model, texts, {.most_fills = 3, .beam = 1}).size(), 3u);
}

TEST(Suggest, RefusesTextsWithoutGaps) {
  const RandomModel model;
  EXPECT_NE(message_of<InputError>([&] { suggest(model, {}); }).find("no text"), std::string::npos);
  EXPECT_NE(message_of<InputError>([&] { suggest(model, {{"a"}}); }).find("1 gaps, got 0"),
            std::string::npos);
  EXPECT_NE(message_of<InputError>([&] {
              suggest(model, {{"a", "b"}, {"a", "b", "c"}});
            }).find("got 2"),
            std::string::npos);
  EXPECT_NE(message_of<InputError>([&] { suggest_replace(model, {"x y"}, "z"); }).find("'z' stands in none"),
            std::string::npos);
}

TEST(Suggest, ReplacementsAreWithinTheThreshold) {
  const RandomModel model;
  const std::vector<std::string> texts = {"x a y", "a z"};
  const std::vector<GappedTokens> gapped = {{"x", kGap, "y"}, {kGap, "z"}};
  const double threshold = 0.5, own = score(model, gapped, {"a"});
  std::vector<std::string> expected;
  for (const std::string& word : model.words())
    if (word != "a" && own - score(model, gapped, {word}) < threshold) expected.push_back(word);
  std::vector<std::string> found;
  for (const Suggestion& s : suggest_replace(model, texts, "A", {.threshold = threshold}))
    found.push_back(s.word);
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, expected);
}

std::vector<std::string> words_of(const std::vector<Suggestion>& suggestions) {
  std::vector<std::string> words;
  for (const Suggestion& s : suggestions) words.push_back(s.word);
  return words;
}

bool has(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

TEST(NgramLanguageModel, FillsGapsSensibly) {
  const auto model = ngram_language_model();
  EXPECT_GT(model->words().size(), 40000u);
  const auto fills = suggest(*model, {{"She lives in a ", " house."}}, {.most_fills = 20});
  std::vector<std::string> words;
  for (const MaskFill& fill : fills) words.push_back(fill.words[0]);
  EXPECT_TRUE(has(words, "small") || has(words, "big") || has(words, "large")) << words[0];
  double sum = 0;
  const auto rows = model->first_gap({{"the", kGap, "barks"}});
  for (const float p : rows[0]) sum += std::exp(p);
  EXPECT_NEAR(sum, 1, 1e-3);
}

TEST(NgramLanguageModel, FindsRelatedWordsInForm) {
  const auto model = ngram_language_model();
  const auto related = [&](const std::string& text, const std::string& word, WordRelation relation) {
    return words_of(suggest_related(*model, {text}, word, relation, {.threshold = 20}));
  };
  EXPECT_TRUE(has(related("He drives a big car to work.", "car", WordRelation::synonym), "automobile"));
  EXPECT_TRUE(has(related("My sister is very happy.", "happy", WordRelation::antonym), "unhappy"));
  EXPECT_TRUE(has(related("The dogs barked.", "dogs", WordRelation::hypernym), "animals"));
  EXPECT_TRUE(has(related("She bought a house.", "bought", WordRelation::synonym), "purchased"));
  EXPECT_TRUE(has(related("He drives a big car to work.", "car", WordRelation::related), "bus"));
  EXPECT_FALSE(has(related("He drives a big car to work.", "car", WordRelation::hyponym), "bicycle"));
}

const std::vector<std::string> kVocabulary = {"<pad>", "[UNK]", "[MASK]", "good", "bad",
                                              "##ly",  "Food",  "the",    "food"};

// Gives "good" where the first word is "the", "bad" elsewhere; word 5 everywhere is the most likely but no
// word.
torch::Tensor toy_logits(const torch::Tensor& rows) {
  torch::Tensor logits = torch::zeros({rows.size(0), rows.size(1), static_cast<int64_t>(kVocabulary.size())});
  logits.select(2, 5).fill_(9);
  const torch::Tensor begins = rows.select(1, 0) == 7;
  logits.select(2, 3).copy_(begins.to(torch::kFloat).unsqueeze(1).expand({rows.size(0), rows.size(1)}) * 4);
  logits.select(2, 4).fill_(2);
  return logits;
}

TEST(NetworkLanguageModel, ReadsLogitsAtTheGap) {
  const auto model = network_language_model(toy_logits, kVocabulary);
  EXPECT_EQ(model->words(), (std::vector<std::string>{"good", "bad", "the", "food"}));
  EXPECT_EQ(suggest(*model, {{"The ", " food"}})[0].words, std::vector<std::string>{"good"});
  EXPECT_EQ(suggest(*model, {{"", " food"}})[0].words, std::vector<std::string>{"bad"});
  EXPECT_NE(message_of<InputError>([] {
              network_language_model(toy_logits, {"[MASK]", "a"});
            }).find("none for unknown words"),
            std::string::npos);
  EXPECT_NE(message_of<InputError>([] {
              network_language_model(toy_logits, {"[UNK]", "a"});
            }).find("none for gaps"),
            std::string::npos);
  const auto flat = network_language_model([](const torch::Tensor& rows) { return rows; }, kVocabulary);
  EXPECT_NE(message_of<InputError>([&] {
              suggest(*flat, {{"", " food"}});
            }).find("must give logits [1, 2, 9]"),
            std::string::npos);
}

TEST(NetworkLanguageModel, RunsTorchScript) {
  const core::TemporaryDirectory directory;
  torch::jit::Module module("toy");
  module.define(R"(
    def forward(self, rows):
      logits = torch.zeros([rows.size(0), rows.size(1), 9])
      logits[:, :, 4] = 1.0
      return logits
  )");
  module.save((directory.path() / "toy.pt").string());
  std::ofstream vocabulary(directory.path() / "vocabulary.txt");
  for (const std::string& token : kVocabulary) vocabulary << token << '\n';
  vocabulary.close();
  const auto model =
      torchscript_language_model(directory.path() / "toy.pt", directory.path() / "vocabulary.txt");
  EXPECT_EQ(suggest(*model, {{"The ", " food"}})[0].words, std::vector<std::string>{"bad"});
  EXPECT_NE(message_of<InputError>([&] {
              torchscript_language_model(directory.path() / "vocabulary.txt",
                                         directory.path() / "vocabulary.txt");
            }).find("is no TorchScript module"),
            std::string::npos);
  EXPECT_NE(message_of<InputError>([&] {
              torchscript_language_model("/nowhere.pt", "/nowhere.txt");
            }).find("there is no /nowhere.pt"),
            std::string::npos);
}

}  // namespace
}  // namespace lathe::evaluate::checklist
