#pragma once
#include "lathe/compile/passes.h"

namespace lathe::compile::codegen {

// The last rewrites before kernels are made: attention as products and softmax, products with weights that
// are not constant as matmul, padding of a dense convolution input as a node of its own, every output made by
// a node that nothing aliases.
Graph prepare(Graph graph);
// Groups as kernels can do them: conversions of layout leave the groups of convolutions, recurrent layers
// stand alone.
std::vector<Group> kernel_groups(const Graph& graph, std::vector<Group> groups);
// Widens borders to what the groups' kernels touch.
void widen_borders(Graph& graph, const std::vector<Group>& groups);

}  // namespace lathe::compile::codegen
