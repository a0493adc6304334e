#pragma once
#include <optional>
#include <string>
#include <vector>

namespace lathe::evaluate::checklist {

// The suites that come with the program, as their authors wrote them (suite_toml.h): suites/NAME.toml.
std::vector<std::string> ready_suite_names();                     // comprehension, questions, sentiment
std::optional<std::string> ready_suite(const std::string& name);  // TOML; none of that name: nothing

}  // namespace lathe::evaluate::checklist
