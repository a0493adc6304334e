#include "lathe/core/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <limits>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace lathe::core {
namespace {

thread_local bool inside_parallel_for = false;

struct InsideParallelFor {
  bool before = inside_parallel_for;
  InsideParallelFor() { inside_parallel_for = true; }
  ~InsideParallelFor() { inside_parallel_for = before; }
};

// One parallel_for: its ranges are taken in order by whichever thread is free.
class Job {
 public:
  Job(int64_t n, int64_t range_size, int64_t num_ranges, const std::function<void(int64_t, int64_t)>& body)
      : n_(n), range_size_(range_size), num_ranges_(num_ranges), body_(body) {}

  void work() {
    const InsideParallelFor guard;
    for (int64_t range = next_++; range < num_ranges_; range = next_++) {
      std::exception_ptr thrown;
      try {
        body_(range * range_size_, std::min(n_, (range + 1) * range_size_));
      } catch (...) {
        thrown = std::current_exception();
      }
      const std::lock_guard lock(mutex_);
      if (thrown && (!failure_ || range < failed_range_)) {
        failure_ = thrown;
        failed_range_ = range;
      }
      if (++num_ended_ == num_ranges_) done_.notify_all();
    }
  }

  // Until all ranges ended; rethrows the failure of the first of them.
  void wait() {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [&] { return num_ended_ == num_ranges_; });
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  const int64_t n_, range_size_, num_ranges_;
  const std::function<void(int64_t, int64_t)>& body_;
  std::atomic<int64_t> next_{0};
  std::mutex mutex_;
  std::condition_variable done_;
  int64_t num_ended_ = 0;
  std::exception_ptr failure_;
  int64_t failed_range_ = 0;
};

class Pool {
 public:
  explicit Pool(int num_workers) {
    for (int i = 0; i < num_workers; ++i) workers_.emplace_back([this] { serve(); });
  }
  ~Pool() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  // A worker that comes late finds no range left and drops its share of the job.
  void offer(const std::shared_ptr<Job>& job) {
    {
      const std::lock_guard lock(mutex_);
      job_ = job;
      ++generation_;
    }
    wake_.notify_all();
  }

 private:
  void serve() {
    uint64_t seen = 0;
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [&] { return stopping_ || generation_ != seen; });
      if (stopping_) return;
      seen = generation_;
      const std::shared_ptr<Job> job = job_;
      lock.unlock();
      job->work();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::shared_ptr<Job> job_;
  uint64_t generation_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> workers_;
};

struct Settings {
  std::mutex mutex;
  int threads = 0;  // 0: not chosen yet
  std::shared_ptr<Pool> pool;
};

Settings& settings() {
  static Settings instance;
  return instance;
}

int threads_of(Settings& settings) {
  if (settings.threads == 0) settings.threads = available_processors();
  return settings.threads;
}

std::shared_ptr<Pool> pool_of_all_threads() {
  Settings& chosen = settings();
  const std::lock_guard lock(chosen.mutex);
  if (!chosen.pool) chosen.pool = std::make_shared<Pool>(threads_of(chosen) - 1);
  return chosen.pool;
}

// The path of this process's control group in a hierarchy: "" is cgroup v2's.
std::string control_group(const std::string& controller) {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = ',' + line.substr(first + 1, second - first - 1) + ',';
    if (controllers.find(',' + controller + ',') != std::string::npos) return line.substr(second + 1);
  }
  return "/";
}

struct Quota {
  double used = -1, period = 0;  // microseconds; used < 0: no limit
};

Quota read_quota_v2(const std::string& directory) {
  Quota quota;
  std::ifstream file(directory + "/cpu.max");
  std::string limit;
  if (file >> limit >> quota.period && limit != "max") quota.used = std::strtod(limit.c_str(), nullptr);
  return quota;
}

Quota read_quota_v1(const std::string& directory) {
  Quota quota;
  std::ifstream(directory + "/cpu.cfs_quota_us") >> quota.used;
  std::ifstream(directory + "/cpu.cfs_period_us") >> quota.period;
  return quota;
}

// The tightest quota of a group and its ancestors, in processors.
double tightest(const std::string& root, std::string group, Quota (*read)(const std::string&)) {
  double processors = std::numeric_limits<double>::infinity();
  while (true) {
    const Quota quota = read(root + group);
    if (quota.used > 0 && quota.period > 0) processors = std::min(processors, quota.used / quota.period);
    const size_t slash = group.rfind('/');
    if (slash == std::string::npos) return processors;
    group.resize(slash);
  }
}

double quota_processors() {
  return std::min(tightest("/sys/fs/cgroup", control_group(""), read_quota_v2),
                  tightest("/sys/fs/cgroup/cpu", control_group("cpu"), read_quota_v1));
}

int affinity_processors() {
  // A machine may have more processors than a cpu_set_t; the kernel refuses a mask that is too small.
  for (int size = 1024; size <= (1 << 20); size *= 2) {
    const auto free_set = [](cpu_set_t* set) { CPU_FREE(set); };
    const std::unique_ptr<cpu_set_t, decltype(free_set)> set(CPU_ALLOC(size), free_set);
    if (sched_getaffinity(0, CPU_ALLOC_SIZE(size), set.get()) == 0)
      return CPU_COUNT_S(CPU_ALLOC_SIZE(size), set.get());
  }
  return static_cast<int>(std::thread::hardware_concurrency());
}

}  // namespace

int available_processors() {
  // A quota of 1.5 processors keeps two threads busy three quarters of the time: round up.
  const double processors = std::min<double>(affinity_processors(), std::ceil(quota_processors()));
  return std::max(1, static_cast<int>(processors));
}

int num_threads() {
  Settings& chosen = settings();
  const std::lock_guard lock(chosen.mutex);
  return threads_of(chosen);
}

void set_num_threads(int threads) {
  if (threads < 1) throw std::logic_error("set_num_threads needs at least one thread");
  if (inside_parallel_for) throw std::logic_error("set_num_threads was called inside parallel_for");
  std::shared_ptr<Pool> old;  // joined after the lock is gone; jobs in flight keep it alive
  Settings& chosen = settings();
  const std::lock_guard lock(chosen.mutex);
  if (chosen.threads == threads) return;
  chosen.threads = threads;
  old.swap(chosen.pool);
}

void parallel_for(int64_t n, int64_t grain, const std::function<void(int64_t, int64_t)>& body) {
  if (n <= 0) return;
  const int64_t threads = num_threads();
  const int64_t range_size = std::max<int64_t>({1, grain, (n + threads - 1) / threads});
  const int64_t num_ranges = (n + range_size - 1) / range_size;
  const auto job = std::make_shared<Job>(n, range_size, num_ranges, body);
  if (num_ranges > 1 && !inside_parallel_for) pool_of_all_threads()->offer(job);
  job->work();
  job->wait();
}

}  // namespace lathe::core
