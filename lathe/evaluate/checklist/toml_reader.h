#pragma once
#include <toml++/toml.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace lathe::evaluate::checklist {

// A table of a TOML file whose values may be of several kinds (a text, a list, a record), which
// core::Config's getters do not offer. Errors have the form "tests[2].labels must be …, got …
// (suite.toml:12)".
class TomlReader {
 public:
  TomlReader(const toml::table& table, std::string file, std::string path)
      : table_(table), file_(std::move(file)), path_(std::move(path)) {}

  bool has(std::string_view key) const { return table_.contains(key); }  // counts as no read
  std::string text(std::string_view key, std::optional<std::string> fallback = std::nullopt);
  std::vector<std::string> texts(std::string_view key,
                                 std::vector<std::string> fallback);  // a text, or a list of them
  int64_t integer(std::string_view key, int64_t fallback, int64_t least, int64_t most);
  bool flag(std::string_view key, bool fallback);
  nlohmann::json value(std::string_view key);            // null where it is missing
  std::vector<TomlReader> tables(std::string_view key);  // an array of tables; none where it is missing
  std::optional<TomlReader> table(std::string_view key);
  std::vector<std::string> keys() const;
  [[noreturn]] void fail(std::string_view key, std::string_view message) const;
  void reject_unknown() const;  // keys of this table that nobody asked for

 private:
  const toml::node* ask(std::string_view key);

  const toml::table& table_;
  std::string file_, path_;
  std::set<std::string, std::less<>> asked_;
};

// Throws InputError with the line.
toml::table parse_toml(std::string_view text, const std::string& file);
nlohmann::json to_json(const toml::node& node);  // dates become texts

}  // namespace lathe::evaluate::checklist
