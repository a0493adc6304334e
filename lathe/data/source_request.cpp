#include "lathe/data/source_request.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "lathe/core/edit_distance.h"
#include "lathe/core/error.h"
#include "lathe/data/text.h"

namespace lathe::data {

std::vector<std::string> split_text(std::string_view text, char separator) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t end; (end = text.find(separator, begin)) != text.npos; begin = end + 1)
    parts.emplace_back(text.substr(begin, end - begin));
  parts.emplace_back(text.substr(begin));
  return parts;
}

SourceRequest parse_source_request(const std::string& source, const std::string& operand,
                                   const std::vector<std::string>& keys) {
  SourceRequest request;
  const size_t question = operand.find('?');
  request.path = operand.substr(0, question);
  if (question == operand.npos) return request;
  for (const std::string& setting : split_text(std::string_view(operand).substr(question + 1), '&')) {
    const size_t equals = setting.find('=');
    const std::string key = setting.substr(0, equals),
                      value = equals == setting.npos ? "" : setting.substr(equals + 1);
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      const auto meant = core::nearest(key, keys);
      throw InputError("{}:{}: there is no setting '{}'; {}there are {}", source, operand, excerpt(key),
                       meant ? "did you mean " + *meant + "? " : "", fmt::join(keys, ", "));
    }
    if (value.empty()) throw InputError("{}:{}: '{}' has no value", source, operand, key);
    if (!request.settings.emplace(key, value).second)
      throw InputError("{}:{}: '{}' is there twice", source, operand, key);
  }
  return request;
}

}  // namespace lathe::data
