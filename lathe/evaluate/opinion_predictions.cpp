#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "lathe/core/error.h"
#include "lathe/data/cells.h"
#include "lathe/data/text.h"
#include "lathe/data/text_table.h"
#include "lathe/evaluate/votes.h"

namespace lathe::evaluate {
namespace {

constexpr double kSumTolerance = 1e-3;
constexpr size_t kNamedMissing = 5;

std::string listed(std::vector<std::string> names) {
  for (std::string& name : names) name = data::excerpt(name);
  return fmt::format("{}", fmt::join(names, ", "));
}

class PredictionReader {
 public:
  PredictionReader(const std::filesystem::path& file, const data::Annotations& annotations)
      : annotations_(annotations),
        classes_(annotations.scale.classes),
        csv_(data::read_text_table(file)),
        file_(file.string()),
        items_(annotations.items),
        annotators_(annotations.annotators),
        class_index_(classes_) {
    if (classes_.empty())
      throw InputError("{}: predictions of opinions need classes; the labels are real numbers", file_);
    item_column_ = data::require_column(csv_, file_, "item");
    annotator_column_ = data::find_column(csv_, "annotator");
    find_answer_columns();
  }

  PredictionFile read() {
    std::vector<int64_t> rows_of = annotator_column_ ? read_cells() : read_items();
    PredictionFile result;
    result.predictions.num_classes = annotations_.scale.num_classes();
    for (size_t row = 0; row < rows_of.size(); ++row) {
      if (rows_of[row] >= 0) {
        result.predictions.rows.push_back(static_cast<int64_t>(row));
        const std::vector<float> answer = answer_of(static_cast<size_t>(rows_of[row]));
        result.predictions.probabilities.insert(result.predictions.probabilities.end(), answer.begin(),
                                                answer.end());
        continue;
      }
      ++result.num_missing;
      if (result.first_missing.size() < kNamedMissing)
        result.first_missing.push_back(fmt::format(
            "item {}, annotator {}",
            data::excerpt(annotations_.items[static_cast<size_t>(annotations_.item[row])]),
            data::excerpt(annotations_.annotators[static_cast<size_t>(annotations_.annotator[row])])));
    }
    return result;
  }

 private:
  void find_answer_columns() {
    for (size_t c = 0; c < classes_.size(); ++c)
      for (const std::string& name : {fmt::format("prob_{}", c), "prob_" + classes_[c]})
        if (const auto column = data::find_column(csv_, name); column && probability_columns_.size() == c)
          probability_columns_.push_back(*column);
    label_column_ = data::find_column(csv_, "label");
    if (probability_columns_.size() == classes_.size() || label_column_) return;
    throw InputError("{}:1: predictions are a column label, or prob_0 … prob_{} (or prob_{} …); there are {}",
                     file_, classes_.size() - 1, data::excerpt(classes_[0]), listed(csv_.header));
  }

  std::string where(size_t line) const { return fmt::format("{}:{}", file_, csv_.lines[line]); }

  int64_t find(const data::TextIndex& index, size_t line, size_t column, const char* what) const {
    const std::string& name = csv_.rows[line][column];
    const int64_t found = index.find(name);
    if (found < 0)
      throw InputError("{}: {} '{}' is not among the annotations", where(line), what, data::excerpt(name));
    return found;
  }

  void set(std::vector<int64_t>& lines, size_t at, size_t line, const std::string& what) const {
    if (lines[at] >= 0)
      throw InputError("{}: a second prediction of {}; the first is line {}", where(line), what,
                       csv_.lines[static_cast<size_t>(lines[at])]);
    lines[at] = static_cast<int64_t>(line);
  }

  // The line that answers each annotation, -1 for none: one answer to everybody …
  std::vector<int64_t> read_items() const {
    std::vector<int64_t> of_item(annotations_.items.size(), -1);
    for (size_t line = 0; line < csv_.rows.size(); ++line) {
      const int64_t item = find(items_, line, item_column_, "item");
      set(of_item, static_cast<size_t>(item), line,
          "item '" + data::excerpt(csv_.rows[line][item_column_]) + "'");
    }
    std::vector<int64_t> lines;
    for (const int32_t item : annotations_.item) lines.push_back(of_item[static_cast<size_t>(item)]);
    return lines;
  }

