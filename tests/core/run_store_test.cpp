#include "lathe/core/run_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <limits>
#include <thread>

#include "lathe/core/database.h"
#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/process.h"
#include "tests/support/child.h"
#include "tests/support/message.h"

namespace lathe::core {
namespace {

namespace fs = std::filesystem;
using testing_support::child_test;
using testing_support::message_of;

constexpr int64_t kBatch = 100, kBatches = 200;

std::vector<Metric> batch(int64_t first, int64_t size) {
  std::vector<Metric> metrics;
  for (int64_t step = first; step < first + size; ++step)
    metrics.push_back(
        {.name = "loss", .step = step, .value = 1.0 / static_cast<double>(step + 1), .split = "train"});
  return metrics;
}

TEST(RunStore, ARunFromStartToFinish) {
  const TemporaryDirectory directory;
  RunStore store(directory.path() / "runs.db");
  const nlohmann::json parameters = {{"optim", {{"rate", 0.1}}}, {"name", "ü"}};
  const int64_t id = store.start("demo", "train", parameters);
  RunRecord run = store.run(id);
  EXPECT_EQ(run.id, id);
  EXPECT_EQ(run.name, "demo");
  EXPECT_EQ(run.kind, "train");
  EXPECT_EQ(run.state, "running");
  EXPECT_EQ(run.ended, 0);
  EXPECT_EQ(run.parameters, parameters);
  EXPECT_NEAR(run.started, static_cast<double>(std::time(nullptr)), 5);
  store.add_artifact(id, "model", "/a/model.pt");
  store.add_artifact(id, "report", "/a/report.html");
  store.finish(id, "failed", "disk full");
  run = store.run(id);
  EXPECT_EQ(run.state, "failed");
  EXPECT_EQ(run.message, "disk full");
  EXPECT_GE(run.ended, run.started);
  ASSERT_EQ(store.artifacts(id).size(), 2u);
  EXPECT_EQ(store.artifacts(id)[1].name, "report");
  EXPECT_EQ(store.artifacts(id)[1].path, "/a/report.html");
}

TEST(RunStore, MetricsComeBackInOrderAndToTheBit) {
  const TemporaryDirectory directory;
  RunStore store(directory.path() / "runs.db");
  const int64_t id = store.start("a", "train", {}), other = store.start("b", "train", {});
  const double infinity = std::numeric_limits<double>::infinity();
  store.log(
      id,
      {{"loss", 2, 0.1, "train", ""}, {"time", 2, 1e-310, "", "ms"}, {"loss", 1, -infinity, "holdout", ""}});
  store.log(other, {{"loss", 9, 9, "train", ""}});
  store.log(id, {});
  store.log(id, {{"loss", 3, std::nan(""), "train", ""}, {"it's \"odd\"; --", -1, 5, "", ""}});
  const auto all = store.metrics(id);
  ASSERT_EQ(all.size(), 5u);
  EXPECT_EQ(all[0].value, 0.1);
  EXPECT_EQ(all[1].value, 1e-310);
  EXPECT_EQ(all[1].unit, "ms");
  EXPECT_EQ(all[2].value, -infinity);
  EXPECT_EQ(all[2].split, "holdout");
  EXPECT_TRUE(std::isnan(all[3].value));
  EXPECT_EQ(all[4].name, "it's \"odd\"; --");
  EXPECT_EQ(store.metrics(id, "loss").size(), 3u);
  EXPECT_EQ(store.metrics(id, "none").size(), 0u);
  const auto last = store.last_metrics(id);  // loss/holdout, time, loss/train, odd: by their last row
  ASSERT_EQ(last.size(), 4u);
  EXPECT_EQ(last[0].name, "time");
  EXPECT_EQ(last[1].split, "holdout");
  EXPECT_EQ(last[2].step, 3);
}

TEST(RunStore, NewestRunsComeFirst) {
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "runs.db";
  RunStore store(file);
  for (int i = 0; i < 5; ++i) store.start("run " + std::to_string(i), "train", {});
  Database(file).execute(
      "UPDATE runs SET started = 1e12 WHERE name = 'run 0'");  // the clock was wrong that day
  const auto runs = store.runs(3);
  ASSERT_EQ(runs.size(), 3u);
  EXPECT_EQ(runs[0].name, "run 4");
  EXPECT_EQ(runs[2].name, "run 2");
  EXPECT_EQ(store.runs().size(), 5u);
}

TEST(RunStore, UnknownRunsAreTheUsersMistake) {
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "runs.db";
  RunStore store(file);
  const std::string expected = "no run 7 in " + file.string();
  EXPECT_EQ(message_of<InputError>([&] { store.run(7); }), expected);
  EXPECT_EQ(message_of<InputError>([&] { store.log(7, {{"loss", 0, 1, "", ""}}); }), expected);
  EXPECT_EQ(message_of<InputError>([&] { store.finish(7, "failed"); }), expected);
  EXPECT_EQ(message_of<InputError>([&] { store.metrics(7); }), expected);
  EXPECT_EQ(message_of<InputError>([&] { store.add_artifact(7, "a", "b"); }), expected);
  EXPECT_NO_THROW(store.start("still works", "train", {}));
}

TEST(RunStore, IsSharedByThreadsAndSurvivesAMove) {
  const TemporaryDirectory directory;
  RunStore first(directory.path() / "runs.db");
  const int64_t id = first.start("a", "train", {});
  RunStore store(std::move(first));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) store.log(id, batch(i * 10, 10));
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(store.metrics(id).size(), 800u);
}

TEST(RunStore, BrokenFilesGiveOneLineWithThePath) {
  const TemporaryDirectory directory;
  const fs::path garbage = directory.path() / "garbage.db";
  write_file(garbage, std::string(10'000, 'x'));
  EXPECT_EQ(message_of<Error>([&] { RunStore store(garbage); }),
            garbage.string() + ": file is not a database");
  EXPECT_EQ(message_of<Error>([&] { RunStore store(directory.path()); }),
            directory.path().string() + ": unable to open database file (Is a directory)");
  const fs::path nowhere = directory.path() / "no" / "runs.db";
  EXPECT_EQ(message_of<Error>([&] { RunStore store(nowhere); }),
            nowhere.string() + ": unable to open database file (No such file or directory)");
  const fs::path foreign = directory.path() / "foreign.db";
  Database(foreign).execute("CREATE TABLE t (x)");
  EXPECT_EQ(message_of<Error>([&] { RunStore store(foreign); }),
            foreign.string() + ": is an SQLite file, but no run store");
  const fs::path newer = directory.path() / "newer.db";
  Database(newer).execute("PRAGMA user_version = 9");
  EXPECT_EQ(message_of<Error>([&] { RunStore store(newer); }),
            newer.string() + ": has run-store schema 9, this program knows 1");
  const fs::path torn = directory.path() / "torn.db";
  { RunStore(torn).start("a", "train", {}); }
  std::string bytes = read_file(torn);
  std::fill(bytes.begin() + 4096, bytes.end(), 'x');
  write_file(torn, bytes);
  EXPECT_EQ(message_of<Error>([&] { RunStore(torn).runs(); }),
            torn.string() + ": database disk image is malformed");
}

TEST(RunStoreChild, DISABLED_OpensInAReadOnlyDirectory) {
  if (getuid() == 0) ASSERT_EQ(setuid(65534), 0);  // root may write everywhere
  const std::string file = std::string(std::getenv("LATHE_TEST_DIRECTORY")) + "/runs.db";
  EXPECT_EQ(message_of<Error>([&] { RunStore store(file); }),
            file + ": unable to open database file (Permission denied)");
}

TEST(RunStore, AReadOnlyDirectoryIsNamed) {
  const TemporaryDirectory directory;
  chmod(directory.path().c_str(), 0555);
  const ProcessResult result =
      run_process({.arguments = child_test("RunStoreChild.DISABLED_OpensInAReadOnlyDirectory"),
                   .environment = {{"LATHE_TEST_DIRECTORY", directory.path().string()}}});
  EXPECT_EQ(result.exit_code, 0) << result.output << result.errors;
}

// Logs its batches and says after each how many are safe.
TEST(RunStoreChild, DISABLED_Writes) {
  RunStore store(std::string(std::getenv("LATHE_TEST_DIRECTORY")) + "/runs.db");
  const int64_t id = store.start(std::getenv("LATHE_TEST_NAME"), "train", {});
  const int64_t num_batches = std::atoll(std::getenv("LATHE_TEST_BATCHES"));
  for (int64_t i = 0; i < num_batches; ++i) {
    store.log(id, batch(i * kBatch, kBatch));
    const std::string line = std::to_string(i + 1) + "\n";
    ASSERT_EQ(write(STDOUT_FILENO, line.data(), line.size()), static_cast<ssize_t>(line.size()));
  }
  store.finish(id, "finished");
}

ProcessOptions writer(const TemporaryDirectory& directory, const std::string& name, int64_t num_batches) {
  return {.arguments = child_test("RunStoreChild.DISABLED_Writes"),
          .environment = {{"LATHE_TEST_DIRECTORY", directory.path().string()},
                          {"LATHE_TEST_NAME", name},
                          {"LATHE_TEST_BATCHES", std::to_string(num_batches)}}};
}

TEST(RunStore, EightProcessesLoseNothing) {
  const TemporaryDirectory directory;
  std::vector<std::unique_ptr<Process>> writers;
  for (int i = 0; i < 8; ++i)
    writers.push_back(std::make_unique<Process>(writer(directory, "writer " + std::to_string(i), kBatches)));
  for (const auto& process : writers) EXPECT_EQ(process->wait().exit_code, 0) << process->wait().output;
  const RunStore store(directory.path() / "runs.db");
  const auto runs = store.runs();
  ASSERT_EQ(runs.size(), 8u);
  for (const RunRecord& run : runs) {
    EXPECT_EQ(run.state, "finished");
    const auto metrics = store.metrics(run.id);
    ASSERT_EQ(metrics.size(), static_cast<size_t>(kBatch * kBatches));
    for (size_t i = 0; i < metrics.size(); ++i) ASSERT_EQ(metrics[i].step, static_cast<int64_t>(i));
  }
}

TEST(RunStore, AKilledWriterLosesNothingThatLogReturnedFor) {
  for (int round = 0; round < 3; ++round) {
    const TemporaryDirectory directory;
    Process process(writer(directory, "victim", 1'000'000));
    std::this_thread::sleep_for(std::chrono::milliseconds(300 + 70 * round));
    process.kill_group(SIGKILL);
    const ProcessResult& result = process.wait();
    EXPECT_EQ(result.exit_code, 128 + SIGKILL);
    const int64_t safe = std::count(result.output.begin(), result.output.end(), '\n');
    const RunStore store(directory.path() / "runs.db");
    const size_t kept = store.metrics(1).size();
    EXPECT_GT(kept, 0u);
    EXPECT_EQ(kept % kBatch, 0u);
    EXPECT_GE(static_cast<int64_t>(kept), safe * kBatch);
    EXPECT_EQ(Database(directory.path() / "runs.db")
                  .query_integer("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"),
              1);
  }
}

TEST(RunStore, Throughput) {
  const TemporaryDirectory directory;
  RunStore store(directory.path() / "runs.db");
  const int64_t id = store.start("fast", "train", {});
  const int64_t size = 1000, num_batches = 200;
  const std::vector<Metric> metrics = batch(0, size);
  const auto start = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < num_batches; ++i) store.log(id, metrics);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::cout << fmt::format("[ measured ] {:.0f} rows/s in batches of {}\n", size * num_batches / seconds,
                           size);
  EXPECT_EQ(store.metrics(id).size(), static_cast<size_t>(size * num_batches));
}

}  // namespace
}  // namespace lathe::core
