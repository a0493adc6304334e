#include "lathe/core/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <numeric>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

namespace lathe::core {
namespace {

class Threads {  // a number of threads for one scope
 public:
  explicit Threads(int threads) : before_(num_threads()) { set_num_threads(threads); }
  ~Threads() { set_num_threads(before_); }

 private:
  int before_;
};

using Ranges = std::set<std::pair<int64_t, int64_t>>;

Ranges ranges_of(int64_t n, int64_t grain) {
  Ranges ranges;
  std::mutex mutex;
  parallel_for(n, grain, [&](int64_t begin, int64_t end) {
    const std::lock_guard lock(mutex);
    ranges.emplace(begin, end);
  });
  return ranges;
}

TEST(ParallelFor, RangesCoverEverythingOnce) {
  for (int threads : {1, 2, 3, 8}) {
    const Threads scope(threads);
    EXPECT_EQ(num_threads(), threads);
    for (int64_t n : {0, 1, 2, 7, 8, 9, 1000})
      for (int64_t grain : {0, 1, 3, 500, 5000}) {
        const Ranges ranges = ranges_of(n, grain);
        int64_t next = 0;
        for (const auto& [begin, end] : ranges) {
          EXPECT_EQ(begin, next);
          EXPECT_LE(end - begin, std::max<int64_t>({1, grain, (n + threads - 1) / threads}));
          if (end < n) EXPECT_GE(end - begin, grain);
          next = end;
        }
        EXPECT_EQ(next, n);
        EXPECT_EQ(ranges, ranges_of(n, grain));
      }
  }
}

TEST(ParallelFor, UsesTheThreadsItSays) {
  const Threads scope(3);
  std::mutex mutex;
  std::set<std::thread::id> ids;
  std::atomic<int> arrived{0};
  parallel_for(3, 1, [&](int64_t, int64_t) {
    ++arrived;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (arrived < 3 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    const std::lock_guard lock(mutex);
    ids.insert(std::this_thread::get_id());
  });
  EXPECT_EQ(ids.size(), 3u);
}

TEST(ParallelFor, SumsWhatASerialLoopSums) {
  const Threads scope(4);
  std::vector<double> squares(100'003);
  parallel_for(static_cast<int64_t>(squares.size()), 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      squares[static_cast<size_t>(i)] = static_cast<double>(i) * static_cast<double>(i);
  });
  const double n = 100'002;
  EXPECT_DOUBLE_EQ(std::accumulate(squares.begin(), squares.end(), 0.0), n * (n + 1) * (2 * n + 1) / 6);
}

TEST(ParallelFor, RethrowsTheFirstFailureAfterAllRangesEnded) {
  const Threads scope(4);
  std::atomic<int> ended{0};
  try {
    parallel_for(4, 1, [&](int64_t begin, int64_t) {
      if (begin == 1) std::this_thread::sleep_for(std::chrono::milliseconds(30));
      ++ended;
      if (begin > 0) throw std::runtime_error(std::to_string(begin));
    });
    FAIL() << "nothing was thrown";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "1");
  }
  EXPECT_EQ(ended, 4);
  EXPECT_EQ(ranges_of(4, 1).size(), 4u);  // the pool is as good as before
}

TEST(ParallelFor, NestedCallsStayOnTheirThread) {
  const Threads scope(4);
  std::atomic<int> strangers{0}, inner{0};
  parallel_for(4, 1, [&](int64_t, int64_t) {
    const auto self = std::this_thread::get_id();
    parallel_for(100, 1, [&](int64_t begin, int64_t end) {
      inner += static_cast<int>(end - begin);
      strangers += std::this_thread::get_id() != self;
    });
  });
  EXPECT_EQ(inner, 400);
  EXPECT_EQ(strangers, 0);
}

TEST(ParallelFor, ManyCallersAtOnce) {
  const Threads scope(3);
  std::vector<std::thread> callers;
  std::vector<int64_t> sums(4, 0);
  for (size_t c = 0; c < sums.size(); ++c)
    callers.emplace_back([&, c] {
      for (int round = 0; round < 500; ++round) {
        std::atomic<int64_t> sum{0};
        parallel_for(30, 1, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) sum += i;
        });
        sums[c] += sum;
      }
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(sums, std::vector<int64_t>(4, 500 * 435));
}

TEST(ParallelFor, TheNumberOfThreadsMayChangeAnyTime) {
  const Threads scope(2);
  for (int threads : {1, 4, 2, 8, 1}) {
    set_num_threads(threads);
    EXPECT_EQ(ranges_of(64, 1).size(), static_cast<size_t>(threads));
  }
  EXPECT_THROW(set_num_threads(0), std::logic_error);
  EXPECT_THROW(parallel_for(1, 1, [](int64_t, int64_t) { set_num_threads(3); }), std::logic_error);
}

TEST(AvailableProcessors, ObeysTheAffinityMask) {
  EXPECT_GE(available_processors(), 1);
  EXPECT_LE(available_processors(), static_cast<int>(std::thread::hardware_concurrency()));
  cpu_set_t before, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu)
    if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  const int processors = available_processors();
  sched_setaffinity(0, sizeof(before), &before);
  EXPECT_EQ(processors, 1);
}

}  // namespace
}  // namespace lathe::core
