#include "lathe/core/process.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "tests/support/message.h"

namespace lathe::core {
namespace {

namespace fs = std::filesystem;
using testing_support::message_of;

ProcessOptions shell(const std::string& script) {
  return {.arguments = {"sh", "-c", script}};
}

std::vector<std::string> open_descriptors() {
  std::vector<std::string> list;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code closed_since;
    list.push_back(entry.path().filename().string() + " " +
                   fs::read_symlink(entry.path(), closed_since).string());
  }
  return list;
}

// Dead or a zombie that somebody else will collect.
bool is_gone(pid_t id) {
  std::ifstream status("/proc/" + std::to_string(id) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("State:", 0) == 0) return line.find('Z') != std::string::npos;
  return true;
}

bool becomes_gone(pid_t id) {
  for (int i = 0; i < 100 && !is_gone(id); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return is_gone(id);
}

void wait_for(const fs::path& file) {
  for (int i = 0; i < 500 && !fs::exists(file); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  ASSERT_TRUE(fs::exists(file));
}

TEST(Process, OutputErrorsAndExitCode) {
  const ProcessResult result = run_process(shell("echo out; echo err >&2; exit 7"));
  EXPECT_EQ(result.output, "out\n");
  EXPECT_EQ(result.errors, "err\n");
  EXPECT_EQ(result.exit_code, 7);
  EXPECT_FALSE(result.timed_out);
  EXPECT_EQ(run_process({.arguments = {"true"}}).exit_code, 0);
}

TEST(Process, ASignalIs128AndItsNumber) {
  EXPECT_EQ(run_process(shell("kill -9 $$")).exit_code, 137);
  EXPECT_EQ(run_process(shell("kill -SEGV $$")).exit_code, 128 + SIGSEGV);
}

TEST(Process, ArgumentsReachTheProgramUntouched) {
  const ProcessResult result = run_process({.arguments = {"printf", "%s|", "a b", "$HOME", "*", "", "ü\n'"}});
  EXPECT_EQ(result.output, "a b|$HOME|*||ü\n'|");
}

TEST(Process, DirectoryAndEnvironment) {
  const TemporaryDirectory directory;
  ProcessOptions options = shell("pwd; echo $LATHE_TEST_ADDED; echo $HOME; test -n \"$PATH\"");
  options.directory = directory.path();
  options.environment = {{"LATHE_TEST_ADDED", "a=b c"}, {"HOME", "/elsewhere"}};
  const ProcessResult result = run_process(options);
  EXPECT_EQ(result.output, fs::canonical(directory.path()).string() + "\na=b c\n/elsewhere\n");
  EXPECT_EQ(result.exit_code, 0);
}

TEST(Process, WhatCannotStartSaysWhy) {
  EXPECT_EQ(message_of<Error>([] { run_process({.arguments = {"no-such-program-here"}}); }),
            "cannot start no-such-program-here: No such file or directory");
  EXPECT_EQ(message_of<Error>([] { run_process({.arguments = {"/etc/passwd"}}); }),
            "cannot start /etc/passwd: Permission denied");
  EXPECT_EQ(message_of<Error>([] { run_process({.arguments = {"true"}, .directory = "/no/such"}); }),
            "cannot start true in /no/such: no such directory");
  EXPECT_THROW(run_process({}), std::logic_error);
}

TEST(Process, TenMegabytesOnBothPipesAtOnce) {
  const ProcessResult result =
      run_process(shell("head -c 10000000 /dev/zero | tr '\\0' e >&2 & head -c 10000000 /dev/zero; wait"));
  EXPECT_EQ(result.output, std::string(10'000'000, '\0'));
  EXPECT_EQ(result.errors, std::string(10'000'000, 'e'));
}

TEST(Process, OutputBeyondTheLimitIsDropped) {
  ProcessOptions options = shell("head -c 1000000 /dev/zero; echo done >&2");
  options.max_output_bytes = 1000;
  const ProcessResult result = run_process(options);
  EXPECT_EQ(result.output.size(), 1000u);
  EXPECT_EQ(result.errors, "done\n");
  EXPECT_EQ(result.exit_code, 0);
}

TEST(Process, InputArrivesWholeAndEnds) {
  std::string input(5'000'000, 'x');
  for (size_t i = 0; i < input.size(); ++i) input[i] = static_cast<char>(i * 7);
  ProcessOptions options{.arguments = {"cat"}};
  options.input = input;
  EXPECT_EQ(run_process(options).output, input);
  EXPECT_EQ(run_process({.arguments = {"cat"}}).output, "");
}

TEST(Process, AChildThatIgnoresItsInputDoesNoHarm) {
  ProcessOptions options = shell("exec <&-; sleep 0.1; echo alive");
  options.input = std::string(1'000'000, 'x');
  const ProcessResult result = run_process(options);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.output, "alive\n");
}

TEST(Process, TheChildInheritsNeitherDescriptorsNorSignalSettings) {
  int leaky[2];
  ASSERT_EQ(pipe(leaky), 0);  // not close-on-exec
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  const ProcessResult result = run_process(shell("ls /proc/self/fd | wc -l; kill -PIPE $$"));
  std::signal(SIGPIPE, before);
  close(leaky[0]);
  close(leaky[1]);
  EXPECT_EQ(result.output,
            "4\n");  // 0, 1, 2 and the one ls reads the directory with
}

TEST(Process, NoDescriptorAndNoZombieIsLeft) {
  run_process({.arguments = {"true"}});
  const auto before = open_descriptors();
  for (int i = 0; i < 20; ++i) {
    run_process(shell("echo x"));
    EXPECT_THROW(run_process({.arguments = {"no-such-program-here"}}), Error);
    Process killed({.arguments = {"sleep", "100"}});
  }
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(Process, WorksWhereStandardInputIsClosed) {
  const int saved = dup(STDIN_FILENO);
  close(STDIN_FILENO);
  ProcessOptions options{.arguments = {"cat"}};
  options.input = "through";
  const ProcessResult result = run_process(options);
  dup2(saved, STDIN_FILENO);
  close(saved);
  EXPECT_EQ(result.output, "through");
}

TEST(Process, ATimeoutKillsGrandchildrenToo) {
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "id";
  ProcessOptions options = shell("sh -c 'echo $$ > " + file.string() + ".tmp; mv " + file.string() + ".tmp " +
                                 file.string() + "; trap \"\" TERM; while :; do sleep 1; done' & wait");
  options.timeout_seconds = 0.5;
  const ProcessResult result = run_process(options);
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.exit_code, 128 + SIGTERM);
  ASSERT_TRUE(fs::exists(file));
  EXPECT_TRUE(becomes_gone(std::stoi(read_file(file))));
}

TEST(Process, AChildThatIgnoresSigtermIsKilledTwoSecondsLater) {
  ProcessOptions options = shell("trap '' TERM; echo ready; while :; do sleep 0.1; done");
  options.timeout_seconds = 0.3;
  const ProcessResult result = run_process(options);
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.exit_code, 128 + SIGKILL);
  EXPECT_GE(result.seconds, 2.2);
  EXPECT_EQ(result.output, "ready\n");
}

TEST(Process, ATimeoutLeavesTimeToStopCleanly) {
  ProcessOptions options = shell("trap 'echo saved; exit 3' TERM; while :; do sleep 0.05; done");
  options.timeout_seconds = 0.3;
  const ProcessResult result = run_process(options);
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.output, "saved\n");
  EXPECT_EQ(result.exit_code, 3);
}

