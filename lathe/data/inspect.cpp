#include "lathe/data/inspect.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "lathe/data/inspect_texts.h"
#include "lathe/data/text.h"

namespace lathe::data {
namespace {

constexpr int64_t kFewExamples = 10;  // a class below this cannot be split and measured

// The examples as bytes, to be compared.
class Rows {
 public:
  explicit Rows(const Dataset& dataset) : dataset_(dataset) {
    if (dataset.schema.text()) texts_ = joined_texts(dataset);
  }
  std::string_view at(int64_t row) const {
    if (dataset_.schema.text()) return texts_[static_cast<size_t>(row)];
    const size_t size = dataset_.inputs.nbytes() / static_cast<size_t>(dataset_.size());
    return {static_cast<const char*>(dataset_.inputs.data_ptr()) + static_cast<size_t>(row) * size, size};
  }

 private:
  const Dataset& dataset_;
  std::vector<std::string> texts_;
};

struct Duplicates {
  int64_t within_train = 0;   // training examples that repeat an earlier one
  int64_t contradictory = 0;  // those of them whose class differs
  int64_t test_in_train = 0;  // test examples that are training examples too
};

Duplicates find_duplicates(const Dataset& train, const Dataset& test) {
  Duplicates duplicates;
  const int64_t* targets = train.targets.data_ptr<int64_t>();
  std::unordered_map<std::string_view, int64_t> first_target;
  first_target.reserve(train.size());
  const Rows train_rows(train), test_rows(test);
  for (int64_t i = 0; i < train.size(); ++i) {
    auto [found, is_new] = first_target.emplace(train_rows.at(i), targets[i]);
    if (is_new) continue;
    ++duplicates.within_train;
    if (found->second != targets[i]) ++duplicates.contradictory;
  }
  for (int64_t i = 0; i < test.size(); ++i) duplicates.test_in_train += first_target.count(test_rows.at(i));
  return duplicates;
}

std::vector<int64_t> class_counts(const Dataset& dataset, int64_t num_classes) {
  std::vector<int64_t> counts(num_classes);
  for (int64_t i = 0; i < dataset.size(); ++i) ++counts[dataset.targets.data_ptr<int64_t>()[i]];
  return counts;
}

struct ColumnFacts {
  int64_t missing = 0, distinct = 0;
  double min = std::numeric_limits<double>::infinity(), max = -min, mean = 0;
};

ColumnFacts column_facts(const Dataset& dataset, int64_t position) {
  ColumnFacts facts;
  std::unordered_set<float> distinct;
  bool categorical = dataset.schema.columns[position].categorical();
  const float* cell = dataset.inputs.data_ptr<float>() + position;
  double sum = 0;
  for (int64_t row = 0; row < dataset.size(); ++row, cell += dataset.inputs.size(1)) {
    if (categorical ? *cell < 0 : std::isnan(*cell)) {
      ++facts.missing;
      continue;
    }
    distinct.insert(*cell);
    sum += *cell;
    facts.min = std::min(facts.min, static_cast<double>(*cell));
    facts.max = std::max(facts.max, static_cast<double>(*cell));
  }
  facts.distinct = static_cast<int64_t>(distinct.size());
  facts.mean = sum / static_cast<double>(dataset.size() - facts.missing);
  return facts;
}

void inspect_column(const Dataset& train, int64_t position, Inspection& inspection) {
  const Column& column = train.schema.columns[position];
  ColumnFacts facts = column_facts(train, position);
  auto number = [&](double value) {
    return column.categorical() || facts.distinct == 0 ? core::Cell("") : core::Cell(value);
  };
  inspection.columns.add({column.name, column.categorical() ? "category" : "number", facts.missing,
                          facts.distinct, number(facts.min), number(facts.mean), number(facts.max)});

  auto warn = [&](const std::string& what) {
    inspection.warnings.push_back("column '" + column.name + "' " + what);
  };
  if (facts.distinct <= 1) warn(facts.distinct == 0 ? "is empty" : "has one value only; it teaches nothing");
  if (column.categorical() && facts.distinct == train.size())
    warn("has another text in every row, like a row id; drop it with &drop=" + column.name);
  int64_t numbers = std::count_if(column.values.begin(), column.values.end(),
                                  [](const std::string& value) { return parse_number(value).has_value(); });
  if (2 * numbers > static_cast<int64_t>(column.values.size())) {
    auto text = std::find_if_not(column.values.begin(), column.values.end(),
                                 [](const std::string& value) { return parse_number(value).has_value(); });
    warn("is read as categories because of cells like '" + *text +
         "'; leave them empty if they mean missing numbers");
  }
}

void inspect_classes(const Source& source, Inspection& inspection) {
  const std::vector<std::string>& classes = source.train.schema.classes;
  std::vector<int64_t> train = class_counts(source.train, source.train.schema.num_classes());
  std::vector<int64_t> test = class_counts(source.test, source.train.schema.num_classes());
  for (size_t c = 0; c < classes.size(); ++c) {
    inspection.classes.add({classes[c], train[c], test[c]});
    if (train[c] < kFewExamples)
      inspection.warnings.push_back(fmt::format("class '{}' has only {} training example{}", classes[c],
                                                train[c], train[c] == 1 ? "" : "s"));
  }
  if (classes.size() == 1)
    inspection.warnings.push_back("there is only one class; nothing is left to tell apart");
}

std::string shape_text(const Schema& schema) {
  if (schema.text()) return schema.fields.size() == 1 ? "texts" : "pairs of texts";
  if (schema.table()) return fmt::format("{} columns", schema.shape[0]);
  return fmt::format("{}×{}, {}", schema.shape[2], schema.shape[1], schema.shape[0] == 1 ? "grey" : "colour");
}

Dataset contiguous(const Dataset& dataset) {
  if (dataset.size() == 0 || dataset.schema.text()) return dataset;
  return {dataset.inputs.contiguous(), dataset.targets.contiguous(), dataset.schema};
}

}  // namespace

Inspection inspect(const Source& given) {
  Source source = given;
  source.train = contiguous(given.train);
  source.test = contiguous(given.test);
  const Schema& schema = source.train.schema;
  Inspection inspection{core::Table({"property", "value"}),
                        core::Table({"class", "train", "test"}),
                        core::Table({"column", "kind", "missing", "distinct", "min", "mean", "max"}),
                        {}};

  Duplicates duplicates = find_duplicates(source.train, source.test);
  inspection.summary.add({"source", source.name})
      .add({"SHA-256", source.content_hash})
      .add({"training examples", source.train.size()})
      .add({"test examples", source.test.size()})
      .add({"shape", shape_text(schema)})
      .add({"classes", schema.num_classes()})
      .add({"duplicates within train", duplicates.within_train})
      .add({"duplicates of another class", duplicates.contradictory})
      .add({"test examples also in train", duplicates.test_in_train});
  if (!source.image_sizes.empty())
    inspection.summary.add({"image files", source.image_sizes})
        .add({"unreadable files", static_cast<int64_t>(source.unreadable.size())});

  inspect_classes(source, inspection);
  for (size_t i = 0; i < schema.columns.size(); ++i)
    inspect_column(source.train, static_cast<int64_t>(i), inspection);
  if (duplicates.test_in_train > 0)
    inspection.warnings.push_back(
        fmt::format("{} of {} test examples are training examples too; the test accuracy is too high for it",
                    duplicates.test_in_train, source.test.size()));
  if (duplicates.contradictory > 0)
    inspection.warnings.push_back(fmt::format(
        "{} training examples repeat an earlier one under another class", duplicates.contradictory));
  if (schema.text()) inspection = inspect_texts(source, std::move(inspection));
  for (const std::string& file : source.unreadable) inspection.warnings.push_back("left out: " + file);
  return inspection;
}

}  // namespace lathe::data
