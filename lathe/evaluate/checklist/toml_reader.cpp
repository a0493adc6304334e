#include "lathe/evaluate/checklist/toml_reader.h"

#include <fmt/format.h>

#include <sstream>

#include "lathe/core/edit_distance.h"
#include "lathe/core/error.h"
#include "lathe/core/printable.h"
#include "lathe/core/toml_text.h"
#include "lathe/data/text.h"

namespace lathe::evaluate::checklist {
namespace {

std::string excerpt(const toml::node& node) {
  return data::excerpt(to_json(node).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace

const toml::node* TomlReader::ask(std::string_view key) {
  asked_.emplace(key);
  return table_.get(key);
}

void TomlReader::fail(std::string_view key, std::string_view message) const {
  const toml::node* node = table_.get(key);
  const auto line = (node == nullptr ? table_.source() : node->source()).begin.line;
  const std::string where = line == 0 ? file_ : fmt::format("{}:{}", file_, line);
  throw InputError("{} {} ({})", core::join_key(path_, key), core::printable(message), where);
}

std::string TomlReader::text(std::string_view key, std::optional<std::string> fallback) {
  const toml::node* node = ask(key);
  if (node == nullptr && !fallback) fail(key, "must be set to a text");
  if (node == nullptr) return *fallback;
  const auto value = node->value_exact<std::string>();
  if (!value) fail(key, "must be a text, got " + excerpt(*node));
  return *value;
}

std::vector<std::string> TomlReader::texts(std::string_view key, std::vector<std::string> fallback) {
  const toml::node* node = ask(key);
  if (node == nullptr) return fallback;
  if (const auto one = node->value_exact<std::string>()) return {*one};
  std::vector<std::string> list;
  if (const toml::array* array = node->as_array()) {
    for (const toml::node& element : *array) {
      const auto value = element.value_exact<std::string>();
      if (!value) fail(key, "must be a text or a list of texts, got " + excerpt(element) + " in it");
      list.push_back(*value);
    }
    return list;
  }
  fail(key, "must be a text or a list of texts, got " + excerpt(*node));
}

int64_t TomlReader::integer(std::string_view key, int64_t fallback, int64_t least, int64_t most) {
  const toml::node* node = ask(key);
  if (node == nullptr) return fallback;
  const auto value = node->value_exact<int64_t>();
  if (!value || *value < least || *value > most)
    fail(key, fmt::format("must be a whole number in [{}, {}], got {}", least, most, excerpt(*node)));
  return *value;
}

bool TomlReader::flag(std::string_view key, bool fallback) {
  const toml::node* node = ask(key);
  if (node == nullptr) return fallback;
  const auto value = node->value_exact<bool>();
  if (!value) fail(key, "must be true or false, got " + excerpt(*node));
  return *value;
}

nlohmann::json TomlReader::value(std::string_view key) {
  const toml::node* node = ask(key);
  return node == nullptr ? nlohmann::json() : to_json(*node);
}

std::vector<TomlReader> TomlReader::tables(std::string_view key) {
  const toml::node* node = ask(key);
  if (node == nullptr) return {};
  const toml::array* array = node->as_array();
  if (array == nullptr) fail(key, "must be tables, each under [[" + std::string(key) + "]]");
  std::vector<TomlReader> list;
  for (size_t i = 0; i < array->size(); ++i) {
    const toml::table* table = array->get(i)->as_table();
    if (table == nullptr) fail(key, "must be tables, each under [[" + std::string(key) + "]]");
    list.emplace_back(*table, file_, fmt::format("{}[{}]", core::join_key(path_, key), i));
  }
  return list;
}

std::optional<TomlReader> TomlReader::table(std::string_view key) {
  const toml::node* node = ask(key);
  if (node == nullptr) return std::nullopt;
  if (node->as_table() == nullptr) fail(key, "must be a table, got " + excerpt(*node));
  return TomlReader(*node->as_table(), file_, core::join_key(path_, key));
}

std::vector<std::string> TomlReader::keys() const {
  std::vector<std::string> names;
  for (const auto& [key, node] : table_) names.emplace_back(key.str());
  return names;
}

void TomlReader::reject_unknown() const {
  const std::vector<std::string> known(asked_.begin(), asked_.end());
  for (const auto& [key, node] : table_) {
    if (asked_.count(key.str()) > 0) continue;
    const auto near = core::nearest(key.str(), known);
    fail(key.str(), near ? "is not known, did you mean " + *near + "?" : "is not known");
  }
}

toml::table parse_toml(std::string_view text, const std::string& file) {
  try {
    return toml::parse(text, std::string_view(file));
  } catch (const toml::parse_error& error) {
    std::string reason = core::printable(error.description());
    throw InputError("{}:{}: {}", file, error.source().begin.line, reason);
  }
}

nlohmann::json to_json(const toml::node& node) {
  if (const auto* table = node.as_table()) {
    nlohmann::json json = nlohmann::json::object();
    for (const auto& [key, child] : *table) json[std::string(key.str())] = to_json(child);
    return json;
  }
  if (const auto* array = node.as_array()) {
    nlohmann::json json = nlohmann::json::array();
    for (const toml::node& child : *array) json.push_back(to_json(child));
    return json;
  }
  if (const auto value = node.value_exact<std::string>()) return *value;
  if (const auto value = node.value_exact<int64_t>()) return *value;
  if (const auto value = node.value_exact<double>()) return *value;
  if (const auto value = node.value_exact<bool>()) return *value;
  std::ostringstream text;
  node.visit([&](const auto& value) {
    if constexpr (toml::is_value<decltype(value)>) text << value;
  });
  return text.str();
}

}  // namespace lathe::evaluate::checklist
