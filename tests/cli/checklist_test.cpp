// Behavioural tests from the command line: suites, models that are commands and files, gates, pages,
// differences.
#include <fstream>
#include <sstream>

#include "tests/cli/workspace.h"

namespace lathe::cli::testing {
namespace {

using Json = nlohmann::json;

constexpr const char* kSuite = R"toml(
name = "small"
classes = ["negative", "positive"]
[lexicons]
thing = ["food", "room", "bar"]
[[tests]]
name = "plain"
capability = "Vocabulary"
type = "MFT"
templates = ["The {thing} is good.", "The {thing} is bad."]
labels = ["positive", "negative"]
[[tests]]
name = "negation"
capability = "Negation"
type = "MFT"
template = "The {thing} is not good."
labels = "negative"
[[tests]]
name = "no number"
capability = "Robustness"
type = "INV"
texts = ["none here"]
perturb = "change_numbers"
)toml";

// Positive where "good" stands.
constexpr const char* kModel = "sed 's/.*good.*/positive/; s/^[^p].*/negative/'";

class Checklist : public ::testing::Test {
 protected:
  void SetUp() override { work_.write("small.toml", kSuite); }
  core::ProcessResult checklist(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"evaluate", "checklist"});
    return work_.lathe(arguments);
  }
  Workspace work_;
};

TEST_F(Checklist, RunsACommandAndItsPredictionsFile) {
  const auto command =
      checklist({"run", "--suite", "small.toml", "--command", kModel, "--out", "results.json", "--json"});
  ASSERT_TRUE(succeeded(command));
  EXPECT_NE(command.errors.find("warning: the test 'no number' is not run"), std::string::npos);
  const Json tests = parse_json(command).at("tests");
  EXPECT_EQ(tests[0].at("failed"), 0);
  EXPECT_EQ(tests[1].at("failure_rate"), "not run");
  EXPECT_EQ(tests[2].at("failed"), 3);  // rows in the order of the matrix

  ASSERT_TRUE(succeeded(checklist({"expand", "small.toml", "-o", "small.json", "--n", "2"})));
  ASSERT_TRUE(succeeded(checklist({"export", "small.json", "--format", "lines", "-o", "texts.txt"})));
  ASSERT_TRUE(succeeded(work_.shell(std::string(kModel) + " < texts.txt > predictions.txt")));
  const auto file = checklist({"run", "--suite", "small.json", "--preds", "predictions.txt", "--json"});
  ASSERT_TRUE(succeeded(file));
  EXPECT_EQ(parse_json(file).at("tests")[0].at("cases"), 2);
  EXPECT_EQ(parse_json(file).at("tests")[2].at("failed"), 2);
}

TEST_F(Checklist, GatesExitWithThreeAndLeaveTheFiles) {
  const auto run = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"run",     "--suite", "small.toml", "--command", kModel,
                                          "--tests", "plain",   "--tests",    "neg*"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return checklist(arguments);
  };
  EXPECT_TRUE(succeeded(run({"--fail-above", "0.5", "--gate", "Negation=1"})));
  EXPECT_TRUE(
      failed_with(run({"--fail-above", "0.2", "--html", "page.html", "--junit", "out.xml", "--out",
                       "results.json", "--failures", "more.csv"}),
                  3,
                  {"1 of 2 tests", "'negation' 100.0 % > 20.0 %", "\"The food is not good.\" → positive",
                   "\"The room is not good.\"", "\"The bar is not good.\""}));
  EXPECT_NE(core::read_file(work_ / "page.html").find("The food is not good."), std::string::npos);
  EXPECT_NE(core::read_file(work_ / "out.xml").find("failures=\"1\""), std::string::npos);
  EXPECT_NE(core::read_file(work_ / "more.csv").find("The bar is not good.,negative"), std::string::npos);
  EXPECT_TRUE(
      failed_with(checklist({"report", "results.json", "--gate", "Negation=0.1"}), 3, {"100.0 % > 10.0 %"}));
  EXPECT_TRUE(succeeded(checklist({"report", "results.json", "--gate", "Vocabulary=0.1"})));
}

