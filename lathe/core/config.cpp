#include "lathe/core/config.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "lathe/core/edit_distance.h"
#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/printable.h"
#include "lathe/core/toml_text.h"

namespace lathe::core {
namespace {

constexpr std::string_view kOverride = "--set ";

std::string one_line(const toml::node& node) {
  if (node.is_table()) return "a table";
  if (node.is_array_of_tables()) return "an array of tables";
  if (const auto* text = node.as_string()) return to_toml(text->get());
  if (const auto* number = node.as_floating_point()) return to_toml(number->get());
  if (const auto* array = node.as_array()) {
    std::string text = "[";
    for (const toml::node& element : *array) text += (text.size() > 1 ? ", " : "") + one_line(element);
    return text + ']';
  }
  std::ostringstream text;
  node.visit([&](const auto& value) {
    if constexpr (toml::is_value<decltype(value)>) text << value;
  });
  return text.str();
}

std::string excerpt(const toml::node& node) {
  constexpr size_t kLongest = 60;
  const std::string text = one_line(node);
  if (text.size() <= kLongest) return text;
  size_t end = kLongest;
  while ((static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // not in the middle of a code point
  return "a value that begins " + text.substr(0, end) + "…";
}

bool is_override(const toml::node& node) {
  const auto& path = node.source().path;
  return path && path->compare(0, kOverride.size(), kOverride) == 0;
}

std::string location(const toml::node& node, const std::string& document) {
  if (is_override(node)) return *node.source().path;
  const auto line = node.source().begin.line;
  return line == 0 ? document : fmt::format("{}:{}", document, line);
}

std::string description(const toml::parse_error& error) {
  std::string text(error.description());
  std::replace(text.begin(), text.end(), '\n', ' ');
  return printable(text);
}

toml::table parse_document(std::string_view text, const std::string& name) {
  try {
    return toml::parse(text, std::string_view(name));
  } catch (const toml::parse_error& error) {
    throw InputError("{}:{}: {}", name, error.source().begin.line, description(error));
  }
}

// "a.b = 3" as nested tables. What is no TOML value is a string, so that a shell needs no second quotes.
toml::table parse_override(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos) throw InputError("--set needs KEY=VALUE, got {}", to_toml(text));
  const std::string key = text.substr(0, equals), value = text.substr(equals + 1);
  const std::string source = std::string(kOverride) + printable(text);
  if (text.find('\n') == std::string::npos) {
    try {
      return toml::parse(text, std::string_view(source));
    } catch (const toml::parse_error&) {
    }
  }
  try {
    return toml::parse(key + " = " + to_toml(value), std::string_view(source));
  } catch (const toml::parse_error&) {
    throw InputError("--set needs KEY=VALUE with a key such as train.epochs, got {}", to_toml(text));
  }
}

// Puts the one value at the end of an override's chain of tables into the document.
void merge(toml::table& into, toml::table&& from, const std::string& path, const std::string& source) {
  for (auto&& [key, node] : from) {
    toml::table* deeper = node.as_table();
    toml::node* old = into.get(key.str());
    // An inline table is a value and replaces; a dotted key's table is a step on the way.
    if (deeper == nullptr || deeper->is_inline() || old == nullptr) {
      into.insert_or_assign(key, std::move(node));
    } else if (toml::table* table = old->as_table()) {
      merge(*table, std::move(*deeper), join_key(path, key.str()), source);
    } else {
      throw InputError("{} is {} and has no keys to set ({})", join_key(path, key.str()), excerpt(*old),
                       source);
    }
  }
}

bool contains(const Range& range, double value) {
  return (range.open_min ? value > range.min : value >= range.min) &&
         (range.open_max ? value < range.max : value <= range.max);
}

// "a positive integer", "an integer at least 1", "a number in [0, 1)".
std::string describe(const char* article, const char* noun, const Range& range) {
  const bool has_min = std::isfinite(range.min), has_max = std::isfinite(range.max);
  if (has_min && has_max)
    return fmt::format("{} {} in {}{}, {}{}", article, noun, range.open_min ? '(' : '[', range.min, range.max,
                       range.open_max ? ')' : ']');
  if (has_min && range.open_min && range.min == 0) return fmt::format("a positive {}", noun);
  if (has_min)
    return fmt::format("{} {} {} {}", article, noun, range.open_min ? "above" : "at least", range.min);
  if (has_max)
    return fmt::format("{} {} {} {}", article, noun, range.open_max ? "below" : "at most", range.max);
  return fmt::format("{} {}", article, noun);
}

// What a getter wants: how a node converts, and the words for it in an error.
template <typename T>
struct Kind {
  std::string noun;
  std::function<std::optional<T>(const toml::node&)> convert;
};

Kind<int64_t> integer_kind(const Range& range) {
  return {describe("an", "integer", range), [range](const toml::node& node) -> std::optional<int64_t> {
            const auto* integer = node.as_integer();
            if (integer == nullptr || !contains(range, static_cast<double>(integer->get())))
              return std::nullopt;
            return integer->get();
          }};
}

Kind<double> number_kind(const Range& range) {
  return {describe("a", "number", range), [range](const toml::node& node) -> std::optional<double> {
            if (!node.is_number()) return std::nullopt;
            const auto number = node.value<double>();
            return number && contains(range, *number) ? number : std::nullopt;
          }};
}

Kind<std::string> text_kind() {
  return {"a string", [](const toml::node& node) { return node.value_exact<std::string>(); }};
}

Kind<bool> flag_kind() {
  return {"true or false", [](const toml::node& node) { return node.value_exact<bool>(); }};
}

// A key that no getter asked for.
struct Unknown {
  const toml::node* node;
  std::string path, advice;
};

bool stands_before(const Unknown& a, const Unknown& b) {
  if (is_override(*a.node) != is_override(*b.node)) return is_override(*b.node);
  return a.node->source().begin < b.node->source().begin;
}

}  // namespace

// One table of the document, and what was read from it.
struct Config::Section {
  const Document* document;
  std::string path;                                // dotted, empty at the root
  const toml::table* table;                        // nullptr where the document has none
  std::set<std::string> asked = {};                // every key that a getter named
  std::map<std::string, std::string> values = {};  // TOML text of what was read, defaults included
  std::map<std::string, Section*> sections = {};
  std::map<std::string, std::vector<Section*>> arrays = {};

