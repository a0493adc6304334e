#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

// What to fix before labels are paid for, when the label is an opinion: use, end-users, property, samples,
// annotators, target, acceptance, ethics (after Balayn & Bozzon 2019, arXiv 1911.02471; the grouping and the
// names of the fields are ours). Every field has a value, a rationale, and where data can tell, a check.
namespace lathe::evaluate::subjective {

// How the values of an attribute should be shared out: {"gender", {{"female", 0.5}, {"male", 0.5}}}.
struct Shares {
  std::string attribute;
  std::vector<std::pair<std::string, double>> of;  // they sum to 1
};

using Value = std::variant<std::monostate, std::string, double, std::vector<std::string>, std::vector<double>,
                           std::vector<Shares>>;

struct Field {
  std::string section, key;
  std::string question;  // what the field asks
  Value value;           // monostate: not stated
  std::string rationale;
  std::string path() const { return section + "." + key; }
  bool stated() const { return !std::holds_alternative<std::monostate>(value); }
};

struct Section {
  std::string key, title;
};
const std::vector<Section>& sections();  // the eight, in their order

struct Specification {
  std::string title;
  std::vector<Field> fields;  // all there are, by section
};
Specification empty_specification();

// The field of that path ("users.shares"); throws std::logic_error for another. Its value, where it is
// stated; the types are those of the table in fields.cpp.
const Field& find_field(const Specification& specification, std::string_view path);
std::optional<std::string> text(const Specification& specification, std::string_view path);
std::optional<double> number(const Specification& specification, std::string_view path);
std::vector<std::string> texts(const Specification& specification, std::string_view path);
std::vector<double> numbers(const Specification& specification, std::string_view path);
std::vector<Shares> shares(const Specification& specification, std::string_view path);

// TOML: a table a section, in it `key = { value = …, rationale = "…" }`. Throws InputError with the key's
// path and line for unknown keys, values of the wrong kind or out of range, and shares that do not sum to 1.
Specification parse_specification(std::string_view toml, const std::string& name);
Specification read_specification(const std::filesystem::path& file);

// A specification to begin with: every field as a question, with an example in a comment.
std::string new_specification(const std::string& title);

// The value as a person reads it; "not stated".
std::string to_text(const Value& value);

}  // namespace lathe::evaluate::subjective
