// From data to a bundle that is used: the verbs in the order in which a newcomer meets them.
#include <torch/torch.h>

#include <regex>

#include "lathe/data/inputs.h"
#include "lathe/data/npy.h"
#include "tests/cli/workspace.h"

namespace lathe::cli::testing {
namespace {

using Json = nlohmann::json;

// In builds without a code generator the stage `compile` is skipped.
std::vector<std::string> states(const Json& run) {
  std::vector<std::string> result;
  for (const Json& stage : run.at("stages"))
    result.push_back(stage.at("state") == "skipped" ? "done" : stage.at("state"));
  return result;
}

double metric(const Json& metrics, const std::string& name, const std::string& split) {
  for (const Json& m : metrics)
    if (m.value("name", m.value("metric", "")) == name && m.at("split") == split) return m.at("value");
  ADD_FAILURE() << "no " << split << " " << name << " in " << metrics.dump();
  return -1;
}

// The class that each test example's largest logit names.
std::vector<std::string> classes_of_logits(const fs::path& bundle) {
  const auto classes = Json::parse(core::read_file(bundle / "data.json")).at("schema").at("classes");
  const torch::Tensor best = data::read_npy(bundle / "evaluate" / "test_logits.npy").argmax(1);
  std::vector<std::string> names;
  for (int64_t i = 0; i < best.numel(); ++i)
    names.push_back(classes.at(static_cast<size_t>(best[i].item<int64_t>())));
  return names;
}

std::vector<std::string> labels(const Json& predictions) {
  std::vector<std::string> names;
  for (const Json& p : predictions) names.push_back(p.at("label"));
  return names;
}

class Run : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    work_ = new Workspace;
    write_idx_data(*work_ / "idx");
    work_->write("bands.toml", pipeline_text("bands", "idx:idx"));
    first_ = work_->lathe({"run", "bands.toml", "--threads", "1", "--json", "--quiet"});
  }
  static void TearDownTestSuite() { delete work_; }
  static Workspace* work_;
  static core::ProcessResult first_;
};
Workspace* Run::work_ = nullptr;
core::ProcessResult Run::first_;

TEST_F(Run, LeavesWholeBundle) {
  const Json run = parse_json(first_);
  EXPECT_EQ(states(run), std::vector<std::string>(5, "done"));
  EXPECT_EQ(first_.errors, "");
  for (const char* file :
       {"pipeline.toml", "data.json", "model.pt", "metrics.json", "report.html", "evaluate/test_logits.npy"})
    EXPECT_TRUE(fs::exists(*work_ / "bands.bundle" / file)) << file;
  for (const auto& entry : fs::directory_iterator(*work_ / "bands.bundle"))
    EXPECT_TRUE(entry.path().filename() == ".lock" || entry.path().filename().string()[0] != '.')
        << entry.path();

  const Json metrics = Json::parse(core::read_file(*work_ / "bands.bundle" / "metrics.json"));
  for (const Json& m : metrics) {
    ASSERT_EQ(m.size(), 5u) << m;
    EXPECT_TRUE(m.at("stage").is_string() && m.at("name").is_string() && m.at("split").is_string() &&
                m.at("unit").is_string());
    EXPECT_TRUE(m.at("value").is_number());
  }
  EXPECT_GT(metric(metrics, "accuracy", "test"), 0.9);
  EXPECT_EQ(metric(run.at("metrics"), "accuracy", "test"), metric(metrics, "accuracy", "test"));
}

TEST_F(Run, ResolvedPipelineMakesTheSameModel) {
  fs::copy_file(*work_ / "bands.bundle" / "pipeline.toml", *work_ / "resolved.toml",
                fs::copy_options::overwrite_existing);
  ASSERT_TRUE(
      succeeded(work_->lathe({"train", "resolved.toml", "--threads", "1", "--bundle", "again.bundle"})));
  EXPECT_EQ(core::read_file(*work_ / "again.bundle" / "model.pt"),
            core::read_file(*work_ / "bands.bundle" / "model.pt"));
  EXPECT_FALSE(fs::exists(*work_ / "again.bundle" / "report.html"));
}

TEST_F(Run, SkipsWhatHasNotChanged) {
  const auto before = contents(*work_ / "bands.bundle");
  const auto result = work_->lathe({"run", "bands.toml", "--threads", "1", "--json"});
  EXPECT_EQ(states(parse_json(result)), std::vector<std::string>(5, "unchanged"));
  EXPECT_LT(result.cpu_seconds, 2);
  EXPECT_EQ(differences(before, contents(*work_ / "bands.bundle")), std::vector<std::string>());

  const auto changed =
      work_->lathe({"run", "bands.toml", "--threads", "1", "--json", "--set", "evaluate.top_k=2"});
  EXPECT_EQ(states(parse_json(changed)),
            (std::vector<std::string>{"unchanged", "unchanged", "unchanged", "done", "done"}));
  EXPECT_GE(metric(parse_json(changed).at("metrics"), "top2_accuracy", "test"), 0.9);

  fs::remove(*work_ / "bands.bundle" / "report.html");
  const auto restored =
      work_->lathe({"run", "bands.toml", "--threads", "1", "--json", "--set", "evaluate.top_k=2"});
  EXPECT_EQ(states(parse_json(restored)),
            (std::vector<std::string>{"unchanged", "unchanged", "unchanged", "unchanged", "done"}));
}

