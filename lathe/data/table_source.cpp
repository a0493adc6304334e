#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "lathe/core/error.h"
#include "lathe/data/cells.h"
#include "lathe/data/sources.h"
#include "lathe/data/text.h"

namespace lathe::data {
namespace {

constexpr size_t kMaxClasses = 1000;

struct Request {
  std::string file, target;
  std::vector<std::string> dropped;
};

std::vector<std::string> split_text(const std::string& text, char separator) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t end; (end = text.find(separator, begin)) != text.npos; begin = end + 1)
    parts.push_back(text.substr(begin, end - begin));
  parts.push_back(text.substr(begin));
  return parts;
}

// FILE?target=COLUMN&drop=COLUMN,COLUMN
Request parse_request(const std::string& operand) {
  Request request;
  size_t question = operand.find('?');
  request.file = operand.substr(0, question);
  if (question != operand.npos)
    for (const std::string& setting : split_text(operand.substr(question + 1), '&')) {
      size_t equals = setting.find('=');
      std::string key = setting.substr(0, equals),
                  value = equals == setting.npos ? "" : setting.substr(equals + 1);
      if (key == "target" && !value.empty())
        request.target = value;
      else if (key == "drop" && !value.empty())
        request.dropped = split_text(value, ',');
      else
        throw InputError("csv:{}: '{}' is neither target=COLUMN nor drop=COLUMN,COLUMN", operand, setting);
    }
  if (request.target.empty())
    throw InputError("csv:{} names no column to predict; it is written csv:FILE?target=COLUMN", operand);
  return request;
}

size_t require_column(const CsvFile& csv, const std::string& file, const std::string& name) {
  if (auto found = find_column(csv, name)) return *found;
  std::vector<std::string> names;
  for (const std::string& column : csv.header) names.push_back(excerpt(column));
  throw InputError("{}:1: no column '{}'; there are {}", file, excerpt(name), fmt::join(names, ", "));
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

std::vector<std::string> find_classes(const CsvFile& csv, const Request& request, size_t position) {
  std::set<std::string> cells = distinct_cells(csv, position);
  if (cells.size() > kMaxClasses || cells.size() == csv.rows.size())
    throw InputError(
        "{}: the target '{}' has {} distinct values in {} rows; lathe trains classifiers: choose a column "
        "with at most {} "
        "classes, or put the values into bins",
        request.file, excerpt(request.target), cells.size(), csv.rows.size(), kMaxClasses);
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

}  // namespace

Source read_table(const std::string& operand, const SourceOptions&) {
  Request request = parse_request(operand);
  CsvFile csv = read_csv(request.file);
  size_t target = require_column(csv, request.file, request.target);
  std::set<size_t> left_out = {target};
  for (const std::string& name : request.dropped)
    if (!left_out.insert(require_column(csv, request.file, name)).second)
      throw InputError("csv:{}: column '{}' cannot be dropped: it is the target or dropped twice", operand,
                       excerpt(name));

  Source source;
  Dataset& dataset = source.train;
  Schema& schema = dataset.schema;
  schema.target = request.target;
  schema.classes = find_classes(csv, request, target);
  dataset.targets = encode_targets(csv, request.file, target, schema.classes);

  std::vector<size_t> positions;
  for (size_t position = 0; position < csv.header.size(); ++position) {
    if (left_out.count(position)) continue;
    positions.push_back(position);
    Column& column = schema.columns.emplace_back(Column{csv.header[position], {}});
    std::set<std::string> cells = distinct_cells(csv, position);
    if (!all_numbers(cells)) column.values.assign(cells.begin(), cells.end());
  }
  if (positions.empty())
    throw InputError("{}: no column is left to predict '{}' from", request.file, excerpt(request.target));

  int64_t num_columns = static_cast<int64_t>(positions.size());
  schema.shape = {num_columns};
  dataset.inputs = torch::empty({dataset.size(), num_columns}, torch::kFloat32);
  for (int64_t i = 0; i < num_columns; ++i)
    encode_column(csv, request.file, positions[i], schema.columns[i], dataset.inputs, i);
  return source;
}

}  // namespace lathe::data
