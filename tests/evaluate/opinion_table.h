#pragma once
#include <numeric>
#include <string>
#include <vector>

#include "lathe/core/seed.h"
#include "lathe/data/annotations.h"
#include "lathe/evaluate/opinion/oracles.h"

// Small tables of annotations for the tests of opinions.
namespace lathe::evaluate::opinion::testing {

struct Answer {
  int32_t item, annotator, label;
};

inline data::Annotations table_of(const std::vector<Answer>& answers, int32_t num_items,
                                  int32_t num_annotators, std::vector<std::string> classes = {"no", "yes"}) {
  data::Annotations table;
  table.scale.classes = std::move(classes);
  for (int32_t i = 0; i < num_items; ++i) table.items.push_back("i" + std::to_string(i));
  for (int32_t a = 0; a < num_annotators; ++a) table.annotators.push_back("a" + std::to_string(a));
  for (const Answer& answer : answers) {
    table.item.push_back(answer.item);
    table.annotator.push_back(answer.annotator);
    table.label.push_back(answer.label);
  }
  return data::in_order(std::move(table));
}

inline std::vector<int64_t> all_rows(const data::Annotations& table) {
  std::vector<int64_t> rows(static_cast<size_t>(table.size()));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

// Everybody answers each item with probability `density`, each has a group of three.
inline data::Annotations random_table(uint64_t seed, int32_t num_items, int32_t num_annotators,
                                      int32_t num_classes, double density) {
  core::Random random(seed);
  std::vector<Answer> answers;
  for (int32_t i = 0; i < num_items; ++i)
    for (int32_t a = 0; a < num_annotators; ++a)
      if (random.uniform() < density)
        answers.push_back({i, a,
                           static_cast<int32_t>(random.below(num_classes) * random.below(2) +
                                                (i % num_classes) * random.below(2)) %
                               num_classes});
  std::vector<std::string> classes;
  for (int32_t c = 0; c < num_classes; ++c) classes.push_back("c" + std::to_string(c));
  data::Annotations table = table_of(answers, num_items, num_annotators, classes);
  data::Attribute group{"group", {"g0", "g1", "g2"}, {}};
  for (int32_t a = 0; a < num_annotators; ++a) group.codes.push_back(a % 3);
  table.annotator_attributes.push_back(std::move(group));
  return table;
}

inline OpinionPredictions random_predictions(const data::Annotations& table, uint64_t seed) {
  core::Random random(seed);
  OpinionPredictions predictions{all_rows(table), table.scale.num_classes(), {}};
  for (size_t i = 0; i < predictions.rows.size(); ++i) {
    std::vector<double> values;
    double sum = 0;
    for (int64_t c = 0; c < predictions.num_classes; ++c) sum += values.emplace_back(0.05 + random.uniform());
    for (const double value : values) predictions.probabilities.push_back(static_cast<float>(value / sum));
  }
  return predictions;
}

// What everybody said, or another label.
inline OpinionPredictions perfect(const data::Annotations& table) {
  return certain_predictions(all_rows(table), table.label, table.scale.num_classes());
}
inline OpinionPredictions always_wrong(const data::Annotations& table) {
  std::vector<int32_t> labels = table.label;
  for (int32_t& label : labels) label = (label + 1) % static_cast<int32_t>(table.scale.num_classes());
  return certain_predictions(all_rows(table), labels, table.scale.num_classes());
}

}  // namespace lathe::evaluate::opinion::testing
