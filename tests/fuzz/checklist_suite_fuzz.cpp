// Suites of behavioural tests, as people write them and as they are kept; and results. What is taken writes
// back to the same bytes.
#include "lathe/core/error.h"
#include "lathe/evaluate/checklist/html_report.h"
#include "lathe/evaluate/checklist/suite_json.h"
#include "lathe/evaluate/checklist/suite_toml.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

namespace checklist = evaluate::checklist;

const std::string kToml = R"toml(
name = "s"
fields = ["q1", "q2"]
classes = ["no", "yes"]
n = 2
[lexicons]
thing = ["food", {name = "room"}]
good = ["good", "fine", "ok"]
[[tests]]
name = "one"
capability = "Logic"
type = "MFT"
templates = [["{good}", "{good2}"], {q1 = "a", q2 = "{a:good}"}]
labels = ["no", 1]
remove_duplicates = true
[[tests]]
name = "two"
capability = "Own"
type = "INV"
texts = [["It is 12 here", "Is it 12"]]
perturb = ["change_numbers", "typos(1)"]
perturb_fields = "together"
[[tests]]
name = "three"
capability = "Own"
type = "DIR"
case = [["{good}", "x"], ["{good}", "y"]]
nsamples = 3
expect = "combine_or(changed, monotonic(label=yes, increasing))"
)toml";

// Perturbations that start programs are not for a fuzzer.
checklist::Suite parse(std::string_view bytes) {
  if (bytes.find("command") != bytes.npos) throw InputError("a command");
  checklist::SuiteOptions options;
  options.max_cases = 10000;
  return checklist::parse_suite_toml(bytes, "s.toml", options);
}

void read_toml(std::string_view bytes) {
  const checklist::Suite suite = parse(bytes);
  const std::string text = checklist::to_text(suite);
  require(checklist::to_text(checklist::parse_suite_json(text, "s.json")) == text,
          "what was written reads back the same");
}

void read_json(std::string_view bytes) {
  const checklist::Suite suite = checklist::parse_suite_json(bytes, "s.json");
  const std::string text = checklist::to_text(suite);
  require(checklist::to_text(checklist::parse_suite_json(text, "s.json")) == text,
          "what was written reads back the same");
  const checklist::Job job = checklist::flatten(suite);
  require(static_cast<int64_t>(job.examples.size()) == checklist::num_examples(suite),
          "every example is flattened");
  checklist::Prediction same{suite.classes.empty() ? -1 : 0, suite.classes.empty() ? "x" : "", {}};
  const auto results = checklist::score(suite, std::vector<checklist::Prediction>(job.examples.size(), same));
  checklist::html_report(results);
}

void read_results(std::string_view bytes) {
  const checklist::Results results = checklist::parse_results(bytes, "r.json");
  const std::string text = checklist::to_text(results);
  require(checklist::to_text(checklist::parse_results(text, "r.json")) == text,
          "what was written reads back the same");
  checklist::junit_xml(results, {});
  checklist::tests_table(results);
}

checklist::Results some_results() {
  const checklist::Suite suite = checklist::parse_suite_toml(kToml, "s.toml");
  return checklist::run(suite, [](const std::vector<checklist::Example>& examples) {
    return std::vector<checklist::Prediction>(examples.size(), {1, "", {0.25f, 0.75f}});
  });
}

const bool toml_registered =
    add_target({"checklist_toml", read_toml, [] { return std::vector<std::string>{kToml}; }});
const bool json_registered = add_target({"checklist_json", read_json, [] {
                                           checklist::Suite suite =
                                               checklist::parse_suite_toml(kToml, "s.toml");
                                           suite.tests.pop_back();  // needs confidences
                                           return std::vector<std::string>{checklist::to_text(suite)};
                                         }});
const bool results_registered =
    add_target({"checklist_results", read_results,
                [] { return std::vector<std::string>{checklist::to_text(some_results())}; }});

}  // namespace
}  // namespace lathe::fuzz
