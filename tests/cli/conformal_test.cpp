// Prediction sets: as a part of a pipeline, of logits from anywhere, and of new inputs.
#include <torch/torch.h>

#include "lathe/data/inputs.h"
#include "lathe/data/npy.h"
#include "tests/cli/workspace.h"

namespace lathe::cli::testing {
namespace {

using Json = nlohmann::json;

double metric(const Json& metrics, const std::string& name, const std::string& split) {
  for (const Json& m : metrics)
    if (m.at("name") == name && m.at("split") == split) return m.at("value");
  ADD_FAILURE() << "no " << split << " " << name << " in " << metrics.dump();
  return -1;
}

std::string sets_pipeline(const std::string& more = "") {
  std::string text = pipeline_text("bands", "idx:idx");
  text.insert(text.find("\n\n[model]"), "\nholdout = 120\nlabel_noise = 0.3");
  return text + "calibration = \"temperature\"\n\n[evaluate.conformal]\nalpha = 0.1\n" + more;
}

class Conformal : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    work_ = new Workspace;
    write_idx_data(*work_ / "idx");
    work_->write("bands.toml", sets_pipeline());
    ASSERT_TRUE(succeeded(work_->lathe({"run", "bands.toml", "--threads", "1", "--quiet"})));
  }
  static void TearDownTestSuite() { delete work_; }
  static core::ProcessResult conformal(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"evaluate", "conformal"});
    arguments.insert(arguments.end(), {"--threads", "1", "--quiet"});
    return work_->lathe(arguments);
  }
  static Workspace* work_;
};
Workspace* Conformal::work_ = nullptr;

TEST_F(Conformal, OfAPipelineCoverAsPromised) {
  const Json metrics = Json::parse(core::read_file(*work_ / "bands.bundle" / "metrics.json"));
  EXPECT_GE(metric(metrics, "coverage", "test"), metric(metrics, "coverage_band_low", "test"));
  EXPECT_LE(metric(metrics, "coverage", "test"), metric(metrics, "coverage_band_high", "test"));
  EXPECT_GT(metric(metrics, "mean_set_size", "test"), 0.5);
  EXPECT_GT(metric(metrics, "mean_set_size_aps", "test"), 0.5);
  EXPECT_GT(metric(metrics, "mean_set_size_naive", "test"), 0.5);
  const Json fitted = Json::parse(core::read_file(*work_ / "bands.bundle" / "evaluate" / "conformal.json"));
  EXPECT_EQ(fitted.at("n"), 84);  // 70 % of 120
  EXPECT_EQ(fitted.at("temperature"), 1);
  const std::string page = core::read_file(*work_ / "bands.bundle" / "report.html");
  for (const char* text : {"Calibration and prediction sets", "Reliability", "84 calibration examples",
                           "Test examples by set size", "Small sets", "Large sets"})
    EXPECT_NE(page.find(text), std::string::npos) << text;
}

// The saved model's logits are the scaled ones: with T from the metrics taken out, the test ECE is the one
// before.
TEST_F(Conformal, TheModelKeepsItsTemperature) {
  const Json metrics = Json::parse(core::read_file(*work_ / "bands.bundle" / "metrics.json"));
  const double temperature = metric(metrics, "temperature", "");
  EXPECT_GT(std::abs(temperature - 1), 1e-3);
  ASSERT_TRUE(succeeded(work_->lathe({"run", "bands.toml", "--bundle", "raw.bundle", "--threads", "1",
                                      "--quiet", "--set", "train.calibration=none"})));
  const torch::Tensor raw = data::read_npy(*work_ / "raw.bundle" / "evaluate" / "test_logits.npy");
  const torch::Tensor scaled = data::read_npy(*work_ / "bands.bundle" / "evaluate" / "test_logits.npy");
  EXPECT_TRUE(torch::allclose(raw / temperature, scaled, 1e-4, 1e-5));
  EXPECT_NEAR(metric(metrics, "ece_uncalibrated", "test"),
              metric(Json::parse(core::read_file(*work_ / "raw.bundle" / "metrics.json")), "ece", "test"),
              1e-6);
}

