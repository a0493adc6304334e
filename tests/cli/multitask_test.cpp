// [optim.multitask]: several tasks in one model, in a bundle like any other.
#include "tests/cli/workspace.h"

namespace lathe::cli::testing {
namespace {

using Json = nlohmann::json;

class Multitask : public ::testing::Test {
 protected:
  void SetUp() override {
    write_idx_data(work_ / "idx");
    work_.write("table.csv", table_text());
    work_.write("images.toml", with_batch_norm(pipeline_text("multi", "idx:idx")) + kImages);
    work_.write("table.toml", pipeline_text("multi", "csv:table.csv?target=species") + kTable);
  }
  static std::string with_batch_norm(std::string text) {
    const std::string mlp = "kind = \"mlp\"\nhidden = [32]\ndropout = 0.1";
    return text.replace(text.find(mlp), mlp.size(), "kind = \"cnn\"\nchannels = [8, 16]\npool_every = 1");
  }
  static constexpr const char* kImages = "\n[optim.multitask]\nauxiliary = [\"rotation\", \"half\"]\n";
  static constexpr const char* kTable = "\n[optim.multitask]\ncolumn = \"color\"\nmethod = \"pcgrad\"\n";
  Workspace work_;
};

TEST_F(Multitask, ImagesLearnOtherTasksBesideTheirClass) {
  const std::vector<std::string> run = {
      "run",   "images.toml",       "--threads", "1", "--quiet", "--set", "train.batch_size=24",
      "--set", "optim.sam.rho=0.05"};
  ASSERT_TRUE(succeeded(work_.lathe(run)));
  const fs::path bundle = work_ / "multi.bundle";
  const std::string page = core::read_file(bundle / "report.html");
  for (const char* text : {"Tasks that share one model", "rotation", "half", "Cosine of the tasks",
                           "over training", "pairs in conflict"})
    EXPECT_NE(page.find(text), std::string::npos) << text;
  EXPECT_EQ(page.find("brightness"), std::string::npos);
  const Json metrics = Json::parse(core::read_file(bundle / "metrics.json"));
  for (const Json& m : metrics)
    if (m.at("name") == "accuracy" && m.at("split") == "test") EXPECT_GT(m.at("value"), 0.8);
  EXPECT_EQ(
      core::read_file(bundle / "similarity.csv").rfind("step,component,task,other,cosine\n0,\"all\",", 0),
      0u);
  const std::string model = core::read_file(bundle / "model.pt");
  EXPECT_TRUE(succeeded(work_.lathe({"evaluate", "multi.bundle"})));
  fs::remove_all(bundle);
  ASSERT_TRUE(succeeded(work_.lathe(run)));
  EXPECT_TRUE(core::read_file(bundle / "model.pt") == model) << "same seed, same bits";
}

TEST_F(Multitask, ValuesOfAColumnAreTasks) {
  ASSERT_TRUE(succeeded(work_.lathe({"run", "table.toml", "--threads", "1", "--quiet", "--set",
                                     "train.batch_size=8", "--set", "train.micro_batch=4"})));
  const std::string page = core::read_file(work_ / "multi.bundle" / "report.html");
  EXPECT_NE(page.find("Tasks that share one model"), std::string::npos);
  EXPECT_TRUE(succeeded(work_.lathe({"evaluate", "multi.bundle"})));
}

TEST_F(Multitask, GroupsOfParametersAreComponents) {
  work_.write("groups.toml", pipeline_text("groups", "csv:table.csv?target=species") + kTable +
                                 "[optim.multitask.groups]\nentry = [\"body.linear0.*\"]\n");
  const auto train = [&](const std::vector<std::string>& set) {
    std::vector<std::string> arguments = {"train",   "groups.toml", "--threads",          "1",
                                          "--quiet", "--set",       "train.batch_size=30"};
    for (const std::string& one : set) arguments.insert(arguments.end(), {"--set", one});
    return work_.lathe(arguments);
  };
  ASSERT_TRUE(succeeded(train({})));
  const std::string csv = core::read_file(work_ / "groups.bundle" / "similarity.csv");
  for (const char* component : {"\"entry\"", "\"rest\""})
    EXPECT_NE(csv.find(component), std::string::npos) << component;
  const std::string resolved = core::read_file(work_ / "groups.bundle" / "pipeline.toml");
  EXPECT_NE(resolved.find("[optim.multitask.groups]\nentry = [\"body.linear0.*\"]"), std::string::npos)
      << resolved;
  EXPECT_TRUE(failed_with(train({"optim.multitask.groups.other=[\"body.*\"]"}), 2,
                          {"more than one group", "body.linear0.weight (entry and other)"}));
  EXPECT_TRUE(failed_with(train({"optim.multitask.groups.other=[\"tail.*\"]"}), 2,
                          {"no shared parameter", "other = 'tail.*'"}));
  EXPECT_TRUE(failed_with(train({"optim.multitask.components=tensor"}), 2, {"components", "keep one"}));
}

// What docs/optim.md says that it goes with, all at once.
TEST_F(Multitask, GoesWithGroupsSamAndAWeightAverage) {
  work_.write("all.toml",
              pipeline_text("all", "csv:table.csv?target=species") + kTable +
                  "\n[optim.sam]\nrho = 0.05\n\n[train.groups]\ninfer = \"loss\"\nweight = 0.1\n");
  ASSERT_TRUE(
      succeeded(work_.lathe({"run", "all.toml", "--threads", "1", "--quiet", "--set", "train.batch_size=30",
                             "--set", "train.average_decay=0.9", "--set", "optim.clip_norm=1"})));
  const std::string page = core::read_file(work_ / "all.bundle" / "report.html");
  for (const char* text : {"Tasks that share one model", "Parts of the classes"})
    EXPECT_NE(page.find(text), std::string::npos) << text;
}

TEST_F(Multitask, SaysWhatIsWrong) {
  const auto refused = [&](const char* pipeline, const std::string& set,
                           const std::vector<std::string>& parts) {
    return failed_with(work_.lathe({"train", pipeline, "--set", set}), 2, parts);
  };
  EXPECT_TRUE(refused("table.toml", "optim.multitask.column=hue", {"column:hue", "no such column"}));
  EXPECT_TRUE(
      refused("images.toml", "optim.multitask.column=color", {"optim.multitask.auxiliary", "keep one"}));
  EXPECT_TRUE(refused("images.toml", "optim.multitask.auxiliary=[\"colour\"]",
                      {"optim.multitask.auxiliary", "rotation, brightness, half", "colour"}));
  EXPECT_TRUE(refused("table.toml", "optim.multitask.treated=[\"mauve\"]", {"no task 'mauve'"}));
  EXPECT_TRUE(refused("table.toml", "optim.multitask.temperature=0.2", {"optim.multitask.temperature"}));
  EXPECT_TRUE(refused("table.toml", "optim.adascale.scale=2", {"optim.multitask", "optim.adascale"}));
  EXPECT_TRUE(refused("images.toml", "train.average_decay=0.9", {"optim.multitask", "train.average_decay"}));
  EXPECT_TRUE(refused("images.toml", "train.subspace.kind=line", {"optim.multitask", "train.subspace"}));
  EXPECT_TRUE(
      refused("images.toml", "train.batch_size=25", {"train.batch_size must be a multiple of 3 tasks"}));
}

}  // namespace
}  // namespace lathe::cli::testing
