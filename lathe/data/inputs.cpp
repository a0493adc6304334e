#include "lathe/data/inputs.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/cells.h"
#include "lathe/data/npy.h"
#include "lathe/data/source_request.h"
#include "lathe/data/text.h"
#include "lathe/data/text_encoding.h"
#include "lathe/data/text_table.h"

namespace lathe::data {
namespace {

namespace fs = std::filesystem;

std::string shape_text(torch::IntArrayRef shape) {
  std::string text;
  for (int64_t size : shape) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "[" + text + "]";
}

Inputs read_picture(const fs::path& file, const Schema& schema) {
  torch::Tensor image = fit_image(read_image(file, schema.shape[0]), schema.shape[1], schema.shape[2]);
  return {image.unsqueeze(0), {file.string()}, {}};
}

torch::Tensor array_images(const torch::Tensor& array, const std::string& file, const Schema& schema) {
  if (array.scalar_type() != torch::kUInt8)
    throw InputError("{}: the images are {}; they must be uint8, 0 to 255", file,
                     c10::toString(array.scalar_type()));
  torch::Tensor images = array;
  if (images.dim() == 2) images = images.unsqueeze(0);
  if (images.dim() == 3) images = images.unsqueeze(1);
  if (images.dim() != 4 || images.size(0) == 0 || images.sizes().slice(1) != torch::IntArrayRef(schema.shape))
    throw InputError("{}: shape {}; the model takes images {}, any number of them in front", file,
                     shape_text(array.sizes()), shape_text(schema.shape));
  return images;
}

torch::Tensor array_table(const torch::Tensor& array, const std::string& file, const Schema& schema) {
  int64_t num_columns = schema.shape[0];
  if (array.dim() != 2 || array.size(0) == 0 || array.size(1) != num_columns)
    throw InputError("{}: shape {}; the model takes a table [rows, {}]", file, shape_text(array.sizes()),
                     num_columns);
  torch::Tensor table = array.to(torch::kFloat32).contiguous();
  const float* value = table.data_ptr<float>();
  for (int64_t row = 0; row < table.size(0); ++row)
    for (const Column& column : schema.columns) {
      float cell = *value++;
      if (std::isinf(cell))
        throw InputError("{}[{}]: column '{}' is infinite in float32; NaN stands for a missing number", file,
                         row, excerpt(column.name));
      float num_values = static_cast<float>(column.values.size());
      if (column.categorical() && !(cell >= -1 && cell < num_values && cell == std::floor(cell)))
        throw InputError("{}[{}]: column '{}' must be a category's index from -1 (unknown) to {}, got {}",
                         file, row, excerpt(column.name), column.values.size() - 1, cell);
    }
  return table;
}

Inputs read_array(const fs::path& file, const Schema& schema) {
  torch::Tensor array = read_npy(file);
  Inputs inputs;
  inputs.values =
      schema.table() ? array_table(array, file.string(), schema) : array_images(array, file.string(), schema);
  for (int64_t i = 0; i < inputs.values.size(0); ++i)
    inputs.names.push_back(fmt::format("{}[{}]", file.string(), i));
  return inputs;
}

Inputs read_rows(const fs::path& file, const Schema& schema) {
  CsvFile csv = read_csv(file);
  Inputs inputs;
  inputs.values = torch::empty({static_cast<int64_t>(csv.rows.size()), schema.shape[0]}, torch::kFloat32);
  for (size_t i = 0; i < schema.columns.size(); ++i) {
    std::optional<size_t> position = find_column(csv, schema.columns[i].name);
    if (!position)
      throw InputError("{}:1: no column '{}', which the model needs", file.string(),
                       excerpt(schema.columns[i].name));
    encode_column(csv, file.string(), *position, schema.columns[i], inputs.values, static_cast<int64_t>(i));
  }
  for (int64_t line : csv.lines) inputs.names.push_back(fmt::format("{}:{}", file.string(), line));
  if (std::optional<size_t> position = find_column(csv, schema.target))
    inputs.targets = encode_targets(csv, file.string(), *position, schema.classes);
  return inputs;
}

Inputs read_text_rows(const fs::path& file, const Schema& schema) {
  const CsvFile table = read_text_table(file);
  std::vector<std::vector<std::string>> texts;
  for (const std::string& field : schema.fields) {
    const size_t position = require_column(table, file.string(), field);
    std::vector<std::string>& column = texts.emplace_back();
    for (const auto& row : table.rows) column.push_back(row[position]);
  }
  std::vector<std::string> names;
  for (int64_t line : table.lines) names.push_back(fmt::format("{}:{}", file.string(), line));
  Inputs inputs = text_inputs(texts, std::move(names), schema);
  if (std::optional<size_t> position = find_column(table, schema.target))
    inputs.targets = encode_targets(table, file.string(), *position, schema.classes);
  return inputs;
}

Inputs read_text_lines(const fs::path& file, const Schema& schema) {
  if (schema.fields.size() > 1)
    throw InputError(
        "{}: the model reads pairs of texts; give them as the columns {} of a .tsv, .csv or .jsonl file",
        file.string(), fmt::join(schema.fields, " and "));
  std::string content = core::read_file(file);
  if (!content.empty() && content.back() == '\n') content.pop_back();
  if (content.empty()) throw InputError("{}: the file is empty; it must have a text a line", file.string());
  std::vector<std::string> names, texts = split_text(content, '\n');
  for (std::string& text : texts) {
    names.push_back(fmt::format("{}:{}", file.string(), names.size() + 1));
    if (!text.empty() && text.back() == '\r') text.pop_back();
    if (!is_utf8(text) || text.find('\0') != text.npos)
      throw InputError("{}: not UTF-8 text; iconv -f latin1 -t utf-8 converts a file", names.back());
  }
  return text_inputs({texts}, std::move(names), schema);
}

enum class Kind { images, tables, texts };

Kind kind_of(const Schema& schema) {
  return schema.text() ? Kind::texts : schema.table() ? Kind::tables : Kind::images;
}

struct Format {
  std::vector<std::string> extensions;
  std::vector<Kind> kinds;
  Inputs (*read)(const fs::path& file, const Schema& schema);
};

Inputs read_one(const fs::path& file, const Schema& schema) {
  static const Format kFormats[] = {{{".png", ".jpg", ".jpeg"}, {Kind::images}, read_picture},
                                    {{".npy"}, {Kind::images, Kind::tables}, read_array},
                                    {{".csv"}, {Kind::tables}, read_rows},
                                    {{".csv", ".tsv", ".jsonl"}, {Kind::texts}, read_text_rows},
                                    {{".txt"}, {Kind::texts}, read_text_lines}};
  static const std::map<Kind, const char*> kUsage = {
      {Kind::images, "images: .png, .jpg and .npy files"},
      {Kind::tables, "tables: .csv and .npy files"},
      {Kind::texts, "texts: .txt, .csv, .tsv and .jsonl files"}};
  const std::string extension = lower_extension(file);
  const Kind kind = kind_of(schema);
  for (const Format& format : kFormats)
    if (std::count(format.kinds.begin(), format.kinds.end(), kind) > 0 &&
        std::count(format.extensions.begin(), format.extensions.end(), extension) > 0)
      return format.read(file, schema);
  throw InputError("{}: this model predicts on {}", file.string(), kUsage.at(kind));
}

}  // namespace

Inputs text_inputs(const std::vector<std::vector<std::string>>& texts, std::vector<std::string> names,
                   const Schema& schema) {
  if (!schema.text() || !schema.encoding) throw InputError("this model does not predict on texts");
  if (texts.size() != schema.fields.size())
    throw InputError("the model reads {} texts at once ({}), got {}", schema.fields.size(),
                     fmt::join(schema.fields, ", "), texts.size());
  return {schema.encoding->encode(texts), std::move(names), {}};
}

Inputs read_inputs(const std::vector<fs::path>& files, const Schema& schema) {
  if (files.empty()) throw InputError("no file to predict on");
  Inputs all;
  std::vector<torch::Tensor> values, targets;
  for (const fs::path& file : files) {
    Inputs inputs = read_one(file, schema);
    values.push_back(inputs.values);
    all.names.insert(all.names.end(), inputs.names.begin(), inputs.names.end());
    if (inputs.targets.defined()) targets.push_back(inputs.targets);
  }
  if (!targets.empty() && targets.size() < files.size())
    throw InputError("only {} of {} files have the column '{}'; all or none must have it", targets.size(),
                     files.size(), excerpt(schema.target));
  all.values = torch::cat(values);
  if (!targets.empty()) all.targets = torch::cat(targets);
  return all;
}

}  // namespace lathe::data
