// Suites: written by people, kept as files, drawn from, exported.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/evaluate/checklist/export.h"
#include "lathe/evaluate/checklist/results.h"
#include "lathe/evaluate/checklist/suite_json.h"
#include "lathe/evaluate/checklist/suite_toml.h"
#include "tests/support/message.h"

namespace lathe::evaluate::checklist {
namespace {

using Json = nlohmann::json;
using testing_support::message_of;

constexpr const char* kHead = R"toml(
name = "small"
classes = ["negative", "positive"]
[lexicons]
thing = ["food", "room"]
good = ["good", "fine"]
)toml";

Suite parse(const std::string& tests, const SuiteOptions& options = {}) {
  return parse_suite_toml(kHead + tests, "s.toml", options);
}

std::vector<std::string> texts(const Cases& cases) {
  std::vector<std::string> list;
  for (int64_t e = 0; e < cases.num_examples(); ++e) list.emplace_back(cases.text(e, 0));
  return list;
}

TEST(ChecklistSuite, TemplatesMakeLabelledCases) {
  const Suite suite = parse(R"toml(
[[tests]]
name = "one"
capability = "Vocabulary"
type = "MFT"
template = "The {thing} is {good}."
labels = "positive"
[[tests]]
name = "two"
capability = "Negation"
type = "MFT"
templates = ["A {good} {thing}.", "No {good} {thing}."]
labels = [1, "negative"]
)toml");
  ASSERT_EQ(suite.tests.size(), 2u);
  EXPECT_EQ(texts(suite.tests[0].cases)[1], "The food is fine.");
  EXPECT_EQ(suite.tests[0].cases.labels, std::vector<Label>{{.index = 1}});
  EXPECT_EQ(suite.tests[0].expect, "eq");
  ASSERT_EQ(suite.tests[1].cases.num_cases(), 8);
  EXPECT_EQ(suite.tests[1].cases.labels[3].index, 1);
  EXPECT_EQ(suite.tests[1].cases.labels[4].index, 0);
  EXPECT_EQ(suite.tests[1].cases.meta.of_case(7).at("thing"), "room");
  EXPECT_EQ(capabilities(suite), (std::vector<std::string>{"Vocabulary", "Negation"}));
}

TEST(ChecklistSuite, CasesShareTheirTags) {
  const Suite suite = parse(R"toml(
[[tests]]
name = "more"
capability = "Vocabulary"
type = "DIR"
case = ["The {thing} was ok.", "The {thing} was ok. It was {good}."]
expect = "monotonic(label=positive, increasing)"
tolerance = 0.2
[[tests]]
name = "both"
capability = "Own"
type = "MFT"
cases = [["{thing}?", "{thing}!"], ["Not {good}.", "Not {good} at all.", "Not good."]]
labels = "negative"
)toml");
  const Cases& more = suite.tests[0].cases;
  EXPECT_EQ(more.num_cases(), 4);
  EXPECT_EQ(more.num_examples(), 8);
  EXPECT_EQ(more.text(6, 0), "The room was ok.");
  EXPECT_EQ(more.text(7, 0), "The room was ok. It was fine.");
  EXPECT_EQ(suite.tests[0].expect, "monotonic(label=positive, increasing, tol=0.2)");
  EXPECT_EQ(suite.tests[1].cases.ends, (std::vector<int64_t>{2, 4, 7, 10}));
}

TEST(ChecklistSuite, PerturbationsMakeTheOtherInputs) {
  SuiteOptions options;
  options.corpus = [](const std::string& name) -> std::optional<Corpus> {
    if (name != "mine") return std::nullopt;
    Corpus corpus;
    for (int i = 0; i < 40; ++i) {
      corpus.examples.push_back({"Review number " + std::to_string(i) + " is here"});
      corpus.labels.push_back(i % 2 == 0 ? "positive" : "negative");
    }
    return corpus;
  };
  const Suite suite = parse(R"toml(
[[tests]]
name = "typos"
capability = "Robustness"
type = "INV"
corpus = "mine"
perturb = "typos(1)"
originals = 10
[[tests]]
name = "labelled typos"
capability = "Robustness"
type = "MFT"
corpus = "mine"
perturb = ["typos(1)", "typos(2)"]
[[tests]]
name = "nothing to change"
capability = "Robustness"
type = "INV"
texts = ["no name here", "nor here"]
perturb = "change_numbers"
)toml",
                            options);
  const Cases& typos = suite.tests[0].cases;
  ASSERT_EQ(typos.num_cases(), 10);
  for (int64_t i = 0; i < 10; ++i) {
    ASSERT_GE(typos.end(i) - typos.begin(i), 2);
    EXPECT_EQ(typos.text(typos.begin(i), 0).size(), typos.text(typos.begin(i) + 1, 0).size());
    EXPECT_NE(typos.text(typos.begin(i), 0), typos.text(typos.begin(i) + 1, 0));
  }
  const Cases& labelled = suite.tests[1].cases;
  EXPECT_EQ(labelled.num_cases(), 40);
  EXPECT_EQ(labelled.labels_of(1)->index, 0);
  EXPECT_EQ(suite.tests[2].cases.num_cases(), 0);
  EXPECT_EQ(suite.tests[2].num_run(), 0);
  ASSERT_EQ(warnings(suite).size(), 1u);
  EXPECT_NE(warnings(suite)[0].find("change_numbers applies to none of its 2 inputs"), std::string::npos);
  // Not a pass: the rate of a test that did not run is no number.
  const Results results = run(suite, [](const std::vector<Example>& examples) {
    return std::vector<Prediction>(examples.size(), {.label = 0});
  });
  EXPECT_TRUE(std::isnan(results.tests[2].failure_rate()));
  EXPECT_EQ(results.tests[2].num_applicable(), 0);
}

