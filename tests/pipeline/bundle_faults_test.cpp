// What the system does to a bundle's writer: it is killed anywhere in its commits, its disk is full, no file
// descriptors are left. The bundle is the one of before or the one of after.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "lathe/core/error.h"
#include "lathe/core/process.h"
#include "lathe/pipeline/bundle.h"
#include "tests/support/child.h"
#include "tests/support/message.h"
#include "tests/support/small_disk.h"

namespace lathe::pipeline {
namespace {

namespace fs = std::filesystem;
using testing_support::child_test;
using testing_support::message_of;

// Both files and the report say the same number.
void commit(Bundle& bundle, int64_t number, const std::string& filler = "") {
  const auto staged = bundle.stage_directory("train");
  for (const char* name : {"a", "b"})
    core::write_file(staged->path() / name, std::to_string(number) + filler);
  StageReport report;
  report.stage = "train";
  report.details = {{"number", number}};
  bundle.commit(*staged, report);
}

void expect_whole(const Bundle& bundle, int64_t least) {
  const auto report = bundle.stage("train");
  ASSERT_TRUE(report);
  const int64_t number = report->details.at("number");
  EXPECT_GE(number, least);
  for (const char* name : {"a", "b"})
    EXPECT_EQ(std::stoll(core::read_file(bundle.file(name))), number) << name;
  for (const auto& entry : fs::directory_iterator(bundle.path()))
    EXPECT_TRUE(entry.path().filename() == ".lock" || entry.path().filename().string()[0] != '.')
        << entry.path();
}

// Commits and says after each which one is safe.
TEST(BundleFaultsChild, DISABLED_Commits) {
  Bundle bundle = Bundle::open_for_writing(fs::path(std::getenv("LATHE_TEST_DIRECTORY")) / "a.bundle");
  for (int64_t number = 1;; ++number) {
    commit(bundle, number);
    const std::string line = std::to_string(number) + "\n";
    ASSERT_EQ(write(STDOUT_FILENO, line.data(), line.size()), static_cast<ssize_t>(line.size()));
  }
}

TEST(BundleFaults, AKilledWriterLosesNoCommit) {
  const core::TemporaryDirectory directory;
  const fs::path path = directory.path() / "a.bundle";
  for (int round = 0; round < 4; ++round) {
    {
      Bundle bundle = Bundle::open_for_writing(path);
      commit(bundle, 0);
    }
    core::Process process({.arguments = child_test("BundleFaultsChild.DISABLED_Commits"),
                           .environment = {{"LATHE_TEST_DIRECTORY", directory.path().string()}}});
    const auto committed = [&] {
      try {
        return Bundle::open(path).stage("train")->details.at("number") > 0;
      } catch (const InputError&) {  // replaced while it was looked at
        return false;
      }
    };
    while (process.running() && !committed()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::microseconds(3000 + 1700 * round));
    process.kill_group(SIGKILL);
    const core::ProcessResult& result = process.wait();
    EXPECT_EQ(result.exit_code, 128 + SIGKILL) << result.output << result.errors;
    expect_whole(Bundle::open_for_writing(path),
                 std::count(result.output.begin(), result.output.end(), '\n'));
  }
}

TEST(BundleFaults, AFullDiskKeepsTheLastCommit) {
  const testing_support::SmallDisk disk("512k");
  SKIP_UNLESS_MOUNTED(disk);
  Bundle bundle = Bundle::open_for_writing(disk.path() / "a.bundle");
  commit(bundle, 1);
  const std::string message = message_of<Error>([&] { commit(bundle, 2, std::string(400'000, ' ')); });
  expect_whole(bundle, 1);
  commit(bundle, 3);
  expect_whole(bundle, 3);
  EXPECT_NE(message.find("No space left on device"), std::string::npos) << message;
}

TEST(BundleFaults, NoDescriptorsLeft) {
  const core::TemporaryDirectory directory;
  const fs::path path = directory.path() / "a.bundle";
  Bundle bundle = Bundle::open_for_writing(path);
  commit(bundle, 1);
  rlimit old{};
  getrlimit(RLIMIT_NOFILE, &old);
  const int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
  close(next);
  const rlimit none{static_cast<rlim_t>(next), old.rlim_max};
  setrlimit(RLIMIT_NOFILE, &none);
  const std::string writing = message_of<Error>([&] { commit(bundle, 2); }),
                    reading = message_of<InputError>([&] { Bundle::open(path).json("metrics.json"); });
  setrlimit(RLIMIT_NOFILE, &old);
  EXPECT_NE(writing.find("Too many open files"), std::string::npos) << writing;
  EXPECT_NE(reading.find("metrics.json: Too many open files"), std::string::npos) << reading;
  bundle = Bundle::open(path);  // lets go of the lock
  expect_whole(Bundle::open_for_writing(path), 1);
}

// A stage's report names the files that the next commit replaces; one that names others is damaged.
TEST(BundleFaults, NamesOutsideOfTheBundleAreDamage) {
  const core::TemporaryDirectory directory;
  const fs::path path = directory.path() / "a.bundle", outside = directory.path() / "outside";
  Bundle bundle = Bundle::open_for_writing(path);
  commit(bundle, 1);
  core::write_file(outside, "kept");
  const std::string report = core::read_file(path / "stages" / "train.json");
  for (const std::string& name :
       {std::string("../outside"), std::string("x/../../outside"), outside.string()}) {
    nlohmann::json json = nlohmann::json::parse(report);
    json["files"].push_back(name);
    core::write_file(path / "stages" / "train.json", json.dump());
    EXPECT_NE(message_of<InputError>([&] { commit(bundle, 2); }).find("outside of the bundle"),
              std::string::npos)
        << name;
    EXPECT_EQ(core::read_file(outside), "kept");
  }
}

}  // namespace
}  // namespace lathe::pipeline
