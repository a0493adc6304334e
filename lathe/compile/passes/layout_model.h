#pragma once
#include <vector>

#include "lathe/compile/graph.h"
#include "lathe/compile/target.h"

namespace lathe::compile {

// How choose_layouts sees a node. Times are models made of shapes alone: a kernel takes
// max(flops / (0.7 peak), bytes / 20 GB/s), with four times the arithmetic's time where it reads and writes
// plain values; blocked values count their padded channels. A change of layout takes 2 bytes / 20 GB/s + 5
// µs.
enum class Form { plain, blocked };

struct Mode {
  Form in = Form::plain, out = Form::plain;
  double seconds = 0;
};

// The plain mode, and after it those with blocked values that the node has. Convolutions of fewer channels
// than a block may read plain and write blocked; below four channels that is their only blocked mode.
std::vector<Mode> layout_modes(const Graph& graph, const Node& node, const Target& target);

// Whether an input comes in the mode's form; the others (weights, scalars, numbers per channel) are plain
// always.
bool follows_mode(const Graph& graph, const Node& node, size_t input);

// Whether conv_integer, or the conv that may become one, has a kernel of bytes: depthwise; one group and a
// multiple of four channels; one group and fewer than four channels, four taps of a row at a time.
bool has_integer_kernel(const Graph& graph, const Node& node);

double layout_change_seconds(const Type& type, int block);

}  // namespace lathe::compile
