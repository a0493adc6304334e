#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace lathe::data {

std::string_view trim(std::string_view text);  // without spaces and tabs around it
bool is_utf8(std::string_view text);
// The text as an error quotes it: control characters escaped, cut with … after 60 bytes.
std::string excerpt(std::string_view text);
std::string lower_extension(const std::filesystem::path& file);  // ".png" of "a.PNG"

// A decimal number that is finite in float32, or NaN; nothing for other text, spaces included.
std::optional<float> parse_number(std::string_view text);

}  // namespace lathe::data
