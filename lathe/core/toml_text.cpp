#include "lathe/core/toml_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace lathe::core {
namespace {

bool is_bare(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

}  // namespace

std::string to_toml(const std::string& text) {
  std::string quoted = "\"";
  for (char character : text) {
    if (character == '"' || character == '\\')
      quoted += {'\\', character};
    else if (static_cast<unsigned char>(character) < 0x20 || character == 0x7f)
      quoted += fmt::format("\\u{:04x}", static_cast<unsigned>(character));
    else
      quoted += character;
  }
  return quoted + '"';
}

std::string to_toml(bool value) {
  return value ? "true" : "false";
}

std::string to_toml(int64_t value) {
  return std::to_string(value);
}

std::string to_toml(double value) {
  const std::string text = fmt::format("{}", value);
  const bool looks_like_integer = text.find_first_not_of("-0123456789") == std::string::npos;
  return looks_like_integer ? text + ".0" : text;
}

std::string join_key(std::string_view path, std::string_view key) {
  const bool bare = !key.empty() && std::all_of(key.begin(), key.end(), is_bare);
  const std::string printed = bare ? std::string(key) : to_toml(std::string(key));
  return path.empty() ? printed : fmt::format("{}.{}", path, printed);
}

}  // namespace lathe::core
