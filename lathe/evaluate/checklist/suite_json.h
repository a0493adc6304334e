#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "lathe/evaluate/checklist/suite.h"

// Suites as files for programs: every case written out, so that all models get the same texts. One object:
//   schema       "lathe-checklist/1"
//   name, description, fields, classes
//   tests        each with name, capability, type, description, expect, not_run, and
//     cases      [["The food is good."], …]: a case is a list of inputs; an input of several fields is a list
//     labels     none, one for all, one a case, or one an input: class indices, or texts
//     tags       [{"name": "thing", "values": ["food", …]}]: what templates were filled with
//     meta       [[0], …]: by case, which value each tag had; -1: no such tag
//     sample     [0, 4, …]: the cases to run; empty: all
namespace lathe::evaluate::checklist {

inline constexpr const char* kSuiteSchema = "lathe-checklist/1";

// Throws InputError for a test with an expectation of its own. What was read writes back to the same bytes.
nlohmann::json to_json(const Suite& suite);
std::string to_text(const Suite& suite);  // one line
// Throws InputError with the place, e.g. "s.json: tests[3].labels …", also for another schema, an unknown key
// and an unknown expectation.
Suite suite_from_json(const nlohmann::json& json, const std::string& name);
Suite parse_suite_json(std::string_view text, const std::string& name);

}  // namespace lathe::evaluate::checklist
