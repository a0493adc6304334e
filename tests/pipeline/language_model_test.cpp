#include "lathe/pipeline/language_model.h"

#include <gtest/gtest.h>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/evaluate/checklist/suggest.h"

namespace lathe::pipeline {
namespace {

const train::MaskedLanguageModelOptions kSmall = {.vocabulary = 50,
                                                  .length = 6,
                                                  .layers = 1,
                                                  .layer = {.width = 32},
                                                  .epochs = 30,
                                                  .batch_size = 16,
                                                  .lr = 1e-2};

// Two kinds of animals, which eat two kinds of things; more than n-grams of the neighbours could tell.
std::vector<std::string> meals() {
  std::vector<std::string> texts;
  for (int i = 0; i < 40; ++i)
    for (const char* text : {"the cat eats some fish", "the dog eats some meat", "the cow eats some grass"})
      texts.push_back(text);
  return texts;
}

TEST(TransformerLanguageModel, SuggestsWhatItWasTrainedOnAndIsKept) {
  const core::TemporaryDirectory directory;
  const auto file = directory.path() / "model.pt";
  const auto model = transformer_language_model(file, meals, kSmall);
  const auto best = [](const auto& m, const evaluate::checklist::GappedText& text) {
    return evaluate::checklist::suggest(*m, {text}, {.most_fills = 1}).at(0).words.at(0);
  };
  EXPECT_EQ(best(model, {"The cat eats some ", "."}), "fish");
  EXPECT_EQ(best(model, {"The cow eats some ", "."}), "grass");
  EXPECT_EQ(best(model, {"The ", " eats some meat."}), "dog");

  const auto none = []() -> std::vector<std::string> { throw Error("trained again"); };
  const auto kept = transformer_language_model(file, none, kSmall);
  EXPECT_EQ(best(kept, {"The ", " eats some meat."}), "dog");
}

TEST(TransformerLanguageModel, ReadsWordNet) {
  const std::vector<std::string> texts = wordnet_texts();
  EXPECT_GT(texts.size(), 117659u);  // a definition of nearly every synset, and examples
  for (const std::string& text : texts) ASSERT_FALSE(text.empty());
}

}  // namespace
}  // namespace lathe::pipeline
