#include "lathe/core/interrupt.h"

#include <csignal>

#include "lathe/core/error.h"

namespace lathe::core {
namespace {

// Never destroyed, so that a signal during exit finds it alive.
StopToken* handled_token = nullptr;

// SA_RESETHAND has already restored the default action of this signal; the other one is restored here.
extern "C" void request_stop(int signal) {
  handled_token->request();
  std::signal(signal == SIGINT ? SIGTERM : SIGINT, SIG_DFL);
}

}  // namespace

void StopToken::check(std::string_view doing) const {
  if (requested()) throw Interrupted("interrupted while {}", doing);
}

StopToken process_stop_token() {
  static const bool installed = [] {
    handled_token = new StopToken;
    struct sigaction action {};
    action.sa_handler = request_stop;
    action.sa_flags = SA_RESTART | SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    return true;
  }();
  (void)installed;
  return *handled_token;
}

}  // namespace lathe::core
