// [train.continual]: tasks learned one after another, in a bundle like any other.
#include <torch/torch.h>

#include <csignal>
#include <thread>

#include "lathe/data/inputs.h"
#include "lathe/data/npy.h"
#include "tests/cli/workspace.h"

namespace lathe::cli::testing {
namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

const std::string kPermuted = "\n[train.continual]\ntasks = \"permuted\"\nnum_tasks = 3\n";
const std::string kSam = "\n[optim.sam]\nrho = 0.05\n";

class Continual : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    work_ = new Workspace;
    write_idx_data(*work_ / "idx");
    work_->write("table.csv", table_text());
    work_->write("permuted.toml", pipeline_text("permuted", "idx:idx") + kPermuted + kSam);
    work_->write("table.toml", pipeline_text("table", "csv:table.csv?target=species") +
                                   "\n[train.continual]\ntasks = \"column:color\"\n");
    ASSERT_TRUE(succeeded(work_->lathe({"run", "permuted.toml", "--threads", "1", "--quiet"})));
  }
  static void TearDownTestSuite() { delete work_; }

  static double metric(const std::string& bundle, const std::string& stage, const std::string& name,
                       const std::string& split) {
    for (const Json& m : Json::parse(core::read_file(*work_ / bundle / "metrics.json")))
      if (m.at("stage") == stage && m.at("name") == name && m.at("split") == split) return m.at("value");
    ADD_FAILURE() << stage << " has no " << name;
    return 0;
  }
  static Json continual(const std::string& bundle) {
    return Json::parse(core::read_file(*work_ / bundle / "stages" / "train.json"))
        .at("details")
        .at("continual");
  }
  static Workspace* work_;
};
Workspace* Continual::work_ = nullptr;

TEST_F(Continual, FlowsThroughTheBundle) {
  // One head and no batch norm: the model that was kept is the one that was measured, on the same examples.
  const double average = metric("permuted.bundle", "train", "average_accuracy", "test");
  EXPECT_NEAR(metric("permuted.bundle", "evaluate", "accuracy", "test"), average, 1e-6);
  EXPECT_GT(average, 0.6);
  EXPECT_GT(metric("permuted.bundle", "train", "memory", ""), 0);
  EXPECT_GT(metric("permuted.bundle", "train", "interference", "test"), 0);
  for (const char* name : {"backward_transfer", "forward_transfer"})
    EXPECT_LT(std::abs(metric("permuted.bundle", "train", name, "test")), 1);
  const Json evaluated = parse_json(work_->lathe({"evaluate", "permuted.bundle", "--json"})).at("metrics");
  EXPECT_EQ(evaluated.at(0).at("unit"), "all 3 tasks together");

  fs::remove(*work_ / "permuted.bundle" / "report.html");
  ASSERT_TRUE(succeeded(work_->lathe({"report", "permuted.bundle"})));
  const std::string page = core::read_file(*work_ / "permuted.bundle" / "report.html");
  for (const char* text : {"Tasks learned in turn", "permutation 2", "backward transfer", "body.linear0",
                           "Interference in each layer", "Room left in each layer"})
    EXPECT_NE(page.find(text), std::string::npos) << text;
  core::write_file(*work_ / "image.png", data::encode_png(image_of_class(1, 5)));
  EXPECT_EQ(parse_json(work_->lathe({"predict", "permuted.bundle", "image.png", "--json"})).size(), 1u);
  EXPECT_NE(work_->lathe({"run", "permuted.toml", "--threads", "1"}).output.find("unchanged"),
            std::string::npos);
}

