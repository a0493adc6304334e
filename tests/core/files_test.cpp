#include "lathe/core/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "lathe/core/error.h"
#include "tests/support/message.h"
#include "tests/support/small_disk.h"

namespace lathe::core {
namespace {

namespace fs = std::filesystem;
using testing_support::message_of;

int64_t num_entries(const fs::path& directory) {
  return std::distance(fs::directory_iterator(directory), fs::directory_iterator());
}

class Variable {  // an environment variable, for one scope
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    value == nullptr ? unsetenv(name) : setenv(name, value, 1);
  }
  ~Variable() { old_ ? setenv(name_, old_->c_str(), 1) : unsetenv(name_); }

 private:
  const char* name_;
  std::optional<std::string> old_;
};

TEST(Files, RoundTripOfAnyBytes) {
  const TemporaryDirectory directory;
  std::string bytes(1 << 20, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31);
  for (const std::string& content : {std::string(), std::string("a\0b\r\n", 5), bytes}) {
    write_file(directory.path() / "file", content);
    EXPECT_EQ(read_file(directory.path() / "file"), content);
  }
  EXPECT_EQ(num_entries(directory.path()), 1);
}

TEST(Files, ReadErrorsNameTheFileAndTheReason) {
  const TemporaryDirectory directory;
  const std::string missing = (directory.path() / "missing").string();
  EXPECT_EQ(message_of<InputError>([&] { read_file(missing); }),
            "cannot read " + missing + ": No such file or directory");
  EXPECT_EQ(message_of<InputError>([&] { read_file(directory.path()); }),
            "cannot read " + directory.path().string() + ": Is a directory");
}

TEST(Files, WriteErrorsNameTheFileAndLeaveNothingBehind) {
  const TemporaryDirectory directory;
  const std::string lost = (directory.path() / "no" / "such").string();
  EXPECT_EQ(message_of<Error>([&] { write_file(lost, "x"); }),
            "cannot write " + lost + ": No such file or directory");
  fs::create_directory(directory.path() / "taken");
  const std::string taken = (directory.path() / "taken").string();
  EXPECT_EQ(message_of<Error>([&] { write_file(taken, "x"); }),
            "cannot write " + taken + ": not a regular file");
  EXPECT_EQ(num_entries(directory.path()), 1);
}

TEST(Files, WritingKeepsTheModeAndObeysTheMask) {
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "script";
  const auto mode = [&] {
    struct stat status {};
    stat(file.c_str(), &status);
    return status.st_mode & 0777;
  };
  const mode_t mask = umask(027);
  write_file(file, "1");
  umask(mask);
  EXPECT_EQ(mode(), 0640u);
  chmod(file.c_str(), 0755);
  write_file(file, "2");
  EXPECT_EQ(mode(), 0755u);
}

TEST(Files, RelativeNamesWork) {
  const TemporaryDirectory directory;
  const fs::path before = fs::current_path();
  fs::current_path(directory.path());
  write_file("relative", "x");
  const std::string content = read_file("relative");
  fs::current_path(before);
  EXPECT_EQ(content, "x");
}

TEST(Files, AFullDiskKeepsTheOldContent) {
  const testing_support::SmallDisk disk("256k");
  SKIP_UNLESS_MOUNTED(disk);
  const fs::path file = disk.path() / "file";
  write_file(file, "old");
  const std::string message = message_of<Error>([&] { write_file(file, std::string(1 << 20, 'x')); });
  EXPECT_EQ(message, "cannot write " + file.string() + ": No space left on device");
  EXPECT_EQ(read_file(file), "old");
  EXPECT_EQ(num_entries(disk.path()), 1);
}

TEST(Files, AReaderNeverSeesAHalfWrittenFile) {
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "file";
  const std::string a(300'000, 'a'), b(300'000, 'b');
  write_file(file, a);
  const pid_t writer = fork();
  if (writer == 0) {
    for (int i = 0; i < 100; ++i) write_file(file, i % 2 == 0 ? b : a);
    _exit(0);
  }
  int status = 0;
  int64_t num_reads = 0;
  for (; waitpid(writer, &status, WNOHANG) == 0; ++num_reads) {
    const std::string content = read_file(file);
    ASSERT_TRUE(content == a || content == b);
  }
  EXPECT_EQ(status, 0);
  EXPECT_GT(num_reads, 0);
}

TEST(Sha256, PublishedVectors) {  // FIPS 180-4 examples
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const TemporaryDirectory directory;
  const std::string million(1'000'000, 'a');
  write_file(directory.path() / "file", million);
  const std::string expected = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
  EXPECT_EQ(sha256(million), expected);
  EXPECT_EQ(sha256_file(directory.path() / "file"), expected);
  EXPECT_THROW(sha256_file(directory.path() / "missing"), InputError);
}

TEST(TemporaryDirectory, IsRemovedWithItsContents) {
  fs::path path;
  {
    const TemporaryDirectory directory("prefix-");
    path = directory.path();
    EXPECT_EQ(path.filename().string().rfind("prefix-", 0), 0u);
    fs::create_directories(path / "a" / "b");
    write_file(path / "a" / "b" / "file", "x");
    const TemporaryDirectory inner("inner", path);
    EXPECT_EQ(inner.path().parent_path(), path);
  }
  EXPECT_FALSE(fs::exists(path));
  EXPECT_NE(message_of<Error>([] { TemporaryDirectory("x", "/no/such"); }).find("/no/such: No such file"),
            std::string::npos);
}

TEST(FileLock, ExcludesOtherProcessesUntilItsHolderDies) {
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "lock";
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t holder = fork();
  if (holder == 0) {
    const FileLock lock(file, "bundle demo");
    if (write(ready[1], "x", 1) != 1) _exit(1);
    pause();
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_EQ(message_of<InputError>([&] { FileLock(file, "bundle demo"); }),
            "bundle demo is in use by another process (it holds " + file.string() + ")");
  kill(holder, SIGKILL);
  waitpid(holder, nullptr, 0);
  { const FileLock lock(file, "bundle demo"); }
  { const FileLock again(file, "bundle demo"); }
  close(ready[0]);
  close(ready[1]);
}

TEST(FileLock, IsNotInheritedThroughExec) {
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "lock";
  pid_t child = -1;
  {
    const FileLock lock(file, "it");
    child = fork();
    if (child == 0) {
      execlp("sleep", "sleep", "5", nullptr);
      _exit(127);
    }
    usleep(100'000);
  }
  EXPECT_NO_THROW(FileLock(file, "it"));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

TEST(HomeDirectory, FollowsTheEnvironment) {
  const TemporaryDirectory directory;
  const std::string root = directory.path().string();
  {
    const Variable home("LATHE_HOME", (root + "/own").c_str());
    EXPECT_EQ(home_directory(), root + "/own");
    EXPECT_TRUE(fs::is_directory(root + "/own"));
  }
  const Variable none("LATHE_HOME", nullptr);
  {
    const Variable data("XDG_DATA_HOME", (root + "/data").c_str());
    EXPECT_EQ(home_directory(), root + "/data/lathe");
  }
  const Variable no_data("XDG_DATA_HOME", nullptr);
  {
    const Variable user("HOME", root.c_str());
    EXPECT_EQ(home_directory(), root + "/.local/share/lathe");
  }
  const Variable nobody("HOME", nullptr);
  EXPECT_THROW(home_directory(), InputError);
  const Variable broken("LATHE_HOME", "/dev/null/x");
  EXPECT_EQ(message_of<InputError>([] { home_directory(); }), "cannot create /dev/null/x: Not a directory");
}

TEST(WriteFile, LeftoversOfKilledWritersAreRemoved) {
  const TemporaryDirectory directory;
  for (const char* name : {"model.pt", "model.pt.123.4.tmp", "notes.tmp", "a.1.tmp"})
    write_file(directory.path() / name, "text");
  remove_unfinished_writes(directory.path());
  EXPECT_FALSE(fs::exists(directory.path() / "model.pt.123.4.tmp"));
  for (const char* name : {"model.pt", "notes.tmp", "a.1.tmp"})
    EXPECT_TRUE(fs::exists(directory.path() / name));
}

}  // namespace
}  // namespace lathe::core
