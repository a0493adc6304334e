#include "lathe/core/process.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cmath>
#include <csignal>
#include <mutex>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <thread>

#include "lathe/core/descriptor.h"
#include "lathe/core/error.h"

namespace lathe::core {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kGrace{2};  // between SIGTERM and SIGKILL

std::string reason(int error) {
  return std::generic_category().message(error);
}

struct Pipe {
  Descriptor read, write;
};

// Both ends above 2, so that wiring them to a child's standard streams overwrites none of them.
Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw Error("cannot make a pipe: {}", reason(errno));
  const Descriptor low_read(ends[0]), low_write(ends[1]);
  Pipe pipe{Descriptor(fcntl(ends[0], F_DUPFD_CLOEXEC, 3)), Descriptor(fcntl(ends[1], F_DUPFD_CLOEXEC, 3))};
  if (!pipe.read || !pipe.write) throw Error("cannot make a pipe: {}", reason(errno));
  return pipe;
}

void set_nonblocking(const Descriptor& descriptor) {
  fcntl(descriptor.get(), F_SETFL, fcntl(descriptor.get(), F_GETFL) | O_NONBLOCK);
}

// This process's environment with additions, as "NAME=value".
std::vector<std::string> merged_environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (added.count(std::string(text.substr(0, text.find('=')))) == 0) merged.emplace_back(text);
  }
  for (const auto& [name, value] : added) merged.push_back(fmt::format("{}={}", name, value));
  return merged;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> list;
  for (std::string& text : strings) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

class SpawnSettings {
 public:
  SpawnSettings(const ProcessOptions& options, int input, int output, int errors) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, errors, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    if (!options.directory.empty())
      posix_spawn_file_actions_addchdir_np(&actions_, options.directory.c_str());

    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

int milliseconds_until(Clock::time_point deadline) {
  if (deadline == Clock::time_point::max()) return -1;
  const double left = std::chrono::duration<double, std::milli>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp(std::ceil(left), 0.0, static_cast<double>(INT_MAX)));
}

}  // namespace

struct Process::State {
  explicit State(ProcessOptions given);
  ~State();
  void start();
  void supervise();
  void send_input();
  void receive(Descriptor& pipe, std::string& text) const;
  void drain(Descriptor& pipe, std::string& text) const;
  void on_deadline();
  void reap();
  void kill_group(int signal);

  ProcessOptions options;
  ProcessResult result;
  pid_t id = -1;
  Descriptor exited, input, output, errors;  // `exited` is a pidfd: readable once the child has ended
  size_t num_sent = 0;
  Clock::time_point started, deadline = Clock::time_point::max();
  std::mutex mutex;  // guards `reaped` and every kill: a reaped id may belong to somebody else
  bool reaped = true;
  std::atomic<bool> ended{false};
  std::thread supervisor;
};

Process::State::State(ProcessOptions given) : options(std::move(given)) {
  if (options.arguments.empty()) throw std::logic_error("a process needs arguments[0], the program");
}

Process::State::~State() {
  kill_group(SIGKILL);
  if (supervisor.joinable())
    supervisor.join();
  else if (!reaped)
    reap();  // start() failed half-way
}

void Process::State::start() {
  const std::string& program = options.arguments[0];
  if (!options.directory.empty() && !std::filesystem::is_directory(options.directory))
    throw Error("cannot start {} in {}: no such directory", program, options.directory.string());
  Pipe to_input = make_pipe(), from_output = make_pipe(), from_errors = make_pipe();
  const SpawnSettings settings(options, to_input.read.get(), from_output.write.get(),
                               from_errors.write.get());
  std::vector<std::string> environment = merged_environment(options.environment);
  started = Clock::now();  // before the child runs, which on a busy machine is before posix_spawnp returns
  const int error = posix_spawnp(&id, program.c_str(), settings.actions(), settings.attributes(),
                                 pointers(options.arguments).data(), pointers(environment).data());
  if (error != 0) throw Error("cannot start {}: {}", program, reason(error));
  reaped = false;
  if (options.timeout_seconds)
    deadline = started + std::chrono::duration_cast<Clock::duration>(
                             std::chrono::duration<double>(std::min(*options.timeout_seconds, 1e9)));
  input = std::move(to_input.write);
  output = std::move(from_output.read);
  errors = std::move(from_errors.read);
  for (const Descriptor* pipe : {&input, &output, &errors}) set_nonblocking(*pipe);
  exited = Descriptor(static_cast<int>(syscall(SYS_pidfd_open, id, 0)));  // close-on-exec by itself
  if (!exited) throw Error("cannot watch {}: {}", program, reason(errno));
  supervisor = std::thread([this] { supervise(); });
}