  // … or one to each annotator, of all times that one was asked.
  std::vector<int64_t> read_cells() const {
    const std::vector<int64_t> offsets = data::item_offsets(annotations_);
    std::vector<int64_t> lines(annotations_.item.size(), -1);
    const auto& annotator_of = annotations_.annotator;
    for (size_t line = 0; line < csv_.rows.size(); ++line) {
      const auto item = static_cast<size_t>(find(items_, line, item_column_, "item"));
      const auto annotator = static_cast<int32_t>(find(annotators_, line, *annotator_column_, "annotator"));
      const auto [first, last] = std::equal_range(annotator_of.begin() + offsets[item],
                                                  annotator_of.begin() + offsets[item + 1], annotator);
      if (first == last) continue;  // a prediction of an answer that nobody gave
      const auto what = [&] {
        return fmt::format("item '{}', annotator '{}'", data::excerpt(annotations_.items[item]),
                           data::excerpt(annotations_.annotators[static_cast<size_t>(annotator)]));
      };
      set(lines, static_cast<size_t>(first - annotator_of.begin()), line, what());
      std::fill(lines.begin() + (first - annotator_of.begin()), lines.begin() + (last - annotator_of.begin()),
                static_cast<int64_t>(line));
    }
    return lines;
  }

  std::vector<float> answer_of(size_t line) const {
    std::vector<float> answer(classes_.size(), 0);
    if (probability_columns_.size() < classes_.size()) {
      const std::string& label = csv_.rows[line][*label_column_];
      const int64_t index = class_index_.find(data::trim(label));
      if (index < 0)
        throw InputError("{}: label '{}' is not on the scale; it has {}", where(line), data::excerpt(label),
                         listed(classes_));
      answer[static_cast<size_t>(index)] = 1;
      return answer;
    }
    double sum = 0;
    for (size_t c = 0; c < answer.size(); ++c) {
      const std::string& cell = csv_.rows[line][probability_columns_[c]];
      const auto number = data::parse_number(data::trim(cell));
      if (!number || !(*number >= 0))
        throw InputError("{}: '{}' must be a probability, got '{}'", where(line),
                         data::excerpt(csv_.header[probability_columns_[c]]), data::excerpt(cell));
      answer[c] = *number;
      sum += *number;
    }
    if (!(std::abs(sum - 1) <= kSumTolerance))
      throw InputError("{}: the probabilities sum to {:.6g}, not to 1", where(line), sum);
    return answer;
  }

  const data::Annotations& annotations_;
  const std::vector<std::string>& classes_;
  const data::CsvFile csv_;
  const std::string file_;
  const data::TextIndex items_, annotators_, class_index_;
  size_t item_column_ = 0;
  std::optional<size_t> annotator_column_, label_column_;
  std::vector<size_t> probability_columns_;
};

}  // namespace

std::vector<int32_t> predicted_labels(const OpinionPredictions& predictions) {
  std::vector<int32_t> labels(predictions.rows.size());
  for (size_t i = 0; i < labels.size(); ++i) {
    const float* row = predictions.of(static_cast<int64_t>(i));
    labels[i] = static_cast<int32_t>(std::max_element(row, row + predictions.num_classes) - row);
  }
  return labels;
}

PredictionFile read_opinion_predictions(const std::filesystem::path& file,
                                        const data::Annotations& annotations) {
  return PredictionReader(file, annotations).read();
}

OpinionPredictions complete(PredictionFile file) {
  if (file.num_missing > 0)
    throw InputError("{} annotations have no prediction: {}{}", file.num_missing,
                     fmt::join(file.first_missing, "; "),
                     file.num_missing > static_cast<int64_t>(file.first_missing.size()) ? "; …" : "");
  return std::move(file.predictions);
}

}  // namespace lathe::evaluate
