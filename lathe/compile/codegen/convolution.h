#pragma once
#include "lathe/compile/codegen/implementations.h"

namespace lathe::compile::codegen {

// A 2-D convolution whose output is blocked.
struct Conv2d {
  int64_t batch, in_channels, in_height, in_width, out_channels, height, width;
  int64_t kernel_y, kernel_x, stride_y, stride_x, pad_top, pad_left, dilation_y, dilation_x;
  bool depthwise, from_dense;  // from_dense: the input is [N, C, H, W] and its padding already there
  int block;
  int64_t in_blocks() const { return (in_channels + block - 1) / block; }
  int64_t out_blocks() const { return (out_channels + block - 1) / block; }
  double flops() const {
    return 2.0 * static_cast<double>(batch * out_channels * height * width * kernel_y * kernel_x *
                                     (depthwise ? 1 : in_channels));
  }
};
Conv2d conv2d(const Graph& graph, const Node& node);
// The bias padded to whole blocks, [⌈O/b⌉, b]; zeros if there is none.
torch::Tensor blocked_bias(const Graph& graph, const Node& node, const Conv2d& conv);
// Of conv_integer: −zero_point · Σ w of each output likewise, i32. Throws Error where its input's border
// holds another zero point.
torch::Tensor blocked_start(const Graph& graph, const Node& node, const Conv2d& conv);

// Of a register tile of pixels × blocks of output channels: two multiply-adds and two loads a cycle, four
// cycles until one may follow on the same accumulator.
double cycles_per_product(int pixels, int blocks);
// Columns × rows × blocks of output channels that stay in registers.
struct ConvTile {
  int x, y, blocks;
  int accumulators() const { return x * y * blocks; }
};
// The loops over a blocked output, whose vars are called v, x, y, kb, n; accumulators are computed at `tile`.
struct BlockedOutput {
  Halide::Func func;
  Halide::Var tile;
  Argument argument;
  Builder::Output options;
  std::string order;
  void finish(Builder&, const Job&, const std::string& name);
};
// Lowers what follows the convolution, whose own output is defined.
BlockedOutput blocked_output(const Job&, Scope&, const Conv2d&, const ConvTile&, double weight_bytes);

// Of conv and conv_integer.
bool winograd_applies(const Graph& graph, const Node& node);
// Rows and columns beyond input and output that tiles of any of the variants touch.
std::vector<BorderNeed> winograd_borders(const Graph& graph, const Group& group, const Node& node);

std::vector<Implementation> direct_convolution(const Job&);
std::vector<Implementation> depthwise_convolution(const Job&);
std::vector<Implementation> winograd_convolution(const Job&);
// Winograd's, and where variants are measured a few of another kind too.
std::vector<Implementation> winograd_or(std::vector<Implementation> (*other)(const Job&), const Job&);
std::vector<Implementation> plain_convolution(const Job&);

}  // namespace lathe::compile::codegen
