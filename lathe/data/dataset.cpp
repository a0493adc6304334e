#include "lathe/data/dataset.h"

#include "lathe/core/error.h"
#include "lathe/data/gather.h"
#include "lathe/data/image_codec.h"
#include "lathe/data/text_encoding.h"

namespace lathe::data {

Dataset Dataset::select(const torch::Tensor& indices) const {
  Dataset selected{inputs.defined() ? gather_rows(inputs, indices) : torch::Tensor(),
                   gather_rows(targets, indices), schema};
  const torch::Tensor rows = checked_indices(indices, targets.size(0));
  for (const std::vector<std::string>& field : texts) {
    std::vector<std::string>& kept = selected.texts.emplace_back();
    for (int64_t i = 0; i < rows.numel(); ++i)
      kept.push_back(field.at(static_cast<size_t>(rows.data_ptr<int64_t>()[i])));
  }
  return selected;
}

nlohmann::json to_json(const Schema& schema) {
  nlohmann::json json = {{"shape", schema.shape}, {"classes", schema.classes}};
  if (schema.text()) {
    json["target"] = schema.target;
    json["fields"] = schema.fields;
    if (schema.encoding) json["encoding"] = schema.encoding->to_json();
    return json;
  }
  if (!schema.table()) return json;
  json["target"] = schema.target;
  for (const Column& column : schema.columns) {
    nlohmann::json entry = {{"name", column.name}};
    if (column.categorical()) entry["values"] = column.values;
    json["columns"].push_back(std::move(entry));
  }
  return json;
}

namespace {

constexpr size_t kMostFields = 2;

void check_shape(const Schema& schema, const nlohmann::json& shape) {
  if (schema.text()) {
    const auto fields = static_cast<int64_t>(schema.fields.size());
    if (!schema.encoding || fields > static_cast<int64_t>(kMostFields) ||
        schema.shape != std::vector<int64_t>{fields * schema.encoding->length()})
      throw InputError(
          "not a schema of data: texts have 1 or {} fields, an encoding, and its length for each field, got "
          "{}",
          kMostFields, shape.dump());
    return;
  }
  const std::vector<int64_t> table_shape = {static_cast<int64_t>(schema.columns.size())};
  if (schema.table() ? schema.shape != table_shape : schema.shape.size() != 3)
    throw InputError(
        "not a schema of data: shape must be [channels, height, width], or [columns] of a table, got {}",
        shape.dump());
}

}  // namespace

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
    if (!schema.table() && json.contains("fields")) {
      schema.target = json.at("target").get<std::string>();
      schema.fields = json.at("fields").get<std::vector<std::string>>();
      schema.encoding = std::make_shared<const TextEncoding>(json.at("encoding"));
    }
  } catch (const nlohmann::json::exception& error) {
    throw InputError("not a schema of data: {}", error.what());
  }
  check_shape(schema, json.at("shape"));
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
