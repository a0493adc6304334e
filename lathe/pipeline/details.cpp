#include "lathe/pipeline/details.h"

#include <fmt/format.h>

#include <limits>

#include "lathe/core/progress.h"

namespace lathe::pipeline {

const nlohmann::json& detail(const nlohmann::json& details, const std::string& path) {
  static const nlohmann::json kMissing;
  const nlohmann::json::json_pointer pointer(path);
  return details.contains(pointer) ? details.at(pointer) : kMissing;
}

std::string detail_text(const nlohmann::json& details, const std::string& path) {
  const nlohmann::json& value = detail(details, path);
  if (value.is_string()) return value;
  if (value.is_number_integer()) return core::human_count(value);
  if (value.is_number()) return fmt::format("{:.4g}", value.get<double>());
  return "";
}

std::vector<double> detail_numbers(const nlohmann::json& details, const std::string& path) {
  std::vector<double> numbers;
  const nlohmann::json& value = detail(details, path);
  if (!value.is_array()) return numbers;
  for (const nlohmann::json& element : value) {
    numbers.push_back(element.is_number() ? element.get<double>() : std::numeric_limits<double>::quiet_NaN());
  }
  return numbers;
}

std::vector<std::string> detail_texts(const nlohmann::json& details, const std::string& path) {
  std::vector<std::string> texts;
  const nlohmann::json& value = detail(details, path);
  if (!value.is_array()) return texts;
  for (const nlohmann::json& element : value) {
    texts.push_back(element.is_string() ? element.get<std::string>() : element.dump());
  }
  return texts;
}

std::optional<double> find_metric(const std::vector<StageReport>& stages, const std::string& name,
                                  const std::string& split) {
  std::optional<double> value;
  for (const StageReport& stage : stages) {
    for (const BundleMetric& metric : stage.metrics) {
      if (metric.name == name && metric.split == split) value = metric.value;
    }
  }
  return value;
}

}  // namespace lathe::pipeline
