#include "studies/checklist_models.h"

#include <fmt/ranges.h>
#include <torch/torch.h>

#include "lathe/data/passages.h"
#include "lathe/data/text_encoding.h"
#include "lathe/data/tokenize.h"
#include "lathe/optim/optimizer.h"
#include "lathe/train/trainer.h"

namespace lathe::studies::checklist {
namespace {

using evaluate::checklist::Example;
using evaluate::checklist::Prediction;

constexpr int64_t kBatchSize = 64;
constexpr int64_t kLongestAnswer = 8;  // tokens

void fit(const std::shared_ptr<nn::Model>& model, const Recipe& recipe, const data::Dataset& train,
         const data::Dataset& holdout, core::Seed seed, const core::StopToken& stop) {
  const optim::OptimizerOptions optimizer = {
      .kind = "adamw", .lr = recipe.lr, .weight_decay = 0.01, .clip_norm = 1};
  train::Trainer trainer(
      model, optim::make_step(model->parameters(), optimizer),
      {.epochs = recipe.epochs, .batch_size = kBatchSize, .schedule = {.kind = "one-cycle"}},
      seed.stream("training"));
  trainer.fit(train, holdout, {}, stop);
}

// Spans of a passage as classes: start · length + end. Logits of start and end add up; what cannot be an
// answer has a very small one. Rows may have been cut to less than the length.
class SpanClassifier : public nn::Model {
 public:
  explicit SpanClassifier(const nn::TextEncoderOptions& options) : length_(options.length) {
    spans_ = register_module("spans", std::make_shared<nn::SpanModel>(options));
  }
  torch::Tensor forward(torch::Tensor rows) override {
    const torch::Tensor logits = spans_->forward(rows);
    const int64_t cut = length_ - logits.size(2);
    const torch::Tensor sums = torch::constant_pad_nd(
        logits.select(1, 0).unsqueeze(2) + logits.select(1, 1).unsqueeze(1), {0, cut, 0, cut}, kNever);
    const torch::Tensor allowed =
        torch::ones({length_, length_}, logits.options().dtype(torch::kBool)).triu().tril(kLongestAnswer - 1);
    return sums.masked_fill(allowed.logical_not(), kNever).flatten(1);
  }
  void initialize(core::Seed seed) override { spans_->initialize(seed); }

