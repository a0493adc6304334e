#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lathe::core {

// Values as TOML that reads back to the same bits.
std::string to_toml(const std::string& text);
std::string to_toml(bool value);
std::string to_toml(int64_t value);
std::string to_toml(double value);
template <typename T>
std::string to_toml(const std::vector<T>& values) {
  std::string text = "[";
  for (const T& value : values) text += (text.size() > 1 ? ", " : "") + to_toml(value);
  return text + ']';
}

// A dotted key path, quoted where TOML asks for it; `path` is one already, empty at the root.
std::string join_key(std::string_view path, std::string_view key);

}  // namespace lathe::core
