#include <fmt/format.h>

#include <sstream>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/json.h"
#include "lathe/data/csv.h"
#include "lathe/data/text.h"
#include "lathe/evaluate/checklist/suite_toml.h"

namespace lathe::evaluate::checklist {
namespace {

using Json = nlohmann::json;

Corpus from_csv(const std::filesystem::path& file, const std::vector<std::string>& fields) {
  const data::CsvFile csv = data::read_csv(file);
  const auto column = [&](const std::string& name) -> std::optional<size_t> {
    for (size_t c = 0; c < csv.header.size(); ++c)
      if (csv.header[c] == name) return c;
    return std::nullopt;
  };
  std::vector<size_t> columns;
  for (const std::string& field : fields) {
    const auto found = column(field);
    if (!found) throw InputError("{}:1: there is no column '{}'", file.string(), field);
    columns.push_back(*found);
  }
  const auto label = column("label");
  Corpus corpus;
  for (const std::vector<std::string>& row : csv.rows) {
    Example& example = corpus.examples.emplace_back();
    for (size_t c : columns) example.push_back(row[c]);
    if (label) corpus.labels.push_back(row[*label]);
  }
  return corpus;
}

std::string text_of(const Json& record, const std::string& key, const std::string& where) {
  if (!record.is_object() || !record.contains(key)) throw InputError("{}: there is no key '{}'", where, key);
  const Json& value = record.at(key);
  if (value.is_structured() || value.is_null()) throw InputError("{}: '{}' must be a text", where, key);
  return value.is_string() ? value.get<std::string>() : value.dump();
}

Corpus from_lines(const std::filesystem::path& file, const std::vector<std::string>& fields) {
  const bool records = data::lower_extension(file) == ".jsonl";
  if (!records && fields.size() != 1)
    throw InputError("{}: lines hold one text, and an input has {}; use .csv or .jsonl", file.string(),
                     fields.size());
  std::istringstream lines(core::read_file(file));
  Corpus corpus;
  int64_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::string where = fmt::format("{}:{}", file.string(), ++number);
    if (!data::is_utf8(line)) throw InputError("{}: not UTF-8", where);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty()) continue;
    Example& example = corpus.examples.emplace_back();
    if (!records) {
      example.push_back(line);
      continue;
    }
    const Json record = core::parse_json(line, where, "each line is one JSON object");
    for (const std::string& field : fields) example.push_back(text_of(record, field, where));
    if (record.contains("label")) corpus.labels.push_back(text_of(record, "label", where));
  }
  if (!corpus.labels.empty() && corpus.labels.size() != corpus.examples.size())
    throw InputError("{}: {} of {} lines have a label; all or none must", file.string(), corpus.labels.size(),
                     corpus.examples.size());
  if (corpus.examples.empty()) throw InputError("{} holds no text", file.string());
  return corpus;
}

}  // namespace

Corpus read_corpus(const std::filesystem::path& file, const std::vector<std::string>& fields) {
  const std::string extension = data::lower_extension(file);
  if (extension == ".csv") return from_csv(file, fields);
  if (extension == ".jsonl" || extension == ".txt") return from_lines(file, fields);
  throw InputError("{}: a corpus is read from .txt, .csv or .jsonl", file.string());
}

}  // namespace lathe::evaluate::checklist