 private:
  static constexpr double kNever = -1e4;
  int64_t length_;
  std::shared_ptr<nn::SpanModel> spans_;
};

struct PassageTexts {
  std::vector<std::vector<std::string>> fields = {{}, {}};  // passages, questions
  std::vector<data::Passage> passages;
};

PassageTexts passage_texts(int64_t count, core::Seed seed) {
  PassageTexts texts;
  texts.passages = data::generate_passages(count, seed);
  for (const data::Passage& passage : texts.passages) {
    texts.fields[0].push_back(passage.text);
    texts.fields[1].push_back(passage.question);
  }
  return texts;
}

data::Dataset span_dataset(const PassageTexts& texts,
                           const std::shared_ptr<const data::TextEncoding>& encoding) {
  data::Dataset dataset;
  dataset.schema.fields = {"passage", "question"};
  dataset.schema.encoding = encoding;
  dataset.schema.classes = {"span"};
  dataset.inputs = encoding->encode(texts.fields);
  std::vector<int64_t> targets;
  for (const data::Passage& passage : texts.passages) {
    const auto before = std::string_view(passage.text).substr(0, static_cast<size_t>(passage.answer_begin));
    const auto start = static_cast<int64_t>(encoding->numbers(before).size());
    const auto end = start + static_cast<int64_t>(encoding->numbers(passage.answer).size()) - 1;
    targets.push_back(std::min(start, encoding->length() - 1) * encoding->length() +
                      std::min(end, encoding->length() - 1));
  }
  dataset.targets = torch::tensor(targets, torch::kInt64);
  return dataset;
}

std::vector<Prediction> answers(nn::Model& model, const data::TextEncoding& encoding,
                                const std::vector<Example>& examples) {
  std::vector<std::vector<std::string>> fields(2);
  for (const Example& example : examples)
    for (size_t field = 0; field < 2; ++field) fields[field].push_back(example.at(field));
  const torch::Tensor logits = nn::predict(model, encoding.encode(fields), kBatchSize);
  const auto [best, places] = logits.softmax(1).max(1);
  std::vector<Prediction> predictions(examples.size());
  for (size_t i = 0; i < examples.size(); ++i) {
    const data::Sentence words = data::tokenize(fields[0][i]);
    const int64_t place = places[static_cast<int64_t>(i)].item<int64_t>();
    const auto begin = std::min<size_t>(static_cast<size_t>(place / encoding.length()), words.size());
    const auto end = std::min<size_t>(static_cast<size_t>(place % encoding.length()) + 1, words.size());
    predictions[i].text =
        fmt::format("{}", fmt::join(words.begin() + static_cast<int64_t>(begin),
                                    words.begin() + static_cast<int64_t>(std::max(begin, end)), " "));
    predictions[i].confidence = {best[static_cast<int64_t>(i)].item<float>()};
  }
  return predictions;
}

}  // namespace

const std::vector<Recipe>& review_recipes() {
  static const std::vector<Recipe> kRecipes = {
      {.name = "bag of words", .model = "kind = \"bag-of-words\"", .lr = 1e-2},
      {.name = "GRU", .model = "kind = \"gru\"\nwidth = 32\nhidden = 32", .lr = 3e-3},
      {.name = "transformer", .model = "kind = \"transformer\"\nwidth = 64\nlayers = 2", .lr = 1e-3}};
  return kRecipes;
}

const Recipe& pair_recipe() {
  static const Recipe kRecipe = {.name = "transformer of pairs",
                                 .model = "kind = \"transformer\"\nwidth = 64\nlayers = 2",
                                 .lr = 1e-3,
                                 .epochs = 6};
  return kRecipe;
}

data::Splits encoded_splits(const std::string& source, core::Seed seed) {
  return data::encode(data::split(data::load_source(source), {}, seed.stream("split")), {});
}

std::shared_ptr<nn::Classifier> train_classifier(const Recipe& recipe, const data::Splits& splits,
                                                 core::Seed seed, const core::StopToken& stop) {
  auto model = nn::build(core::Config::parse(recipe.model), splits.train.schema, seed.stream("model"));
  fit(model, recipe, splits.train, splits.holdout, seed, stop);
  return model;
}

double accuracy(nn::Classifier& model, const data::Dataset& dataset) {
  return nn::predict(model, dataset.inputs)
      .argmax(1)
      .eq(dataset.targets)
      .to(torch::kFloat64)
      .mean()
      .item<double>();
}

Comprehension train_comprehension(int64_t num_passages, double epochs, double lr, core::Seed seed,
                                  const core::StopToken& stop) {
  const PassageTexts train = passage_texts(num_passages, seed.stream("passages")),
                     test = passage_texts(std::max<int64_t>(num_passages / 10, 100),
                                          seed.stream("test passages"));
  const auto encoding =
      std::make_shared<const data::TextEncoding>(data::TextEncodingOptions{.length = 48}, train.fields);
  Comprehension result;
  result.model = std::make_shared<SpanClassifier>(nn::TextEncoderOptions{
      .num_tokens = encoding->num_tokens(), .length = encoding->length(), .layers = 2});
  result.model->initialize(seed.stream("model"));
  const data::Dataset held_out = span_dataset(test, encoding);
  fit(result.model, {.lr = lr, .epochs = epochs}, span_dataset(train, encoding), held_out, seed, stop);
  result.exact_match = nn::predict(*result.model, held_out.inputs, kBatchSize)
                           .argmax(1)
                           .eq(held_out.targets)
                           .to(torch::kFloat64)
                           .mean()
                           .item<double>();
  result.predictor = [model = result.model, encoding](const std::vector<Example>& examples) {
    return answers(*model, *encoding, examples);
  };
  return result;
}

}  // namespace lathe::studies::checklist
