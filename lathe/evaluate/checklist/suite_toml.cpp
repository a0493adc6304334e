#include "lathe/evaluate/checklist/suite_toml.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <type_traits>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/seed.h"
#include "lathe/data/text.h"
#include "lathe/evaluate/checklist/lexicon_file.h"
#include "lathe/evaluate/checklist/toml_reader.h"

namespace lathe::evaluate::checklist {
namespace {

using Json = nlohmann::json;

constexpr int64_t kOriginals = 500;  // perturbed of a corpus (Ribeiro et al.'s tutorials)
constexpr int64_t kMost = 1'000'000'000;

// What all tests of a file share.
struct Context {
  const Suite& suite;
  const SuiteOptions& options;
  const Editor& editor;
  core::Seed seed;
  int64_t num_run = 0;  // 0: all
};

// The texts of one input in the order of the fields, from a text, a list or a record.
std::vector<Json> arranged(const Json& input, const std::vector<std::string>& fields) {
  if (fields.size() == 1 && !input.is_structured()) return {input};
  const std::string wanted =
      fields.size() == 1 ? "a text" : fmt::format("{} texts ({})", fields.size(), fmt::join(fields, ", "));
  if (!input.is_structured() || input.size() != fields.size()) throw InputError("an input is {}", wanted);
  std::vector<Json> texts;
  for (size_t f = 0; f < fields.size(); ++f) {
    if (input.is_object() && !input.contains(fields[f])) throw InputError("an input is {}", wanted);
    texts.push_back(input.is_object() ? input.at(fields[f]) : input.at(f));
    if (texts.back().is_structured()) throw InputError("an input is {}", wanted);
  }
  return texts;
}

Example arranged_texts(const Json& input, const std::vector<std::string>& fields) {
  Example example;
  for (const Json& text : arranged(input, fields))
    example.push_back(text.is_string() ? text.get<std::string>() : text.dump());
  return example;
}

// Reads one [[tests]] table.
class TestReader {
 public:
  TestReader(TomlReader& toml, const Context& context) : toml_(toml), context_(context) {}

  Test read() {
    Test test;
    test.name = toml_.text("name");
    if (test.name.empty()) toml_.fail("name", "must not be empty");
    test.capability = toml_.text("capability");
    test.description = toml_.text("description", "");
    test.type = checked("type", [&] { return parse_test_type(toml_.text("type")); });
    test.expect = expectation(test.type);
    checked("expect", [&] { return parse_expectation(test.expect, context_.suite.classes); });
    seed_ = context_.seed.stream(test.name);
    test.cases = inputs();
    if (toml_.has("perturb")) perturb_inputs(test);
    check_cases(test);
    toml_.reject_unknown();
    return test;
  }

  int64_t num_run() { return toml_.integer("n", context_.num_run, 0, kMost); }

 private:
  template <typename Function>
  std::invoke_result_t<Function> checked(const std::string& key, const Function& function) {
    try {
      return function();
    } catch (const InputError& error) {
      const std::string message = error.what();
      if (message.find("tests[") == 0) throw;  // says the key already
      toml_.fail(key, "cannot be used: " + message);
    }
  }

  std::string expectation(TestType type) {
    const char* fallback = type == TestType::kMft ? "eq" : "inv(0.1)";
    if (type == TestType::kDir && !toml_.has("expect"))
      toml_.fail("expect",
                 "must say what a directional test expects, e.g. \"monotonic(label=positive, increasing)\"");
    std::string call = toml_.text("expect", fallback);
    const Json tolerance = toml_.value("tolerance");
    if (tolerance.is_null()) return call;
    if (!tolerance.is_number()) toml_.fail("tolerance", "must be a number in [0, 1]");
    if (call == "inv" || call == fallback) return fmt::format("inv({})", tolerance.dump());
    if (call.rfind("monotonic(", 0) == 0 && call.back() == ')' && call.find("tol") == call.npos)
      return fmt::format("{}, tol={})", call.substr(0, call.size() - 1), tolerance.dump());
    toml_.fail("tolerance", "goes with the expectations inv and monotonic, which have none yet; got " + call);
  }

  std::string source() const {
    std::string found;
    for (const char* key : {"template", "templates", "case", "cases", "texts", "corpus"}) {
      if (!toml_.has(key)) continue;
      if (!found.empty())
        toml_.fail(key, "and " + found + " both say where the inputs come from; one of them must go");
      found = key;
    }
    if (found.empty())
      toml_.fail("template",
                 "must be set, or templates, case, cases, texts or corpus: where the inputs come from");
    return found;
  }