// Each head among its own classes gives the accuracies that the train stage measured.
TEST_F(Continual, KeepsAllHeadsSideBySide) {
  work_->write("classes.toml", pipeline_text("classes", "fashion-mnist") +
                                   "\n[train.continual]\ntasks = \"classes\"\nclasses_per_task = 2\n" + kSam);
  ASSERT_TRUE(succeeded(work_->lathe({"run", "classes.toml", "--threads", "1", "--quiet", "--set",
                                      "data.subset=2000", "--set", "data.holdout=500"})));
  const torch::Tensor logits = data::read_npy(*work_ / "classes.bundle" / "evaluate" / "test_logits.npy"),
                      labels = data::read_npy(*work_ / "classes.bundle" / "evaluate" / "test_labels.npy");
  ASSERT_EQ(logits.size(1), 10);
  const Json details = continual("classes.bundle");
  ASSERT_EQ(details.at("tasks").size(), 5u);
  for (int64_t t = 0; t < 5; ++t) {
    const torch::Tensor rows = labels.div(2, "floor").eq(t).nonzero().flatten();
    const torch::Tensor right =
        logits.index_select(0, rows).narrow(1, 2 * t, 2).argmax(1).eq(labels.index_select(0, rows) - 2 * t);
    EXPECT_NEAR(right.to(torch::kFloat64).mean().item<double>(),
                details.at("accuracy").at(4).at(static_cast<size_t>(t)).get<double>(), 1e-9)
        << t;
  }
  EXPECT_GT(metric("classes.bundle", "train", "average_accuracy", "test"), 0.85);
  EXPECT_GT(metric("classes.bundle", "train", "backward_transfer", "test"), -0.05);
  const double among_all = metric("classes.bundle", "evaluate", "accuracy", "test");
  EXPECT_GT(among_all, 0.15);
  EXPECT_LT(among_all, metric("classes.bundle", "train", "average_accuracy", "test"));
}

// CIFAR-100's ten tasks of ten classes, of generated files.
TEST_F(Continual, SplitsAHundredClassesByTens) {
  for (const auto& [file, images] : {std::pair{"train.bin", 8}, std::pair{"test.bin", 2}}) {
    std::string records;
    for (int i = 0; i < 100 * images; ++i) {
      const char fine = static_cast<char>(i % 100);
      records += {static_cast<char>(fine / 5), fine};
      records.append(3 * 32 * 32, static_cast<char>(25 * (fine % 10) + i % 7));
    }
    work_->write(std::string("cifar/") + file, records);
  }
  std::string names;
  for (int i = 0; i < 100; ++i) names += fmt::format("thing {}\n", i);
  work_->write("cifar/fine_label_names.txt", names);
  std::string pipeline = pipeline_text("cifar", "cifar100:cifar") +
                         "\n[train.continual]\ntasks = \"classes\"\nclasses_per_task = 10\n";
  const std::string mlp = "kind = \"mlp\"\nhidden = [32]\ndropout = 0.1";
  pipeline.replace(pipeline.find(mlp), mlp.size(), "kind = \"cnn\"\nchannels = [4]");
  work_->write("cifar.toml", pipeline);
  ASSERT_TRUE(succeeded(work_->lathe({"train", "cifar.toml", "--threads", "1", "--quiet", "--set",
                                      "train.steps=10", "--set", "data.holdout=100"})));
  const Json learned = continual("cifar.bundle");
  ASSERT_EQ(learned.at("tasks").size(), 10u);
  EXPECT_EQ(learned.at("tasks").at(9).get<std::string>().rfind("thing 90, thing 91, ", 0), 0u);
  EXPECT_EQ(learned.at("accuracy").at(9).size(), 10u);
  EXPECT_EQ(learned.at("interference").front().size(), 9u);
}

TEST_F(Continual, StoppedInATaskItGoesOnToTheSameBits) {
  const auto train = [](const std::string& bundle) {
    return std::vector<std::string>{"train",
                                    "permuted.toml",
                                    "--threads",
                                    "1",
                                    "--quiet",
                                    "--bundle",
                                    bundle,
                                    "--set",
                                    "train.steps=1500",
                                    "--set",
                                    "train.checkpoint_seconds=0.05"};
  };
  ASSERT_TRUE(succeeded(work_->lathe(train("whole"))));
  const auto in_second_task = [] {
    if (!fs::exists(*work_ / "stopped")) return false;
    for (const auto& entry : fs::directory_iterator(*work_ / "stopped"))
      if (entry.path().extension() == ".checkpoint" && fs::exists(entry.path() / "task-1.checkpoint"))
        return true;
    return false;
  };
  core::Process process(work_->command(train("stopped")));
  while (process.running() && !in_second_task()) std::this_thread::sleep_for(1ms);
  ASSERT_TRUE(in_second_task());
  process.kill_group(SIGTERM);
  EXPECT_TRUE(failed_with(process.wait(), 130, {"interrupted"}));
  EXPECT_FALSE(fs::exists(*work_ / "stopped" / "model.pt"));
  ASSERT_TRUE(succeeded(work_->lathe(train("stopped"))));
  EXPECT_EQ(core::read_file(*work_ / "stopped" / "model.pt"), core::read_file(*work_ / "whole" / "model.pt"));
  EXPECT_EQ(continual("stopped").at("accuracy"), continual("whole").at("accuracy"));
  EXPECT_FALSE(in_second_task());
}

