#pragma once
#include <string>
#include <vector>

#include "lathe/compile/graph.h"
#include "lathe/compile/target.h"

namespace lathe::compile {

// A pass is a function from a graph to a graph that computes the same.

// Nodes whose inputs are all constants become constants.
Graph fold_constants(Graph graph);
// Nodes and values that no output needs go.
Graph eliminate_dead(Graph graph);
// Of nodes with equal op, attributes and inputs one stays; equal constants become one.
Graph eliminate_common(Graph graph);
// Batch norm of a convolution's (or linear layer's) output that nobody else reads becomes part of its
// weights: w' = w γ/√(σ² + ε), b' = β + (b − μ) γ/√(σ² + ε). Elsewhere it becomes a product and a sum.
Graph fold_batch_norm(Graph graph);
// Identities go; consecutive transposes and reshapes become one; zero padding goes into a convolution (and
// into poolings that count it); products and sums with per-channel constants go into the convolution,
// transposed convolution or linear layer that makes their input; relu and clamp of a clamp are one; x·1, x +
// 0, x^1, double negation, casts to the same type, whole slices, concat of one; recognises attention
// (softmax(scale · q kᵀ + mask) v), linear from matmul + add, layer norm, gelu/silu/hardswish from their
// formulas.
Graph simplify(Graph graph);
// Convolutions of one group and linear layers whose inputs are dequantized u8, or i8 made by a quantize node,
// and whose weights are dequantized constant i8 without zero points, become sums of integers: conv_integer or
// linear_integer, dequantize, and the bias added in floating point.
Graph use_integer_layers(Graph graph);
// use_integer_layers, then all of the others above until nothing changes.
Graph optimize(Graph graph);

// Gives convolutions with one group or as many groups as channels, and poolings, additions, concatenations
// and whatever else is element-wise between them, the blocked layout with block = target.vector_floats(), and
// puts `layout` nodes where a region begins and ends; borders as wide as the widest padding among a value's
// readers. Minimises Σ kernel time + Σ time of the layout changes: exact dynamic programming on chains and
// trees, PBQP (R0, R1, R2, then best first) on other graphs. Shape-only models of time: docs/compile.md.
Graph choose_layouts(Graph graph, const Target& target);

// Nodes that become one kernel, as indices into graph.nodes, in order. Every node is in exactly one group,
// but cheap injective nodes (at most two operations an element) may be in several; groups are in an order in
// which they can run. At most one complex node in a group.
struct Group {
  std::vector<int> nodes;
};
std::vector<Group> fuse(const Graph& graph);
std::vector<Group> singletons(const Graph& graph);  // no fusion: every node for itself

// Offsets in one arena. Two blocks whose lives [first, last] meet never overlap.
struct Block {
  int64_t bytes = 0;
  int first = 0, last = 0;  // steps, inclusive
};
struct MemoryPlan {
  std::vector<int64_t> offsets;  // multiples of 64
  int64_t bytes = 0;             // of the arena
  int64_t lower_bound = 0;       // the most bytes that are alive at once
};
MemoryPlan plan_memory(const std::vector<Block>& blocks);

// Throws Error that names the pass and the output when a pass changed what the graph computes: both are run
// on `trials` random inputs; relative tolerance 1e-4.
void check_same(const Graph& before, const Graph& after, std::string_view pass, int trials = 1);

}  // namespace lathe::compile
