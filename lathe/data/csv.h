#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace lathe::data {

// A CSV file with a header row, cells as text. RFC 4180 quoting.
struct CsvFile {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  std::vector<int64_t> lines;  // where each row begins, from 1
};
// Throws InputError with file:line for a ragged row, an open quote, a NUL byte, a repeated column name, no
// row.
CsvFile read_csv(const std::filesystem::path& file);
CsvFile parse_csv(std::string_view text, const std::string& name);  // a file's content; `name` is for errors

}  // namespace lathe::data
