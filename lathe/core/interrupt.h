#pragma once
#include <atomic>
#include <memory>
#include <string_view>

namespace lathe::core {

// Asks a long loop to stop at its next safe point. Copies share one state; request() is async-signal-safe.
class StopToken {
 public:
  StopToken() : requested_(std::make_shared<std::atomic<bool>>(false)) {}
  bool requested() const { return requested_->load(std::memory_order_relaxed); }
  void request() const { requested_->store(true, std::memory_order_relaxed); }
  // Throws Interrupted("interrupted while <doing>") once requested.
  void check(std::string_view doing) const;

 private:
  std::shared_ptr<std::atomic<bool>> requested_;
};

// The token that SIGINT and SIGTERM request; the first call installs the handlers. A second signal while the
// first is being obeyed kills the process as usual.
StopToken process_stop_token();

}  // namespace lathe::core
