#include "studies/opinion_models.h"

#include <algorithm>
#include <numeric>

#include "lathe/data/ngram_features.h"

namespace lathe::studies::opinions {
namespace {

constexpr double kTestShare = 0.25;

torch::Tensor text_features(const data::Annotations& table, const std::vector<int64_t>& training) {
  std::vector<std::string> texts;
  int32_t before = -1;
  for (const int64_t row : training) {
    const int32_t item = table.item[static_cast<size_t>(row)];
    if (item != before) texts.push_back(table.texts[static_cast<size_t>(item)]);
    before = item;
  }
  return data::NgramFeatures(texts)(table.texts);
}

}  // namespace

World make_world(const data::OpinionOptions& options, core::Seed seed) {
  World world{data::generate_opinions(options, seed.stream("opinions")), {}, {}};
  const data::Annotations& table = world.table();
  world.split = data::split(table, data::SplitBy::item, kTestShare, seed.stream("split"));
  world.inputs =
      train::opinion::opinion_inputs(table, table.texts.empty() ? train::opinion::table_features(table)
                                                                : text_features(table, world.split.train));
  return world;
}

evaluate::OpinionPredictions tuned_predictions(const World& world, const train::opinion::FitOptions& options,
                                               const pipeline::StudyContext& context, core::Seed seed) {
  train::opinion::FitOptions stoppable = options;
  stoppable.stop = context.stop;
  const auto best = train::opinion::fit_best(world.inputs, world.table(), world.split.train,
                                             train::opinion::candidates(stoppable), seed);
  return train::opinion::predict(best, world.inputs, world.table(), world.split.test);
}

double accuracy(const World& world, const evaluate::OpinionPredictions& predictions) {
  const std::vector<int32_t> labels = evaluate::predicted_labels(predictions);
  int64_t right = 0;
  for (size_t i = 0; i < labels.size(); ++i)
    right += labels[i] == world.table().label[static_cast<size_t>(predictions.rows[i])];
  return static_cast<double>(right) / static_cast<double>(labels.size());
}

double majority_accuracy(const World& world, const evaluate::OpinionPredictions& predictions) {
  const std::vector<int32_t> majority = evaluate::majority(evaluate::count_votes(world.table()));
  const std::vector<int32_t> labels = evaluate::predicted_labels(predictions);
  int64_t right = 0;
  for (size_t i = 0; i < labels.size(); ++i)
    right += labels[i] ==
             majority[static_cast<size_t>(world.table().item[static_cast<size_t>(predictions.rows[i])])];
  return static_cast<double>(right) / static_cast<double>(labels.size());
}

double pooled_majority_accuracy(const World& world, const evaluate::OpinionPredictions& predictions) {
  const std::vector<int32_t> majority = evaluate::majority(evaluate::count_votes(world.table()));
  data::Annotations answers = data::select(world.table(), predictions.rows);
  answers.label = evaluate::predicted_labels(predictions);
  const std::vector<int32_t> pooled = evaluate::majority(evaluate::count_votes(answers));
  int64_t right = 0, items = 0;
  for (size_t i = 0; i < pooled.size(); ++i) {
    if (pooled[i] == evaluate::kNoMajority) continue;
    ++items;
    right += pooled[i] == majority[i];
  }
  return static_cast<double>(right) / static_cast<double>(items);
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double least(const std::vector<double>& values) {
  return *std::min_element(values.begin(), values.end());
}

std::string spread(const std::vector<double>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return fmt::format("{:.3f} to {:.3f}", *low, *high);
}

}  // namespace lathe::studies::opinions
