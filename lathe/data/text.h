#pragma once
#include <optional>
#include <string_view>

namespace lathe::data {

std::string_view trim(std::string_view text);  // without spaces and tabs around it
bool is_utf8(std::string_view text);

// A decimal number that is finite in float32, or NaN; nothing for other text, spaces included.
std::optional<float> parse_number(std::string_view text);

}  // namespace lathe::data
