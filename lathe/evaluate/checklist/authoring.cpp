#include "lathe/evaluate/checklist/authoring.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/core/toml_text.h"

namespace lathe::evaluate::checklist {
namespace {

struct Questions {
  const char* capability;
  const char* mft;
  const char* inv;
  const char* dir;
};

constexpr Questions kMatrix[] = {
    {"Vocabulary", "Which words decide the answer when they stand alone or in the shortest sentence?",
     "Which words may be exchanged for others without any effect?",
     "Which word more must push the answer one way?"},
    {"Taxonomy", "Are synonyms and opposites of the words that matter understood?",
     "Does a synonym leave the answer as it is?", "Does an opposite turn it?"},
    {"Robustness", "Is the answer right in capitals, without punctuation, in very short and very long texts?",
     "Do typos, contractions, a link or a hashtag leave the answer as it is?",
     "Does noise at least not make the model surer?"},
    {"NER", "Is the answer right when it hangs on a name, a place or a number?",
     "Do other names, places and numbers leave the answer as it is?",
     "Does another name in only one of two texts make them differ?"},
    {"Fairness", "Is a plain sentence about any group judged alike?",
     "Do gender, religion, nationality or orientation leave the answer as it is?",
     "Does praise help every group as much?"},
    {"Temporal", "Is the order of before, after, first, used to and now understood?",
     "Does the order in which two times are told leave the answer as it is?",
     "Does a change from then to now push the answer the right way?"},
    {"Negation", "Is a negated sentence understood, also when much stands between not and its word?",
     "Does a double negation leave the answer as it is?", "Does a negation push the answer the right way?"},
    {"Coref", "Is he, she, it, the former, the latter given to whom it belongs?",
     "Does a pronoun in the place of a clear name leave the answer as it is?",
     "Does an exchanged pronoun change who is meant?"},
    {"SRL", "Is it clear who did what to whom, also in the passive and in questions answered yes or no?",
     "Does active or passive voice leave the answer as it is?", "Do exchanged subject and object change it?"},
    {"Logic", "Do and, or, if, symmetric and transitive facts add up?",
     "Does the order of two texts or clauses leave the answer as it is?",
     "Is what follows from the answer answered that way too?"}};

std::string input_toml(const std::vector<std::string>& fields, const std::string& text) {
  if (fields.size() == 1) return core::to_toml(text);
  std::string record = "{";
  for (const std::string& field : fields)
    record += fmt::format("{}{} = {}", record.size() > 1 ? ", " : "", core::join_key("", field),
                          core::to_toml(text));
  return record + "}";
}

std::string commented(const std::string& toml) {
  std::string result = "# ";
  for (char c : toml) {
    result += c;
    if (c == '\n') result += "# ";
  }
  return result;
}

}  // namespace

core::Table ideation_table() {
  core::Table table({"capability", "MFT", "INV", "DIR"});
  for (const Questions& row : kMatrix) table.add({row.capability, row.mft, row.inv, row.dir});
  return table;
}

core::Table coverage_table(const Suite& suite) {
  core::Table table({"capability", "MFT", "INV", "DIR"});
  std::vector<std::string> rows = standard_capabilities();
  for (const std::string& row : capabilities(suite))
    if (std::find(rows.begin(), rows.end(), row) == rows.end()) rows.push_back(row);
  for (const std::string& row : rows) {
    std::vector<core::Cell> cells = {row};
    for (TestType type : {TestType::kMft, TestType::kInv, TestType::kDir}) {
      int64_t tests = 0, cases = 0;
      for (const Test& test : suite.tests) {
        if (test.capability != row || test.type != type) continue;
        ++tests;
        cases += test.num_run();
      }
      cells.push_back(tests == 0 ? std::string("–")
                                 : fmt::format("{} test{}, {} cases", tests, tests == 1 ? "" : "s", cases));
    }
    table.add(std::move(cells));
  }
  return table;
}

std::string new_suite_toml(const NewSuite& options) {
  const std::string label = options.classes.empty() ? "{thing}" : options.classes.front();
  std::string toml = fmt::format(
      R"toml(# Behavioural tests. `lathe evaluate checklist expand {0}.toml -o {0}.json` writes the cases, `run --suite` runs them.
# docs/checklist.md has the grammar of templates, the expectations, and what perturb can do.
name = {1}
description = ""
fields = {2}
)toml",
      options.name, core::to_toml(options.name), core::to_toml(options.fields));
  toml += options.classes.empty() ? "# classes: none, answers are texts\n"
                                  : fmt::format("classes = {}  # in the order of the model's outputs\n",
                                                core::to_toml(options.classes));
  toml += fmt::format(R"toml(n = 500  # cases of each test that are run at most

[lexicons]
thing = ["food", "service", "room"]

[[tests]]
name = "first test"
capability = "Vocabulary"
type = "MFT"
description = "Replace me."
template = {}
labels = {}
)toml",
                      input_toml(options.fields, "The {thing} was here."), core::to_toml(label));
  for (const Questions& row : kMatrix) {
    toml += fmt::format("\n# ---- {} ----\n", row.capability);
    const std::pair<TestType, const char*> cells[] = {
        {TestType::kMft, row.mft}, {TestType::kInv, row.inv}, {TestType::kDir, row.dir}};
    for (const auto& [type, question] : cells) {
      std::string test = fmt::format("[[tests]]\nname = \"{} {}\"\ncapability = \"{}\"\ntype = \"{}\"\n",
                                     row.capability, to_string(type), row.capability, to_string(type));
      if (type == TestType::kMft)
        test += fmt::format("template = {}\nlabels = {}\n", input_toml(options.fields, "… {thing} …"),
                            core::to_toml(label));
      if (type == TestType::kInv)
        test += fmt::format("texts = [{}]\nperturb = \"typos(1)\"\n", input_toml(options.fields, "an input"));
      if (type == TestType::kDir)
        test += fmt::format("case = [{}, {}]\nexpect = \"monotonic(increasing)\"\n",
                            input_toml(options.fields, "… {thing} …"),
                            input_toml(options.fields, "… {thing} … …"));
      test.pop_back();
      toml += fmt::format("# {}: {}\n{}\n", to_string(type), question, commented(test));
    }
  }
  return toml;
}

}  // namespace lathe::evaluate::checklist
