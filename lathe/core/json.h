#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace lathe::core {

// The JSON text of a file. Throws InputError "<name> is damaged: <reason>; <advice>" on what is no JSON, and
// on what is nested deeper than 100 (copies of a value recurse: a file of brackets would overflow the stack).
nlohmann::json parse_json(std::string_view text, const std::string& name, const std::string& advice);

}  // namespace lathe::core
