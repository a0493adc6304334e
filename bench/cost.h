#pragma once
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <ctime>

// What the side-by-side runs report of a piece of work.
namespace lathe::bench {

struct Cost {
  double seconds = 1e9, cpu_seconds = 1e9;  // of the clock; of all threads
};

// The least of several runs; action() returns what it made.
template <typename Action>
Cost best_of(int repeats, const Action& action) {
  Cost best;
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t cpu = std::clock();
    benchmark::DoNotOptimize(action());
    const double cpu_seconds = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = {std::min(best.seconds, seconds), std::min(best.cpu_seconds, cpu_seconds)};
  }
  return best;
}

// Of the process, so far.
inline double peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

}  // namespace lathe::bench
