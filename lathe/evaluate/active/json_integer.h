#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "lathe/core/error.h"

namespace lathe::evaluate::active {

// A whole number of a JSON object that somebody else may have written; not a rounded one.
template <typename Integer = int64_t>
Integer json_integer(const nlohmann::json& object, const char* key) {
  const nlohmann::json& value = object.at(key);
  if (!value.is_number_integer()) throw InputError("{} must be a whole number, got {}", key, value.dump());
  return value.get<Integer>();
}

}  // namespace lathe::evaluate::active
