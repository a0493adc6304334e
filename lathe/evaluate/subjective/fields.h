#pragma once
#include <string>
#include <vector>

#include "lathe/core/config.h"

namespace lathe::evaluate::subjective {

enum class FieldKind { text, choice, number, integer, texts, choices, numbers, shares };

// What may stand in a field of the specification.
struct FieldRule {
  std::string section, key;
  FieldKind kind = FieldKind::text;
  std::string question;
  std::string example;               // TOML, of the value
  std::vector<std::string> choices;  // of kinds choice and choices
  core::Range range;                 // of numbers
};
const std::vector<FieldRule>& field_rules();

}  // namespace lathe::evaluate::subjective
