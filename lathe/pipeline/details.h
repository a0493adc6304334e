#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lathe/pipeline/bundle.h"

namespace lathe::pipeline {

// Reading a stage's details, which have any shape: `path` is a JSON pointer ("/curves/step"), and what is not
// there, or is something else, reads as empty.
const nlohmann::json& detail(const nlohmann::json& details, const std::string& path);  // null where missing
std::string detail_text(const nlohmann::json& details, const std::string& path);  // counts with separators
std::vector<double> detail_numbers(const nlohmann::json& details,
                                   const std::string& path);  // NaN for what is none
std::vector<std::string> detail_texts(const nlohmann::json& details, const std::string& path);

// A metric of any stage; of several, the last stage's.
std::optional<double> find_metric(const std::vector<StageReport>& stages, const std::string& name,
                                  const std::string& split);

}  // namespace lathe::pipeline
