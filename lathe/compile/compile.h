#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "lathe/compile/graph.h"
#include "lathe/compile/target.h"

namespace lathe::compile {

// Whether this build can make code (it has Halide); reading models and running compiled ones needs none.
bool has_code_generator();

struct CompileOptions {
  Target target = compile::target("host");
  // 0: every node for itself, dense layouts; 1: rewrites; 2: fusion too; 3: blocked layouts too.
  int opt_level = 3;
  // Every pass is run on random inputs before and after, and must agree.
  bool check_passes = false;
  // Times up to so many variants of each kernel inside the running network and keeps the fastest; 1: built-in
  // choices.
  int variants = 1;
  int measure_threads = 1;  // threads of these runs
  // Object files of kernels are kept here and used again; empty: nowhere.
  std::filesystem::path cache;
  std::function<void(const std::string& what, double fraction)> progress;  // may be empty
};

struct CompileReport {
  int num_kernels = 0;     // different ones
  int num_operations = 0;  // calls a run
  int64_t arena_bytes = 0, arena_lower_bound = 0, parameter_bytes = 0;
  double seconds = 0, measure_seconds = 0;
};

// Writes plan.bin, params.bin, module.so and graph.json to `directory`, which appears when all of them are
// whole. Throws InputError for a graph with an operator that has no kernel (all of them, with counts), Error
// when there is no linker.
CompileReport compile(const Graph& graph, const std::filesystem::path& directory,
                      const CompileOptions& options = {});

}  // namespace lathe::compile
