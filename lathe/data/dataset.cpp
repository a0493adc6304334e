#include "lathe/data/dataset.h"

#include "lathe/core/error.h"
#include "lathe/data/gather.h"
#include "lathe/data/image_codec.h"

namespace lathe::data {

Dataset Dataset::select(const torch::Tensor& indices) const {
  return {gather_rows(inputs, indices), gather_rows(targets, indices), schema};
}

nlohmann::json to_json(const Schema& schema) {
  nlohmann::json json = {{"shape", schema.shape}, {"classes", schema.classes}};
  if (!schema.table()) return json;
  json["target"] = schema.target;
  for (const Column& column : schema.columns) {
    nlohmann::json entry = {{"name", column.name}};
    if (column.categorical()) entry["values"] = column.values;
    json["columns"].push_back(std::move(entry));
  }
  return json;
}

Schema schema_from_json(const nlohmann::json& json) {
  Schema schema;
  try {
    schema.shape = json.at("shape").get<std::vector<int64_t>>();
    schema.classes = json.at("classes").get<std::vector<std::string>>();
    if (json.contains("columns")) {
      schema.target = json.at("target").get<std::string>();
      for (const nlohmann::json& entry : json.at("columns")) {
        Column& column = schema.columns.emplace_back();
        column.name = entry.at("name").get<std::string>();
        if (entry.contains("values")) column.values = entry.at("values").get<std::vector<std::string>>();
      }
    }
  } catch (const nlohmann::json::exception& error) {
    throw InputError("not a schema of data: {}", error.what());
  }
  std::vector<int64_t> table_shape = {static_cast<int64_t>(schema.columns.size())};
  if (schema.table() ? schema.shape != table_shape : schema.shape.size() != 3)
    throw InputError(
        "not a schema of data: shape must be [channels, height, width], or [columns] of a table, got {}",
        json.at("shape").dump());
  int64_t bytes = 1;
  for (int64_t size : schema.shape) {
    if (size < 1 || size > kMaxImageSide || size > kMaxImageBytes / bytes)
      throw InputError("not a schema of data: no example has the shape {}", json.at("shape").dump());
    bytes *= size;
  }
  if (schema.classes.empty()) throw InputError("not a schema of data: it has no classes");
  return schema;
}

}  // namespace lathe::data
