#include "lathe/core/progress.h"

#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <thread>

namespace lathe::core {
namespace {

TEST(Human, Seconds) {
  EXPECT_EQ(human_seconds(4.2), "4.2 s");
  EXPECT_EQ(human_seconds(182), "3 min 2 s");
  EXPECT_EQ(human_seconds(3840), "1 h 4 min");
  EXPECT_EQ(human_seconds(0.0123), "12.3 ms");
  EXPECT_EQ(human_seconds(0.0996), "0.1 s");
  EXPECT_EQ(human_seconds(59.94), "59.9 s");
  EXPECT_EQ(human_seconds(59.96), "1 min 0 s");
  EXPECT_EQ(human_seconds(3599.7), "1 h 0 min");
  EXPECT_EQ(human_seconds(200'000), "2 d 8 h");
  EXPECT_EQ(human_seconds(0), "0 ms");
  EXPECT_EQ(human_seconds(std::numeric_limits<double>::infinity()), "unknown");
}

TEST(Human, Bytes) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(512), "512 B");
  EXPECT_EQ(human_bytes(999), "999 B");
  EXPECT_EQ(human_bytes(1000), "1.0 kB");
  EXPECT_EQ(human_bytes(1'400'000), "1.4 MB");
  EXPECT_EQ(human_bytes(999'960), "1.0 MB");
  EXPECT_EQ(human_bytes(std::numeric_limits<uint64_t>::max()), "18.4 EB");
}

TEST(Human, Count) {
  EXPECT_EQ(human_count(0), "0");
  EXPECT_EQ(human_count(999), "999");
  EXPECT_EQ(human_count(1000), "1,000");
  EXPECT_EQ(human_count(55'000), "55,000");
  EXPECT_EQ(human_count(-1'234'567), "-1,234,567");
  EXPECT_EQ(human_count(-100), "-100");
  EXPECT_EQ(human_count(std::numeric_limits<int64_t>::min()), "-9,223,372,036,854,775,808");
}

std::string stderr_of(const std::function<void()>& action) {
  testing::internal::CaptureStderr();
  action();
  return testing::internal::GetCapturedStderr();
}

TEST(Progress, ShortJobsOutsideATerminalPrintTheirLastLineOnly) {
  const std::string text = stderr_of([] {
    Progress progress("train", 4290);
    for (int64_t i = 0; i <= 4290; ++i) progress.update(i, "loss 0.1");
    progress.finish("loss 0.05");
    progress.finish("twice");
  });
  EXPECT_EQ(text.rfind("train: 4,290 steps in ", 0), 0u);
  EXPECT_EQ(text.substr(text.size() - 13), "s, loss 0.05\n");
}

TEST(Progress, AnAbandonedOneOutsideATerminalIsSilent) {
  EXPECT_EQ(stderr_of([] { Progress("train", 10).update(5); }), "");
}

TEST(Progress, QuietIsQuiet) {
  Progress::set_quiet(true);
  EXPECT_TRUE(Progress::quiet());
  EXPECT_EQ(stderr_of([] {
              Progress progress("train", 10);
              progress.update(10);
              progress.finish();
            }),
            "");
  Progress::set_quiet(false);
}

// What a child prints on its terminal.
std::string on_terminal(const std::function<void()>& action) {
  int terminal = -1;
  winsize size{};
  size.ws_row = 24;
  size.ws_col = 70;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, &size);
  if (child == 0) {
    action();
    _exit(0);
  }
  std::string text;
  char block[4096];
  for (ssize_t n = 0; (n = read(terminal, block, sizeof(block))) > 0;)
    text.append(block, static_cast<size_t>(n));
  close(terminal);
  waitpid(child, nullptr, 0);
  return text;
}

TEST(Progress, ATerminalShowsABarAtMostTenTimesASecond) {
  const std::string text = on_terminal([] {
    Progress progress("train", 2000, "images");
    for (int i = 0; i < 300; ++i) {
      progress.update(
          1000, "loss 0.1 and a status that is much longer than what fits on the line of this terminal");
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    progress.finish("done");
  });
  EXPECT_NE(text.find("train: ████████████░░░░░░░░░░░░  50 % 1,000/2,000 images"), std::string::npos) << text;
  const auto num_drawn = std::count(text.begin(), text.end(), '%');
  EXPECT_GE(num_drawn, 2);
  EXPECT_LE(num_drawn, 12);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << "a line that wraps cannot be drawn over";
  EXPECT_EQ(text.find("this terminal"), std::string::npos);
  EXPECT_EQ(text.substr(text.size() - 8), ", done\r\n");
}

TEST(Progress, AnAbandonedOneOnATerminalEndsItsLine) {
  const std::string text = on_terminal([] { Progress("train", 10).update(5); });
  EXPECT_EQ(text.substr(text.size() - 2), "\r\n");
}

}  // namespace
}  // namespace lathe::core
