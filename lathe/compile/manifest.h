#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "lathe/core/table.h"

namespace lathe::compile {

// What a compiled directory's graph.json says about it.
struct Manifest {
  struct Operation {
    std::string source;   // names in the source model, joined by '+'
    std::string variant;  // the way it is computed: "direct 6x2", "winograd 4"
    std::string kernel;
    double flops = 0, bytes = 0;
  };
  struct Port {
    std::string name, type;  // "x", "f32[1,3,224,224]"
  };
  std::string name, target;
  std::vector<Port> inputs, outputs;
  int64_t arena_bytes = 0, arena_lower_bound = 0, parameter_bytes = 0;
  std::vector<std::string> externals;  // libraries that running needs beside libc and libm
  std::vector<Operation> operations;   // in the order in which they run
};

// Throws InputError: not a compiled directory, or damaged.
Manifest read_manifest(const std::filesystem::path& directory);

// A row for each operation: its source, variant, MFLOP and MB.
core::Table operations_table(const Manifest& manifest);
// The inputs, outputs, target and sizes.
core::Table summary_table(const Manifest& manifest);

}  // namespace lathe::compile
