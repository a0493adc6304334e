#include "lathe/evaluate/subjective/specification.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>

#include "lathe/core/files.h"
#include "lathe/core/toml_text.h"
#include "lathe/evaluate/subjective/fields.h"

namespace lathe::evaluate::subjective {
namespace {

std::vector<Shares> read_shares(const core::Config& field, const core::Range& range) {
  const core::Config value = field.section("value");
  std::vector<Shares> all;
  for (const std::string& attribute : value.keys()) {
    const core::Config of = value.section(attribute);
    Shares shares{attribute, {}};
    double sum = 0;
    for (const std::string& name : of.keys()) {
      shares.of.emplace_back(name, of.number(name, std::nullopt, range));
      sum += shares.of.back().second;
    }
    if (std::abs(sum - 1) > 1e-6) value.fail(attribute, fmt::format("must sum to 1, got {:.6g}", sum));
    all.push_back(std::move(shares));
  }
  if (all.empty()) field.fail("value", "must name at least one attribute");
  return all;
}

std::vector<std::string> read_choices(const core::Config& field, const std::vector<std::string>& choices) {
  std::vector<std::string> values = field.texts("value");
  for (const std::string& value : values)
    if (std::find(choices.begin(), choices.end(), value) == choices.end())
      field.fail("value",
                 fmt::format("must be some of {}, got {}", fmt::join(choices, ", "), core::to_toml(value)));
  return values;
}

std::vector<std::string> read_texts(const core::Config& field) {
  std::vector<std::string> values = field.texts("value");
  std::set<std::string> seen;
  for (const std::string& value : values)
    if (!seen.insert(value).second)
      field.fail("value", fmt::format("must name each once, got {} twice", core::to_toml(value)));
  return values;
}

Value read_value(const core::Config& field, const FieldRule& rule) {
  switch (rule.kind) {
    case FieldKind::text:
      return field.text("value");
    case FieldKind::choice:
      return field.choice("value", std::nullopt, rule.choices);
    case FieldKind::number:
      return field.number("value", std::nullopt, rule.range);
    case FieldKind::integer:
      return static_cast<double>(field.integer("value", std::nullopt, rule.range));
    case FieldKind::texts:
      return read_texts(field);
    case FieldKind::choices:
      return read_choices(field, rule.choices);
    case FieldKind::numbers:
      return field.numbers("value", std::nullopt, rule.range);
    case FieldKind::shares:
      break;
  }
  return read_shares(field, rule.range);
}

template <typename T>
const T* value_of(const Specification& specification, std::string_view path) {
  const Field& field = find_field(specification, path);
  const T* value = std::get_if<T>(&field.value);
  if (value == nullptr && field.stated())
    throw std::logic_error("the value of " + field.path() + " is of another type");
  return value;
}

}  // namespace

Specification empty_specification() {
  Specification specification;
  for (const FieldRule& rule : field_rules())
    specification.fields.push_back({rule.section, rule.key, rule.question, {}, ""});
  return specification;
}

const Field& find_field(const Specification& specification, std::string_view path) {
  for (const Field& field : specification.fields)
    if (field.path() == path) return field;
  throw std::logic_error("a specification has no field " + std::string(path));
}

std::optional<std::string> text(const Specification& specification, std::string_view path) {
  const auto* value = value_of<std::string>(specification, path);
  return value == nullptr ? std::nullopt : std::optional(*value);
}

std::optional<double> number(const Specification& specification, std::string_view path) {
  const auto* value = value_of<double>(specification, path);
  return value == nullptr ? std::nullopt : std::optional(*value);
}

std::vector<std::string> texts(const Specification& specification, std::string_view path) {
  const auto* value = value_of<std::vector<std::string>>(specification, path);
  return value == nullptr ? std::vector<std::string>() : *value;
}

std::vector<double> numbers(const Specification& specification, std::string_view path) {
  const auto* value = value_of<std::vector<double>>(specification, path);
  return value == nullptr ? std::vector<double>() : *value;
}

std::vector<Shares> shares(const Specification& specification, std::string_view path) {
  const auto* value = value_of<std::vector<Shares>>(specification, path);
  return value == nullptr ? std::vector<Shares>() : *value;
}

Specification parse_specification(std::string_view toml, const std::string& name) {
  const core::Config config = core::Config::parse(toml, name);
  Specification specification = empty_specification();
  specification.title = config.text("title", "");
  const auto& rules = field_rules();
  for (size_t i = 0; i < rules.size(); ++i) {
    const core::Config section = config.section(rules[i].section);
    Field& field = specification.fields[i];
    const core::Config table = section.section(field.key);
    field.rationale = table.text("rationale", "");
    if (table.has("value")) field.value = read_value(table, rules[i]);
  }
  config.reject_unknown();
  return specification;
}

Specification read_specification(const std::filesystem::path& file) {
  return parse_specification(core::read_file(file), file.string());
}

std::string new_specification(const std::string& title) {
  std::string toml = fmt::format(
      "# What to fix before labels are paid for. Each line is a question: take the # away, write the value, "
      "and "
      "why it is so.\n# What is not stated is unknown, and nothing passes on it.\ntitle = {}\n",
      core::to_toml(title));
  int64_t number = 0;
  for (const Section& section : sections()) {
    toml += fmt::format("\n# {}. {}\n[{}]\n", ++number, section.title, section.key);
    for (const FieldRule& rule : field_rules()) {
      if (rule.section != section.key) continue;
      const std::string choices =
          rule.choices.empty() ? "" : fmt::format(": {}", fmt::join(rule.choices, ", "));
      toml += fmt::format("# {}{}\n#{} = {{ value = {}, rationale = \"\" }}\n", rule.question, choices,
                          rule.key, rule.example);
    }
  }
  return toml;
}

std::string to_text(const Value& value) {
  if (const auto* words = std::get_if<std::string>(&value)) return *words;
  if (const auto* number = std::get_if<double>(&value)) return fmt::format("{:g}", *number);
  if (const auto* list = std::get_if<std::vector<std::string>>(&value))
    return list->empty() ? "none" : fmt::format("{}", fmt::join(*list, ", "));
  if (const auto* list = std::get_if<std::vector<double>>(&value))
    return fmt::format("{:g}", fmt::join(*list, ", "));
  if (const auto* all = std::get_if<std::vector<Shares>>(&value)) {
    std::string line;
    for (const Shares& shares : *all) {
      line += fmt::format("{}{}: ", line.empty() ? "" : "; ", shares.attribute);
      for (size_t i = 0; i < shares.of.size(); ++i)
        line += fmt::format("{}{} {:g} %", i > 0 ? ", " : "", shares.of[i].first, 100 * shares.of[i].second);
    }
    return line;
  }
  return "not stated";
}

}  // namespace lathe::evaluate::subjective
