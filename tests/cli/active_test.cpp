// Active tests: of a pool in a file, that a person labels over days, and of a bundle.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "tests/cli/workspace.h"

namespace lathe::cli::testing {
namespace {

using Json = nlohmann::json;

class Active : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    work_ = new Workspace;
    write_idx_data(*work_ / "idx");
    std::string text = pipeline_text("bands", "idx:idx");
    text.replace(text.find("dropout = 0.1"), 13, "dropout = 0.5");
    work_->write("bands.toml", text + "\n[evaluate.active]\nbudget = 30\nstart = 5\n");
    ASSERT_TRUE(succeeded(work_->lathe({"run", "bands.toml", "--threads", "1", "--quiet"})));
    std::string pool = "id,score,prediction\n";
    for (int i = 0; i < 40; ++i) pool += fmt::format("p{},{},{}\n", i, 1 + i % 5, i % 3 ? "yes" : "no");
    work_->write("pool.csv", pool);
  }
  static void TearDownTestSuite() { delete work_; }
  static core::ProcessResult active(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"evaluate", "active"});
    arguments.insert(arguments.end(), {"--threads", "1", "--quiet"});
    return work_->lathe(arguments);
  }
  static std::vector<std::string> ids(const core::ProcessResult& result) {
    std::vector<std::string> ids;
    const Json tables = parse_json(result);
    for (const Json& row : tables.at("ids")) ids.push_back(row.at("id"));
    return ids;
  }
  static Workspace* work_;
};
Workspace* Active::work_ = nullptr;

TEST_F(Active, OfAFileIsLabelledOverDays) {
  const auto next = [](const std::string& state, const std::string& batch) {
    return ids(active({"next", "pool.csv", "--state", state, "--start", "2", "--budget", "12", "--batch",
                       batch, "--output", "ask.csv", "--json"}));
  };
  std::vector<std::string> all;
  for (int day = 0; day < 3; ++day) {
    const auto asked = next("days.jsonl", "4");
    ASSERT_EQ(asked.size(), 4u);
    EXPECT_EQ(next("days.jsonl", "4"), asked);  // the same until there are answers
    all.insert(all.end(), asked.begin(), asked.end());
    std::string form = core::read_file(*work_ / "ask.csv");
    EXPECT_EQ(form.rfind("id,label\n", 0), 0u);
    for (size_t at = form.find("\"\""); at != std::string::npos; at = form.find("\"\""))
      form.replace(at, 2, "yes");
    work_->write("answers.csv", form);
    EXPECT_EQ(parse_json(active({"answer", "days.jsonl", "answers.csv", "--json"}))
                  .at("answers")[0]
                  .at("new answers"),
              4);
  }
  EXPECT_TRUE(next("days.jsonl", "4").empty());  // the budget is spent
  EXPECT_EQ(next("at-once.jsonl", "12"), all);
  const Json report =
      parse_json(active({"weights", "days.jsonl", "--output", "page.html", "--weights", "w.csv", "--json"}));
  EXPECT_EQ(report.at("num_used"), 12);
  // Two of three predictions are "yes", the label of all.
  double right = 0, weight = 0;
  for (const Json& row : report.at("weights")) {
    weight += row.at("weight").get<double>();
    right += row.at("weight").get<double>() * (1 - row.at("loss").get<double>());
  }
  EXPECT_NEAR(report.at("estimates")[0].at("value").get<double>(), 1 - (weight - right) / 12, 1e-9);
  EXPECT_NE(core::read_file(*work_ / "page.html").find("Estimated accuracy by labels"), std::string::npos);
  EXPECT_EQ(core::read_file(*work_ / "w.csv").rfind("step,id,q,score,weight", 0), 0u);
}

TEST_F(Active, OfABundleComesCloseToTheTruth) {
  const Json report = parse_json(
      active({"run", "bands.bundle", "--budget", "40", "--start", "5", "--json", "--output", "run.html"}));
  EXPECT_EQ(report.at("num_pool"), 60);
  const Json& accuracy = report.at("estimates")[0];
  EXPECT_EQ(accuracy.at("metric"), "accuracy");
  EXPECT_NEAR(accuracy.at("value").get<double>(), accuracy.at("truth").get<double>(),
              4 * accuracy.at("standard_error").get<double>() + 0.05);
  // All labels: exactly the truth, which is the bundle's own accuracy.
  const Json all =
      parse_json(active({"run", "bands.bundle", "--budget", "60", "--acquisition", "bald", "--json"}));
  const Json metrics = Json::parse(core::read_file(*work_ / "bands.bundle" / "metrics.json"));
  for (const Json& m : metrics)
    if (m.at("name") == "accuracy" && m.at("split") == "test")
      EXPECT_NEAR(all.at("estimates")[0].at("value").get<double>(), m.at("value").get<double>(), 1e-9);
}

