#include "lathe/pipeline/text_details.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "lathe/data/text_encoding.h"
#include "lathe/nn/bag_of_words.h"

namespace lathe::pipeline {
namespace {

using Json = nlohmann::json;

constexpr int64_t kWordsShown = 12;    // of each class
constexpr int64_t kClassesShown = 12;  // pictures of more would fill the page
constexpr int64_t kBins = 30;

// Tokens of each text, before anything is cut.
std::vector<int64_t> lengths_of(const data::Dataset& dataset) {
  std::vector<int64_t> lengths;
  for (const auto& field : dataset.texts)
    for (const std::string& text : field)
      lengths.push_back(static_cast<int64_t>(dataset.schema.encoding->numbers(text).size()));
  return lengths;
}

Json histogram(const std::vector<int64_t>& lengths) {
  const int64_t longest = lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end());
  const int64_t width = longest / kBins + 1;
  std::vector<int64_t> texts(static_cast<size_t>(longest / width) + 1);
  for (const int64_t length : lengths) ++texts[static_cast<size_t>(length / width)];
  Json labels = Json::array();
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto from = static_cast<int64_t>(i) * width;
    labels.push_back(width == 1 ? std::to_string(from) : fmt::format("{} to {}", from, from + width - 1));
  }
  return {{"tokens", labels}, {"texts", texts}};
}

// scores: [tokens, classes]. The words with the highest of each class.
Json highest(const torch::Tensor& scores, const data::Schema& schema) {
  Json classes = Json::array();
  const torch::Tensor words = scores.slice(0, data::kNumSpecialWords, schema.encoding->num_tokens());
  for (int64_t c = 0; c < std::min(kClassesShown, schema.num_classes()); ++c) {
    const auto [values, order] = words.select(1, c).sort(/*stable=*/true, 0, /*descending=*/true);
    Json entry = {{"class", schema.classes[static_cast<size_t>(c)]},
                  {"words", Json::array()},
                  {"scores", Json::array()}};
    for (int64_t i = 0; i < std::min(kWordsShown, words.size(0)) && values[i].item<double>() > 0; ++i) {
      entry["words"].push_back(schema.encoding->token(order[i].item<int64_t>() + data::kNumSpecialWords));
      entry["scores"].push_back(values[i].item<double>());
    }
    classes.push_back(std::move(entry));
  }
  return classes;
}

// Counts of tokens by class, float64 [tokens, classes].
torch::Tensor counts_by_class(const data::Dataset& dataset) {
  const int64_t classes = dataset.schema.num_classes();
  const torch::Tensor cells = dataset.inputs * classes + dataset.targets.unsqueeze(1);
  return torch::bincount(cells.flatten(), {}, dataset.schema.encoding->num_tokens() * classes)
      .to(torch::kFloat64)
      .view({-1, classes});
}

torch::Tensor log_odds_scores(const data::Dataset& train) {
  torch::Tensor counts = counts_by_class(train);
  counts.slice(0, 0, data::kNumSpecialWords).zero_();
  const torch::Tensor all = counts.sum(1, /*keepdim=*/true), others = all - counts;
  const torch::Tensor prior = all + 1e-9, total = prior.sum(0, true);
  const auto log_odds = [&](const torch::Tensor& n) {
    return ((n + prior) / (n.sum(0, true) + total - n - prior)).log();
  };
  const torch::Tensor variance = 1 / (counts + prior) + 1 / (others + prior);
  return (log_odds(counts) - log_odds(others)) / variance.sqrt();
}

}  // namespace

Json text_details(const data::Splits& splits) {
  const data::Schema& schema = splits.train.schema;
  if (!schema.text()) return nullptr;
  const torch::Tensor& test = splits.test.inputs;
  const auto tokens = test.ne(data::kPadding).sum().item<double>();
  return {{"tokens", schema.encoding->kind()},
          {"vocabulary", schema.encoding->num_tokens()},
          {"length", schema.encoding->length()},
          {"unknown", tokens == 0 ? 0 : test.eq(data::kUnknown).sum().item<double>() / tokens},
          {"lengths", histogram(lengths_of(splits.train))},
          {"words", highest(log_odds_scores(splits.train), schema)}};
}

std::vector<std::string> text_warnings(const data::Splits& splits) {
  std::vector<std::string> warnings;
  if (!splits.train.schema.text()) return warnings;
  for (const auto& [name, part] :
       {std::pair{"training", &splits.train}, {"held-out", &splits.holdout}, {"test", &splits.test}}) {
    const std::vector<int64_t> lengths = lengths_of(*part);
    const int64_t longest = part->schema.encoding->length();
    const auto cut = std::count_if(lengths.begin(), lengths.end(), [&](int64_t n) { return n > longest; });
    if (cut > 0)
      warnings.push_back(fmt::format("{} of {} {} texts are longer than {} tokens and were cut (data.length)",
                                     cut, lengths.size(), name, longest));
    if (const auto empty = std::count(lengths.begin(), lengths.end(), 0); empty > 0)
      warnings.push_back(fmt::format("{} of {} {} texts are empty", empty, lengths.size(), name));
  }
  return warnings;
}

Json strongest_words(nn::Classifier& model) {
  const auto* bag = dynamic_cast<const nn::BagOfWords*>(&model.body());
  if (!bag || model.schema().fields.size() > 1) return nullptr;
  const torch::Tensor weights = bag->weights().detach().cpu().to(torch::kFloat64);
  return highest(weights - weights.mean(1, /*keepdim=*/true), model.schema());
}

}  // namespace lathe::pipeline
