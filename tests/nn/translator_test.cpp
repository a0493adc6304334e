#include "lathe/nn/translator.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/data/tokenize.h"
#include "lathe/nn/initialization.h"

namespace lathe::nn {
namespace {

using data::kBegin, data::kEnd, data::kNumSpecialWords, data::kPadding;

constexpr int64_t kWords = 12, kLength = 5;

TranslatorOptions small() {
  return {.num_source_words = kWords,
          .num_target_words = kWords,
          .source_length = kLength,
          .layers = {.width = 32, .num_heads = 4, .feed_forward = 48}};
}

std::shared_ptr<Translator> translator() {
  auto model = std::make_shared<Translator>(small());
  model->initialize(core::Seed(1));
  return model;
}

// Sources of 2 to 5 words; the target is the source backwards, each word the next one in number.
torch::Tensor reversals(int64_t count, uint64_t seed) {
  core::Random random(seed);
  torch::Tensor rows = torch::full({count, 2 * kLength + 2}, kPadding, torch::kInt64);
  auto row = rows.accessor<int64_t, 2>();
  for (int64_t i = 0; i < count; ++i) {
    const int64_t length = 2 + random.below(kLength - 1);
    row[i][kLength] = kBegin;
    for (int64_t t = 0; t < length; ++t) {
      row[i][t] = kNumSpecialWords + random.below(kWords - kNumSpecialWords);
      row[i][kLength + length - t] =
          kNumSpecialWords + (row[i][t] - kNumSpecialWords + 1) % (kWords - kNumSpecialWords);
    }
    row[i][kLength + length + 1] = kEnd;
  }
  return rows;
}

TEST(Translator, LearnsToReverse) {
  const auto model = translator();
  torch::optim::Adam adam(model->parameters(), torch::optim::AdamOptions(6e-3));
  for (uint64_t step = 0; step < 600; ++step) {
    const torch::Tensor rows = reversals(32, 100 + step);
    adam.zero_grad();
    next_word_loss(model->forward(rows), rows).backward();
    adam.step();
  }
  const torch::Tensor rows = reversals(200, 1);
  const torch::Tensor translated = model->translate(rows.slice(1, 0, kLength), kLength + 1);
  torch::Tensor expected = rows.slice(1, kLength + 1).clone();
  expected.masked_fill_(expected.eq(kEnd), kPadding);
  EXPECT_GT(translated.eq(expected).all(1).to(torch::kFloat64).mean().item<double>(), 0.9);
}

// What is predicted at a place knows the words before it and not those after it, and no padding.
TEST(Translator, LooksNeitherAheadNorAtPadding) {
  const auto model = translator();
  const torch::Tensor rows = reversals(8, 2);
  torch::Tensor later = rows.clone();
  later.slice(1, kLength + 3).fill_(7);
  const torch::Tensor before = model->forward(rows), after = model->forward(later);
  EXPECT_TRUE(torch::allclose(before.slice(1, 0, 3), after.slice(1, 0, 3), 1e-5, 1e-5));
  EXPECT_FALSE(torch::allclose(before.slice(1, 3), after.slice(1, 3), 1e-2, 1e-2));

  torch::Tensor short_one = torch::full({1, kLength}, kPadding, torch::kInt64);
  short_one[0][0] = 5;
  short_one[0][1] = 9;
  EXPECT_TRUE(torch::allclose(model->encode(short_one).slice(1, 0, 2),
                              model->encode(short_one.slice(1, 0, 2)), 1e-5, 1e-5));
}

TEST(Translator, GreedyWordsAreThoseOfTheLogits) {
  const auto model = translator();
  const torch::Tensor rows = reversals(16, 3), source = rows.slice(1, 0, kLength);
  const torch::Tensor words = model->translate(source, kLength);
  const torch::Tensor begin = torch::full({16, 1}, kBegin, torch::kInt64);
  torch::Tensor logits = model->forward(torch::cat({source, begin, words}, 1)).detach().clone();
  logits.slice(2, 0, kEnd).fill_(-1e9);
  const torch::Tensor best = logits.argmax(2);
  for (int64_t i = 0; i < 16; ++i)
    for (int64_t t = 0; t < kLength; ++t) {
      if (words[i][t].item<int64_t>() == kPadding) {
        EXPECT_EQ(best[i][t].item<int64_t>(), kEnd);
        break;
      }
      EXPECT_EQ(best[i][t].item<int64_t>(), words[i][t].item<int64_t>());
    }
}

TEST(Translator, LossIgnoresPadding) {
  torch::Tensor inputs = torch::tensor({{4, 0, 2, 5, 3, 0}}, torch::kInt64);
  torch::Tensor logits = torch::zeros({1, 3, 6});
  logits[0][0][5] = 2;
  logits[0][2][1] = 50;
  const double first = -std::log(std::exp(2) / (std::exp(2) + 5)), second = std::log(6);
  EXPECT_NEAR(next_word_loss(logits, inputs).item<double>(), (first + second) / 2, 1e-6);
}

// §3.5: PE(pos, 2i) = sin(pos / 10000^(2i/d)), PE(pos, 2i + 1) = cos of the same.
TEST(Transformer, PositionCodesAreThePublished) {
  const torch::Tensor codes = position_codes(7, 6, torch::kFloat64);
  for (int64_t p = 0; p < 7; ++p)
    for (int64_t i = 0; i < 3; ++i) {
      const double angle = static_cast<double>(p) / std::pow(1e4, 2.0 * static_cast<double>(i) / 6);
      EXPECT_NEAR(codes[p][2 * i].item<double>(), std::sin(angle), 1e-12);
      EXPECT_NEAR(codes[p][2 * i + 1].item<double>(), std::cos(angle), 1e-12);
    }
}

// One head by hand, and heads side by side are heads alone.
TEST(Transformer, AttentionIsSoftmaxOfProducts) {
  Attention attention({.width = 6, .num_heads = 2, .feed_forward = 4});
  attention.to(torch::kFloat64);
  for (const auto& item : attention.named_parameters()) {
    const torch::NoGradGuard no_grad;
    item.value().normal_(0, 1, generator(core::Seed(9).stream(item.key())));
  }
  auto parameters = attention.named_parameters();
  const torch::Tensor x = torch::randn({2, 3, 6}, generator(core::Seed(1)), torch::kFloat64),
                      y = torch::randn({2, 4, 6}, generator(core::Seed(2)), torch::kFloat64);
  const torch::Tensor mask = torch::zeros({4}, torch::kFloat64);
  mask[3] = -1e9;
  const auto linear = [&](const std::string& name, const torch::Tensor& in) {
    return in.matmul(parameters[name + ".weight"].t()) + parameters[name + ".bias"];
  };
  const torch::Tensor q = linear("query", x), kv = linear("key_value", y);
  std::vector<torch::Tensor> heads;
  for (int64_t h = 0; h < 2; ++h) {
    const torch::Tensor qh = q.narrow(2, 3 * h, 3), kh = kv.narrow(2, 3 * h, 3),
                        vh = kv.narrow(2, 6 + 3 * h, 3);
    const torch::Tensor scores = qh.matmul(kh.transpose(1, 2)).narrow(2, 0, 3) / std::sqrt(3.0);
    heads.push_back(torch::softmax(scores, 2).matmul(vh.narrow(1, 0, 3)));
  }
  EXPECT_TRUE(torch::allclose(attention.forward(x, y, mask), linear("out", torch::cat(heads, 2))));
}

TEST(Translator, SameSeedSameWeights) {
  const auto a = translator(), b = translator();
  for (const auto& item : a->named_parameters())
    EXPECT_TRUE(torch::equal(item.value(), b->named_parameters()[item.key()])) << item.key();
}

TEST(Translator, RefusesWhatDoesNotFit) {
  TranslatorOptions options = small();
  options.layers.num_heads = 5;
  EXPECT_THROW(Translator{options}, InputError);
  options = small();
  options.num_target_words = kNumSpecialWords;
  EXPECT_THROW(Translator{options}, InputError);
  EXPECT_THROW(translator()->forward(torch::zeros({2, kLength + 1}, torch::kInt64)), InputError);
  EXPECT_THROW(translator()->forward(torch::zeros({2, kLength + 5})), InputError);
}

}  // namespace
}  // namespace lathe::nn