  const toml::node* find(std::string_view key) const { return table == nullptr ? nullptr : table->get(key); }
  const toml::node* ask(std::string_view key) {
    asked.emplace(key);
    return find(key);
  }
  [[noreturn]] void fail(std::string_view key, std::string_view message, const toml::node* node) const;
  [[noreturn]] void fail(std::string_view key, std::string_view message) const {
    fail(key, message, find(key));
  }
  template <typename T>
  T read(std::string_view key, const std::optional<T>& fallback, const Kind<T>& kind);
  template <typename T>
  std::vector<T> read_all(std::string_view key, const std::optional<std::vector<T>>& fallback,
                          const Kind<T>& kind);
  void collect_unknown(std::vector<Unknown>& unknown) const;
  std::string advice(const std::string& key) const;
  void print(std::string& toml, const std::string& prefix) const;
};

struct Config::Document {
  std::string name;
  toml::table root;
  std::deque<Section> sections;  // a deque, because Configs and Sections point into it

  Section* add_section(std::string path, const toml::table* table) {
    return &sections.emplace_back(Section{this, std::move(path), table});
  }
};

void Config::Section::fail(std::string_view key, std::string_view message, const toml::node* node) const {
  if (node == nullptr && !path.empty()) node = table;
  throw InputError("{} {} ({})", join_key(path, key), message,
                   node == nullptr ? document->name : location(*node, document->name));
}

template <typename T>
T Config::Section::read(std::string_view key, const std::optional<T>& fallback, const Kind<T>& kind) {
  const toml::node* node = ask(key);
  if (node == nullptr && !fallback) fail(key, "must be set to " + kind.noun);
  const std::optional<T> value = node == nullptr ? fallback : kind.convert(*node);
  if (!value) fail(key, fmt::format("must be {}, got {}", kind.noun, excerpt(*node)));
  values[std::string(key)] = to_toml(*value);
  return *value;
}

template <typename T>
std::vector<T> Config::Section::read_all(std::string_view key, const std::optional<std::vector<T>>& fallback,
                                         const Kind<T>& kind) {
  const toml::node* node = ask(key);
  if (node == nullptr && !fallback)
    fail(key, fmt::format("must be set to an array, each element {}", kind.noun));
  std::vector<T> list;
  if (node == nullptr) {
    list = *fallback;
  } else if (const toml::array* array = node->as_array()) {
    for (const toml::node& element : *array) {
      const std::optional<T> value = kind.convert(element);
      if (!value)
        fail(key, fmt::format("must be an array, each element {}, got {} in it", kind.noun, excerpt(element)),
             &element);
      list.push_back(*value);
    }
  } else {
    fail(key, fmt::format("must be an array, each element {}, got {}", kind.noun, excerpt(*node)));
  }
  values[std::string(key)] = to_toml(list);
  return list;
}

std::string Config::Section::advice(const std::string& key) const {
  const std::vector<std::string> here(asked.begin(), asked.end());
  if (const auto near = nearest(key, here)) return fmt::format(", did you mean {}?", join_key(path, *near));
  std::vector<std::string> anywhere;
  for (const Section& section : document->sections)
    anywhere.insert(anywhere.end(), section.asked.begin(), section.asked.end());
  if (const auto near = nearest(key, anywhere))
    for (const Section& section : document->sections)
      if (section.asked.count(*near) > 0)
        return fmt::format(", did you mean {}?", join_key(section.path, *near));
  return here.empty() ? "" : fmt::format("; known here: {}", fmt::join(here, ", "));
}

void Config::Section::collect_unknown(std::vector<Unknown>& unknown) const {
  if (table != nullptr)
    for (auto&& [name, node] : *table) {
      const std::string key(name.str());
      const bool unread_table = (node.is_table() && !node.as_table()->empty() && sections.count(key) == 0) ||
                                (node.is_array_of_tables() && arrays.count(key) == 0);
      if (asked.count(key) == 0)
        unknown.push_back({&node, join_key(path, key), advice(key)});
      else if (unread_table)
        unknown.push_back({&node, join_key(path, key), ", nothing reads it here"});
    }
  for (const auto& [key, section] : sections) section->collect_unknown(unknown);
  for (const auto& [key, elements] : arrays)
    for (const Section* element : elements) element->collect_unknown(unknown);
}

void Config::Section::print(std::string& toml, const std::string& prefix) const {
  const auto begin_table = [&](const char* open, const std::string& name, const char* close) {
    toml += fmt::format("{}{}{}{}\n", toml.empty() ? "" : "\n", open, name, close);
  };
  for (const auto& [key, value] : values) toml += join_key("", key) + " = " + value + '\n';
  for (const auto& [key, section] : sections) {
    const std::string name = join_key(prefix, key);
    const size_t before = toml.size();
    if (!section->values.empty()) begin_table("[", name, "]");
    section->print(toml, name);
    // The sub-tables' headers imply this one; an empty table that was written still says something.
    if (toml.size() == before && section->table != nullptr) begin_table("[", name, "]");
  }
  for (const auto& [key, elements] : arrays)
    for (const Section* element : elements) {
      const std::string name = join_key(prefix, key);
      begin_table("[[", name, "]]");
      element->print(toml, name);
    }
}

Config::Config() : Config(parse("")) {}

Config::Config(std::shared_ptr<Document> document, Section* section)
    : document_(std::move(document)), section_(section) {}

Config Config::load(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  return parse(read_file(file), file.string(), overrides);
}

Config Config::parse(std::string_view toml, const std::string& name,
                     const std::vector<std::string>& overrides) {
  auto document = std::make_shared<Document>();
  document->name = name;
  document->root = parse_document(toml, name);
  for (const std::string& text : overrides)
    merge(document->root, parse_override(text), "", std::string(kOverride) + printable(text));
  Section* root = document->add_section("", &document->root);
  return Config(std::move(document), root);
}

Config Config::section(std::string_view key) const {
  const toml::node* node = section_->ask(key);
  if (node != nullptr && !node->is_table()) fail(key, "must be a table, got " + excerpt(*node));
  Section*& section = section_->sections[std::string(key)];
  if (section == nullptr)
    section =
        document_->add_section(join_key(section_->path, key), node == nullptr ? nullptr : node->as_table());
  return Config(document_, section);
}

std::vector<Config> Config::sections(std::string_view key) const {
  const toml::node* node = section_->ask(key);
  if (node == nullptr) return {};
  const toml::array* tables = node->as_array();
  if (tables == nullptr || !(tables->empty() || node->is_array_of_tables()))
    fail(key, "must be an array of tables, got " + excerpt(*node));
  auto& elements = section_->arrays[std::string(key)];
  for (size_t i = elements.size(); i < tables->size(); ++i)
    elements.push_back(document_->add_section(fmt::format("{}[{}]", join_key(section_->path, key), i),
                                              tables->get_as<toml::table>(i)));
  std::vector<Config> configs;
  for (Section* element : elements) configs.push_back(Config(document_, element));
  return configs;
}

bool Config::has(std::string_view key) const {
  const toml::node* node = section_->ask(key);
  if (node != nullptr && !node->is_table() && !node->is_array_of_tables())
    section_->values.emplace(key, one_line(*node));
  return node != nullptr;
}

std::vector<std::string> Config::keys() const {
  std::vector<std::string> names;
  if (section_->table != nullptr)
    for (auto&& [name, node] : *section_->table) names.emplace_back(name.str());
  return names;
}

std::string Config::text(std::string_view key, std::optional<std::string> fallback) const {
  return section_->read(key, fallback, text_kind());
}

std::string Config::choice(std::string_view key, std::optional<std::string> fallback,
                           const std::vector<std::string>& choices) const {
  const auto is_choice = [&](const std::string& text) {
    return std::find(choices.begin(), choices.end(), text) != choices.end();
  };
  const Kind<std::string> kind{fmt::format("one of {}", fmt::join(choices, ", ")),
                               [&](const toml::node& node) {
                                 auto text = node.value_exact<std::string>();
                                 return text && is_choice(*text) ? text : std::nullopt;
                               }};
  const toml::node* node = section_->ask(key);
  if (node != nullptr && node->is_string() && !kind.convert(*node))
    if (const auto near = nearest(node->as_string()->get(), choices))
      fail(key, fmt::format("must be {}, got {}, did you mean {}?", kind.noun, excerpt(*node), *near));
  return section_->read(key, fallback, kind);
}

int64_t Config::integer(std::string_view key, std::optional<int64_t> fallback, Range range) const {
  return section_->read(key, fallback, integer_kind(range));
}

double Config::number(std::string_view key, std::optional<double> fallback, Range range) const {
  return section_->read(key, fallback, number_kind(range));
}

std::optional<double> Config::number_or_auto(std::string_view key, Range range) const {
  const toml::node* node = section_->ask(key);
  if (node == nullptr || node->value_exact<std::string>() == "auto") {
    section_->values[std::string(key)] = to_toml(std::string("auto"));
    return std::nullopt;
  }
  Kind<double> kind = number_kind(range);
  kind.noun = "auto or " + kind.noun;
  return section_->read<double>(key, std::nullopt, kind);
}

bool Config::flag(std::string_view key, std::optional<bool> fallback) const {
  return section_->read(key, fallback, flag_kind());
}

std::vector<double> Config::numbers(std::string_view key, std::optional<std::vector<double>> fallback,
                                    Range range) const {
  return section_->read_all(key, fallback, number_kind(range));
}

std::vector<int64_t> Config::integers(std::string_view key, std::optional<std::vector<int64_t>> fallback,
                                      Range range) const {
  return section_->read_all(key, fallback, integer_kind(range));
}

std::vector<std::string> Config::texts(std::string_view key,
                                       std::optional<std::vector<std::string>> fallback) const {
  return section_->read_all(key, fallback, text_kind());
}

void Config::fail(std::string_view key, std::string_view message) const {
  section_->fail(key, message);
}

void Config::reject_unknown() const {
  std::vector<Unknown> unknown;
  document_->sections.front().collect_unknown(unknown);
  if (unknown.empty()) return;
  const Unknown& first = *std::min_element(unknown.begin(), unknown.end(), stands_before);
  const bool is_table = first.node->is_table() || first.node->is_array_of_tables();
  throw InputError("unknown {} {}{} ({})", is_table ? "table" : "key", first.path, first.advice,
                   location(*first.node, document_->name));
}

std::string Config::resolved() const {
  std::string toml;
  section_->print(toml, "");
  return toml;
}

}  // namespace lathe::core
