#pragma once
#include <filesystem>

#include "lathe/compile/codegen/kernel.h"

namespace lathe::compile::codegen {

// One group and the way it is computed.
struct Chosen {
  Group group;
  const Implementation* implementation = nullptr;  // null: its output is its input under another shape
};

struct ModuleSize {
  int num_kernels = 0, num_operations = 0, num_external = 0;
  std::vector<std::string> externals;  // libraries that the module needs beside libc and libm
  int64_t arena_bytes = 0, arena_lower_bound = 0, parameter_bytes = 0;
  std::vector<int> operation_group;  // for each operation the group that it belongs to
};

// Lays out memory, links the kernels and writes plan.bin, params.bin, module.so and graph.json into an
// existing directory. Equal inputs give equal files. Throws NoLinker, with the kernels in
// `directory`/objects.
ModuleSize write_module(const Graph& graph, const std::vector<Chosen>& groups, const Target& target,
                        const std::filesystem::path& directory);
// Object files to a shared object that needs libc, libm and `libraries` only. Throws NoLinker, or Error: a
// symbol that is missing.
void link_objects(const std::vector<std::filesystem::path>& objects,
                  const std::vector<std::string>& libraries, const std::filesystem::path& output);

}  // namespace lathe::compile::codegen
