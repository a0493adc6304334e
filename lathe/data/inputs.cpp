#include "lathe/data/inputs.h"

#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"
#include "lathe/data/cells.h"
#include "lathe/data/npy.h"
#include "lathe/data/text.h"

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

struct Format {
  std::vector<std::string> extensions;
  bool for_images, for_tables;
  Inputs (*read)(const fs::path& file, const Schema& schema);
};

Inputs read_one(const fs::path& file, const Schema& schema) {
  static const Format formats[] = {{{".png", ".jpg", ".jpeg"}, true, false, read_picture},
                                   {{".npy"}, true, true, read_array},
                                   {{".csv"}, false, true, read_rows}};
  std::string extension = lower_extension(file);
  for (const Format& format : formats) {
    bool fits = schema.table() ? format.for_tables : format.for_images;
    if (fits && std::count(format.extensions.begin(), format.extensions.end(), extension))
      return format.read(file, schema);
  }
  throw InputError("{}: this model predicts on {}", file.string(),
                   schema.table() ? "tables: .csv and .npy files" : "images: .png, .jpg and .npy files");
}

}  // namespace

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