TEST(ChecklistPerturb, TakesLabelsAndMetaAlongAndCountsTheDropped) {
  Cases originals;
  originals.add({{"a1"}});
  originals.add({{"b"}});
  originals.add({{"c1"}});
  originals.labels = {{.index = 0}, {.index = 1}, {.index = 2}};
  originals.meta = {{{"letter", {"a", "b", "c"}}}, {0, 1, 2}};
  const Perturbation add = [](const std::string& text, core::Random&) {
    return text.find('1') == text.npos ? std::vector<Variant>()
                                       : std::vector<Variant>{{text + "x", "", "x"}, {text + "y", "", "y"}};
  };
  const Perturbed perturbed = perturb(originals, {add});
  EXPECT_EQ(perturbed.num_dropped, 1);
  EXPECT_EQ(texts(perturbed.cases), (std::vector<std::string>{"a1", "a1x", "a1y", "c1", "c1x", "c1y"}));
  EXPECT_EQ(perturbed.cases.labels, (std::vector<Label>{{.index = 0}, {.index = 2}}));
  EXPECT_EQ(perturbed.cases.meta.of_case(1).at("letter"), "c");
  EXPECT_EQ(texts(perturb(originals, {add}, {.keep_original = false}).cases),
            (std::vector<std::string>{"a1x", "a1y", "c1x", "c1y"}));
}

TEST(ChecklistPerturb, ChangesTextsOfAPairOneByOneOrTogether) {
  Cases pairs;
  pairs.num_fields = 2;
  pairs.add({{"Ann runs", "Where is Ann"}});
  const Perturbation rename = [](const std::string& text, core::Random&) {
    std::string changed = text;
    for (size_t at; (at = changed.find("Ann")) != changed.npos;) changed.replace(at, 3, "Bea");
    return changed == text ? std::vector<Variant>() : std::vector<Variant>{{changed, "Ann", "Bea"}};
  };
  const Cases each = perturb(pairs, {rename}).cases;
  ASSERT_EQ(each.num_examples(), 3);
  EXPECT_EQ(each.example(1), (Example{"Bea runs", "Where is Ann"}));
  EXPECT_EQ(each.example(2), (Example{"Ann runs", "Where is Bea"}));
  EXPECT_EQ(perturb(pairs, {rename}, {.fields = {1}}).cases.num_examples(), 2);
  const Cases together = perturb(pairs, {rename}, {.where = PerturbedFields::kTogether}).cases;
  ASSERT_EQ(together.num_examples(), 2);
  EXPECT_EQ(together.example(1), (Example{"Bea runs", "Where is Bea"}));
}