TEST_F(Active, IsAPartOfAPipeline) {
  const Json metrics = Json::parse(core::read_file(*work_ / "bands.bundle" / "metrics.json"));
  std::map<std::string, double> values;
  for (const Json& m : metrics)
    if (m.at("split") == "test") values[m.at("name").get<std::string>()] = m.at("value");
  ASSERT_EQ(values.count("active_accuracy"), 1u);
  EXPECT_LE(values.at("active_accuracy_low"), values.at("active_accuracy"));
  EXPECT_GE(values.at("active_accuracy_high"), values.at("active_accuracy"));
  const Json report =
      Json::parse(core::read_file(*work_ / "bands.bundle" / "evaluate" / "active" / "report.json"));
  EXPECT_EQ(report.at("num_used"), 30);
  EXPECT_NEAR(report.at("estimates")[0].at("truth").get<double>(), values.at("accuracy"), 1e-9);
  const std::string page = core::read_file(*work_ / "bands.bundle" / "report.html");
  EXPECT_NE(page.find("Active test"), std::string::npos);
  const std::string resolved = core::read_file(*work_ / "bands.bundle" / "pipeline.toml");
  EXPECT_NE(resolved.find("acquisition = \"rms-loss\""), std::string::npos);
}

TEST_F(Active, DiagnosesTraining) {
  const Json report =
      parse_json(active({"diagnose", "bands.bundle", "--repeats", "2", "--pool", "60", "--budget", "12",
                         "--start", "6", "--batch", "3", "--steps", "20", "--json"}));
  EXPECT_EQ(report.at("runs").size(), 2u);
  double overfitting = 0;
  for (const Json& run : report.at("runs")) overfitting += run.at("overfitting").get<double>() / 2;
  EXPECT_NEAR(report.at("biases")[0].at("mean").get<double>(), overfitting, 1e-9);
  EXPECT_EQ(report.at("advice")[1].at("weights"), "lure");
}

TEST_F(Active, NextOfABundleAsksForTestExamples) {
  const auto first =
      ids(active({"next", "bands.bundle", "--state", "bundle.jsonl", "--batch", "3", "--json"}));
  ASSERT_EQ(first.size(), 3u);
  for (const std::string& id : first) EXPECT_LT(std::stoi(id), 60);
  work_->write("wrong.csv", "id,label\n" + first[0] + ",seven\n");
  EXPECT_TRUE(failed_with(active({"answer", "bundle.jsonl", "wrong.csv"}), 2,
                          {"wrong.csv:2: step 1, id '" + first[0] + "': label 'seven' is none of the"}));
  work_->write("right.csv", "id,label\n" + first[0] + ",1\n");
  EXPECT_TRUE(succeeded(active({"answer", "bundle.jsonl", "right.csv"})));
}

TEST_F(Active, BadInputIsOneLine) {
  work_->write("negative.csv", "id,score\na,1\nb,-2\n");
  EXPECT_TRUE(
      failed_with(active({"next", "negative.csv", "--state", "x.jsonl"}), 2, {"negative.csv:3", "id 'b'"}));
  work_->write("zeros.csv", "id,score\na,0\nb,0\n");
  EXPECT_TRUE(failed_with(active({"next", "zeros.csv", "--state", "x.jsonl"}), 2, {"all 2 scores are 0"}));
  EXPECT_FALSE(fs::exists(*work_ / "x.jsonl"));
  EXPECT_TRUE(succeeded(active({"next", "zeros.csv", "--state", "zeros.jsonl", "--uniform-if-zero"})));
  EXPECT_TRUE(failed_with(active({"next", "pool.csv", "--state", "x.jsonl", "--proposal", "greedy"}), 2,
                          {"other points had probability 0"}));
  EXPECT_TRUE(failed_with(active({"next", "pool.csv", "--state", "x.jsonl", "--proposal", "gredy"}), 2,
                          {"did you mean 'greedy'?"}));
  EXPECT_TRUE(failed_with(active({"next", "pool.csv", "--state", "x.jsonl", "--acquisition", "entropy"}), 2,
                          {"--logits or --probabilities"}));
  EXPECT_TRUE(succeeded(active({"next", "pool.csv", "--state", "y.jsonl", "--start", "0", "--batch", "2"})));
  work_->write("more.csv", core::read_file(*work_ / "pool.csv") + "p40,1,yes\n");
  EXPECT_TRUE(
      failed_with(active({"next", "more.csv", "--state", "y.jsonl"}), 2, {"40 points, the pool has 41"}));
  work_->write("stranger.csv", "id,label\nzed,yes\n");
  EXPECT_TRUE(
      failed_with(active({"answer", "y.jsonl", "stranger.csv"}), 2, {"stranger.csv:2", "never asked for"}));
  EXPECT_TRUE(failed_with(active({"weights", "nothing.jsonl"}), 2, {"nothing.jsonl"}));
  std::ofstream(*work_ / "y.jsonl", std::ios::app) << "garbage\n";
  EXPECT_TRUE(failed_with(active({"weights", "y.jsonl"}), 2, {"y.jsonl:4"}));
  work_->write("bad.toml", pipeline_text("bad", "idx:idx") + "\n[evaluate.active]\nproposal = \"greedy\"\n");
  EXPECT_TRUE(failed_with(work_->lathe({"run", "bad.toml", "--quiet"}), 2,
                          {"evaluate.active.proposal", "other points had probability 0", "bad.toml:"}));
}

TEST_F(Active, AdviseShowsFloors) {
  const Json floors =
      parse_json(active({"next", "pool.csv", "--advise", "--state", "none.jsonl", "--json"})).at("floors");
  EXPECT_EQ(floors.size(), 7u);
  EXPECT_FALSE(fs::exists(*work_ / "none.jsonl"));
}

}  // namespace
}  // namespace lathe::cli::testing