TEST_F(Conformal, PredictShowsSets) {
  std::vector<std::string> arguments = {"predict", "bands.bundle", "--sets", "--json"};
  for (int64_t i = 0; i < 30; ++i) {
    const std::string name = "image" + std::to_string(i) + ".png";
    core::write_file(*work_ / name, data::encode_png(image_of_class(i % 3, 1000 + static_cast<uint64_t>(i))));
    arguments.push_back(name);
  }
  int64_t covered = 0;
  const Json predictions = parse_json(work_->lathe(arguments));
  ASSERT_EQ(predictions.size(), 30u);
  const auto classes =
      Json::parse(core::read_file(*work_ / "bands.bundle" / "data.json")).at("schema").at("classes");
  for (size_t i = 0; i < predictions.size(); ++i)
    for (const Json& label : predictions[i].at("set")) covered += label == classes[i % 3];
  EXPECT_GE(covered, 22);  // of 30 at 90 %: P(22 or fewer) < 0.01
  EXPECT_FALSE(
      parse_json(work_->lathe({"predict", "bands.bundle", "image0.png", "--json"}))[0].contains("set"));
  const auto table = work_->lathe({"predict", "bands.bundle", "image0.png", "--sets"});
  EXPECT_NE(table.output.find("holds the true class with a probability of 90 %"), std::string::npos);

  work_->write("plain.toml", pipeline_text("plain", "idx:idx"));
  ASSERT_TRUE(succeeded(work_->lathe({"train", "plain.toml", "--threads", "1", "--quiet"})));
  EXPECT_TRUE(failed_with(work_->lathe({"predict", "plain.bundle", "image0.png", "--sets"}), 2,
                          {"plain.bundle", "[evaluate.conformal]"}));
  fs::create_directories(*work_ / "plain.bundle" / "evaluate");
  core::write_file(*work_ / "plain.bundle" / "evaluate" / "conformal.json", "{\"format\": 3}");
  EXPECT_TRUE(
      failed_with(work_->lathe({"predict", "plain.bundle", "image0.png", "--sets"}), 2, {"conformal.json"}));
}

TEST_F(Conformal, OfLogitsFromAnywhere) {
  const std::string logits = "bands.bundle/evaluate/test_logits.npy",
                    labels = "bands.bundle/evaluate/test_labels.npy";
  const Json fitted =
      parse_json(conformal({logits, "--labels", labels, "--alpha", "0.2", "-o", "sets.json", "--json"}));
  EXPECT_EQ(fitted.at("report").at("num_examples"), 30);
  EXPECT_EQ(Json::parse(core::read_file(*work_ / "sets.json")).at("alpha"), 0.2);
  ASSERT_TRUE(succeeded(conformal({logits, "--fitted", "sets.json", "-o", "sets.jsonl"})));
  const std::string lines = core::read_file(*work_ / "sets.jsonl");
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 60);
  const Json applied = parse_json(conformal({logits, "--labels", labels, "--fitted", "sets.json", "--json"}));
  EXPECT_EQ(applied.at("report").at("num_examples"), 60);
}

TEST_F(Conformal, SaysWhatIsWrong) {
  const std::string logits = "bands.bundle/evaluate/test_logits.npy",
                    labels = "bands.bundle/evaluate/test_labels.npy";
  EXPECT_TRUE(failed_with(conformal({logits}), 2, {"no labels", "--labels"}));
  EXPECT_TRUE(failed_with(conformal({logits, "--labels", labels, "--alpha", "1.5"}), 2, {"alpha", "1.5"}));
  EXPECT_TRUE(
      failed_with(conformal({logits, "--labels", labels, "--method", "rasp"}), 2, {"method", "raps"}));
  EXPECT_TRUE(failed_with(conformal({"none.npy", "--labels", labels}), 2, {"none.npy"}));
  EXPECT_TRUE(failed_with(conformal({logits, "--fitted", "bands.toml"}), 2, {"bands.toml", "no JSON"}));
  EXPECT_TRUE(failed_with(conformal({logits, "--fitted", "bands.toml", "-o", "sets.txt"}), 2, {}));
  torch::Tensor broken = data::read_npy(*work_ / logits).clone();
  broken[7][1] = std::nan("");
  data::write_npy(*work_ / "broken.npy", broken);
  EXPECT_TRUE(failed_with(conformal({"broken.npy", "--labels", labels}), 2, {"row 7"}));

  work_->write("wrong.toml", sets_pipeline("lamda = 0.1\n"));
  EXPECT_TRUE(failed_with(work_->lathe({"run", "wrong.toml"}), 2,
                          {"evaluate.conformal.lamda", "lambda", "wrong.toml:"}));
  EXPECT_TRUE(failed_with(work_->lathe({"run", "bands.toml", "--set", "train.calibration=platt"}), 2,
                          {"train.calibration", "two classes", "3"}));
}

}  // namespace
}  // namespace lathe::cli::testing
