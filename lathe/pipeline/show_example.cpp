#include "lathe/pipeline/show_example.h"

#include <fmt/core.h>
#include <torch/torch.h>

#include "lathe/core/files.h"
#include "lathe/data/inputs.h"

namespace lathe::pipeline {
namespace {

std::string describe_row(const data::Schema& schema, const torch::Tensor& row) {
  std::string text;
  for (size_t i = 0; i < schema.columns.size(); ++i) {
    const auto cell = row[static_cast<int64_t>(i)].item<double>();
    const data::Column& column = schema.columns[i];
    const bool missing = std::isnan(cell) || (column.categorical() && cell < 0);
    text += fmt::format("{}{} = {}", i ? ", " : "", column.name,
                        missing                ? "missing"
                        : column.categorical() ? column.values.at(static_cast<size_t>(cell))
                                               : fmt::format("{:g}", cell));
  }
  return text;
}

// Whole texts of up to so many bytes are shown.
constexpr size_t kLongestShown = 400;

std::string shown(const std::string& text) {
  if (text.size() <= kLongestShown) return text;
  size_t end = kLongestShown;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // between code points
  return text.substr(0, end) + "…";
}

std::string describe_texts(const data::Dataset& dataset, int64_t example) {
  const std::vector<std::string>& fields = dataset.schema.fields;
  if (fields.size() == 1) return shown(dataset.texts[0].at(static_cast<size_t>(example)));
  std::string text;
  for (size_t f = 0; f < fields.size(); ++f)
    text += fmt::format("{}{}: {}", f ? " · " : "", fields[f],
                        shown(dataset.texts[f].at(static_cast<size_t>(example))));
  return text;
}

}  // namespace

void show_example(const data::Dataset& dataset, int64_t example, const std::filesystem::path& staged,
                  const std::string& png, nlohmann::json& entry) {
  if (dataset.schema.text()) {
    entry["row"] = describe_texts(dataset, example);
    return;
  }
  if (dataset.schema.table()) {
    entry["row"] = describe_row(dataset.schema, dataset.inputs[example]);
    return;
  }
  std::filesystem::create_directories((staged / png).parent_path());
  core::write_file(staged / png, data::encode_png(dataset.inputs[example]));
  entry["png"] = png;
}

}  // namespace lathe::pipeline