TEST(ChecklistSuite, WrongOnesSayWhere) {
  const std::string head = "[[tests]]\nname = \"t\"\ncapability = \"c\"\n";
  for (const auto& [test, part] : std::vector<std::pair<std::string, std::string>>{
           {"type = \"MFTT\"\n",
            "tests[0].type cannot be used: a test's type is MFT, INV or DIR, got 'MFTT' (s.toml:10)"},
           {"type = \"MFT\"\n", "tests[0].template must be set, or templates"},
           {"type = \"MFT\"\ntemplate = \"x\"\ntexts = [\"y\"]\n", "both say where the inputs come from"},
           {"type = \"MFT\"\ntemplate = \"x\"\n", "tests[0].labels must be set"},
           {"type = \"MFT\"\ntemplate = \"x\"\nlabels = \"positiv\"\n", "did you mean positive? (s.toml:11)"},
           {"type = \"MFT\"\ntemplate = \"{thing\"\nlabels = 0\n", "column 1: '{' is never closed"},
           {"type = \"MFT\"\ntemplate = \"{thin}\"\nlabels = 0\n", "the nearest are thing"},
           {"type = \"MFT\"\ntemplate = [\"x\", \"y\"]\nlabels = 0\n", "an input is a text"},
           {"type = \"MFT\"\ntemplate = \"x\"\nlabels = 0\nlabel = 0\n", "did you mean labels?"},
           {"type = \"DIR\"\ntemplate = \"x\"\n", "must say what a directional test expects"},
           {"type = \"INV\"\ntemplate = \"x\"\n", "gives one input a case, and an INV test"},
           {"type = \"INV\"\ntexts = [\"x\"]\nperturb = \"typoss(1)\"\n", "typos"},
           {"type = \"INV\"\ntexts = [\"x\"]\nperturb = \"typos(1)\"\nperturb_fields = \"q\"\n",
            "perturb_fields must be together or of the fields text"},
           {"type = \"INV\"\ncorpus = \"none\"\nperturb = \"typos(1)\"\n",
            "there is no corpus and no file 'none'"},
           {"type = \"INV\"\ncase = [\"x\", \"y\"]\nexpect = \"invv\"\n", "did you mean inv?"},
           {"type = \"INV\"\ncase = [\"x\", \"y\"]\nexpect = \"changed\"\ntolerance = 0.1\n",
            "tolerance goes with"},
           {"type = \"MFT\"\ntemplate = \"x\"\nlabels = 0\nnsamples = 0\n",
            "must be a whole number in [1,"}}) {
    const std::string message = message_of<InputError>([&, test = test] { parse(head + test); });
    EXPECT_NE(message.find(part), std::string::npos) << test << message;
    EXPECT_NE(message.find("(s.toml:"), std::string::npos) << message;
  }
  EXPECT_NE(message_of<InputError>([&] { parse_suite_toml("a = [", "s.toml"); }).find("s.toml:1:"),
            std::string::npos);
  EXPECT_THROW(parse_suite_toml("", "s.toml"), InputError);
  EXPECT_THROW(parse_suite_toml("[lexicons]\nx1 = [\"a\"]\n[[tests]]\n", "s.toml"), InputError);
}

TEST(ChecklistSuite, ReadsOnlyTheTestsAskedFor) {
  const std::string tests = R"toml(
[[tests]]
name = "a b"
capability = "Negation"
type = "MFT"
template = "x"
labels = 0
[[tests]]
name = "broken"
capability = "Logic"
type = "MFT"
template = "{nothing_of_the_kind}"
labels = 0
)toml";
  EXPECT_EQ(parse(tests, {.tests = {"Negation/*"}}).tests.size(), 1u);
  EXPECT_EQ(parse(tests, {.tests = {"a*"}}).tests.size(), 1u);
  EXPECT_THROW(parse(tests), InputError);
  EXPECT_NE(message_of<InputError>([&] { parse(tests, {.tests = {"c*"}}); }).find("is called 'c*'"),
            std::string::npos);
}

