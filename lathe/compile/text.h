#pragma once
#include <map>
#include <string>
#include <string_view>

#include "lathe/compile/graph.h"

namespace lathe::compile {

// A graph as text, one value or node a line; '#' begins a comment, after a node it is the node's source:
//
//   graph "net"
//   input %0 "x" : f32[1,3,8,8]
//   constant %1 "conv.weight" : f32[16,3,3,3] = hash 0d5e1c9b2f7a4e63
//   constant %2 "conv.bias" : f32[2] = {0.5, -1.0}
//   constant %6 "norm.variance" : f32[64] = all 1.0
//   %3 "y" = conv(%0, %1, %2) {groups = 1, stride = [1, 1]} : f32[1,16,8,8] layout(8, border 1 1 1 1)  # conv
//   %4, %5 = topk(%3) {axis = 1, k = 2, largest = 1} : f32[1,2,8,8], i64[1,2,8,8]
//   output %3, %4
//
// Numbers of values are the graph's. A number with a point or an exponent is a real attribute, one without an
// integer; a list is real when one of its elements is, and "[.]" is the empty list of reals. Constants of
// more than 16 elements are written as one where all are the same (up to 256 KiB of them), else by their
// hash.
std::string to_text(const Graph& graph);

// The first 16 digits of the SHA-256 of type and bytes.
std::string hash_of(const torch::Tensor& constant);
// Those of a graph's constants that its text names by hash.
using Constants = std::map<std::string, torch::Tensor>;
Constants hashed_constants(const Graph& graph);

// The graph of a text; to_text(parse_text(to_text(g), hashed_constants(g))) == to_text(g). Throws InputError
// of one line with the line's number and what was expected there: for wrong syntax, a value that is read
// before it is made, types other than the operator's inference gives, a hash that `constants` has not.
Graph parse_text(std::string_view text, const Constants& constants = {});

}  // namespace lathe::compile
