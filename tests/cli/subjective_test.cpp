// Evaluation where labels are opinions: from the first question to the page.
#include <fmt/format.h>

#include <fstream>

#include "lathe/data/csv.h"
#include "lathe/data/opinions.h"
#include "tests/cli/workspace.h"

namespace lathe::cli::testing {
namespace {

using Json = nlohmann::json;

constexpr const char* kSpecification = R"(title = "Toxicity"
[use]
unit_of_service = { value = "group", rationale = "readers differ" }
[users]
attributes = { value = ["group"], rationale = "a survey" }
shares = { value = { group = { g0 = 0.6, g1 = 0.25, g2 = 0.15 } }, rationale = "the same survey" }
min_group_size = { value = 5, rationale = "privacy" }
[property]
classes = { value = ["no", "yes"], rationale = "the form" }
[samples]
strata = { value = ["ambiguity"], rationale = "errors are there" }
shares = { value = { ambiguity = { low = 0.34, medium = 0.33, high = 0.33 } }, rationale = "a log" }
[annotators]
match_tolerance = { value = 0.1, rationale = "as polls do" }
repeat_rate = { value = 0.1, rationale = "self-consistency" }
quality_control = { value = ["time"], rationale = "no minority is lost" }
[acceptance]
metric = { value = "accuracy", rationale = "simple" }
minimum = { value = 0.6, rationale = "a pilot" }
tolerated_gap = { value = 0.1, rationale = "agreed" }
confidence = { value = 0.95, rationale = "usual" }
power = { value = 0.8, rationale = "usual" }
expected_accuracy = { value = 0.8, rationale = "a pilot" }
detectable_gap = { value = 0.1, rationale = "agreed" }
)";

class Subjective : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    work_ = new Workspace;
    const data::Annotations a = data::generate_opinions({.num_items = 150,
                                                         .num_annotators = 40,
                                                         .annotations_per_item = 6,
                                                         .num_features = 4,
                                                         .repeat_rate = 0.1},
                                                        core::Seed(1))
                                    .annotations;
    data::write_annotations(a, *work_ / "opinions");
    std::ofstream(*work_ / "toxicity.toml") << kSpecification;
    // Right for everybody but the last group, which hears the opposite; and one answer for all, some missing.
    const data::Attribute& group = data::find_attribute(a.annotator_attributes, "group");
    std::ofstream unfair(*work_ / "unfair.csv"), one(*work_ / "one.csv");
    unfair << "item,annotator,label\n";
    one << "item,prob_no,prob_yes\n";
    for (size_t row = 0; row < a.item.size(); ++row) {
      if (row > 0 && a.item[row] == a.item[row - 1] && a.annotator[row] == a.annotator[row - 1]) continue;
      const auto person = static_cast<size_t>(a.annotator[row]);
      const int32_t label = group.codes[person] == 2 ? 1 - a.label[row] : a.label[row];
      unfair << a.items[static_cast<size_t>(a.item[row])] << "," << a.annotators[person] << ","
             << a.scale.classes[static_cast<size_t>(label)] << "\n";
    }
    for (size_t i = 0; i + 10 < a.items.size(); ++i) one << a.items[i] << ",0.5,0.5\n";
  }
  static void TearDownTestSuite() { delete work_; }
  static core::ProcessResult subjective(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"evaluate", "subjective"});
    arguments.insert(arguments.end(), {"--threads", "1", "--quiet"});
    return work_->lathe(arguments);
  }
  static Workspace* work_;
};
Workspace* Subjective::work_ = nullptr;

TEST_F(Subjective, BeginsWithQuestions) {
  ASSERT_TRUE(succeeded(subjective({"init", "new.toml", "--title", "Toxicity"})));
  EXPECT_TRUE(failed_with(subjective({"init", "new.toml"}), 2, {"new.toml is there already"}));
  EXPECT_TRUE(failed_with(subjective({"init", "new.txt"}), 2, {".toml file, got new.txt"}));
  const Json checked = parse_json(subjective({"check", "new.toml", "--json"}));
  for (const Json& check : checked.at("checks")) EXPECT_EQ(check.at("status"), "unknown");
  EXPECT_TRUE(succeeded(subjective({"check", "new.toml", "--gate"})));  // nothing is violated
}

