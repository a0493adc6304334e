// What the system does to a program that records: a full disk, no file descriptors left, a clock that is set
// back, streams of a million rows. Nothing that was recorded is lost, and the message names the file and the
// reason.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstring>

#include "lathe/core/database.h"
#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/process.h"
#include "lathe/core/run_store.h"
#include "tests/support/message.h"
#include "tests/support/small_disk.h"

namespace lathe::core {
namespace {

namespace fs = std::filesystem;
using testing_support::message_of;
using testing_support::SmallDisk;

std::vector<Metric> batch(int64_t first, int64_t size) {
  std::vector<Metric> metrics;
  for (int64_t step = first; step < first + size; ++step)
    metrics.push_back({.name = "loss", .step = step, .value = static_cast<double>(step), .split = "train"});
  return metrics;
}

void expect_steps(const std::vector<Metric>& metrics, int64_t count) {
  ASSERT_EQ(metrics.size(), static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) ASSERT_EQ(metrics[static_cast<size_t>(i)].step, i);
}

// The disk fills up while a run logs; when there is room again the same store goes on.
TEST(FullDisk, RunStoreKeepsWhatItTook) {
  const SmallDisk disk("1m");
  SKIP_UNLESS_MOUNTED(disk);
  const fs::path file = disk.path() / "runs.db", filler = disk.path() / "filler";
  write_file(filler, std::string(300'000, 'x'));
  RunStore store(file);
  const int64_t run = store.start("a", "train", {});
  int64_t taken = 0;
  const std::string message = message_of<Error>([&] {
    for (;; taken += 100) store.log(run, batch(taken, 100));
  });
  EXPECT_EQ(message.rfind(file.string() + ": ", 0), 0u) << message;
  EXPECT_NE(message.find("full"), std::string::npos) << message;
  EXPECT_GT(taken, 1000);
  expect_steps(store.metrics(run), taken);

  fs::remove(filler);
  store.log(run, batch(taken, 100));
  store.finish(run, "finished");
  expect_steps(RunStore(file).metrics(run), taken + 100);
}

TEST(FullDisk, RunStoreThatCannotBegin) {
  const SmallDisk disk("64k");
  SKIP_UNLESS_MOUNTED(disk);
  const fs::path filler = disk.path() / "filler", file = disk.path() / "runs.db";
  EXPECT_THROW(write_file(filler, std::string(1 << 20, 'x')), Error);
  write_file(filler, std::string(56 << 10, 'x'));
  const std::string message = message_of<Error>([&] { RunStore store(file); });
  EXPECT_EQ(message.rfind(file.string() + ": ", 0), 0u) << message;
  EXPECT_NE(message.find("full"), std::string::npos) << message;
}

TEST(ReadOnlyDisk, IsNamed) {
  const SmallDisk disk("1m");
  SKIP_UNLESS_MOUNTED(disk);
  { RunStore(disk.path() / "runs.db").start("a", "train", {}); }
  ASSERT_EQ(mount(nullptr, disk.path().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0)
      << std::strerror(errno);
  const std::string file = (disk.path() / "file").string();
  EXPECT_EQ(message_of<Error>([&] { write_file(file, "x"); }),
            "cannot write " + file + ": Read-only file system");
  const std::string store = (disk.path() / "runs.db").string();
  const std::string message = message_of<Error>([&] { RunStore(store).start("b", "train", {}); });
  EXPECT_EQ(message.rfind(store + ": ", 0), 0u) << message;
  EXPECT_NE(message.find("ead-only"), std::string::npos) << message;
}

// No descriptor is left, for one scope.
class NoDescriptors {
 public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &old_);
    const int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const rlimit none{static_cast<rlim_t>(next), old_.rlim_max};  // descriptors below it are all in use
    close(next);
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &old_); }

 private:
  rlimit old_{};
};

TEST(NoDescriptors, EverythingThatOpensAFileSaysSo) {
  const TemporaryDirectory directory;
  const std::string file = (directory.path() / "file").string(),
                    store_file = (directory.path() / "runs.db").string();
  write_file(file, "old");
  RunStore store(directory.path() / "open.db");
  const int64_t run = store.start("a", "train", {});
  std::vector<std::string> messages;
  {
    const NoDescriptors none;
    messages = {message_of<InputError>([&] { read_file(file); }),
                message_of<Error>([&] { write_file(file, "new"); }),
                message_of<InputError>([&] { FileLock(file, "it"); }),
                message_of<Error>([&] { RunStore{store_file}; }),
                message_of<Error>([&] { run_process({.arguments = {"true"}}); })};
    store.log(run, batch(0, 100));  // its files are open
  }
  for (const std::string& message : messages)
    EXPECT_NE(message.find("Too many open files"), std::string::npos) << message;
  for (const std::string& message : {messages[0], messages[1], messages[2]})
    EXPECT_NE(message.find(file), std::string::npos) << message;
  EXPECT_NE(messages[3].find(store_file), std::string::npos) << messages[3];
  EXPECT_EQ(read_file(file), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(directory.path()), fs::directory_iterator()),
            4);  // no temporary
  expect_steps(store.metrics(run), 100);
  EXPECT_NO_THROW(RunStore{store_file});
}

// Runs of a time that is now the future; new rows still come last.
TEST(ClockSetBack, ReordersNothing) {
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "runs.db";
  RunStore store(file);
  const int64_t early = store.start("before", "train", {});
  store.log(early, batch(0, 10));
  Database(file).execute("UPDATE runs SET started = started + 1e9");
  store.log(early, batch(10, 10));
  store.finish(early, "finished");
  const int64_t late = store.start("after", "train", {});
  EXPECT_EQ(store.runs().front().id, late);
  expect_steps(store.metrics(early), 20);
  EXPECT_EQ(store.last_metrics(early).front().step, 19);
  EXPECT_EQ(store.run(early).state, "finished");
}

TEST(RunStore, AMillionRows) {
  constexpr int64_t kRows = 1'000'000, kBatch = 1000;
  const TemporaryDirectory directory;
  RunStore store(directory.path() / "runs.db");
  const int64_t run = store.start("long", "train", {}), other = store.start("short", "train", {});
  for (int64_t i = 0; i < kRows; i += kBatch) store.log(run, batch(i, kBatch));
  store.log(other, batch(0, 1));
  expect_steps(store.metrics(run, "loss"), kRows);
  ASSERT_EQ(store.last_metrics(run).size(), 1u);
  EXPECT_EQ(store.last_metrics(run).front().step, kRows - 1);
  expect_steps(store.metrics(other), 1);
}

}  // namespace
}  // namespace lathe::core
