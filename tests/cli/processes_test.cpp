// One training on several processes, as `mpirun` starts it.
#include <fmt/format.h>
#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/nn/archive.h"
#include "tests/cli/workspace.h"

namespace lathe::cli::testing {
namespace {

constexpr const char* kMpirun = "mpirun --allow-run-as-root --oversubscribe --bind-to none -n 2 lathe ";

class Processes : public ::testing::Test {
 protected:
  void SetUp() override {
    write_idx_data(work_ / "idx");
    std::string text = pipeline_text("bands", "idx:idx");
    work_.write("bands.toml", text + "micro_batch = 8\ncheckpoint_seconds = 0.2\n");
  }
  std::vector<torch::Tensor> weights(const std::string& bundle) {
    return nn::load(work_ / bundle / "model.pt")->parameters();
  }
  Workspace work_;
};

TEST_F(Processes, TrainOneModel) {
  const auto together = work_.shell(std::string(kMpirun) + "run bands.toml --bundle two.bundle --threads 1");
  ASSERT_TRUE(succeeded(together));
  ASSERT_TRUE(
      succeeded(work_.lathe({"train", "bands.toml", "--bundle", "one.bundle", "--threads", "1", "--quiet"})));
  const auto two = weights("two.bundle"), one = weights("one.bundle");
  for (size_t i = 0; i < two.size(); ++i) EXPECT_LT((two[i] - one[i]).abs().max().item<float>(), 1e-5f) << i;
  EXPECT_TRUE(fs::exists(work_ / "two.bundle" / "report.html"));
  const auto stage = nlohmann::json::parse(core::read_file(work_ / "two.bundle" / "stages" / "train.json"));
  EXPECT_EQ(stage.at("details").at("processes"), 2);

  // Nothing to train: the second process is let go.
  const auto again =
      work_.shell(std::string(kMpirun) + "run bands.toml --bundle two.bundle --threads 1 --json");
  const auto states = parse_json(again);
  for (const auto& state : states.at("stages")) EXPECT_EQ(state.at("state"), "unchanged");
}

// As by a job's manager, while it trains: both processes are asked, not at the same step. mpirun passes the
// signal on after a second, in which a fast machine may have ended the training; then a longer one is
// interrupted.
TEST_F(Processes, StopTogetherAndResumeToTheSameBits) {
  const auto train = [](int64_t steps, const std::string& bundle) {
    return fmt::format("{}train bands.toml --threads 1 --quiet --set train.steps={} --bundle {}", kMpirun,
                       steps, bundle);
  };
  constexpr int64_t kMostSteps = 500'000;
  int64_t steps = 200;
  core::ProcessResult stopped;
  for (; steps <= kMostSteps; steps *= 5) {
    fs::remove_all(work_ / "parts.bundle");
    stopped =
        work_.shell(train(steps, "parts.bundle") +
                    " & while kill -0 $! 2> /dev/null && ! ls parts.bundle/*.checkpoint > /dev/null 2>&1; "
                    "do sleep 0.01; done; kill -TERM $!; wait $!");
    if (!fs::exists(work_ / "parts.bundle" / "model.pt")) break;
  }
  ASSERT_LE(steps, kMostSteps) << "the signal stopped nothing: " << stopped.errors;
  EXPECT_NE(stopped.exit_code, 0);
  bool checkpoint = false;
  for (const auto& entry : fs::directory_iterator(work_ / "parts.bundle"))
    checkpoint |= entry.path().extension() == ".checkpoint";
  EXPECT_TRUE(checkpoint) << stopped.errors;
  ASSERT_TRUE(succeeded(work_.shell(train(steps, "parts.bundle"))));
  ASSERT_TRUE(succeeded(work_.shell(train(steps, "whole.bundle"))));
  EXPECT_EQ(core::read_file(work_ / "parts.bundle" / "model.pt"),
            core::read_file(work_ / "whole.bundle" / "model.pt"));
}

TEST_F(Processes, FailTogether) {
  const auto result =
      work_.shell("timeout 60 " + std::string(kMpirun) + "train bands.toml --set train.epoch=3");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.errors.find("did you mean train.epochs?"), std::string::npos);
  // Only the first process can find out that the bundle cannot be written; the other is ended.
  work_.write("file.bundle", "no directory");
  const auto blocked =
      work_.shell("timeout 60 " + std::string(kMpirun) + "train bands.toml --bundle file.bundle --threads 1");
  EXPECT_NE(blocked.exit_code, 0);
  EXPECT_NE(blocked.exit_code, 124);
}

}  // namespace
}  // namespace lathe::cli::testing