TEST_F(Continual, OfAColumnRotatedAndAllAtOnce) {
  const auto run = [](const std::string& file, const std::string& bundle,
                      const std::vector<std::string>& set) {
    std::vector<std::string> arguments = {"run", file, "--threads", "1", "--quiet", "--bundle", bundle};
    for (const std::string& one : set) arguments.insert(arguments.end(), {"--set", one});
    return work_->lathe(arguments);
  };
  ASSERT_TRUE(succeeded(run("table.toml", "column", {"train.batch_size=8"})));
  EXPECT_EQ(continual("column").at("tasks").size(), 3u);
  ASSERT_TRUE(succeeded(
      run("permuted.toml", "rotated",
          {"train.continual.tasks=rotated", "train.continual.num_tasks=2", "train.average_decay=0.9",
           "train.patience=5", "optim.kind=adamw", "optim.lr=0.003", "optim.clip_norm=1"})));
  EXPECT_EQ(continual("rotated").at("tasks").at(1), "turned by 90°");
  ASSERT_TRUE(succeeded(run("permuted.toml", "scaled", {"optim.adascale.scale=2"})));
  work_->write("joint.toml", pipeline_text("joint", "idx:idx") +
                                 "\n[train.continual]\ntasks = \"rotated\"\nmethod = \"joint\"\n");
  ASSERT_TRUE(succeeded(run("joint.toml", "joint", {})));
  EXPECT_TRUE(continual("joint").at("backward_transfer").is_null());
  EXPECT_TRUE(continual("joint").at("interference").empty());
}

TEST_F(Continual, SaysWhatIsWrong) {
  const auto refuses = [](const std::string& set, const std::vector<std::string>& parts) {
    return failed_with(
        work_->lathe({"train", "permuted.toml", "--bundle", "refused", "--set", "train.continual." + set}), 2,
        parts);
  };
  EXPECT_TRUE(refuses("threshold=[0.9,0.9,0.9]",
                      {"train.continual.threshold needs 1 number or 2", "body.linear0, body.linear1", "3"}));
  EXPECT_TRUE(refuses("threshold=[1.5]", {"train.continual.threshold", "1.5"}));
  EXPECT_TRUE(refuses("tasks=shuffled", {"train.continual.tasks", "permuted", "column:NAME", "shuffled"}));
  EXPECT_TRUE(refuses("tasks=column:color", {"images have no columns"}));
  EXPECT_TRUE(refuses("method=gmp", {"train.continual.method", "gpm"}));
  EXPECT_TRUE(refuses("sampels=3", {"train.continual.sampels", "samples"}));
  EXPECT_FALSE(fs::exists(*work_ / "refused"));

  const auto table = [](const std::vector<std::string>& set) {
    std::vector<std::string> arguments = {"train", "table.toml", "--bundle", "refused"};
    for (const std::string& one : set) arguments.insert(arguments.end(), {"--set", one});
    return work_->lathe(arguments);
  };
  EXPECT_TRUE(failed_with(table({"train.continual.tasks=permuted"}), 2, {"needs images"}));
  EXPECT_TRUE(failed_with(table({"train.continual.tasks=column:hue"}), 2, {"there is no such column"}));
  EXPECT_TRUE(failed_with(table({"train.continual.tasks=column:width"}), 2, {"has numbers"}));
  EXPECT_TRUE(failed_with(table({"train.continual.tasks=classes"}), 2,
                          {"classes_per_task must divide the 3 classes of the data, got 2"}));

  const auto beside = [](const std::string& other) {
    work_->write("beside.toml", pipeline_text("beside", "idx:idx") + kPermuted + other);
    return work_->lathe({"train", "beside.toml"});
  };
  EXPECT_TRUE(failed_with(beside("[train.subspace]\nkind = \"line\"\n"), 2, {"[train.subspace]"}));
  EXPECT_TRUE(failed_with(beside("[train.groups]\n"), 2, {"[train.groups]"}));
  EXPECT_TRUE(failed_with(beside("method = \"joint\"\n[train.schedule]\nkind = \"constant\"\n[train.swa]\n"),
                          2, {"[train.swa]"}));
}

}  // namespace
}  // namespace lathe::cli::testing
