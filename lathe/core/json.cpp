#include "lathe/core/json.h"

#include "lathe/core/error.h"
#include "lathe/core/printable.h"

namespace lathe::core {

nlohmann::json parse_json(std::string_view text, const std::string& name, const std::string& advice) {
  constexpr int kMostDepth = 100;
  const auto check_depth = [&](int depth, nlohmann::json::parse_event_t, const nlohmann::json&) {
    if (depth > kMostDepth)
      throw InputError("{} is damaged: it is nested deeper than {}; {}", name, kMostDepth, advice);
    return true;
  };
  try {
    return nlohmann::json::parse(text, check_depth);
  } catch (const nlohmann::json::exception& error) {
    throw InputError("{} is damaged: {}; {}", name, printable(error.what()), advice);
  }
}

}  // namespace lathe::core