TEST_F(Run, PredictsArraysAsItEvaluates) {
  torch::Tensor images = torch::empty({60, 8, 8}, torch::kUInt8);
  for (int64_t i = 0; i < 60; ++i) images[i] = image_of_class(i % 3, static_cast<uint64_t>(1000 + i))[0];
  data::write_npy(*work_ / "test.npy", images);
  const Json predictions = parse_json(work_->lathe({"predict", "bands.bundle", "test.npy", "--json"}));
  EXPECT_EQ(labels(predictions), classes_of_logits(*work_ / "bands.bundle"));
  EXPECT_EQ(predictions.at(7).at("input"), "test.npy[7]");
  for (const Json& p : predictions) {
    double sum = 0;
    for (const Json& share : p.at("probabilities")) sum += share.get<double>();
    EXPECT_NEAR(sum, 1, 1e-9);
    EXPECT_EQ(p.at("probability"), p.at("probabilities").at(p.at("label").get<std::string>()));
  }
}

TEST_F(Run, ModelIsUsedWithoutTheProgram) {
  const std::string png = data::encode_png(image_of_class(2, 5));
  work_->write("low.png", png);
  const auto cpp = work_->shell("example_predict bands.bundle low.png");
  ASSERT_TRUE(succeeded(cpp));
  EXPECT_EQ(cpp.output.rfind("low.png: 2 (", 0), 0u) << cpp.output;

  torch::Tensor images = torch::stack({image_of_class(1, 3)[0], image_of_class(0, 4)[0]});
  data::write_npy(*work_ / "two.npy", images);
  if (work_->shell("/usr/bin/python3 -c 'import numpy, torch'").exit_code != 0)
    GTEST_SKIP() << "python3-torch is not installed";
  const auto python =
      work_->shell("/usr/bin/python3 " LATHE_SOURCE_DIR "/examples/predict.py bands.bundle two.npy");
  ASSERT_TRUE(succeeded(python));
  EXPECT_TRUE(std::regex_match(python.output,
                               std::regex("two.npy\\[0\\]: 1 \\(.* %\\)\ntwo.npy\\[1\\]: 0 \\(.* %\\)\n")))
      << python.output;
}

TEST_F(Run, PredictsPictures) {
  for (int64_t k = 0; k < 3; ++k) {
    const std::string png = data::encode_png(image_of_class(k, 5));
    work_->write(fmt::format("{}.png", k), png);
  }
  const auto text = work_->lathe({"predict", "bands.bundle", "0.png", "1.png", "2.png"});
  ASSERT_TRUE(succeeded(text));
  for (int k = 0; k < 3; ++k)
    EXPECT_TRUE(std::regex_search(text.output, std::regex(fmt::format("{0}\\.png +{0} +[0-9.]+ %", k))))
        << text.output;
}

// Trained further, evaluated and reported like any other; again when its file has changed.
TEST_F(Run, FineTunesAModuleFromPython) {
  work_->write("make.py",
               "import sys, torch\n"
               "torch.manual_seed(int(sys.argv[1]))\n"
               "net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3))\n"
               "torch.jit.script(net).save('net.pt')\n");
  const std::vector<std::string> run = {"run",
                                        "bands.toml",
                                        "--threads",
                                        "1",
                                        "--json",
                                        "--bundle",
                                        "python.bundle",
                                        "--set",
                                        "model={kind = 'torchscript', path = 'net.pt'}"};
  ASSERT_TRUE(succeeded(work_->shell("/usr/bin/python3 make.py 1")));
  const auto first = work_->lathe(run);
  ASSERT_TRUE(succeeded(first));
  EXPECT_GE(metric(parse_json(first).at("metrics"), "accuracy", "test"), 0.9);
  EXPECT_TRUE(fs::exists(*work_ / "python.bundle" / "report.html"));
  EXPECT_EQ(states(parse_json(work_->lathe(run)))[1], "unchanged");
  ASSERT_TRUE(succeeded(work_->shell("/usr/bin/python3 make.py 2")));
  EXPECT_EQ(states(parse_json(work_->lathe(run)))[1], "done");
}

TEST_F(Run, EvaluatesBundlesAndFiles) {
  const Json bundle = parse_json(work_->lathe({"evaluate", "bands.bundle", "--json"})).at("metrics");
  const fs::path files = *work_ / "bands.bundle" / "evaluate";
  const Json file = parse_json(
      work_->lathe({"evaluate", files / "test_logits.npy", "--labels", files / "test_labels.npy", "--json"}));
  std::map<std::string, double> values;
  for (const Json& row : file.at("metrics")) values[row.at("metric")] = row.at("value");
  EXPECT_EQ(values.at("examples"), 60);
  for (const char* name : {"accuracy", "nll", "brier"})
    EXPECT_EQ(values.at(name), metric(bundle, name, "test")) << name;
}