TEST_F(Checklist, FindsTheDifferenceOfTwoModels) {
  ASSERT_TRUE(
      succeeded(checklist({"run", "--suite", "small.toml", "--command", kModel, "--out", "before.json"})));
  const std::string better = "sed 's/.*not good.*/negative/; s/.*good.*/positive/; s/^[^np].*/negative/'";
  ASSERT_TRUE(
      succeeded(checklist({"run", "--suite", "small.toml", "--command", better, "--out", "after.json"})));
  const auto diff = checklist({"diff", "before.json", "after.json", "--json"});
  ASSERT_TRUE(succeeded(diff));
  EXPECT_EQ(parse_json(diff).at("tests")[1].at("fixed"), 3);
  EXPECT_EQ(parse_json(diff).at("tests")[1].at("p"), 0.25);
  const auto minimal =
      checklist({"run", "--suite", "small.toml", "--command", kModel, "--minimal", "1", "--json"});
  ASSERT_TRUE(succeeded(minimal));
  EXPECT_EQ(parse_json(minimal).at("minimal")[0].at("still fails"), "good.");
}

TEST_F(Checklist, ExamplesWorkAsPrinted) {
  for (const std::string method : {"new", "matrix", "expand", "export", "run", "report", "diff", "suggest"}) {
    const auto help = work_.lathe({"evaluate", "checklist", method, "--help"});
    ASSERT_TRUE(succeeded(help));
    const std::string heading = "Example:\n  ";
    const size_t begin = help.output.find(heading) + heading.size();
    const std::string command = help.output.substr(begin, help.output.find('\n', begin) - begin);
    EXPECT_NE(command.find("lathe evaluate checklist " + method), std::string::npos) << help.output;
    if (method == "diff")
      ASSERT_TRUE(succeeded(work_.shell("cp results.json before.json; cp results.json after.json")));
    EXPECT_TRUE(succeeded(work_.shell(command))) << command;
  }
  // What `new` wrote expands.
  EXPECT_TRUE(succeeded(checklist({"expand", "mine.toml"})));
}

TEST_F(Checklist, MistakesAreNamed) {
  work_.write("predictions.txt", "positive\n");
  work_.write("broken.json", "{\"schema\": \"lathe-checklist/9\"}");
  EXPECT_TRUE(failed_with(checklist({"run", "--suite", "sentimnt", "--command", "cat"}), 2,
                          {"did you mean sentiment?"}));
  EXPECT_TRUE(failed_with(checklist({"run", "--suite", "small.toml"}), 2,
                          {"one of --preds, --command, --url and --model"}));
  EXPECT_TRUE(failed_with(checklist({"run", "--suite", "broken.json", "--command", "cat"}), 2,
                          {"this program reads lathe-checklist/1"}));
  EXPECT_TRUE(failed_with(
      checklist({"run", "--suite", "small.toml", "--tests", "plain", "--preds", "predictions.txt"}), 2,
      {"predictions.txt:1", "the suite has 6 examples"}));
  EXPECT_TRUE(failed_with(checklist({"run", "--suite", "small.toml", "--tests", "plain", "--preds",
                                     "predictions.txt", "--format", "softmx"}),
                          2, {"did you mean softmax?"}));
  EXPECT_TRUE(failed_with(
      checklist({"run", "--suite", "small.toml", "--tests", "plain", "--command", "echo sorry >&2; exit 4"}),
      1, {"ended with exit code 4: sorry"}));
  EXPECT_TRUE(failed_with(checklist({"report", "small.toml"}), 2, {"small.toml"}));
  EXPECT_TRUE(failed_with(checklist({"new", "small.toml"}), 2, {"is there already"}));
}

}  // namespace
}  // namespace lathe::cli::testing
