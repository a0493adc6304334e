#include "lathe/core/interrupt.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "lathe/core/error.h"
#include "tests/support/message.h"

namespace lathe::core {
namespace {

TEST(StopToken, CopiesShareOneRequest) {
  const StopToken token, copy = token, other;
  EXPECT_NO_THROW(copy.check("training"));
  token.request();
  EXPECT_TRUE(copy.requested());
  EXPECT_FALSE(other.requested());
  EXPECT_EQ(testing_support::message_of<Interrupted>([&] { copy.check("training"); }),
            "interrupted while training");
}

// The wait status of a child that runs the body.
template <typename Body>
int status_of_child(const Body& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

TEST(ProcessStopToken, TheFirstSignalRequestsAStop) {
  for (int signal : {SIGINT, SIGTERM}) {
    const int status = status_of_child([&] {
      const StopToken token = process_stop_token();
      if (token.requested()) return 1;
      raise(signal);
      return token.requested() && process_stop_token().requested() ? 0 : 2;
    });
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
}

TEST(ProcessStopToken, TheSecondSignalKills) {
  for (int first : {SIGINT, SIGTERM})
    for (int second : {SIGINT, SIGTERM}) {
      const int status = status_of_child([&] {
        process_stop_token();
        raise(first);
        raise(second);
        return 0;
      });
      EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == second) << status;
    }
}

}  // namespace
}  // namespace lathe::core
