#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "lathe/compile/graph.h"
#include "lathe/compile/target.h"
#include "lathe/core/error.h"

namespace lathe::compile {

// Whether this build can make code (it has Halide); reading models and running compiled ones needs none.
bool has_code_generator();

// Where the code of an operator is: "own kernel", "in other kernels", what it is taken apart into, or "none".
// Without a code generator it is "none".
std::string kernel_of(const std::string& op);

// Kernels of other libraries that this build knows (oneDNN): none; those that are faster, where variants are
// measured; or wherever there is one.
enum class Externals { none, automatic, always };
Externals externals_of(const std::string& name);  // "none", "auto", "always"; throws InputError

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
  Externals externals = Externals::automatic;
  // Kernels are kept here and used again (kernel_cache.h); empty: nowhere.
  std::filesystem::path cache;
  std::function<void(const std::string& what, double fraction)> progress;  // may be empty
};

struct CompileReport {
  int num_kernels = 0;                 // different ones
  int num_found = 0;                   // kernels that the cache had; of measured variants too
  int num_operations = 0;              // calls a run
  int num_external = 0;                // of them into other libraries
  std::vector<std::string> externals;  // these: what running needs, "libdnnl.so.2"
  int64_t arena_bytes = 0, arena_lower_bound = 0, parameter_bytes = 0;
  double seconds = 0, measure_seconds = 0;
};

// This machine has no linker; the text names the packages.
class NoLinker : public InputError {
 public:
  using InputError::InputError;
};
// The program that makes module.so of kernels: the first of ld.lld and ld in PATH. Throws NoLinker.
std::filesystem::path linker();

// Writes plan.bin, params.bin, module.so and graph.json to `directory`, which appears when all of them are
// whole. Processes that compile one graph write equal files, unless variants are measured. Throws InputError
// for a graph with an operator that has no kernel (all of them, with counts), and where externals are always
// wanted and this build has none; NoLinker after it wrote the kernels' object files to `directory`.objects.
CompileReport compile(const Graph& graph, const std::filesystem::path& directory,
                      const CompileOptions& options = {});

}  // namespace lathe::compile
