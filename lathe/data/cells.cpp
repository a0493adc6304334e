#include "lathe/data/cells.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/core/error.h"
#include "lathe/data/text.h"

namespace lathe::data {

std::optional<size_t> find_column(const CsvFile& csv, const std::string& name) {
  auto found = std::find(csv.header.begin(), csv.header.end(), name);
  if (found == csv.header.end()) return std::nullopt;
  return found - csv.header.begin();
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
