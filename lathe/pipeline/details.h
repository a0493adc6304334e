#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace lathe::pipeline {

// Reading a stage's details, which have any shape: `path` is a JSON pointer ("/curves/step"), and what is not
// there, or is something else, reads as empty.
const nlohmann::json& detail(const nlohmann::json& details, const std::string& path);  // null where missing
std::string detail_text(const nlohmann::json& details, const std::string& path);  // counts with separators
std::vector<double> detail_numbers(const nlohmann::json& details,
                                   const std::string& path);  // NaN for what is none
std::vector<std::string> detail_texts(const nlohmann::json& details, const std::string& path);

}  // namespace lathe::pipeline
