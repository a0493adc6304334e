// A suite of behavioural tests as a part of a pipeline, and what happens when it fails.
#include "tests/cli/workspace.h"

namespace lathe::cli::testing {
namespace {

constexpr const char* kPipeline = R"(name = "reviews"

[data]
source = "reviews:?count=1500"

[model]
kind = "bag-of-words"

[optim]
kind = "adamw"
lr = 0.02

[train]
epochs = 3
batch_size = 32

[compile]
enabled = false

[evaluate.checklist]
cases_per_test = 40
)";

// Whether a model tells good from bad, and a test that no bag of words passes.
constexpr const char* kSuite = R"(
classes = ["negative", "neutral", "positive"]
[[tests]]
name = "plain words"
capability = "Vocabulary"
type = "MFT"
template = "The {air_noun} was {good}."
lexicons = {good = ["good", "great", "excellent", "wonderful"]}
labels = "positive"
[[tests]]
name = "negated words"
capability = "Negation"
type = "MFT"
template = "I do not think that the {air_noun} was {good}."
lexicons = {good = ["good", "great", "excellent", "wonderful"]}
labels = "negative"
)";

class Gates : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    work_ = new Workspace;
    work_->write("suite.toml", kSuite);
  }
  static void TearDownTestSuite() { delete work_; }
  static core::ProcessResult run(const std::string& gates) {
    work_->write("reviews.toml", std::string(kPipeline) + gates);
    return work_->lathe({"run", "reviews.toml", "--threads", "1", "--quiet"});
  }
  static Workspace* work_;
};
Workspace* Gates::work_ = nullptr;

TEST_F(Gates, EndTheRunWithExitCode3AndAreInTheReport) {
  const std::string strict = "suite = \"suite.toml\"\nfail_above = 0.2\n";
  const auto result = run(strict);
  ASSERT_TRUE(failed_with(result, 3,
                          {"1 of 2 tests fail more often than allowed", "'negated words' 100.0 % > 20.0 %",
                           "I do not think that the"}));
  const std::string page = core::read_file(*work_ / "reviews.bundle" / "report.html");
  for (const char* text :
       {"Behavioural tests", "Negation: negated words", "I do not think that the", "beyond its limit"})
    EXPECT_NE(page.find(text), std::string::npos) << text;
  for (const char* file : {"report.html", "results.json", "junit.xml"})
    EXPECT_TRUE(fs::exists(*work_ / "reviews.bundle" / "evaluate" / "checklist" / file)) << file;

  // The bundle is whole, and nothing is done again; the gate is still exceeded.
  const auto before = contents(*work_ / "reviews.bundle");
  EXPECT_EQ(run(strict).exit_code, 3);
  EXPECT_TRUE(differences(before, contents(*work_ / "reviews.bundle")).empty());

  // A gate of its own for what the model is known not to do.
  EXPECT_TRUE(succeeded(run(strict + "gates = {Negation = 1.0}\n")));
  // Another suite under the same name is run.
  work_->write("suite.toml", std::string(kSuite) + "description = \"and more\"\n");
  EXPECT_TRUE(succeeded(run(strict + "gates = {Negation = 1.0}\n")));
  const std::string results =
      core::read_file(*work_ / "reviews.bundle" / "evaluate" / "checklist" / "results.json");
  EXPECT_NE(results.find("and more"), std::string::npos);
}

TEST_F(Gates, AreRefusedBeforeAnythingIsTrainedWhereTheyCannotBe) {
  EXPECT_TRUE(failed_with(run("suite = \"sentimental\"\n"), 2,
                          {"there is no suite 'sentimental'", "did you mean sentiment?"}));
  EXPECT_TRUE(failed_with(run("suite = \"questions\"\n"), 2, {"of 2 texts", "the model's are of 1"}));
  EXPECT_TRUE(failed_with(run("suite = \"suite.toml\"\ngates = {Negations = 0.5}\n"), 2,
                          {"'Negations'", "did you mean 'Negation'?"}));
  EXPECT_TRUE(failed_with(run("suite = \"suite.toml\"\nfail_above = 2\n"), 2,
                          {"evaluate.checklist.fail_above", "[0, 1]"}));
  work_->write("table.csv", table_text());
  work_->write(
      "reviews.toml",
      "[data]\nsource = \"csv:table.csv?target=species\"\n[evaluate.checklist]\nsuite = \"sentiment\"\n");
  EXPECT_TRUE(failed_with(
      work_->lathe({"run", "reviews.toml", "--bundle", "table.bundle", "--threads", "1", "--quiet"}), 2,
      {"the model takes no texts"}));
  EXPECT_FALSE(fs::exists(*work_ / "table.bundle" / "model.pt"));
}

}  // namespace
}  // namespace lathe::cli::testing
