#include "lathe/pipeline/bundle.h"

#include <gtest/gtest.h>

#include "lathe/core/error.h"
#include "lathe/core/files.h"

namespace lathe::pipeline {
namespace {

namespace fs = std::filesystem;

StageReport report_of(const std::string& stage, double value) {
  StageReport report;
  report.stage = stage;
  report.inputs_hash = "inputs of " + stage;
  report.metrics = {{"accuracy", "test", value, ""}, {"nothing", "", std::nan(""), ""}};
  report.details = {{"answer", 42}};
  return report;
}

void commit(Bundle& bundle, const std::string& stage, const std::map<std::string, std::string>& files,
            double value = 0.5) {
  const auto staged = bundle.stage_directory(stage);
  for (const auto& [name, bytes] : files) {
    fs::create_directories((staged->path() / name).parent_path());
    core::write_file(staged->path() / name, bytes);
  }
  bundle.commit(*staged, report_of(stage, value));
}

class BundleTest : public testing::Test {
 protected:
  core::TemporaryDirectory directory_;
  fs::path path_ = directory_.path() / "a.bundle";
};

TEST_F(BundleTest, KeepsWhatAStageReports) {
  Bundle bundle = Bundle::open_for_writing(path_);
  EXPECT_TRUE(bundle.stages().empty());
  commit(bundle, "train", {{"model.pt", "weights"}});
  commit(bundle, "evaluate", {{"evaluate/a.npy", "1"}, {"evaluate/b.npy", "2"}}, 0.75);
  const auto report = Bundle::open(path_).stage("evaluate");
  ASSERT_TRUE(report);
  EXPECT_EQ(report->files, (std::vector<std::string>{"evaluate/a.npy", "evaluate/b.npy"}));
  EXPECT_EQ(report->metrics[0].value, 0.75);
  EXPECT_TRUE(std::isnan(report->metrics[1].value));
  EXPECT_EQ(report->details.at("answer"), 42);
  EXPECT_EQ(core::read_file(bundle.file("evaluate/b.npy")), "2");
  const auto metrics = bundle.json("metrics.json");
  ASSERT_EQ(metrics.size(), 4u);
  EXPECT_EQ(metrics[0].at("stage"), "train");  // in the order of the commits
  EXPECT_EQ(metrics[2].at("value"), 0.75);
}

TEST_F(BundleTest, ANewCommitReplacesTheStagesFilesAndNoOthers) {
  Bundle bundle = Bundle::open_for_writing(path_);
  commit(bundle, "train", {{"model.pt", "weights"}});
  commit(bundle, "evaluate", {{"evaluate/a.npy", "1"}, {"evaluate/b.npy", "2"}});
  commit(bundle, "evaluate", {{"evaluate/b.npy", "3"}});
  EXPECT_FALSE(bundle.has("evaluate/a.npy"));
  EXPECT_EQ(core::read_file(bundle.file("evaluate/b.npy")), "3");
  EXPECT_EQ(core::read_file(bundle.file("model.pt")), "weights");
}

TEST_F(BundleTest, OutputsHashFollowsTheFiles) {
  Bundle bundle = Bundle::open_for_writing(path_);
  const auto hash_after = [&](const std::string& bytes) {
    commit(bundle, "train", {{"model.pt", bytes}});
    return bundle.stage("train")->outputs_hash;
  };
  const std::string first = hash_after("a");
  EXPECT_NE(hash_after("b"), first);
  EXPECT_EQ(hash_after("a"), first);
}

TEST_F(BundleTest, AnAbandonedStageLeavesNoTrace) {
  {
    Bundle bundle = Bundle::open_for_writing(path_);
    commit(bundle, "train", {{"model.pt", "weights"}});
    fs::create_directories(path_ / ".stage-train-killed");  // as a killed process leaves it
    core::write_file(path_ / ".stage-train-killed/model.pt", "half");
  }
  const Bundle bundle = Bundle::open_for_writing(path_);
  EXPECT_FALSE(fs::exists(path_ / ".stage-train-killed"));
  EXPECT_EQ(core::read_file(bundle.file("model.pt")), "weights");
}

// A process may die after any of the moves of a commit; the next writer finishes it.
TEST_F(BundleTest, AnInterruptedCommitIsFinished) {
  const core::TemporaryDirectory scratch;
  const fs::path reference = scratch.path() / "reference";
  {
    Bundle bundle = Bundle::open_for_writing(reference);
    commit(bundle, "train", {{"model.pt", "new"}, {"b", "new"}, {"c", "new"}});
  }
  const std::vector<std::string> files = {"b", "c", "model.pt"};
  for (size_t moved = 0; moved <= files.size(); ++moved) {
    const fs::path path = scratch.path() / ("bundle" + std::to_string(moved));
    {
      Bundle bundle = Bundle::open_for_writing(path);
      commit(bundle, "train", {{"model.pt", "old"}, {"gone", "old"}});
    }
    const fs::path ready = path / ".ready-train";
    fs::create_directories(ready / "stages");
    for (size_t i = 0; i < files.size(); ++i)
      fs::copy(reference / files[i], (i < moved ? path : ready) / files[i],
               fs::copy_options::overwrite_existing);
    fs::copy(reference / "stages/train.json", ready / "stages/train.json");
    const Bundle bundle = Bundle::open_for_writing(path);
    EXPECT_FALSE(fs::exists(ready));
    EXPECT_FALSE(bundle.has("gone"));
    for (const auto& file : files) EXPECT_EQ(core::read_file(bundle.file(file)), "new") << moved;
    EXPECT_EQ(bundle.stage("train")->files, files);
  }
}

TEST_F(BundleTest, OneWriterAtATime) {
  const Bundle bundle = Bundle::open_for_writing(path_);
  try {
    Bundle::open_for_writing(path_);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("in use by another lathe"), std::string::npos) << error.what();
  }
}

TEST_F(BundleTest, SaysWhatIsWrong) {
  EXPECT_THROW(Bundle::open(path_), InputError);
  core::write_file(path_, "a file");
  EXPECT_THROW(Bundle::open(path_), InputError);
  EXPECT_THROW(Bundle::open_for_writing(path_), Error);
  fs::remove(path_);
  Bundle bundle = Bundle::open_for_writing(path_);
  commit(bundle, "train", {{"model.pt", "weights"}});
  for (const std::string& damaged :
       {std::string("{"), std::string("[]"), std::string("{\"stage\": 3}"), std::string()}) {
    core::write_file(path_ / "stages/train.json", damaged);
    EXPECT_THROW(bundle.stage("train"), InputError);
    EXPECT_THROW(bundle.stages(), InputError);
  }
}

}  // namespace
}  // namespace lathe::pipeline