Suite pairs() {
  Suite suite{"pairs", "of \"questions\"", {"question1", "question2"}, {"different", "same"}, {}};
  Test test;
  test.name = "क्या? 🙂";
  test.capability = "Own";
  test.type = TestType::kInv;
  test.expect = "inv(0.1)";
  test.cases.num_fields = 2;
  for (int i = 0; i < 30; ++i)
    test.cases.add({{"नमस्ते " + std::to_string(i), "tab\there"}, {"🙂", "line\nend"}, {"\"q\"", ""}});
  test.cases.labels = {{.index = 1}};
  test.cases.meta = {{{"n", {"x", "y"}}}, {}};
  for (uint32_t i = 0; i < 30; ++i) test.cases.meta.indices.push_back(i % 3 == 2 ? Meta::kNone : i % 3);
  suite.tests.push_back(test);
  test.name = "other";
  suite.tests.push_back(test);
  return suite;
}

TEST(ChecklistSuite, JsonRoundTripIsTheSameBytes) {
  const std::string text = to_text(with_sample(pairs(), 7, 3));
  const Suite again = parse_suite_json(text, "s.json");
  EXPECT_EQ(to_text(again), text);
  EXPECT_EQ(again.tests[0].sample.size(), 7u);
  EXPECT_EQ(again.tests[0].cases.texts, pairs().tests[0].cases.texts);
  EXPECT_EQ(again.tests[0].cases.meta, pairs().tests[0].cases.meta);
}

TEST(ChecklistSuite, TheSampleIsKeptAndDependsOnTheNameAlone) {
  const Suite once = with_sample(pairs(), 7, 3);
  EXPECT_EQ(once.tests[1].sample, with_sample(pairs(), 7, 3).tests[1].sample);
  EXPECT_NE(once.tests[1].sample, once.tests[0].sample);
  EXPECT_NE(once.tests[1].sample, with_sample(pairs(), 7, 4).tests[1].sample);
  Suite alone = pairs();
  alone.tests.erase(alone.tests.begin());
  EXPECT_EQ(with_sample(alone, 7, 3).tests[0].sample, once.tests[1].sample);
  EXPECT_EQ(num_examples(once), 42);
  EXPECT_TRUE(with_sample(pairs(), 30, 3).tests[0].sample.empty());
  const Job job = flatten(once);
  EXPECT_EQ(job.ends, (std::vector<int64_t>{21, 42}));
  EXPECT_EQ(job.examples[3][0], "नमस्ते " + std::to_string(once.tests[0].sample[1]));
  EXPECT_EQ(flatten(with_run_cases(once)).examples, job.examples);
}

TEST(ChecklistSuite, DamagedFilesAreRefused) {
  const Json good = to_json(with_sample(pairs(), 7, 3));
  const auto message = [&](const std::string& pointer, const Json& value) {
    Json wrong = good;
    wrong[Json::json_pointer(pointer)] = value;
    return message_of<InputError>([&] { suite_from_json(wrong, "s.json"); });
  };
  for (const auto& [pointer, value, part] : std::vector<std::tuple<std::string, Json, std::string>>{
           {"/schema", "lathe-checklist/2", "this program reads lathe-checklist/1"},
           {"/tests/0/expect", "magic", "the expectation 'magic': 'magic' is not known"},
           {"/tests/0/expct", "eq", "did you mean expect?"},
           {"/tests/0/type", "XYZ", "MFT, INV or DIR"},
           {"/tests/1/sample", {3, 3}, "tests[1].sample must ascend"},
           {"/tests/1/sample/6", 30, "tests[1].sample[6] must be a whole number in [0, 29]"},
           {"/tests/0/labels/0", 2, "tests[0].labels[0] must be a whole number in [0, 1]"},
           {"/tests/0/labels", {0, 0}, "must be none, one, 30 (by case) or 90 (by input), got 2"},
           {"/tests/0/cases/4/1", {"only one"}, "tests[0].cases[4][1] must have 2 texts"},
           {"/tests/0/cases/4", Json::array(), "must have an input"},
           {"/tests/0/meta/0/0", 2, "in [-1, 1]"},
           {"/tests/0/meta/0", Json::array(), "must have 1 numbers"},
           {"/tests/0/name", "other", "has the name of another test"},
           {"/tests/0/cases", Json::array(), "tests[0].meta must have 0 rows"},
           {"/fields", {"a", "a"}, "must be different names"}})
    EXPECT_NE(message(pointer, value).find(part), std::string::npos)
        << pointer << ": " << message(pointer, value);
  EXPECT_THROW(parse_suite_json("[", "s.json"), InputError);
  EXPECT_THROW(parse_suite_json("{}", "s.json"), InputError);
}