TEST_F(Subjective, ChecksWhatThereIs) {
  const Json checked =
      parse_json(subjective({"check", "toxicity.toml", "--annotations", "opinions", "--json"}));
  const auto status = [&](const std::string& field, const std::string& what) {
    for (const Json& check : checked.at("checks"))
      if (check.at("field") == field && check.at("check").get<std::string>().find(what) == 0)
        return check.at("status").get<std::string>();
    return std::string("missing");
  };
  EXPECT_EQ(status("annotators.match_tolerance", "annotators are as"), "ok");
  EXPECT_EQ(status("annotators.repeat_rate", "asked twice"), "ok");
  EXPECT_EQ(status("samples.strata", "every group"), "ok");
  EXPECT_EQ(status("ethics.consent", "stated"), "unknown");

  EXPECT_TRUE(succeeded(work_->shell("sed 's/\"time\"/\"agreement\"/' toxicity.toml > punishing.toml")));
  EXPECT_TRUE(failed_with(subjective({"check", "punishing.toml", "--gate"}), 3, {"1 checks are violated"}));
  EXPECT_TRUE(succeeded(work_->shell("sed 's/g2 = 0.15/g2 = 0.25/' toxicity.toml > shares.toml")));
  EXPECT_TRUE(failed_with(subjective({"check", "shares.toml"}), 2,
                          {"users.shares.value.group must sum to 1, got 1.1", "shares.toml:6"}));
}

TEST_F(Subjective, DesignsAStudy) {
  const Json plan = parse_json(subjective({"design", "toxicity.toml", "--budget", "3000", "--annotations",
                                           "opinions", "--assignments", "who.csv", "--json"}));
  int64_t quotas = 0;
  for (const Json& group : plan.at("groups")) quotas += group.at("annotators of a sample").get<int64_t>();
  EXPECT_EQ(plan.at("groups").size(), 3u);
  EXPECT_GE(quotas, 3);
  const data::CsvFile who = data::read_csv(*work_ / "who.csv");
  EXPECT_EQ(who.header,
            (std::vector<std::string>{"item", "annotator", "pass", "position", "stratum", "group"}));
  for (const Json& row : plan.at("plan"))
    if (row.at("") == "annotations, repeats included")
      EXPECT_EQ(row.at("value"), static_cast<int64_t>(who.rows.size()));
  EXPECT_GT(who.rows.size(), 2900u);
  EXPECT_LE(who.rows.size(), 3000u);
  EXPECT_TRUE(failed_with(subjective({"design", "toxicity.toml", "--budget", "2"}), 2,
                          {"do not pay for one sample"}));
  EXPECT_TRUE(failed_with(subjective({"design", "toxicity.toml", "--budget", "100", "--groups", "a=x"}), 2,
                          {"NAME=ANNOTATORS, got a=x"}));
}

TEST_F(Subjective, TellsHowFarPeopleAgree) {
  const Json stats = parse_json(subjective({"stats", "--annotations", "opinions", "--attributes", "group",
                                            "--replicates", "50", "--before", "opinions", "--json"}));
  EXPECT_EQ(stats.at("samples"), 150);
  EXPECT_EQ(stats.at("groups").size(), 4u);
  EXPECT_LE(stats.at("groups")[0].at("alpha").at("interval")[0],
            stats.at("groups")[0].at("alpha").at("estimate"));
  for (const Json& change : stats.at("drift")) EXPECT_EQ(change.at("changed"), "no");
  const core::ProcessResult text = subjective({"stats", "--annotations", "opinions", "--attributes", "group",
                                               "--replicates", "50", "--min-group-size", "7"});
  ASSERT_TRUE(succeeded(text));
  EXPECT_NE(text.output.find("suppressed"), std::string::npos);
  EXPECT_TRUE(
      failed_with(subjective({"stats", "--annotations", "opinions", "--attributes", "grup"}), 2, {"group"}));
}