  Cases inputs() {
    source_ = source();
    const Json value = source_ == "corpus" ? Json() : toml_.value(source_);
    const Json labels = toml_.value("labels");
    const ExpandOptions options = expand_options();
    return checked(source_, [&] {
      if (source_ == "corpus") return corpus(labels);
      if (source_ == "template") return expanded(Json::array({value}), labels, options);
      if (!value.is_array() || value.empty()) throw InputError("it is a list");
      if (source_ == "texts") return literal(value, labels);
      if (source_ == "case") return expanded(value, labels, options);
      if (labels.is_array() && source_ == "templates" && labels.size() != value.size())
        throw InputError("{} labels for {} templates", labels.size(), value.size());
      std::optional<Cases> all;
      for (size_t i = 0; i < value.size(); ++i) {
        const bool cases = source_ == "cases";
        if (cases && (!value[i].is_array() || value[i].empty()))
          throw InputError("each case is a list of inputs");
        const Json& label = labels.is_array() && !cases ? labels[i] : labels;
        Cases more = expanded(cases ? value[i] : Json::array({value[i]}), label, options);
        all = all ? joined(std::move(*all), more) : std::move(more);
      }
      return *all;
    });
  }

  ExpandOptions expand_options() {
    ExpandOptions options;
    options.seed = seed_.stream("expand").value();
    options.max_cases = context_.options.max_cases;
    if (const int64_t samples = toml_.integer("nsamples", 0, 1, kMost); samples > 0)
      options.num_samples = samples;
    if (toml_.flag("zip", false)) options.combine = Combine::kZip;
    options.remove_duplicates = toml_.flag("remove_duplicates", false);
    if (const auto lexicons = toml_.table("lexicons")) {
      for (const std::string& name : lexicons->keys())
        options.lexicons[name] = checked("lexicons", [&] {
          check_lexicon_name(name);
          return to_lexicon(toml_.value("lexicons").at(name), name);
        });
    }
    return options;
  }

  // The inputs of a case together: same tags, same values.
  Cases expanded(const Json& inputs, const Json& labels, ExpandOptions options) {
    Json leaves = Json::array();
    for (const Json& input : inputs)
      for (const Json& text : arranged(input, context_.suite.fields)) leaves.push_back(text);
    options.labels = labels;
    return to_cases(expand(context_.editor, leaves, options), context_.suite.fields.size(),
                    context_.suite.classes);
  }

  Cases literal(const Json& inputs, const Json& labels) {
    Cases cases;
    cases.num_fields = context_.suite.fields.size();
    for (const Json& input : inputs) cases.add({arranged_texts(input, context_.suite.fields)});
    if (labels.is_array() && labels.size() != inputs.size())
      throw InputError("{} labels for {} texts", labels.size(), inputs.size());
    add_labels(cases, labels);
    return cases;
  }

  Cases corpus(const Json& labels) {
    const std::string name = toml_.text("corpus");
    std::optional<Corpus> found = context_.options.corpus ? context_.options.corpus(name) : std::nullopt;
    if (!found) {
      const auto file = context_.options.directory / name;
      if (!std::filesystem::is_regular_file(file))
        throw InputError("there is no corpus and no file '{}'", data::excerpt(name));
      found = read_corpus(file, context_.suite.fields);
    }
    Cases cases;
    cases.num_fields = context_.suite.fields.size();
    for (const Example& example : found->examples) cases.add({example});
    add_labels(cases, labels.is_null() && !found->labels.empty() ? Json(found->labels) : labels);
    return cases;
  }

  void add_labels(Cases& cases, const Json& labels) const {
    if (labels.is_null()) return;
    for (const Json& label : labels.is_array() ? labels : Json::array({labels}))
      cases.labels.push_back(
          parse_label(label.is_string() ? label.get<std::string>() : label.dump(), context_.suite.classes));
  }

  void perturb_inputs(Test& test) {
    if (source_ == "case" || source_ == "cases")
      toml_.fail("perturb", "makes cases of single inputs; " + source_ + " has them already");
    const std::vector<std::string> calls = toml_.texts("perturb", {});
    const int64_t originals = toml_.integer("originals", kOriginals, 1, kMost);
    for (const std::string& call : calls)
      if (context_.options.programs == Programs::refuse && runs_program(call))
        toml_.fail("perturb",
                   "runs a program, which must be allowed: lathe evaluate checklist expand --allow-programs "
                   "SUITE -o s.json makes a suite that runs none");
    const PerturbOptions options = perturb_options(test.type);
    if (test.cases.num_cases() > originals) {
      core::Random random = seed_.stream("originals").random();
      std::vector<int64_t> chosen = random.permutation(test.cases.num_cases());
      chosen.resize(static_cast<size_t>(originals));
      std::sort(chosen.begin(), chosen.end());
      test.cases = selected(test.cases, chosen);
    }
    const int64_t num_originals = test.cases.num_cases();
    Perturbed perturbed = checked("perturb", [&] {
      std::vector<Perturbation> perturbations;
      for (const std::string& call : calls) perturbations.push_back(parse_perturbation(call));
      return perturb(test.cases, perturbations, options);
    });
    test.cases = std::move(perturbed.cases);
    if (test.cases.num_cases() == 0)
      test.not_run = fmt::format("the perturbation {} applies to none of its {} inputs",
                                 fmt::join(calls, ", "), num_originals);
  }