TEST(ChecklistSuite, ExportsKeepUtf8AndOneLineAnExample) {
  const Suite suite = pairs();
  const std::string tsv = export_text(suite, ExportFormat::kTsv);
  EXPECT_EQ(tsv.substr(0, tsv.find('\n')), "id\tquestion1\tquestion2");
  EXPECT_EQ(std::count(tsv.begin(), tsv.end(), '\n'), 181);
  EXPECT_EQ(std::count(tsv.begin(), tsv.end(), '\t'), 181 * 2);
  EXPECT_NE(tsv.find("0\tनमस्ते 0\ttab here\n1\t🙂\tline end\n"), std::string::npos);
  const std::string jsonl = export_text(suite, ExportFormat::kJsonl);
  EXPECT_EQ(Json::parse(jsonl.substr(0, jsonl.find('\n'))),
            (Json{{"id", 0}, {"question1", "नमस्ते 0"}, {"question2", "tab\there"}}));
  EXPECT_THROW(export_text(suite, ExportFormat::kLines), InputError);

  Suite nested{"n", "", {"a/b", "a/c"}, {}, {}};
  nested.tests.resize(1);
  nested.tests[0].cases.num_fields = 2;
  nested.tests[0].cases.add({{"1", "2"}});
  EXPECT_EQ(Json::parse(export_text(nested, ExportFormat::kJsonl)),
            (Json{{"id", 0}, {"a", {{"b", "1"}, {"c", "2"}}}}));
  nested.fields = {"0", "1"};
  EXPECT_EQ(Json::parse(export_text(nested, ExportFormat::kJsonl)), (Json{{"id", 0}, {"input", {"1", "2"}}}));
  nested.fields = {"a", "a/b"};
  EXPECT_THROW(export_text(nested, ExportFormat::kJsonl), InputError);
  nested.fields = {"passage", "question"};
  nested.tests[0].cases.labels = {{.text = "1"}};
  const Json squad = Json::parse(export_text(nested, ExportFormat::kSquad));
  const Json& paragraph = squad["data"][0]["paragraphs"][0];
  EXPECT_EQ(paragraph["context"], "1");
  EXPECT_EQ(paragraph["qas"][0]["question"], "2");
  EXPECT_EQ(paragraph["qas"][0]["answers"][0], (Json{{"text", "1"}, {"answer_start", 0}}));
}

TEST(ChecklistCorpus, ReadsLinesTablesAndJson) {
  core::TemporaryDirectory directory;
  const auto write = [&](const std::string& name, const std::string& text) {
    core::write_file(directory.path() / name, text);
    return directory.path() / name;
  };
  EXPECT_EQ(read_corpus(write("a.txt", "one\r\ntwo\n\n"), {"text"}).examples,
            (std::vector<Example>{{"one"}, {"two"}}));
  const Corpus csv = read_corpus(write("a.csv", "label,q2,q1\nx,2,1\n"), {"q1", "q2"});
  EXPECT_EQ(csv.examples, (std::vector<Example>{{"1", "2"}}));
  EXPECT_EQ(csv.labels, std::vector<std::string>{"x"});
  EXPECT_EQ(read_corpus(write("a.jsonl", "{\"text\": \"x\", \"label\": 1}\n"), {"text"}).labels,
            std::vector<std::string>{"1"});
  EXPECT_NE(message_of<InputError>([&] {
              read_corpus(write("b.jsonl", "{\"text\": \"x\"}\n{\"txt\": 1}\n"), {"text"});
            }).find("b.jsonl:2: there is no key 'text'"),
            std::string::npos);
  EXPECT_THROW(read_corpus(write("b.csv", "x\n1\n"), {"text"}), InputError);
  EXPECT_THROW(read_corpus(write("b.txt", "\n"), {"text"}), InputError);
  EXPECT_THROW(read_corpus(write("b.dat", "x\n"), {"text"}), InputError);
}

}  // namespace
}  // namespace lathe::evaluate::checklist
