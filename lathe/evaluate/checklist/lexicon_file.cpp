#include "lathe/evaluate/checklist/lexicon_file.h"

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/json.h"
#include "lathe/data/csv.h"
#include "lathe/data/text.h"
#include "lathe/evaluate/checklist/toml_reader.h"

namespace lathe::evaluate::checklist {
namespace {

using Json = nlohmann::json;

Json read_csv_rows(const std::filesystem::path& file) {
  const data::CsvFile csv = data::read_csv(file);
  Json rows = Json::array();
  for (const std::vector<std::string>& row : csv.rows) {
    if (row.size() == 1) {
      rows.push_back(row[0]);
      continue;
    }
    Json record = Json::object();
    for (size_t c = 0; c < row.size(); ++c) record[csv.header[c]] = row[c];
    rows.push_back(std::move(record));
  }
  return rows;
}

}  // namespace

Lexicon to_lexicon(const Json& value, const std::string& where) {
  if (!value.is_array()) throw InputError("{}: a lexicon is a list of entries", where);
  for (const Json& entry : value)
    if (entry.is_null()) throw InputError("{}: null is no entry of a lexicon", where);
  return value.get<Lexicon>();
}

Lexicons read_lexicons(const std::filesystem::path& file) {
  const std::string extension = data::lower_extension(file), name = file.string();
  Json content;
  if (extension == ".csv") {
    content = read_csv_rows(file);
  } else if (extension == ".json") {
    content = core::parse_json(core::read_file(file), name, "a lexicon is a list, or an object of lists");
  } else if (extension == ".toml") {
    content = to_json(parse_toml(core::read_file(file), name));
  } else {
    throw InputError("{}: a lexicon is read from .json, .toml or .csv", name);
  }
  if (content.is_array()) content = Json{{file.stem().string(), content}};
  if (!content.is_object()) throw InputError("{}: a lexicon is a list, or an object of lists", name);
  Lexicons lexicons;
  for (const auto& [key, value] : content.items()) {
    check_lexicon_name(key);
    lexicons[key] = to_lexicon(value, name + ": " + data::excerpt(key));
  }
  return lexicons;
}

}  // namespace lathe::evaluate::checklist
