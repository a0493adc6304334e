// Models of texts: against sums by hand, and that padding has no say.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <set>

#include "lathe/core/error.h"
#include "lathe/data/text_encoding.h"
#include "lathe/nn/bag_of_words.h"
#include "lathe/nn/classifier.h"
#include "lathe/nn/embedding_bag.h"
#include "lathe/nn/gru.h"
#include "lathe/nn/initialization.h"
#include "lathe/nn/span_model.h"
#include "lathe/nn/text_layers.h"

namespace lathe::nn {
namespace {

using core::Config;
using core::Seed;

constexpr int64_t kTokens = 20, kLength = 12;

data::Schema text_schema(int64_t num_fields) {
  data::Schema schema;
  schema.fields = num_fields == 1 ? std::vector<std::string>{"text"} : std::vector<std::string>{"one", "two"};
  schema.target = "y";
  schema.classes = {"a", "b", "c"};
  std::string words;
  for (char c = 'a'; c < 'a' + kTokens - data::kNumSpecialWords; ++c) words += std::string(1, c) + " ";
  schema.encoding = std::make_shared<const data::TextEncoding>(
      data::TextEncodingOptions{.length = kLength}, std::vector<std::vector<std::string>>{{words}});
  schema.shape = {num_fields * kLength};
  return schema;
}

// Texts of 0 to 7 tokens in rows of 8 for each field: [count, num_fields · 8].
torch::Tensor random_rows(int64_t count, int64_t num_fields, uint64_t seed) {
  const torch::Tensor words =
      torch::randint(1, kTokens, {count, num_fields, 8}, generator(Seed(seed)), torch::kInt64);
  const torch::Tensor lengths =
      torch::randint(0, 8, {count, num_fields, 1}, generator(Seed(seed + 1)), torch::kInt64);
  return words.masked_fill(torch::arange(8).ge(lengths), data::kPadding).flatten(1);
}

torch::Tensor padded(const torch::Tensor& rows, int64_t num_fields, int64_t more) {
  return torch::constant_pad_nd(rows.view({rows.size(0), num_fields, -1}), {0, more}, data::kPadding)
      .flatten(1);
}

void randomize(torch::nn::Module& module, uint64_t seed) {
  const torch::NoGradGuard no_grad;
  for (torch::Tensor& parameter : module.parameters()) parameter.normal_(0, 0.5, generator(Seed(seed++)));
}

torch::Tensor all_weights(const torch::nn::Module& module) {
  std::vector<torch::Tensor> flat;
  for (const torch::Tensor& parameter : module.parameters()) flat.push_back(parameter.detach().flatten());
  return torch::cat(flat);
}

struct Case {
  const char* name;
  const char* toml;
  int64_t num_fields;
};

class TextModels : public testing::TestWithParam<Case> {
 protected:
  std::shared_ptr<Classifier> random_model()
      const {  // every parameter counts, padding's and the last layer's too
    const auto model = build(Config::parse(GetParam().toml), text_schema(GetParam().num_fields), Seed(1));
    randomize(*model, 7);
    return model;
  }
};

TEST_P(TextModels, PaddingHasNoSay) {
  const int64_t fields = GetParam().num_fields;
  const auto model = random_model();
  const EvaluationMode evaluation(*model);
  const torch::NoGradGuard no_grad;
  const torch::Tensor rows = random_rows(30, fields, 3), logits = model->forward(rows);
  EXPECT_EQ(logits.sizes(), (std::vector<int64_t>{30, 3}));
  EXPECT_TRUE(logits.isfinite().all().item<bool>());
  EXPECT_TRUE(torch::allclose(model->forward(padded(rows, fields, 4)), logits, 1e-4, 1e-5));
  for (int64_t i = 0; i < 30; ++i) {  // alone, without any padding that it can do without
    const torch::Tensor alone = data::trim_padding(rows.slice(0, i, i + 1), fields);
    EXPECT_TRUE(torch::allclose(model->forward(alone), logits.slice(0, i, i + 1), 1e-4, 1e-5)) << i;
  }
  EXPECT_GT((logits.slice(0, 1) - logits.slice(0, 0, -1)).abs().max().item<double>(), 0.01);
}

TEST_P(TextModels, PredictSortsAndPutsBack) {
  const auto model = random_model();
  const torch::Tensor rows = padded(random_rows(50, GetParam().num_fields, 5), GetParam().num_fields, 4);
  torch::Tensor expected;
  {
    const EvaluationMode evaluation(*model);
    const torch::NoGradGuard no_grad;
    expected = model->forward(rows);
  }
  EXPECT_TRUE(torch::allclose(predict(*model, rows, 7), expected, 1e-4, 1e-5));
}

// A loss that falls says that every parameter has a gradient of the right sign.
TEST_P(TextModels, Learns) {
  const int64_t fields = GetParam().num_fields;
  const auto model = build(Config::parse(GetParam().toml), text_schema(fields), Seed(1));
  const auto again = build(Config::parse(GetParam().toml), text_schema(fields), Seed(1));
  EXPECT_TRUE(torch::equal(all_weights(*model), all_weights(*again)));
  const torch::Tensor rows = random_rows(60, fields, 11), targets = torch::arange(60).remainder(3);
  torch::optim::Adam adam(model->parameters(), torch::optim::AdamOptions(0.02));
  double first = 0, last = 0;
  for (int i = 0; i < 100; ++i) {
    adam.zero_grad();
    const torch::Tensor loss = torch::cross_entropy_loss(model->forward(rows), targets);
    loss.backward();
    adam.step();
    (i == 0 ? first : last) = loss.item<double>();
  }
  EXPECT_LT(last, 0.75 * first);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, TextModels,
    testing::Values(Case{"words", "kind = 'bag-of-words'\nngrams = 3\nbuckets = 97", 1},
                    Case{"counts", "kind = 'bag-of-words'\nvalues = 'counts'", 1},
                    Case{"word_pairs", "kind = 'bag-of-words'\nngrams = 2\nbuckets = 97", 2},
                    Case{"embedding", "kind = 'embedding-bag'\nwidth = 8\nngrams = 3\nbuckets = 97", 1},
                    Case{"embedding_pairs", "kind = 'embedding-bag'\nwidth = 8\nbuckets = 97", 2},
                    Case{"gru", "kind = 'gru'\nwidth = 8\nhidden = 6", 1},
                    Case{"gru_last", "kind = 'gru'\nwidth = 8\nhidden = 6\npooling = 'last'", 1},
                    Case{"gru_pairs", "kind = 'gru'\nwidth = 8\nhidden = 6\nbidirectional = false", 2},
                    Case{"transformer", "kind = 'transformer'\nwidth = 8\nheads = 2", 1},
                    Case{"transformer_pairs",
                         "kind = 'transformer'\nwidth = 8\nheads = 2\npositions = 'learned'", 2}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(Ngrams, HashWhatFollowsWhat) {
  const torch::Tensor texts = torch::tensor({{5, 6, 5, 6, 0}, {6, 5, 0, 0, 0}}, torch::kInt64);
  const torch::Tensor ngrams = hashed_ngrams(texts, 2, kTokens, 1000);
  ASSERT_EQ(ngrams.size(1), 9);
  EXPECT_TRUE(ngrams.slice(1, 0, 5).equal(texts));
  const torch::Tensor pairs = ngrams.slice(1, 5);
  EXPECT_EQ(pairs[0][0].item<int64_t>(), pairs[0][2].item<int64_t>());  // "5 6" twice
  EXPECT_EQ(pairs[0][1].item<int64_t>(), pairs[1][0].item<int64_t>());  // "6 5" in both
  EXPECT_NE(pairs[0][0].item<int64_t>(), pairs[0][1].item<int64_t>());  // order counts
  EXPECT_TRUE(pairs[0][3].item<int64_t>() == data::kPadding && pairs[1].slice(0, 1).eq(0).all().item<bool>());
  EXPECT_GE(pairs[0].slice(0, 0, 3).min().item<int64_t>(), kTokens);
  EXPECT_LT(ngrams.max().item<int64_t>(), num_ngrams(2, kTokens, 1000));
  EXPECT_EQ(hashed_ngrams(texts.slice(1, 0, 1), 3, kTokens, 10).size(1), 1);
}

TEST(Ngrams, FillTheirBuckets) {
  const torch::Tensor texts = torch::randint(4, 5000, {1, 20000}, generator(Seed(1)), torch::kInt64);
  const torch::Tensor pairs = hashed_ngrams(texts, 2, 0, 64).slice(1, 20000);
  const torch::Tensor counts = torch::bincount(pairs.flatten(), {}, 64).to(torch::kFloat64);
  const double expected = 19999.0 / 64;  // χ² with 63 degrees of freedom: mean 63, deviation 11
  EXPECT_LT(((counts - expected).square() / expected).sum().item<double>(), 63 + 5 * 11.3);
}

// The sum over the vocabulary that the header states, word by word.
TEST(BagOfWords, IsTheSumOverTheVocabulary) {
  for (const int64_t fields : {1, 2})
    for (const bool presence : {true, false}) {
      if (fields == 2 && !presence) continue;
      const BagOfWordsOptions options{
          .num_tokens = kTokens, .num_fields = fields, .num_classes = 3, .presence = presence};
      BagOfWords model(options);
      randomize(model, 3);
      const torch::Tensor rows = random_rows(20, fields, 9), logits = model.forward(rows);
      const torch::Tensor texts = rows.view({20, fields, -1});
      torch::Tensor x = torch::zeros({20, fields, kTokens});
      x.scatter_add_(2, texts, torch::ones({20, fields, texts.size(2)}));
      if (presence) x = x.gt(0).to(torch::kFloat32);
      x.select(2, data::kPadding).zero_();
      const torch::Tensor u = x.select(1, 0), v = x.select(1, fields - 1);
      const torch::Tensor all = fields == 1 ? u : torch::cat({u, v, (u - v).abs(), u * v}, 1);
      EXPECT_TRUE(torch::allclose(logits, all.matmul(model.weights()) + model.parameters()[1], 1e-4, 1e-4));
    }
}

TEST(EmbeddingBag, IsTheMeanOfItsWords) {
  EmbeddingBag model({.num_tokens = kTokens, .num_classes = 2, .width = 4, .ngrams = 1});
  randomize(model, 3);
  const torch::Tensor embedding = model.parameters()[0];
  const torch::Tensor features = model.features(torch::tensor({{5, 5, 8, 0}, {0, 0, 0, 0}}, torch::kInt64));
  EXPECT_TRUE(torch::allclose(features[0], (2 * embedding[5] + embedding[8]) / 3));
  EXPECT_EQ(features[1].abs().max().item<double>(), 0);
}

// The equations of Cho et al. 2014, in libtorch's variant (the reset gate after the product).
TEST(GruLayer, FollowsItsEquations) {
  GruLayer layer(3, 4);
  randomize(layer, 5);
  const auto p = layer.parameters();
  const torch::Tensor x = torch::randn({2, 5, 3}, generator(Seed(2)));
  torch::Tensor h = torch::zeros({2, 4});
  const torch::Tensor states = layer.forward(x);
  for (int64_t t = 0; t < 5; ++t) {
    const auto in = (x.select(1, t).matmul(p[0].t()) + p[2]).chunk(3, 1),
               of = (h.matmul(p[1].t()) + p[3]).chunk(3, 1);
    const torch::Tensor r = (in[0] + of[0]).sigmoid(), z = (in[1] + of[1]).sigmoid();
    h = (1 - z) * (in[2] + r * of[2]).tanh() + z * h;
    EXPECT_TRUE(torch::allclose(states.select(1, t), h, 1e-4, 1e-5));
  }
}

// Bidirectional, last state: the second half reads the text from its end.
TEST(Gru, ReadsBackwards) {
  Gru model({.num_tokens = kTokens, .num_classes = 2, .width = 4, .hidden = 3, .pooling = Pooling::last});
  randomize(model, 5);
  const auto parameters = model.named_parameters();
  {
    const torch::NoGradGuard no_grad;
    for (const char* name : {"input_weight", "hidden_weight", "input_bias", "hidden_bias"})
      parameters["gru_backward." + std::string(name)].copy_(parameters["gru_forward." + std::string(name)]);
  }
  const torch::Tensor there = model.features(torch::tensor({{5, 6, 7, 8, 0, 0}}, torch::kInt64));
  const torch::Tensor back = model.features(torch::tensor({{8, 7, 6, 5, 0, 0}}, torch::kInt64));
  EXPECT_TRUE(torch::allclose(there.slice(1, 0, 3), back.slice(1, 3, 6), 1e-5, 1e-6));
  EXPECT_FALSE(torch::allclose(there.slice(1, 0, 3), there.slice(1, 3, 6), 1e-3, 1e-3));
}

TEST(TextKinds, RefuseWhatDoesNotFit) {
  const auto message = [](const std::string& toml, const data::Schema& schema) {
    try {
      build(Config::parse(toml), schema, Seed(0));
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  const data::Schema one = text_schema(1), two = text_schema(2);
  EXPECT_NE(message("kind = 'cnn'", one).find("does not read texts; there are torchscript, bag-of-words"),
            std::string::npos);
  data::Schema images;
  images.shape = {1, 8, 8};
  images.classes = {"a", "b"};
  EXPECT_NE(message("kind = 'gru'", images).find("does not read images or tables"), std::string::npos);
  EXPECT_NE(message("kind = 'transformer'\nheads = 5", one).find("must divide width = 64, got 5"),
            std::string::npos);
  EXPECT_NE(message("kind = 'bag-of-words'\nvalues = 'counts'", two).find("\"presence\" for pairs"),
            std::string::npos);
  EXPECT_NE(message("kind = 'bag-of-words'\nngrams = 4", one).find("ngrams"), std::string::npos);
  EXPECT_EQ(message("", one), "no error");
  const auto model = build(Config::parse("kind = 'bag-of-words'"), two, Seed(0));
  EXPECT_THROW(model->forward(torch::zeros({2, 5}, torch::kInt64)), InputError);
  EXPECT_THROW(model->forward(torch::zeros({2, 6})), InputError);
  EXPECT_THROW(model->head(), InputError);
  const auto learned = build(Config::parse("kind = 'transformer'\npositions = 'learned'"), one, Seed(0));
  EXPECT_THROW(learned->forward(torch::ones({1, kLength + 1}, torch::kInt64)), InputError);
}

TEST(SpanModel, BestSpansAsByTryingAll) {
  const torch::Tensor logits = torch::randn({40, 2, 9}, generator(Seed(4)));
  const Spans found = best_spans(logits, 3);
  for (int64_t n = 0; n < 40; ++n) {
    double best = -1e30, all = 0;
    std::pair<int64_t, int64_t> span;
    for (int64_t start = 0; start < 9; ++start)
      for (int64_t end = start; end < std::min<int64_t>(9, start + 3); ++end) {
        const double score = (logits[n][0][start] + logits[n][1][end]).item<double>();
        all += std::exp(score);
        if (score > best) best = score, span = {start, end};
      }
    EXPECT_EQ(found.spans[n][0].item<int64_t>(), span.first);
    EXPECT_EQ(found.spans[n][1].item<int64_t>(), span.second);
    EXPECT_NEAR(found.probabilities[n].item<double>(), std::exp(best) / all, 1e-5);
  }
}

// The answer is the word after the one that the question names.
TEST(SpanModel, LearnsToFollowTheQuestion) {
  torch::Tensor rows = torch::zeros({200, 16}, torch::kInt64), spans = torch::zeros({200, 2}, torch::kInt64);
  core::Random random(3);
  for (int64_t n = 0; n < 200; ++n) {
    const int64_t length = 4 + random.below(5), key = random.below(length - 1);
    const std::vector<int64_t> words = random.permutation(12);
    for (int64_t i = 0; i < length; ++i) rows[n][i] = 4 + words[static_cast<size_t>(i)];
    rows[n][8] = rows[n][key];
    spans[n].fill_(key + 1);
  }
  SpanModel model({.num_tokens = kTokens, .length = 8, .layers = 2, .layer = {.width = 32, .num_heads = 2}});
  model.initialize(Seed(1));
  torch::optim::Adam adam(model.parameters(), torch::optim::AdamOptions(0.005));
  for (int i = 0; i < 150; ++i) {
    adam.zero_grad();
    span_loss(model.forward(rows), spans).backward();
    adam.step();
  }
  const torch::Tensor logits = model.forward(rows);
  EXPECT_GT(best_spans(logits).spans.eq(spans).all(1).to(torch::kFloat32).mean().item<double>(), 0.9);
  EXPECT_LT(logits.masked_select(rows.slice(1, 0, 8).eq(0).unsqueeze(1)).max().item<double>(), -1e8);
}

}  // namespace
}  // namespace lathe::nn
