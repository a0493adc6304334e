#pragma once
#include <benchmark/benchmark.h>

#include <functional>
#include <string>

namespace lathe::bench {

// The main() of a program of micro-benchmarks: runs them, or after `--peers DIR` calls compare(DIR), which
// does Lathe's part of a side-by-side run.
inline int run(int argc, char** argv, const std::function<void(const std::string& directory)>& compare) {
  if (argc == 3 && std::string(argv[1]) == "--peers") {
    compare(argv[2]);
    return 0;
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace lathe::bench
