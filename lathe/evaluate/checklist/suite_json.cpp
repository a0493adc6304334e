#include "lathe/evaluate/checklist/suite_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lathe/core/edit_distance.h"
#include "lathe/core/error.h"
#include "lathe/core/json.h"
#include "lathe/data/text.h"

namespace lathe::evaluate::checklist {
namespace {

using Json = nlohmann::json;

// ---- writing ----

Json cases_json(const Cases& cases) {
  Json list = Json::array();
  for (int64_t i = 0; i < cases.num_cases(); ++i) {
    Json inputs = Json::array();
    for (int64_t e = cases.begin(i); e < cases.end(i); ++e) {
      if (cases.num_fields == 1)
        inputs.push_back(cases.text(e, 0));
      else
        inputs.push_back(cases.example(e));
    }
    list.push_back(std::move(inputs));
  }
  return list;
}

Json meta_json(const Cases& cases) {
  Json list = Json::array();
  const size_t num_tags = cases.meta.tags.size();
  for (size_t i = 0; num_tags > 0 && i < cases.meta.indices.size(); i += num_tags) {
    Json row = Json::array();
    for (size_t t = 0; t < num_tags; ++t) {
      const uint32_t value = cases.meta.indices[i + t];
      row.push_back(value == Meta::kNone ? int64_t{-1} : int64_t{value});
    }
    list.push_back(std::move(row));
  }
  return list;
}

Json test_json(const Test& test) {
  if (test.expectation)
    throw InputError("the test '{}' has an expectation of its own and cannot be saved", test.name);
  Json labels = Json::array();
  for (const Label& label : test.cases.labels)
    if (label.index >= 0)
      labels.push_back(label.index);
    else
      labels.push_back(label.text);
  Json tags = Json::array();
  for (const Meta::Tag& tag : test.cases.meta.tags)
    tags.push_back({{"name", tag.name}, {"values", tag.values}});
  return {{"name", test.name},
          {"capability", test.capability},
          {"type", to_string(test.type)},
          {"expect", test.expect},
          {"description", test.description},
          {"not_run", test.not_run},
          {"cases", cases_json(test.cases)},
          {"labels", labels},
          {"tags", tags},
          {"meta", meta_json(test.cases)},
          {"sample", test.sample}};
}

// ---- reading ----

// A value and where it stands, for errors.
struct Place {
  const Json& json;
  std::string where;

