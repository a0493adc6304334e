#pragma once
#include <string>
#include <string_view>

namespace lathe::core {

// Control characters escaped (\x1b), all else as it is: what comes from a file keeps a message on its one
// line.
std::string printable(std::string_view text);

}  // namespace lathe::core
