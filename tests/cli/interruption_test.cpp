// A run that is stopped or killed goes on to the bundle that it would have left.
#include <fmt/core.h>

#include <csignal>
#include <cstdlib>
#include <thread>

#include "lathe/core/error.h"
#include "lathe/core/seed.h"
#include "lathe/pipeline/bundle.h"
#include "tests/cli/workspace.h"

namespace lathe::cli::testing {
namespace {

using namespace std::chrono_literals;

// Trains for about a second, with a checkpoint twenty times a second.
std::string slow_pipeline() {
  return pipeline_text("slow", "idx:idx") + "checkpoint_seconds = 0.05\naverage_decay = 0.9\n";
}
const std::vector<std::string> kManySteps = {"--set", "train.steps=3000"};

class Interruption : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    work_ = new Workspace;
    write_idx_data(*work_ / "idx");
    work_->write("slow.toml", slow_pipeline());
    ASSERT_TRUE(succeeded(work_->lathe(train("reference"))));
    model_ = core::read_file(*work_ / "reference" / "model.pt");
  }
  static void TearDownTestSuite() { delete work_; }

  static std::vector<std::string> train(const std::string& bundle) {
    return {"train",    "slow.toml", "--threads", "1",           "--quiet",
            "--bundle", bundle,      "--resume",  kManySteps[0], kManySteps[1]};
  }

  static std::optional<fs::path> checkpoint(const std::string& bundle) {
    if (!fs::exists(*work_ / bundle)) return std::nullopt;
    for (const auto& entry : fs::directory_iterator(*work_ / bundle))
      if (entry.path().extension() == ".checkpoint") return entry.path();
    return std::nullopt;
  }

  // False if the process ended before the condition held.
  template <typename Condition>
  static bool wait_until(core::Process& process, const Condition& condition) {
    while (process.running()) {
      if (condition()) return true;
      std::this_thread::sleep_for(1ms);
    }
    return false;
  }

  static Workspace* work_;
  static std::string model_;
};
Workspace* Interruption::work_ = nullptr;
std::string Interruption::model_;

TEST_F(Interruption, StopsAndGoesOn) {
  core::Process process(work_->command(train("stopped")));
  ASSERT_TRUE(wait_until(process, [] { return checkpoint("stopped").has_value(); }));
  process.kill_group(SIGINT);
  EXPECT_TRUE(failed_with(process.wait(), 130, {"interrupted", "--resume"}));
  ASSERT_TRUE(checkpoint("stopped"));
  EXPECT_FALSE(fs::exists(*work_ / "stopped" / "model.pt"));
  const auto runs = parse_json(work_->lathe({"runs", "list", "--limit", "1", "--json"})).at("runs");
  EXPECT_EQ(runs.at(0).at("state"), "interrupted");

  ASSERT_TRUE(succeeded(work_->lathe(train("stopped"))));
  EXPECT_FALSE(checkpoint("stopped"));
  EXPECT_EQ(core::read_file(*work_ / "stopped" / "model.pt"), model_);
}

TEST_F(Interruption, TerminationIsTheSame) {
  core::Process process(work_->command(train("terminated")));
  ASSERT_TRUE(wait_until(process, [] { return checkpoint("terminated").has_value(); }));
  process.kill_group(SIGTERM);
  EXPECT_TRUE(failed_with(process.wait(), 130, {"interrupted"}));
}

TEST_F(Interruption, KilledTrainingGoesOn) {
  for (const auto delay : {0ms, 60ms, 170ms}) {
    core::Process process(work_->command(train("killed")));
    const auto old =
        checkpoint("killed") ? fs::last_write_time(*checkpoint("killed")) : fs::file_time_type::min();
    wait_until(process, [&] {
      std::error_code error;  // the file is replaced while it is looked at
      const auto file = checkpoint("killed");
      return file && fs::last_write_time(*file, error) > old;
    });
    std::this_thread::sleep_for(delay);
    process.kill_group(SIGKILL);
    process.wait();
    EXPECT_NO_THROW(pipeline::Bundle::open(*work_ / "killed").stages());
  }
  ASSERT_TRUE(succeeded(work_->lathe(train("killed"))));
  EXPECT_EQ(core::read_file(*work_ / "killed" / "model.pt"), model_);
  for (const auto& entry : fs::directory_iterator(*work_ / "killed"))
    EXPECT_TRUE(entry.path().filename() == ".lock" || entry.path().filename().string()[0] != '.')
        << entry.path();
}