TEST(Process, WhatIsLeftOfTheGroupIsKilledWhenTheChildEnds) {
  const ProcessResult result = run_process(shell("sleep 100 & echo $!"));
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_LT(result.seconds, 50);
  EXPECT_TRUE(becomes_gone(std::stoi(result.output)));
}

TEST(Process, ADaemonThatLeftTheGroupIsNotWaitedFor) {
  const ProcessResult result = run_process(shell("setsid sleep 30 & echo $!"));
  EXPECT_LT(result.seconds, 15);
  kill(std::stoi(result.output), SIGKILL);
}

TEST(Process, TheDestructorKillsTheGroup) {
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "id";
  pid_t child = 0;
  {
    Process process(shell("sleep 100 & echo $! > " + file.string() + ".tmp; mv " + file.string() + ".tmp " +
                          file.string() + "; wait"));
    wait_for(file);
    EXPECT_TRUE(process.running());
    child = process.id();
    EXPECT_FALSE(is_gone(child));
  }
  EXPECT_TRUE(is_gone(child));
  EXPECT_TRUE(becomes_gone(std::stoi(read_file(file))));
}

TEST(Process, RunningEndsByItselfAndAfterAKill) {
  Process brief({.arguments = {"true"}});
  for (int i = 0; i < 500 && brief.running(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_FALSE(brief.running());
  brief.kill_group(SIGKILL);  // harmless by now
  EXPECT_EQ(brief.wait().exit_code, 0);
  Process killed({.arguments = {"sleep", "100"}});
  killed.kill_group(SIGTERM);
  EXPECT_EQ(killed.wait().exit_code, 128 + SIGTERM);
  EXPECT_EQ(&killed.wait(), &killed.wait());
  EXPECT_FALSE(killed.running());
}

TEST(Process, MeasuresTimeAndMemory) {
  const ProcessResult slept = run_process({.arguments = {"sleep", "0.3"}});
  EXPECT_GE(slept.seconds, 0.3);
  EXPECT_LT(slept.cpu_seconds, 0.2);
  const ProcessResult worked =
      run_process(shell("head -c 300000000 /dev/zero | tail -c 250000000 > /dev/null"));
  EXPECT_GT(worked.peak_memory_bytes, 240'000'000);
  EXPECT_GT(worked.cpu_seconds, 0.01);
}

TEST(Process, ManyAtOnce) {
  std::vector<std::unique_ptr<Process>> processes;
  for (int i = 0; i < 50; ++i)
    processes.push_back(std::make_unique<Process>(shell("echo " + std::to_string(i))));
  for (int i = 0; i < 50; ++i) EXPECT_EQ(processes[i]->wait().output, std::to_string(i) + "\n");
}

}  // namespace
}  // namespace lathe::core
