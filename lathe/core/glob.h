#pragma once
#include <string_view>

namespace lathe::core {

// `*` in the pattern stands for any text, all else for itself.
bool matches(std::string_view name, std::string_view pattern);

}  // namespace lathe::core