  PerturbOptions perturb_options(TestType type) {
    PerturbOptions options;
    options.seed = seed_.value();
    options.keep_original = toml_.flag("keep_original", type != TestType::kMft);
    const std::vector<std::string>& fields = context_.suite.fields;
    const std::vector<std::string> wanted = toml_.texts("perturb_fields", fields);
    if (wanted == std::vector<std::string>{"together"}) {
      options.where = PerturbedFields::kTogether;
      return options;
    }
    for (const std::string& field : wanted) {
      const auto found = std::find(fields.begin(), fields.end(), field);
      if (found == fields.end())
        toml_.fail("perturb_fields", fmt::format("must be together or of the fields {}, got {}",
                                                 fmt::join(fields, ", "), field));
      options.fields.push_back(static_cast<size_t>(found - fields.begin()));
    }
    return options;
  }

  void check_cases(const Test& test) {
    if (!test.not_run.empty()) return;
    const bool labelled = test.expect == "eq" || test.expect == "not";
    if (labelled && test.cases.labels.empty())
      toml_.fail("labels", "must be set: the expectation " + test.expect + " compares with them");
    if (test.cases.num_cases() == 0) toml_.fail(source_, "gives no case");
    if (test.type != TestType::kMft && test.cases.num_cases() == test.cases.num_examples())
      toml_.fail(source_, "gives one input a case, and an " + to_string(test.type) +
                              " test compares an original with others: use case or perturb");
  }

  TomlReader& toml_;
  const Context& context_;
  core::Seed seed_{0};
  std::string source_;
};

Lexicons read_lexicon_table(TomlReader& toml, const SuiteOptions& options) {
  Lexicons lexicons;
  for (const std::string& name : toml.keys()) {
    const Json value = toml.value(name);
    try {
      check_lexicon_name(name);
      if (value.is_string()) {
        const Lexicons file = read_lexicons(options.directory / value.get<std::string>());
        const auto found = file.size() == 1 ? file.begin() : file.find(name);
        if (found == file.end()) throw InputError("{} has no lexicon '{}'", value.get<std::string>(), name);
        lexicons[name] = found->second;
      } else {
        lexicons[name] = to_lexicon(value, name);
      }
    } catch (const InputError& error) {
      toml.fail(name, std::string("cannot be used: ") + error.what());
    }
  }
  return lexicons;
}

void check_names(TomlReader& toml, const std::string& key, const std::vector<std::string>& names) {
  std::set<std::string> seen;
  for (const std::string& name : names)
    if (name.empty() || !seen.insert(name).second)
      toml.fail(key, fmt::format("must be different names, got {}",
                                 name.empty() ? "an empty one" : name + " twice"));
}

}  // namespace

Suite parse_suite_toml(std::string_view text, const std::string& file, const SuiteOptions& options) {
  const toml::table root = parse_toml(text, file);
  TomlReader toml(root, file, "");
  Suite suite;
  suite.name = toml.text("name", std::filesystem::path(file).stem().string());
  suite.description = toml.text("description", "");
  suite.fields = toml.texts("fields", {"text"});
  suite.classes = toml.texts("classes", {});
  if (suite.fields.empty()) toml.fail("fields", "must name at least one text");
  check_names(toml, "fields", suite.fields);
  check_names(toml, "classes", suite.classes);
  const int64_t seed = toml.integer("seed", 0, 0, std::numeric_limits<int64_t>::max());
  const int64_t num_run = toml.integer("n", 0, 1, kMost);
  Editor editor{{}, options.fill_masks};
  if (auto lexicons = toml.table("lexicons")) editor.lexicons = read_lexicon_table(*lexicons, options);

  const Context context{suite, options, editor,
                        core::Seed(options.seed.value_or(static_cast<uint64_t>(seed))), num_run};
  std::vector<TomlReader> tables = toml.tables("tests");
  toml.reject_unknown();
  if (tables.empty()) throw InputError("{} has no [[tests]]", file);
  std::set<std::string> names;
  std::vector<Test> tests;
  for (TomlReader& table : tables) {
    const std::string name = table.text("name");
    if (!names.insert(name).second) table.fail("name", "is there twice: " + name);
    if (!options.tests.empty() && !matches_test(table.text("capability"), name, options.tests)) continue;
    TestReader reader(table, context);
    const int64_t n = reader.num_run();
    Suite one;
    one.tests.push_back(reader.read());
    if (n > 0) one = with_sample(std::move(one), n, context.seed.value());
    tests.push_back(std::move(one.tests.front()));
  }
  suite.tests = std::move(tests);
  return options.tests.empty() ? suite : with_tests(std::move(suite), options.tests);
}

}  // namespace lathe::evaluate::checklist