// Runs in its own thread until the child has ended. What is left of its group then is killed, so that nobody
// holds the pipes open; after a timeout the group keeps its two seconds to stop by itself.
void Process::State::supervise() {
  sigset_t all;
  sigfillset(&all);  // SIGPIPE too: a child that reads no input is no reason to die
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  bool child_ended = false;
  while (!child_ended || (result.timed_out && (output || errors) && deadline != Clock::time_point::max())) {
    if (input && num_sent == options.input.size()) input = Descriptor();
    std::array<pollfd, 4> polled{{{child_ended ? -1 : exited.get(), POLLIN, 0},
                                  {input.get(), POLLOUT, 0},
                                  {output.get(), POLLIN, 0},
                                  {errors.get(), POLLIN, 0}}};
    poll(polled.data(), polled.size(), milliseconds_until(deadline));
    if (polled[0].revents != 0) {
      child_ended = true;
      result.seconds = std::chrono::duration<double>(Clock::now() - started).count();
    }
    if (polled[1].revents != 0) send_input();
    if (polled[2].revents != 0) receive(output, result.output);
    if (polled[3].revents != 0) receive(errors, result.errors);
    if (Clock::now() >= deadline) on_deadline();
  }
  kill_group(SIGKILL);
  drain(output, result.output);
  drain(errors, result.errors);
  reap();
  ended = true;
}

void Process::State::on_deadline() {
  kill_group(result.timed_out ? SIGKILL : SIGTERM);
  deadline = result.timed_out ? Clock::time_point::max() : Clock::now() + kGrace;
  result.timed_out = true;
}

void Process::State::send_input() {
  const ssize_t size = write(input.get(), options.input.data() + num_sent, options.input.size() - num_sent);
  if (size >= 0)
    num_sent += static_cast<size_t>(size);
  else if (errno != EAGAIN && errno != EINTR)
    input = Descriptor();  // the child closed its end
}

void Process::State::receive(Descriptor& pipe, std::string& text) const {
  std::array<char, 65536> block;
  const ssize_t size = read(pipe.get(), block.data(), block.size());
  if (size > 0)
    text.append(block.data(), std::min(static_cast<size_t>(size), options.max_output_bytes - text.size()));
  else if (size == 0 || (errno != EAGAIN && errno != EINTR))
    pipe = Descriptor();
}

void Process::State::drain(Descriptor& pipe, std::string& text) const {
  while (pipe) {
    pollfd polled{pipe.get(), POLLIN, 0};
    if (poll(&polled, 1, 0) <= 0)
      pipe = Descriptor();  // a process outside the group holds it open
    else
      receive(pipe, text);
  }
}

void Process::State::reap() {
  const std::lock_guard lock(mutex);
  int status = 0;
  rusage usage{};
  while (wait4(id, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  reaped = true;
  result.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  result.cpu_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
  result.peak_memory_bytes = static_cast<int64_t>(usage.ru_maxrss) * 1024;
}

void Process::State::kill_group(int signal) {
  const std::lock_guard lock(mutex);
  if (!reaped) kill(-id, signal);
}

Process::Process(ProcessOptions options) : state_(std::make_unique<State>(std::move(options))) {
  state_->start();
}

Process::~Process() = default;

int Process::id() const {
  return state_->id;
}

bool Process::running() {
  return !state_->ended;
}

void Process::kill_group(int signal) {
  state_->kill_group(signal);
}

const ProcessResult& Process::wait() {
  if (state_->supervisor.joinable()) state_->supervisor.join();
  return state_->result;
}

ProcessResult run_process(ProcessOptions options) {
  return Process(std::move(options)).wait();
}

}  // namespace lathe::core
