#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"
#include "lathe/data/cells.h"
#include "lathe/data/source_request.h"
#include "lathe/data/sources.h"
#include "lathe/data/text.h"
#include "lathe/data/text_table.h"

namespace lathe::data {
namespace {

// Without a setting: the column named "text", or the only one besides the target.
std::vector<std::string> text_columns(const SourceRequest& request, const CsvFile& table, size_t target) {
  if (const auto found = request.settings.find("text"); found != request.settings.end())
    return split_text(found->second, ',');
  if (find_column(table, "text")) return {"text"};
  if (table.header.size() == 2) return {table.header[1 - target]};
  throw InputError("text:{}: no column is named text; say which to read with ?text=COLUMN&target={}",
                   request.path, request.settings.at("target"));
}

}  // namespace

Source read_texts(const std::string& operand, const SourceOptions&) {
  const SourceRequest request = parse_source_request("text", operand, {"text", "target"});
  if (request.settings.count("target") == 0)
    throw InputError("text:{} names no column to predict; it is written text:FILE?text=COLUMN&target=COLUMN",
                     operand);
  const CsvFile table = read_text_table(request.path);
  const size_t target = require_column(table, request.path, request.settings.at("target"));

  Source source;
  Dataset& dataset = source.train;
  dataset.schema.target = table.header[target];
  dataset.schema.fields = text_columns(request, table, target);
  if (dataset.schema.fields.size() > 2)
    throw InputError("text:{}: a model reads one text or a pair of them, got {} columns", operand,
                     dataset.schema.fields.size());
  dataset.schema.classes = find_classes(table, request.path, target);
  if (dataset.schema.classes.size() < 2)
    throw InputError("{}: every row's '{}' is '{}'; there is nothing to tell apart", request.path,
                     excerpt(dataset.schema.target),
                     dataset.schema.classes.empty() ? "" : excerpt(dataset.schema.classes[0]));
  dataset.targets = encode_targets(table, request.path, target, dataset.schema.classes);
  for (const std::string& field : dataset.schema.fields) {
    const size_t position = require_column(table, request.path, field);
    if (position == target ||
        std::count(dataset.schema.fields.begin(), dataset.schema.fields.end(), field) > 1)
      throw InputError("text:{}: column '{}' is asked for twice", operand, excerpt(field));
    std::vector<std::string>& texts = dataset.texts.emplace_back();
    for (const auto& row : table.rows) texts.push_back(row[position]);
  }
  return source;
}

}  // namespace lathe::data
