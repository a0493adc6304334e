#pragma once
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lathe::core {

struct ProcessOptions {
  std::vector<std::string> arguments;              // argv; arguments[0] is searched in PATH; no shell
  std::filesystem::path directory;                 // empty: this process's
  std::map<std::string, std::string> environment;  // added to this process's
  std::string input;                               // written to its standard input, then closed
  std::optional<double> timeout_seconds;       // after it: SIGTERM to the group, SIGKILL two seconds later
  size_t max_output_bytes = size_t{64} << 20;  // of each pipe; what is beyond is read and dropped
};

struct ProcessResult {
  int exit_code = -1;  // 128 + signal when a signal ended it, as shells say
  bool timed_out = false;
  std::string output, errors;
  double seconds = 0, cpu_seconds = 0;
  int64_t peak_memory_bytes = 0;  // Linux counts this process's own size at the start as the least
};

// A child in a process group of its own. Both pipes are read by a thread, so neither can block it. When it
// ends, whatever is left of its group is killed; nothing but its standard streams is inherited.
class Process {
 public:
  explicit Process(ProcessOptions options);  // throws Error when it cannot be started (file not found, …)
  ~Process();                                // kills the whole group if it still runs
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  int id() const;
  bool running();
  void kill_group(int signal);
  const ProcessResult& wait();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

ProcessResult run_process(ProcessOptions options);

}  // namespace lathe::core