// Killed again and again, at any instant, one kill in four while a checkpoint is being written: each resumed
// training goes on to the same bits. LATHE_KILLS sets how often.
TEST_F(Interruption, KilledAtRandomInstants) {
  const char* wanted = std::getenv("LATHE_KILLS");
  const int kills = wanted ? std::atoi(wanted) : 8;
  constexpr int kKillsOfOneTraining = 8;
  auto command = train("reference-all");
  for (const char* key :
       {"optim.sam.rho=0.05", "optim.adascale.scale=2", "optim.clip_norm=1", "train.checkpoint_seconds=0.01"})
    command.insert(command.end(), {"--set", key});
  const auto with_bundle = [&](const std::string& bundle) {
    auto arguments = command;
    *std::find(arguments.begin(), arguments.end(), "reference-all") = bundle;
    return arguments;
  };
  ASSERT_TRUE(succeeded(work_->lathe(command)));
  const std::string expected = core::read_file(*work_ / "reference-all" / "model.pt");
  const auto being_written = [](const std::string& bundle) {
    std::error_code error;
    for (fs::directory_iterator entry(*work_ / bundle, error), end; !error && entry != end;
         entry.increment(error)) {
      const std::string name = entry->path().filename();
      if (name.find(".checkpoint") != std::string::npos && entry->path().extension() != ".checkpoint")
        return true;
    }
    return false;
  };

  core::Random random = core::Seed(11).random();
  int killed = 0, inside_a_write = 0, resumed = 0;
  for (int training = 0; killed < kills; ++training) {
    const std::string bundle = "killed-" + std::to_string(training);
    for (int i = 0; i < kKillsOfOneTraining && killed < kills; ++i) {
      core::Process process(work_->command(with_bundle(bundle)));
      const bool going_on = checkpoint(bundle).has_value();
      if (!wait_until(process, [&] { return checkpoint(bundle).has_value(); })) break;  // it has ended
      std::this_thread::sleep_for(std::chrono::milliseconds(random.below(going_on ? 900 : 300)));
      if (i % 4 == 3) wait_until(process, [&] { return being_written(bundle); });
      process.kill_group(SIGKILL);
      if (process.wait().exit_code != 128 + SIGKILL) break;
      ++killed;
      resumed += going_on;
      inside_a_write += being_written(bundle);
    }
    ASSERT_TRUE(succeeded(work_->lathe(with_bundle(bundle))));
    ASSERT_EQ(core::read_file(*work_ / bundle / "model.pt"), expected) << "training " << training;
    EXPECT_FALSE(being_written(bundle));
  }
  RecordProperty("killed", killed);
  RecordProperty("inside_a_write", inside_a_write);
  fmt::print("{} kills, {} inside a checkpoint's write, {} of resumed trainings\n", killed, inside_a_write,
             resumed);
  EXPECT_GE(inside_a_write, kills / 6);
}

TEST_F(Interruption, DamagedCheckpoint) {
  core::Process process(work_->command(train("damaged")));
  ASSERT_TRUE(wait_until(process, [] { return checkpoint("damaged").has_value(); }));
  process.kill_group(SIGKILL);
  process.wait();
  const fs::path file = *checkpoint("damaged");
  const std::string bytes = core::read_file(file);
  core::write_file(file, bytes.substr(0, bytes.size() / 2));
  const auto before = contents(*work_ / "damaged");
  EXPECT_TRUE(failed_with(work_->lathe(train("damaged")), 2, {"checkpoint", "remove it to start over"}));
  const auto after = contents(*work_ / "damaged");
  for (const auto& [name, text] : before) {
    if (name.rfind(".stage-", 0) != 0) EXPECT_EQ(after.at(name), text) << name;
  }

  auto fresh = train("damaged");
  *std::find(fresh.begin(), fresh.end(), "--resume") = "--fresh";
  ASSERT_TRUE(succeeded(work_->lathe(fresh)));
  EXPECT_EQ(core::read_file(*work_ / "damaged" / "model.pt"), model_);
}

// Killed around its commits, a bundle opens, and the next run leaves what an undisturbed one does.
TEST_F(Interruption, KilledCommits) {
  const auto run = [](const std::string& bundle, int top_k) {
    return std::vector<std::string>{"run",   "slow.toml",    "--threads",
                                    "1",     "--quiet",      "--bundle",
                                    bundle,  "--set",        fmt::format("evaluate.top_k={}", top_k),
                                    "--set", "train.steps=5"};
  };
  ASSERT_TRUE(succeeded(work_->lathe(run("calm", 1))));
  int killed = 0;
  for (const auto delay : {0us, 300us, 1000us, 3000us, 10000us}) {
    core::Process process(work_->command(run("rough", 1 + killed % 2)));
    wait_until(process, [] {
      std::error_code error;
      for (fs::directory_iterator entry(*work_ / "rough", error), end; !error && entry != end;
           entry.increment(error)) {
        const std::string name = entry->path().filename();
        if (name.rfind(".stage-", 0) == 0 || name.rfind(".ready-", 0) == 0) return true;
      }
      return false;
    });
    std::this_thread::sleep_for(delay);
    process.kill_group(SIGKILL);
    killed += process.wait().exit_code == 128 + SIGKILL;
    if (fs::exists(*work_ / "rough" / "stages"))
      EXPECT_NO_THROW(pipeline::Bundle::open(*work_ / "rough").stages());
  }
  EXPECT_GT(killed, 2);
  ASSERT_TRUE(succeeded(work_->lathe(run("rough", 1))));
  const auto calm = contents(*work_ / "calm"), rough = contents(*work_ / "rough");
  EXPECT_EQ(calm.size(), rough.size());
  for (const auto& [name, bytes] : calm)  // the others hold times
    if (name.rfind("stages/", 0) != 0 && name != "metrics.json" && name != "report.html")
      EXPECT_EQ(rough.at(name), bytes) << name;
}

}  // namespace
}  // namespace lathe::cli::testing
