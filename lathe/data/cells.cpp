#include "lathe/data/cells.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/core/edit_distance.h"
#include "lathe/core/error.h"
#include "lathe/data/text.h"

namespace lathe::data {

std::optional<size_t> find_column(const CsvFile& csv, const std::string& name) {
  auto found = std::find(csv.header.begin(), csv.header.end(), name);
  if (found == csv.header.end()) return std::nullopt;
  return found - csv.header.begin();
}

size_t require_column(const CsvFile& csv, const std::string& file, const std::string& name) {
  if (auto found = find_column(csv, name)) return *found;
  std::vector<std::string> names;
  for (const std::string& column : csv.header) names.push_back(excerpt(column));
  const std::optional<std::string> meant = core::nearest(name, names);
  throw InputError("{}:1: no column '{}'; {}there are {}", file, excerpt(name),
                   meant ? "did you mean '" + *meant + "'? " : "", fmt::join(names, ", "));
}

std::set<std::string> distinct_cells(const CsvFile& csv, size_t position) {
  std::set<std::string> cells;
  for (const auto& row : csv.rows)
    if (std::string_view text = trim(row[position]); !text.empty()) cells.emplace(text);
  return cells;
}

bool all_numbers(const std::set<std::string>& cells) {
  return std::all_of(cells.begin(), cells.end(),
                     [](const std::string& cell) { return parse_number(cell).has_value(); });
}

std::vector<std::string> find_classes(const CsvFile& csv, const std::string& file, size_t position) {
  constexpr size_t kMaxClasses = 1000;
  std::set<std::string> cells = distinct_cells(csv, position);
  if (cells.size() > kMaxClasses || cells.size() == csv.rows.size())
    throw InputError(
        "{}: the target '{}' has {} distinct values in {} rows; lathe trains classifiers: choose a column "
        "with at most {} "
        "classes, or put the values into bins",
        file, excerpt(csv.header[position]), cells.size(), csv.rows.size(), kMaxClasses);
  return class_order(cells);
}

std::vector<std::string> class_order(const std::set<std::string>& cells) {
  std::vector<std::string> classes(cells.begin(), cells.end());
  // NaN has no place in an order.
  bool ordered = std::all_of(cells.begin(), cells.end(), [](const std::string& cell) {
    std::optional<float> number = parse_number(cell);
    return number && !std::isnan(*number);
  });
  if (ordered)
    std::stable_sort(classes.begin(), classes.end(), [](const std::string& a, const std::string& b) {
      return *parse_number(a) < *parse_number(b);
    });
  return classes;
}

TextIndex::TextIndex(const std::vector<std::string>& texts) {
  for (size_t i = 0; i < texts.size(); ++i) positions_.emplace(texts[i], i);
}

int64_t TextIndex::find(std::string_view text) const {
  auto found = positions_.find(std::string(text));
  return found == positions_.end() ? -1 : found->second;
}

std::optional<float> CellEncoder::encode(std::string_view cell) const {
  std::string_view text = trim(cell);
  if (categorical_) return static_cast<float>(values_.find(text));
  if (text.empty()) return std::numeric_limits<float>::quiet_NaN();
  return parse_number(text);
}

void encode_column(const CsvFile& csv, const std::string& file, size_t position, const Column& column,
                   torch::Tensor& table, int64_t target) {
  CellEncoder encoder(column);
  float* to = table.data_ptr<float>() + target;
  for (size_t row = 0; row < csv.rows.size(); ++row, to += table.size(1)) {
    std::optional<float> value = encoder.encode(csv.rows[row][position]);
    if (!value)
      throw InputError("{}:{}: column '{}' must be a number, got '{}'", file, csv.lines[row],
                       excerpt(column.name), excerpt(csv.rows[row][position]));
    *to = *value;
  }
}

torch::Tensor encode_targets(const CsvFile& csv, const std::string& file, size_t position,
                             const std::vector<std::string>& classes) {
  torch::Tensor targets = torch::empty({static_cast<int64_t>(csv.rows.size())}, torch::kInt64);
  TextIndex index(classes);
  for (size_t row = 0; row < csv.rows.size(); ++row) {
    std::string_view text = trim(csv.rows[row][position]);
    int64_t target = index.find(text);
    if (text.empty())
      throw InputError("{}:{}: the target '{}' is empty; every example needs its class", file, csv.lines[row],
                       excerpt(csv.header[position]));
    if (target < 0)
      throw InputError("{}:{}: '{}' is none of the {} classes of '{}'", file, csv.lines[row], excerpt(text),
                       classes.size(), excerpt(csv.header[position]));
    targets.data_ptr<int64_t>()[row] = target;
  }
  return targets;
}

}  // namespace lathe::data
