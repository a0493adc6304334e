#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lathe::data {

// What follows the colon of a source's name: PATH?key=value&key=value.
struct SourceRequest {
  std::string path;
  std::map<std::string, std::string> settings;
};
// Throws InputError "SOURCE:OPERAND: …" for a key that is none of `keys`, one without a value or given twice.
SourceRequest parse_source_request(const std::string& source, const std::string& operand,
                                   const std::vector<std::string>& keys);

std::vector<std::string> split_text(std::string_view text, char separator);  // "a,,b" -> "a", "", "b"

}  // namespace lathe::data