  [[noreturn]] void fail(const std::string& message) const { throw InputError("{} {}", where, message); }
  Place at(const std::string& key) const {
    if (!json.is_object()) fail("must be an object");
    const auto found = json.find(key);
    if (found == json.end()) fail("must have the key '" + key + "'");
    return {*found, where + (where.back() == ':' ? " " : ".") + key};
  }
  Place at(size_t i) const { return {json[i], fmt::format("{}[{}]", where, i)}; }
  size_t size() const {
    if (!json.is_array()) fail("must be a list");
    return json.size();
  }
  std::string text() const {
    if (!json.is_string()) fail("must be a text");
    return json.get<std::string>();
  }
  int64_t integer(int64_t least, int64_t most) const {
    const bool fits =
        json.is_number_integer() && !(json.is_number_unsigned() && json.get<uint64_t>() > INT64_MAX);
    if (!fits || json.get<int64_t>() < least || json.get<int64_t>() > most)
      fail(fmt::format("must be a whole number in [{}, {}]", least, most));
    return json.get<int64_t>();
  }
  std::vector<std::string> texts() const {
    std::vector<std::string> list;
    for (size_t i = 0; i < size(); ++i) list.push_back(at(i).text());
    return list;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> list = texts();
    if (std::set<std::string>(list.begin(), list.end()).size() != list.size())
      fail("must be different names");
    return list;
  }
  void allow(const std::vector<std::string>& keys) const {
    if (!json.is_object()) fail("must be an object");
    for (const auto& [key, value] : json.items()) {
      if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
      const auto near = core::nearest(key, keys);
      fail("has the unknown key '" + data::excerpt(key) + (near ? "', did you mean " + *near + "?" : "'"));
    }
  }
};

void read_cases(const Place& place, Cases& cases) {
  std::vector<std::string> example;
  for (size_t i = 0; i < place.size(); ++i) {
    const Place one = place.at(i);
    if (one.size() == 0) one.fail("must have an input");
    for (size_t e = 0; e < one.size(); ++e) {
      const Place input = one.at(e);
      if (cases.num_fields == 1) {
        cases.texts.push_back(input.text());
        continue;
      }
      if (input.size() != cases.num_fields) input.fail(fmt::format("must have {} texts", cases.num_fields));
      for (size_t f = 0; f < cases.num_fields; ++f) cases.texts.push_back(input.at(f).text());
    }
    cases.ends.push_back(cases.num_examples() + static_cast<int64_t>(one.size()));
  }
}

void read_labels(const Place& place, const std::vector<std::string>& classes, Cases& cases) {
  const auto n = static_cast<int64_t>(place.size());
  if (n > 1 && n != cases.num_cases() && n != cases.num_examples())
    place.fail(fmt::format("must be none, one, {} (by case) or {} (by input), got {}", cases.num_cases(),
                           cases.num_examples(), n));
  for (size_t i = 0; i < place.size(); ++i) {
    const Place label = place.at(i);
    if (classes.empty())
      cases.labels.push_back({.text = label.text()});
    else
      cases.labels.push_back({.index = label.integer(0, static_cast<int64_t>(classes.size()) - 1)});
  }
}

void read_meta(const Place& tags, const Place& rows, Cases& cases) {
  for (size_t t = 0; t < tags.size(); ++t) {
    tags.at(t).allow({"name", "values"});
    cases.meta.tags.push_back({tags.at(t).at("name").text(), tags.at(t).at("values").texts()});
  }
  const size_t expected = cases.meta.tags.empty() ? 0 : cases.ends.size();
  if (rows.size() != expected) rows.fail(fmt::format("must have {} rows, one a case", expected));
  for (size_t i = 0; i < rows.size(); ++i) {
    const Place row = rows.at(i);
    if (row.size() != cases.meta.tags.size())
      row.fail(fmt::format("must have {} numbers", cases.meta.tags.size()));
    for (size_t t = 0; t < row.size(); ++t) {
      const int64_t value = row.at(t).integer(-1, static_cast<int64_t>(cases.meta.tags[t].values.size()) - 1);
      cases.meta.indices.push_back(value < 0 ? Meta::kNone : static_cast<uint32_t>(value));
    }
  }
}

std::vector<int64_t> read_sample(const Place& place, int64_t num_cases) {
  std::vector<int64_t> sample;
  for (size_t i = 0; i < place.size(); ++i) {
    const int64_t index = place.at(i).integer(0, num_cases - 1);
    if (!sample.empty() && index <= sample.back()) place.fail("must ascend");
    sample.push_back(index);
  }
  return sample;
}

Test read_test(const Place& place, const Suite& suite) {
  place.allow({"name", "capability", "type", "expect", "description", "not_run", "cases", "labels", "tags",
               "meta", "sample"});
  Test test;
  test.name = place.at("name").text();
  test.capability = place.at("capability").text();
  test.description = place.at("description").text();
  test.expect = place.at("expect").text();
  test.not_run = place.at("not_run").text();
  try {
    test.type = parse_test_type(place.at("type").text());
    parse_expectation(test.expect, suite.classes);
  } catch (const InputError& error) {
    place.fail(std::string("cannot be used: ") + error.what());
  }
  test.cases.num_fields = suite.fields.size();
  read_cases(place.at("cases"), test.cases);
  read_labels(place.at("labels"), suite.classes, test.cases);
  read_meta(place.at("tags"), place.at("meta"), test.cases);
  test.sample = read_sample(place.at("sample"), test.cases.num_cases());
  if (test.not_run.empty() == test.cases.ends.empty())
    place.fail("must have cases, or not_run must say why it has none");
  return test;
}

}  // namespace

Json to_json(const Suite& suite) {
  Json tests = Json::array();
  for (const Test& test : suite.tests) tests.push_back(test_json(test));
  return {{"schema", kSuiteSchema}, {"name", suite.name},       {"description", suite.description},
          {"fields", suite.fields}, {"classes", suite.classes}, {"tests", std::move(tests)}};
}

std::string to_text(const Suite& suite) {
  return to_json(suite).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Suite suite_from_json(const Json& json, const std::string& name) {
  const Place root{json, name + ":"};
  if (!json.is_object() || !json.contains("schema")) root.fail("is no suite; its first key is \"schema\"");
  const Place schema = root.at("schema");
  if (schema.text() != kSuiteSchema)
    schema.fail(fmt::format("is '{}'; this program reads {}", data::excerpt(schema.text()), kSuiteSchema));
  root.allow({"schema", "name", "description", "fields", "classes", "tests"});
  Suite suite;
  suite.name = root.at("name").text();
  suite.description = root.at("description").text();
  suite.fields = root.at("fields").names();
  if (suite.fields.empty()) root.at("fields").fail("must name at least one text");
  suite.classes = root.at("classes").names();
  const Place tests = root.at("tests");
  std::set<std::string> names;
  for (size_t i = 0; i < tests.size(); ++i) {
    suite.tests.push_back(read_test(tests.at(i), suite));
    if (!names.insert(suite.tests.back().name).second) tests.at(i).fail("has the name of another test");
  }
  return suite;
}

Suite parse_suite_json(std::string_view text, const std::string& name) {
  return suite_from_json(core::parse_json(text, name, "`lathe evaluate checklist expand` writes a new one"),
                         name);
}

}  // namespace lathe::evaluate::checklist