TEST_F(Subjective, PeopleWhoAreNotDescribedAreWarnedOfAndStay) {
  ASSERT_TRUE(succeeded(work_->shell("head -31 opinions/annotators.csv > thirty.csv")));
  const core::ProcessResult result =
      subjective({"stats", "--annotations", "opinions", "--annotators", "thirty.csv", "--attributes", "group",
                  "--replicates", "20", "--json"});
  EXPECT_NE(result.errors.find("10 of 40 annotators are not described (the first is 'a3"), std::string::npos)
      << result.errors;
  const Json stats = parse_json(result);
  int64_t people = 0;
  for (const Json& group : stats.at("groups"))
    if (group.at("value") == "unknown") people = group.at("annotators");
  EXPECT_EQ(people, 10);
}

TEST_F(Subjective, FindsWhomAModelServesBadly) {
  const std::vector<std::string> unfair = {"evaluate",      "toxicity.toml",   "--annotations", "opinions",
                                           "--predictions", "mine=unfair.csv", "--replicates",  "100"};
  std::vector<std::string> json = unfair;
  json.push_back("--json");
  const Json found = parse_json(subjective(json));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].at("model"), "mine");
  EXPECT_EQ(found[0].at("decision"), "violated");
  bool gap = false;
  for (const Json& verdict : found[0].at("verdicts"))
    if (verdict.at("criterion") == "gap of g2 to the others") gap = verdict.at("decision") == "violated";
  EXPECT_TRUE(gap);
  std::vector<std::string> gate = unfair;
  gate.push_back("--gate");
  const core::ProcessResult gated = subjective(gate);
  EXPECT_EQ(gated.exit_code, 3);
  EXPECT_NE(gated.errors.find("mine is not what the specification asks for: violated"), std::string::npos);
}

TEST_F(Subjective, MissingPredictionsAreNeitherWrongNorForgotten) {
  const std::vector<std::string> one = {"evaluate",      "toxicity.toml", "--annotations", "opinions",
                                        "--predictions", "one.csv",       "--replicates",  "20"};
  EXPECT_TRUE(failed_with(subjective(one), 2, {"item", "annotator", "--partial"}));
  std::vector<std::string> partial = one;
  partial.insert(partial.end(), {"--partial", "--json"});
  const core::ProcessResult result = subjective(partial);
  EXPECT_NE(result.errors.find("annotations without a prediction of one are not judged"), std::string::npos);
  const Json found = parse_json(result);
  EXPECT_EQ(found[0].at("all").at("samples"), 140);
  EXPECT_GT(found[0].at("missing"), 50);
}

TEST_F(Subjective, WritesThePageAndTheDatasheet) {
  ASSERT_TRUE(succeeded(subjective({"report", "toxicity.toml", "--annotations", "opinions", "--predictions",
                                    "unfair.csv", "--predictions", "one.csv", "--partial", "--replicates",
                                    "50", "--html", "page.html", "--datasheet", "sheet.md"})));
  const std::string page = core::read_file(*work_ / "page.html"),
                    sheet = core::read_file(*work_ / "sheet.md");
  for (const char* text : {"Whose opinion do these models serve?", "Who is served badly?", "Who is excluded?",
                           "How far do people agree?", "not decidable", "violated"})
    EXPECT_NE(page.find(text), std::string::npos) << text;
  EXPECT_NE(sheet.find("# Datasheet: Toxicity"), std::string::npos);
  EXPECT_TRUE(failed_with(subjective({"report", "toxicity.toml", "--annotations", "opinions"}), 2,
                          {"--html PAGE.html"}));
}

}  // namespace
}  // namespace lathe::cli::testing
