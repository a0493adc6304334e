#include "lathe/train/masked_language_model.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/core/files.h"

namespace lathe::train {
namespace {

// "the cat eats fish", "the cow eats grass": what is eaten depends on who eats.
const std::vector<std::pair<std::string, std::string>> kFood = {
    {"cat", "fish"}, {"cow", "grass"}, {"dog", "meat"}, {"horse", "hay"}};

std::vector<std::string> sentences() {
  std::vector<std::string> all;
  for (int i = 0; i < 100; ++i)
    for (const auto& [who, what] : kFood) all.push_back("the " + who + " eats " + what);
  return all;
}

std::shared_ptr<MaskedLanguageModel> small_model() {
  return train_masked_language_model(sentences(), {.length = 6,
                                                   .layers = 1,
                                                   .layer = {.width = 16, .num_heads = 2, .feed_forward = 32},
                                                   .epochs = 60,
                                                   .batch_size = 50,
                                                   .lr = 1e-2});
}

TEST(MaskedLanguageModel, PutsIntoTheGapWhatFits) {
  const auto model = small_model();
  const auto number = [&](const std::string& word) { return model->encoding().numbers(word).at(0); };
  for (const auto& [who, what] : kFood) {
    torch::Tensor rows = model->encoding().encode({{"the " + who + " eats x", "the x eats " + what}});
    rows[0][3] = model->mask();
    rows[1][1] = model->mask();
    const torch::Tensor found = model->log_probabilities(rows, torch::tensor({3, 1}, torch::kInt64));
    EXPECT_EQ(found.sizes(), (std::vector<int64_t>{2, model->mask() + 1}));
    EXPECT_EQ(found[0].argmax().item<int64_t>(), number(what));
    EXPECT_EQ(found[1].argmax().item<int64_t>(), number(who));
    EXPECT_GT(found[0].max().exp().item<double>(), 0.8);
    EXPECT_NEAR(found[0].exp().sum().item<double>(), 1, 1e-4);
    EXPECT_TRUE(found[0][data::kUnknown].isinf().item<bool>() &&
                found[0][model->mask()].isinf().item<bool>());
  }
  EXPECT_EQ(model->vocabulary().size(), static_cast<size_t>(model->mask() + 1));
}

TEST(MaskedLanguageModel, SavedAndLoadedIsTheSame) {
  const core::TemporaryDirectory directory;
  const auto file = directory.path() / "model.pt";
  const auto model = small_model(), again = small_model();
  save_masked_language_model(*model, file);
  const auto loaded = load_masked_language_model(file);
  const torch::Tensor rows = model->encoding().encode({{"the cat eats fish", "fish"}});
  const torch::NoGradGuard no_grad;
  EXPECT_TRUE(torch::equal(loaded->forward(rows), model->forward(rows)));
  EXPECT_TRUE(torch::equal(again->forward(rows), model->forward(rows)));  // same seed, same bits
  EXPECT_EQ(loaded->vocabulary(), model->vocabulary());

  const std::string bytes = core::read_file(file);
  core::write_file(file, bytes.substr(0, bytes.size() / 2));
  EXPECT_THROW(load_masked_language_model(file), InputError);
  core::write_file(file, "nothing");
  EXPECT_THROW(load_masked_language_model(file), InputError);
}

// Padding and unknown tokens are never hidden.
TEST(MaskedLanguageModel, LossIsThatOfHiddenTokens) {
  const auto encoding = std::make_shared<const data::TextEncoding>(
      data::TextEncodingOptions{.length = 4}, std::vector<std::vector<std::string>>{{"a b c d"}});
  MaskedLanguageModel model(encoding, 1, {.width = 8, .num_heads = 2, .feed_forward = 8});
  model.initialize(core::Seed(1));
  torch::manual_seed(1);
  const torch::Tensor all_unknown_but_one = torch::tensor({{1, 1, 5, 0}}, torch::kInt64);
  // Whatever is drawn, the one known token is predicted: the loss is −log p of it, near that of a guess.
  const double loss = model.loss(all_unknown_but_one, 1e-9).item<double>();
  EXPECT_GT(loss, 0.5);
  EXPECT_LT(loss, 4);
  EXPECT_THROW(train_masked_language_model({"a b"}, {.masked = 0}), InputError);
}

}  // namespace
}  // namespace lathe::train
