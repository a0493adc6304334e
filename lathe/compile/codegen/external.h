#pragma once
#include <functional>
#include <string>
#include <vector>

#include "lathe/compile/codegen/implementations.h"

namespace lathe::compile::codegen {

// Somebody else's ways to compute groups, beside Lathe's own.
struct KernelProvider {
  std::string name;
  std::function<std::vector<Implementation>(const Job&)> make;  // gives none for what it does not have
};
// For all compilations from now on; safe from several threads. A name that is known is replaced, and a
// provider without `make` is forgotten. oneDNN is the first one where this build has it.
void register_kernels(KernelProvider provider);
std::vector<std::string> kernel_providers();

// What all providers have for a group, in the order of their registration.
std::vector<Implementation> external_implementations(const Graph& graph, const Group& group,
                                                     const Target& target, CodeCache& cache);

// Calls of oneDNN 2, where this build has it: convolutions of f32 (blocked and row-major, with groups,
// dilation), transposed ones, linear layers and matrix products, with bias. What follows in the group is part
// of the call where oneDNN has it and the result lies densely, else a kernel of its own, and so is a dense
// copy of an input with a border. None where oneDNN has only its reference code for this processor.
std::vector<Implementation> onednn_implementations(const Job& job);

}  // namespace lathe::compile::codegen
