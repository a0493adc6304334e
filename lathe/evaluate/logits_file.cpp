#include "lathe/evaluate/logits_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <charconv>

#include "lathe/core/error.h"
#include "lathe/data/cells.h"
#include "lathe/data/csv.h"
#include "lathe/data/npy.h"
#include "lathe/data/text.h"

namespace lathe::evaluate {
namespace {

constexpr const char* kLabelColumn = "label";

enum class Format { kNpy, kCsv };

Format format_of(const std::filesystem::path& file) {
  if (file.extension() == ".npy") return Format::kNpy;
  if (file.extension() == ".csv") return Format::kCsv;
  throw InputError("{} must end in .npy or .csv", file.string());
}

template <typename T>
std::optional<T> parse(const std::string& text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  return result.ec == std::errc() && result.ptr == end ? std::optional(value) : std::nullopt;
}

// The range of indices is checked against the logits, which know the number of classes.
at::Tensor csv_labels(const std::filesystem::path& file, const data::CsvFile& csv, size_t column,
                      const std::vector<std::string>& classes) {
  const data::TextIndex index(classes);
  const bool names = std::all_of(csv.rows.begin(), csv.rows.end(), [&](const std::vector<std::string>& row) {
    return index.find(row[column]) >= 0;
  });
  std::vector<int64_t> labels;
  for (size_t i = 0; i < csv.rows.size(); ++i) {
    const std::string& cell = csv.rows[i][column];
    const std::optional<int64_t> label = names ? index.find(cell) : parse<int64_t>(cell);
    if (!label) {
      throw InputError(
          "{}:{}: label '{}' must be {}", file.string(), csv.lines[i], data::excerpt(cell),
          classes.empty() ? "the index of a class" : "the name of a column or the index of a class");
    }
    labels.push_back(*label);
  }
  return torch::tensor(labels, torch::kInt64);
}

at::Tensor read_labels(const std::filesystem::path& file, const std::vector<std::string>& classes) {
  if (format_of(file) == Format::kCsv) {
    const data::CsvFile csv = data::read_csv(file);
    const std::optional<size_t> column = data::find_column(csv, kLabelColumn);
    if (!column)
      throw InputError("{}:1: the header must have a column named '{}'", file.string(), kLabelColumn);
    return csv_labels(file, csv, *column, classes);
  }
  const at::Tensor labels = data::read_npy(file);
  if (labels.dim() != 1 || !at::isIntegralType(labels.scalar_type(), /*includeBool=*/false)) {
    throw InputError("{} must hold integers of shape [examples], got {} of shape [{}]", file.string(),
                     c10::toString(labels.scalar_type()), fmt::join(labels.sizes(), ", "));
  }
  return labels.to(torch::kInt64);
}

LogitsFile read_csv_logits(const std::filesystem::path& file) {
  const data::CsvFile csv = data::read_csv(file);
  const std::optional<size_t> label = data::find_column(csv, kLabelColumn);
  LogitsFile result;
  for (const std::string& name : csv.header) {
    if (name != kLabelColumn) result.classes.push_back(name);
  }
  if (result.classes.empty())
    throw InputError("{}:1: the header must name at least one class", file.string());

  const auto num_rows = static_cast<int64_t>(csv.rows.size()),
             num_classes = static_cast<int64_t>(result.classes.size());
  result.logits = torch::empty({num_rows, num_classes}, torch::kFloat64);
  double* logit = result.logits.data_ptr<double>();
  for (size_t i = 0; i < csv.rows.size(); ++i) {
    for (size_t column = 0; column < csv.header.size(); ++column) {
      if (column == label) continue;
      const std::optional<double> value = parse<double>(csv.rows[i][column]);
      if (!value) {
        throw InputError("{}:{}: column '{}' must be a number, got '{}'", file.string(), csv.lines[i],
                         data::excerpt(csv.header[column]), data::excerpt(csv.rows[i][column]));
      }
      *logit++ = *value;
    }
  }
  if (label) result.targets = csv_labels(file, csv, *label, result.classes);
  return result;
}

LogitsFile read_npy_logits(const std::filesystem::path& file) {
  const at::Tensor logits = data::read_npy(file);
  if (logits.dim() != 2 || !logits.is_floating_point()) {
    throw InputError("{} must hold floating-point numbers of shape [examples, classes], got {} of shape [{}]",
                     file.string(), c10::toString(logits.scalar_type()), fmt::join(logits.sizes(), ", "));
  }
  return {.logits = logits.scalar_type() == torch::kFloat64 ? logits : logits.to(torch::kFloat32)};
}

void check_targets(const LogitsFile& file, const std::string& name) {
  const int64_t num_classes = file.logits.size(1);
  if (file.targets.size(0) != file.logits.size(0)) {
    throw InputError("{} has {} labels for {} rows of logits", name, file.targets.size(0),
                     file.logits.size(0));
  }
  const at::Tensor wrong = ((file.targets < 0) | (file.targets >= num_classes)).nonzero();
  if (wrong.size(0) == 0) return;
  const int64_t row = wrong[0][0].item<int64_t>();
  throw InputError("label {} (counted from 0) in {} is {}; with {} classes it must be in [0, {}]", row, name,
                   file.targets[row].item<int64_t>(), num_classes, num_classes - 1);
}

}  // namespace

LogitsFile read_logits(const std::filesystem::path& logits,
                       const std::optional<std::filesystem::path>& labels) {
  LogitsFile file = format_of(logits) == Format::kNpy ? read_npy_logits(logits) : read_csv_logits(logits);
  if (labels) file.targets = read_labels(*labels, file.classes);
  if (file.targets.defined()) check_targets(file, (labels ? *labels : logits).string());
  return file;
}

}  // namespace lathe::evaluate
