#include <fmt/format.h>
#include <algorithm>

#include "lathe/compile/codegen/convolution.h"
#include "lathe/core/error.h"

namespace lathe::compile::codegen {
namespace {

using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::Var;

// Relative to others; columns computed twice count.
double cost(const ConvTile& tile, const Conv2d& conv) {
  const auto waste = [](int64_t extent, int step) {
    return static_cast<double>((extent + step - 1) / step * step) / static_cast<double>(extent);
  };
  return cycles_per_product(tile.x * tile.y, tile.blocks) * waste(conv.width, tile.x) *
         waste(conv.height, tile.y);
}

// Best first.
std::vector<ConvTile> tiles(const Conv2d& conv, int registers, size_t most) {
  std::vector<ConvTile> all;
  for (int blocks = 1; blocks <= 4; ++blocks) {
    if (conv.out_blocks() % blocks != 0) continue;
    for (int y = 1; y <= 2; ++y)
      for (int x = 1; x <= 14; ++x)
        if (x * y * blocks <= most_accumulators(registers, blocks) && x <= conv.width && y <= conv.height)
          all.push_back({x, y, blocks});
  }
  std::stable_sort(all.begin(), all.end(),
                   [&](const ConvTile& a, const ConvTile& b) { return cost(a, conv) < cost(b, conv); });
  if (all.size() > most) all.resize(most);
  return all;
}

// [O, C, ky, kx] as [O/(blocks·b), C/b, ky, kx, C lane, block, O lane].
torch::Tensor pack(const torch::Tensor& weight, const Conv2d& conv, int blocks) {
  const int64_t b = conv.block, in_lanes = conv.from_dense ? conv.in_channels : b;
  const int64_t in_blocks = conv.from_dense ? 1 : conv.in_blocks();
  torch::Tensor padded =
      torch::zeros({conv.out_blocks() * b, in_blocks * in_lanes, conv.kernel_y, conv.kernel_x});
  padded.slice(0, 0, conv.out_channels).slice(1, 0, conv.in_channels).copy_(weight);
  return padded
      .view({conv.out_blocks() / blocks, blocks, b, in_blocks, in_lanes, conv.kernel_y, conv.kernel_x})
      .permute({0, 3, 5, 6, 4, 1, 2})
      .contiguous();
}

Implementation direct(const Job& job, const Conv2d& conv, const ConvTile& tile) {
  const Node& node = job.node();
  Implementation result;
  result.name = fmt::format("direct {}x{}x{}", tile.x, tile.y, tile.blocks);
  Builder builder(job.graph, job.target, job.cache, result);
  Scope scope(builder);
  const Access x = scope.at(node.inputs[0]);
  const Access w = builder.parameter(pack(weight_of(job.graph, node), conv, tile.blocks));
  const Access bias = builder.parameter(blocked_bias(job.graph, node, conv));

  Var v("v"), px("x"), py("y"), kb("kb"), n("n");
  const int in_lanes = static_cast<int>(conv.from_dense ? conv.in_channels : conv.block);
  const int in_blocks = static_cast<int>(conv.from_dense ? 1 : conv.in_blocks());
  const RDom r(0, in_lanes, 0, static_cast<int>(conv.kernel_x), 0, static_cast<int>(conv.kernel_y), 0,
               in_blocks);
  const Expr column = px * static_cast<int>(conv.stride_x) + r.y * static_cast<int>(conv.dilation_x) -
                      static_cast<int>(conv.pad_left);
  const Expr line = py * static_cast<int>(conv.stride_y) + r.z * static_cast<int>(conv.dilation_y) -
                    static_cast<int>(conv.pad_top);
  Func acc("acc");
  acc(v, px, py, kb, n) = bias({kb, v});
  const Expr input = conv.from_dense ? x({n, r.x, line, column}) : x({n, r.w, line, column, r.x});
  acc(v, px, py, kb, n) += input * w({kb / tile.blocks, r.w, r.z, r.y, r.x, kb % tile.blocks, v});
  scope.define(node.outputs[0],
               [acc](const Coordinates& at) { return acc(at[4], at[3], at[2], at[1], at[0]); });
  const double weight_bytes = 4.0 * static_cast<double>(weight_of(job.graph, node).numel());
  BlockedOutput out = blocked_output(job, scope, conv, tile, weight_bytes);
  acc.store_in(kOnStack).compute_at(out.func, out.tile).vectorize(v).unroll(px).unroll(py).unroll(kb);
  if (tile.x * tile.y > tile.blocks)
    acc.update().reorder(v, kb, px, py, r.x, r.y, r.z, r.w);
  else
    acc.update().reorder(v, px, py, kb, r.x, r.y, r.z, r.w);
  acc.update().vectorize(v).unroll(px).unroll(py).unroll(kb);
  if (in_lanes <= 4) acc.update().unroll(r.x);
  acc.bound_extent(v, conv.block);
  out.finish(builder, job, result.name);
  return result;
}

Halide::TailStrategy tail(int64_t extent, int step) {
  return extent % step == 0 ? Halide::TailStrategy::RoundUp : Halide::TailStrategy::ShiftInwards;
}

Implementation depthwise(const Job& job, const Conv2d& conv, int columns, int rows) {
  const Node& node = job.node();
  Implementation result;
  result.name = fmt::format("depthwise {}x{}", columns, rows);
  Builder builder(job.graph, job.target, job.cache, result);
  Scope scope(builder);
  const Access x = scope.at(node.inputs[0]);
  const int64_t b = conv.block, blocks = conv.out_blocks();
  const bool integers = node.op == "conv_integer";
  const auto wide = [integers](const Expr& byte) { return integers ? Halide::cast<int>(byte) : byte; };
  const torch::Tensor weight = weight_of(job.graph, node).squeeze(1);
  torch::Tensor padded = torch::zeros({blocks * b, conv.kernel_y, conv.kernel_x}, weight.scalar_type());
  padded.slice(0, 0, conv.out_channels).copy_(weight);
  const Access w = builder.parameter(
      padded.view({blocks, b, conv.kernel_y, conv.kernel_x}).permute({0, 2, 3, 1}).contiguous());
  const Access start = builder.parameter(integers ? blocked_start(job.graph, node, conv)
                                                  : blocked_bias(job.graph, node, conv));
  Var v("v"), px("x"), py("y"), kb("kb"), n("n");
  const RDom r(0, static_cast<int>(conv.kernel_x), 0, static_cast<int>(conv.kernel_y));
  const Expr column = px * static_cast<int>(conv.stride_x) + r.x * static_cast<int>(conv.dilation_x) -
                      static_cast<int>(conv.pad_left);
  const Expr line = py * static_cast<int>(conv.stride_y) + r.y * static_cast<int>(conv.dilation_y) -
                    static_cast<int>(conv.pad_top);
  Func acc("acc");
  acc(v, px, py, kb, n) = start({kb, v});
  acc(v, px, py, kb, n) += wide(x({n, kb, line, column, v})) * wide(w({kb, r.y, r.x, v}));
  scope.define(node.outputs[0],
               [acc](const Coordinates& at) { return acc(at[4], at[3], at[2], at[1], at[0]); });
  const ValueId last = lower_rest(scope, job.group);
  const Argument output = interior(job.graph, last);
  Func out("out");
  const Coordinates at = {n, kb, py, px, v};
  out(v, px, py, kb, n) = without_filling(job.graph.value(last), at, scope.at(last)(at));
  Var xo("xo"), xi("xi"), yo("yo"), yi("yi");
  out.split(px, xo, xi, columns, tail(conv.width, columns)).split(py, yo, yi, rows, tail(conv.height, rows));
  out.reorder(v, xi, yi, xo, yo, kb, n).vectorize(v).unroll(xi).unroll(yi);
  acc.store_in(kOnStack).compute_at(out, xo).vectorize(v).unroll(px).unroll(py);
  acc.update().reorder(v, px, py, r.x, r.y).vectorize(v).unroll(px).unroll(py);
  if (conv.kernel_x * conv.kernel_y <= 25) acc.update().unroll(r.x).unroll(r.y);
  acc.bound_extent(v, conv.block);
  Builder::Output options;
  options.flops = conv.flops();
  options.split_dim = blocks > 1 ? 3 : conv.height > 1 ? 2 : -1;
  options.granule = options.split_dim == 2 ? rows : 1;
  builder.finish(result.name + "\n" + signature(job.graph, job.group), {out}, {output}, options);
  return result;
}

}  // namespace

double cycles_per_product(int pixels, int blocks) {
  const double work = pixels * blocks, loads = pixels + blocks;
  return (std::max({work / 2, loads / 2, 4.0}) + 0.05 * loads) / work;
}

BlockedOutput blocked_output(const Job& job, Scope& scope, const Conv2d& conv, const ConvTile& tile,
                             double weight_bytes) {
  const ValueId last = lower_rest(scope, job.group);
  BlockedOutput result{Func("out"), Var("xo"), interior(job.graph, last), {}, {}};
  Func& out = result.func;
  Var v("v"), px("x"), py("y"), kb("kb"), n("n");
  const Coordinates at = {n, kb, py, px, v};
  out(v, px, py, kb, n) = without_filling(job.graph.value(last), at, scope.at(last)(at));
  Var xi("xi"), yo("yo"), yi("yi"), ko("ko"), ki("ki");
  out.split(kb, ko, ki, tile.blocks, Halide::TailStrategy::RoundUp)
      .split(px, result.tile, xi, tile.x, tail(conv.width, tile.x))
      .split(py, yo, yi, tile.y, tail(conv.height, tile.y));
  // Whatever is read again and again should fit the second cache: all weights while rows go by, or else the
  // input.
  const bool rows_outside = weight_bytes <= static_cast<double>(job.target.l2_bytes) / 2;
  if (rows_outside)
    out.reorder(v, xi, yi, ki, result.tile, ko, yo, n);
  else
    out.reorder(v, xi, yi, ki, result.tile, yo, ko, n);
  out.vectorize(v).unroll(xi).unroll(yi).unroll(ki);
  result.options.flops = conv.flops();
  const bool by_rows = rows_outside && conv.height / tile.y >= 4;
  int& split = result.options.split_dim;
  split = by_rows ? 2 : conv.out_blocks() / tile.blocks > 1 ? 3 : conv.height > 1 ? 2 : -1;
  result.options.granule = split == 2 ? tile.y : split == 3 ? tile.blocks : 1;
  result.order = fmt::format("rows outside {}", rows_outside);
  return result;
}

void BlockedOutput::finish(Builder& builder, const Job& job, const std::string& name) {
  builder.finish(fmt::format("{}\n{}\n{}", name, order, signature(job.graph, job.group)), {func}, {argument},
                 options);
}

std::vector<Implementation> direct_convolution(const Job& job) {
  const Conv2d conv = conv2d(job.graph, job.node());
  std::vector<Implementation> all;
  for (const ConvTile& tile : tiles(conv, job.target.vector_registers(), job.variants))
    all.push_back(direct(job, conv, tile));
  return all;
}

std::vector<Implementation> depthwise_convolution(const Job& job) {
  const Conv2d conv = conv2d(job.graph, job.node());
  if (conv.from_dense) throw Error("a depthwise convolution with blocked output wants blocked input");
  std::vector<Implementation> all;
  std::vector<int> widths;
  for (int columns : {7, 4, 8, 6, 5, 3, 2, 1})
    if (columns <= conv.width) widths.push_back(columns);
  std::stable_sort(widths.begin(), widths.end(), [&](int a, int b) {
    const auto waste = [&](int c) { return (conv.width + c - 1) / c * c; };
    return waste(a) < waste(b);
  });
  if (widths.size() > job.variants) widths.resize(job.variants);
  for (int columns : widths) all.push_back(depthwise(job, conv, columns, 1));
  return all;
}

}  // namespace lathe::compile::codegen