TEST_F(Run, WritesReportElsewhere) {
  const auto before = contents(*work_ / "bands.bundle");
  ASSERT_TRUE(succeeded(work_->lathe({"report", "bands.bundle", "--output", "elsewhere.html"})));
  EXPECT_NE(core::read_file(*work_ / "elsewhere.html").find("</html>"), std::string::npos);
  EXPECT_EQ(differences(before, contents(*work_ / "bands.bundle")), std::vector<std::string>());
}

TEST_F(Run, RecordsRuns) {
  const Json runs = parse_json(work_->lathe({"runs", "list", "--json"})).at("runs");
  ASSERT_GE(runs.size(), 1u);
  EXPECT_EQ(runs.back().at("run"), 1);
  EXPECT_EQ(runs.back().at("state"), "finished");
  const Json shown = parse_json(work_->lathe({"runs", "show", "1", "--json"}));
  EXPECT_EQ(shown.at("artifacts").at(0).at("path"), (*work_ / "bands.bundle").string());
  bool accuracy = false;
  for (const Json& m : shown.at("metrics"))
    accuracy |= m.at("metric") == "accuracy" && m.at("split") == "test" && m.at("last") > 0.9;
  EXPECT_TRUE(accuracy) << shown.at("metrics");
}

// A run that skipped every stage still says what its bundle's numbers are.
TEST_F(Run, ComparesRuns) {
  ASSERT_TRUE(succeeded(work_->lathe({"run", "bands.toml", "--threads", "1", "--quiet"})));
  const auto latest = parse_json(work_->lathe({"runs", "list", "--limit", "1", "--json"}))
                          .at("runs")
                          .at(0)
                          .at("run")
                          .get<int64_t>();
  const Json table =
      parse_json(work_->lathe({"runs", "compare", "1", std::to_string(latest), "--json"})).at("metrics");
  bool found = false;
  for (const Json& row : table) {
    if (row.at("metric") != "test accuracy") continue;
    found = true;
    EXPECT_EQ(row.at("bands (1)"), row.at(fmt::format("bands ({})", latest)));
  }
  EXPECT_TRUE(found) << table;
}

TEST(OwnData, TableRunsAsWritten) {
  const Workspace work;
  work.write("iris.csv", table_text());
  ASSERT_TRUE(succeeded(work.lathe({"init", "--csv", "iris.csv", "--target", "species"})));
  const std::string written = core::read_file(work / "pipeline.toml");
  EXPECT_TRUE(failed_with(work.lathe({"init", "--csv", "iris.csv", "--target", "species"}), 2,
                          {"pipeline.toml exists", "--output"}));
  EXPECT_EQ(core::read_file(work / "pipeline.toml"), written);

  const Json check = parse_json(work.lathe({"data", "check", "pipeline.toml", "--json"}));
  EXPECT_EQ(check.at("classes").size(), 3u);
  EXPECT_EQ(check.at("columns").size(), 3u);

  const Json run = parse_json(work.lathe({"run", "pipeline.toml", "--threads", "1", "--json", "--quiet"}));
  EXPECT_GT(metric(run.at("metrics"), "accuracy", "test"), 0.9);
  const Json predictions = parse_json(work.lathe({"predict", "iris.bundle", "iris.csv", "--json"}));
  ASSERT_EQ(predictions.size(), 150u);
  EXPECT_EQ(predictions.at(1).at("input"), "iris.csv:3");
  const auto predicted = labels(predictions);
  int64_t right = 0;
  const char* species[] = {"setosa", "virginica", "versicolor"};
  for (size_t i = 0; i < 150; ++i) right += predicted[i] == species[i % 3];
  EXPECT_GT(right, 140);
}

TEST(OwnData, PicturesRunAsWritten) {
  const Workspace work;
  write_image_folders(work / "photos");
  ASSERT_TRUE(succeeded(work.lathe({"init", "--images", "photos", "--output", "own.toml"})));
  const Json check = parse_json(work.lathe({"data", "check", "own.toml", "--json"}));
  for (const Json& row : check.at("classes")) EXPECT_EQ(row.at("train"), 10) << row;
  const Json run = parse_json(
      work.lathe({"run", "own.toml", "--threads", "1", "--json", "--quiet", "--set", "train.epochs=3"}));
  EXPECT_EQ(states(run), std::vector<std::string>(5, "done"));
  const Json prediction = parse_json(work.lathe({"predict", "photos.bundle", "photos/low/3.png", "--json"}));
  EXPECT_EQ(prediction.at(0).at("probabilities").size(), 3u);
}

}  // namespace
}  // namespace lathe::cli::testing
