#include "lathe/data/text_table.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/json.h"
#include "lathe/data/text.h"

namespace lathe::data {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// Lines that are not blank, with their numbers, from 1.
void for_each_line(std::string_view text, const std::string& name,
                   const std::function<void(std::string_view line, int64_t number)>& use) {
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark) text.remove_prefix(kByteOrderMark.size());
  int64_t number = 1;
  for (size_t at = 0; at < text.size(); ++number) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    at = end + 1;
    if (line.find('\0') != line.npos)
      throw InputError("{}:{}: a NUL byte; the file must be text", name, number);
    if (!is_utf8(line))
      throw InputError("{}:{}: not UTF-8; iconv -f latin1 -t utf-8 converts a file", name, number);
    if (!trim(line).empty()) use(line, number);
  }
}

std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> cells;
  size_t begin = 0;
  for (size_t end; (end = line.find('\t', begin)) != line.npos; begin = end + 1)
    cells.emplace_back(line.substr(begin, end - begin));
  cells.emplace_back(line.substr(begin));
  return cells;
}

void check_header(const std::vector<std::string>& header, const std::string& where) {
  std::set<std::string> names;
  for (const std::string& column : header)
    if (!names.insert(column).second)
      throw InputError("{}: column '{}' is there twice", where, excerpt(column));
}

std::string cell_of(const nlohmann::json& value) {
  if (value.is_null()) return "";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

CsvFile parse_tsv(std::string_view text, const std::string& name, RaggedRows ragged) {
  CsvFile table;
  for_each_line(text, name, [&](std::string_view line, int64_t number) {
    std::vector<std::string> cells = cells_of(line);
    if (table.header.empty()) {
      check_header(cells, fmt::format("{}:{}", name, number));
      table.header = std::move(cells);
      return;
    }
    if (cells.size() != table.header.size()) {
      if (ragged == RaggedRows::leave_out) return;
      throw InputError("{}:{}: {} cells, but the header has {}", name, number, cells.size(),
                       table.header.size());
    }
    table.rows.push_back(std::move(cells));
    table.lines.push_back(number);
  });
  if (table.header.empty())
    throw InputError("{}: the file is empty; its first line must name the columns", name);
  if (table.rows.empty()) throw InputError("{}: no row follows the header", name);
  return table;
}

CsvFile parse_jsonl(std::string_view text, const std::string& name) {
  CsvFile table;
  std::vector<std::map<std::string, std::string>> objects;
  std::set<std::string> keys;
  for_each_line(text, name, [&](std::string_view line, int64_t number) {
    const std::string where = fmt::format("{}:{}", name, number);
    const nlohmann::json json = core::parse_json(line, where, "every line is an object, {\"text\": \"…\"}");
    if (!json.is_object())
      throw InputError("{}: every line must be an object, {{\"text\": \"…\"}}, got {}", where,
                       excerpt(json.dump()));
    auto& object = objects.emplace_back();
    for (const auto& [key, value] : json.items()) {
      object[key] = cell_of(value);
      if (object[key].find('\0') != std::string::npos)
        throw InputError("{}: '{}' has a NUL byte; it must be text", where, excerpt(key));
      keys.insert(key);
    }
    table.lines.push_back(number);
  });
  if (objects.empty()) throw InputError("{}: the file is empty; every line must be an object", name);
  table.header.assign(keys.begin(), keys.end());
  for (auto& object : objects) {
    std::vector<std::string>& row = table.rows.emplace_back();
    for (const std::string& key : table.header) row.push_back(std::move(object[key]));
  }
  return table;
}

CsvFile read_text_table(const std::filesystem::path& file) {
  const std::string extension = lower_extension(file);
  if (extension == ".csv") return read_csv(file);
  if (extension == ".tsv") return parse_tsv(core::read_file(file), file.string());
  if (extension == ".jsonl") return parse_jsonl(core::read_file(file), file.string());
  throw InputError("{}: texts are read from .csv, .tsv and .jsonl files", file.string());
}

}  // namespace lathe::data
