#pragma once
#include "lathe/compile/codegen/scope.h"

namespace lathe::compile::codegen {

// Ways to compute one group, the first being the built-in choice, at most `variants` of a kind. Throws Error
// that names an op without a kernel.
std::vector<Implementation> implementations(const Graph& graph, const Group& group, const Target& target,
                                            CodeCache& cache, size_t variants = 1);
// Position in the group of its reduction, complex or opaque node; its size if there is none.
size_t anchor_of(const Graph& graph, const Group& group);
// Whether there is a kernel for the op at all.
bool has_kernel(const std::string& op);
// Zeros that the kernels of some implementation of the group reads or writes around blocked values: the
// storage must have room for the widest.
std::vector<BorderNeed> border_needs(const Graph& graph, const Group& group);

struct Job {
  const Graph& graph;
  const Group& group;
  const Target& target;
  CodeCache& cache;
  size_t anchor;    // anchor_of
  size_t variants;  // at most so many of a kind
  const Node& node() const { return graph.nodes[static_cast<size_t>(group.nodes[anchor])]; }
  ValueId output() const { return graph.nodes[static_cast<size_t>(group.nodes.back())].outputs[0]; }
};

std::vector<Implementation> injective(const Job&);
// Lowers the nodes that are not defined yet, element by element, and finishes the kernel.
void finish_injective(Builder&, Scope&, const Job&, const std::string& name);
std::vector<Implementation> axis_reduction(const Job&);  // sum, mean, prod, max, min
std::vector<Implementation> pooling(const Job&);
std::vector<Implementation> softmax(const Job&);
std::vector<Implementation> normalization(const Job&);
std::vector<Implementation> arg_reduction(const Job&);  // argmax, argmin, topk
std::vector<Implementation> convolution(const Job&);    // conv
std::vector<Implementation> transposed_convolution(const Job&);
std::vector<Implementation> integer_convolution(const Job&);  // conv_integer
std::vector<Implementation> dense_layer(const Job&);          // linear, linear_integer
std::vector<Implementation> matrix_product(const Job&);
std::vector<Implementation> recurrence(const Job&);  // lstm, gru

torch::Tensor weight_of(const Graph& graph, const Node& node);  // the constant that is its second input

// The loops that every kernel ends with.
struct Loops {
  std::vector<Halide::Var> vars;  // innermost first, as the output's dims
  Coordinates at;                 // outermost first
};
Loops loops(size_t rank);
// The outermost dimension that is worth cutting, -1 if there is none.
int outer_dim(const Argument& output);
double numel_of(const Argument& argument);
// Accumulators that a register tile may have before LLVM 14 spills some, where each element that is read
// meets `columns` vectors of weights. Measured: 6 × 2 runs at half the speed of 5 × 2 and 3 × 4.
int most_accumulators(int registers, int columns);

}  // namespace lathe::compile::codegen
