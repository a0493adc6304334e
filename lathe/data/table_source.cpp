#include <fmt/ranges.h>

#include <set>

#include "lathe/core/error.h"
#include "lathe/data/cells.h"
#include "lathe/data/source_request.h"
#include "lathe/data/sources.h"
#include "lathe/data/text.h"

namespace lathe::data {
namespace {

struct Request {
  std::string file, target;
  std::vector<std::string> dropped;
};

// FILE?target=COLUMN&drop=COLUMN,COLUMN
Request parse_request(const std::string& operand) {
  const SourceRequest request = parse_source_request("csv", operand, {"target", "drop"});
  const auto target = request.settings.find("target"), dropped = request.settings.find("drop");
  if (target == request.settings.end())
    throw InputError("csv:{} names no column to predict; it is written csv:FILE?target=COLUMN", operand);
  return {request.path, target->second,
          dropped == request.settings.end() ? std::vector<std::string>{} : split_text(dropped->second, ',')};
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
  schema.classes = find_classes(csv, request.file, target);
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
