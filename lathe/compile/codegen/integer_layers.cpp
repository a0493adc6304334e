// Convolutions and linear layers of bytes, u8 · i8 in i32. Four bytes of x meet four weights of each lane at
// a time: vpmaddubsw adds pairs of products in 16 bits and vpmaddwd with ones adds two of those in 32. The
// first saturates, unless |w0| + |w1| <= 128 for every pair; other weights are multiplied in 16 bits, which
// is slower.
#include <fmt/format.h>
#include <algorithm>

#include "lathe/compile/codegen/convolution.h"
#include "lathe/compile/codegen/dense.h"
#include "lathe/core/error.h"

namespace lathe::compile::codegen {
namespace {

using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::Var;

constexpr int kBytes = 4;

struct Product {
  std::vector<Var> vars;  // of the sums, the lane first
  Expr start;
  std::vector<int> taps;  // extents of the reduction in groups of four bytes, innermost first
  std::function<Expr(const std::vector<Expr>&taps, const Expr&byte)> x, w;
};

// [..., lane, byte]
bool pairs_fit(const torch::Tensor& packed) {
  return packed.to(torch::kInt32).abs().view({-1, 2}).sum(1).max().item<int64_t>() <= 128;
}

std::vector<Halide::Range> ranges(std::vector<int> extents) {
  std::vector<Halide::Range> result;
  for (const int extent : extents) result.emplace_back(0, extent);
  return result;
}

// The update's loops: `inner` bytes and lanes in one vector, the other vars unrolled, taps outside.
void schedule(Func& acc, const Product& product, const RDom& r, int inner) {
  std::vector<Halide::VarOrRVar> order = {r[0]};
  order.insert(order.end(), product.vars.begin(), product.vars.end());
  for (int i = 1; i < r.dimensions(); ++i) order.emplace_back(r[i]);
  acc.vectorize(product.vars[0]);
  Halide::Stage update = acc.update();
  update.reorder(order).atomic().vectorize(r[0], inner).vectorize(product.vars[0]);
  for (size_t i = 1; i < product.vars.size(); ++i)
    acc.unroll(product.vars[i]), update.unroll(product.vars[i]);
}

Func in_pairs(Builder& builder, const Product& product, int lanes) {
  const Access ones = builder.parameter(torch::ones({lanes, 2}, torch::kInt16));
  std::vector<Var> key = {Var("half")};
  key.insert(key.end(), product.vars.begin(), product.vars.end());
  std::vector<Expr> taps;
  for (size_t i = 0; i < product.taps.size(); ++i)
    key.emplace_back(fmt::format("tap{}", i)), taps.emplace_back(key.back());
  Func pair("pair"), acc("acc");
  const RDom q(0, 2);
  const auto wide = [](const Expr& byte) { return Halide::cast<int16_t>(byte); };
  pair(key) = Halide::cast<int16_t>(0);
  pair(key) = Halide::Internal::saturating_add(
      pair(key), wide(product.x(taps, key[0] * 2 + q)) * wide(product.w(taps, key[0] * 2 + q)));
  std::vector<int> extents = {2};
  extents.insert(extents.end(), product.taps.begin(), product.taps.end());
  const RDom r(ranges(extents));
  std::vector<Expr> at = {r[0]};
  at.insert(at.end(), product.vars.begin(), product.vars.end());
  for (int i = 1; i < r.dimensions(); ++i) at.emplace_back(r[i]);
  acc(product.vars) = product.start;
  acc(product.vars) += Halide::cast<int>(pair(at)) * Halide::cast<int>(ones({product.vars[0], r[0]}));
  schedule(acc, product, r, 2);
  pair.store_in(kOnStack).compute_at(acc, product.vars[1]).vectorize(key[0]).vectorize(product.vars[0]);
  pair.bound_extent(key[0], 2).bound_extent(product.vars[0], lanes);
  // Saturation, which would not be associative, does not happen.
  pair.update()
      .reorder(q, key[0], product.vars[0])
      .atomic(true)
      .vectorize(q)
      .vectorize(key[0])
      .vectorize(product.vars[0]);
  return acc;
}

Func in_words(const Product& product) {
  std::vector<int> extents = {2, 2};
  extents.insert(extents.end(), product.taps.begin(), product.taps.end());
  const RDom r(ranges(extents));
  std::vector<Expr> taps;
  for (int i = 2; i < r.dimensions(); ++i) taps.emplace_back(r[i]);
  const Expr byte = r[1] * 2 + r[0];
  const auto wide = [](const Expr& b) { return Halide::cast<int>(Halide::cast<int16_t>(b)); };
  Func acc("acc");
  acc(product.vars) = product.start;
  acc(product.vars) += wide(product.x(taps, byte)) * wide(product.w(taps, byte));
  schedule(acc, product, r, 2);
  return acc;
}

// −zero_point · Σ w of each output.
torch::Tensor start_of(const Node& node, const torch::Tensor& weight) {
  return (weight.to(torch::kInt32).flatten(1).sum(1) * -node.integer("zero_point")).to(torch::kInt32);
}

torch::Tensor filled(const torch::Tensor& values, int64_t rows) {
  torch::Tensor result = torch::zeros({rows}, values.scalar_type());
  result.slice(0, 0, values.size(0)).copy_(values);
  return result;
}

// [O, C, ky, kx] as [O/(blocks·b), C/b, ky, kx, groups of C, block, O lane, byte].
torch::Tensor pack(const torch::Tensor& weight, const Conv2d& conv, int blocks) {
  const int64_t b = conv.block;
  torch::Tensor padded =
      torch::zeros({conv.out_blocks() * b, conv.in_blocks() * b, conv.kernel_y, conv.kernel_x}, torch::kInt8);
  padded.slice(0, 0, conv.out_channels).slice(1, 0, conv.in_channels).copy_(weight);
  return padded
      .view({conv.out_blocks() / blocks, blocks, b, conv.in_blocks(), b / kBytes, kBytes, conv.kernel_y,
             conv.kernel_x})
      .permute({0, 3, 6, 7, 4, 1, 2, 5})
      .contiguous();
}

// Four taps of a row meet at a time where the input is dense; the last four of a row lie at its end, those
// that the four before have too with zero weights. [O/(blocks·b), C, ky, 1, groups of kx, block, O lane,
// byte].
torch::Tensor pack_rows(const torch::Tensor& weight, const Conv2d& conv, int blocks) {
  const int64_t b = conv.block, groups = (conv.kernel_x + kBytes - 1) / kBytes;
  torch::Tensor padded =
      torch::zeros({conv.out_blocks() * b, conv.in_channels, conv.kernel_y, groups * kBytes}, torch::kInt8);
  const int64_t own = conv.kernel_x - (groups - 1) * kBytes;
  torch::Tensor real = padded.slice(0, 0, conv.out_channels);
  real.slice(3, 0, conv.kernel_x - own).copy_(weight.slice(3, 0, conv.kernel_x - own));
  real.slice(3, groups * kBytes - own).copy_(weight.slice(3, conv.kernel_x - own));
  return padded
      .view({conv.out_blocks() / blocks, blocks, b, conv.in_channels, conv.kernel_y, 1, groups, kBytes})
      .permute({0, 3, 4, 5, 6, 1, 2, 7})
      .contiguous();
}

Implementation blocked_convolution(const Job& job, const Conv2d& conv, const ConvTile& tile) {
  const Node& node = job.node();
  const torch::Tensor weight = weight_of(job.graph, node);
  const torch::Tensor packed =
      conv.from_dense ? pack_rows(weight, conv, tile.blocks) : pack(weight, conv, tile.blocks);
  const bool pairs = pairs_fit(packed);
  Implementation result;
  result.name = fmt::format("{} {}x{}x{}", pairs ? "bytes" : "words", tile.x, tile.y, tile.blocks);
  Builder builder(job.graph, job.target, job.cache, result);
  Scope scope(builder);
  const Access x = scope.at(node.inputs[0]), w = builder.parameter(packed);
  const Access start = builder.parameter(blocked_start(job.graph, node, conv));
  Var v("v"), px("x"), py("y"), kb("kb"), n("n");
  Product product;
  product.vars = {v, px, py, kb, n};
  product.start = start({kb, v});
  for (const int d : {4, 3, 2, 1}) product.taps.push_back(static_cast<int>(packed.size(d)));
  product.x = [&](const std::vector<Expr>& t, const Expr& byte) {
    const Expr line = py * static_cast<int>(conv.stride_y) + t[2] * static_cast<int>(conv.dilation_y) -
                      static_cast<int>(conv.pad_top);
    const Expr column = px * static_cast<int>(conv.stride_x) + t[1] * static_cast<int>(conv.dilation_x) -
                        static_cast<int>(conv.pad_left);
    if (!conv.from_dense) return x({n, t[3], line, column, t[0] * kBytes + byte});
    return x({n, t[3], line,
              column + Halide::min(t[0] * kBytes, static_cast<int>(conv.kernel_x) - kBytes) + byte});
  };
  product.w = [&](const std::vector<Expr>& t, const Expr& byte) {
    return w({kb / tile.blocks, t[3], t[2], t[1], t[0], kb % tile.blocks, v, byte});
  };
  Func acc = pairs ? in_pairs(builder, product, conv.block) : in_words(product);
  scope.define(node.outputs[0],
               [acc](const Coordinates& at) { return acc(at[4], at[3], at[2], at[1], at[0]); });
  BlockedOutput out = blocked_output(job, scope, conv, tile, static_cast<double>(weight.numel()));
  acc.store_in(kOnStack).compute_at(out.func, out.tile).bound_extent(v, conv.block);
  out.finish(builder, job, result.name);
  return result;
}

// [N, K] as [⌈N/width⌉, ⌈K/4⌉, width/lanes, lanes, byte].
torch::Tensor panels(const torch::Tensor& weight, int64_t width, int64_t lanes) {
  const int64_t count = (weight.size(0) + width - 1) / width;
  const int64_t groups = (weight.size(1) + kBytes - 1) / kBytes;
  torch::Tensor padded = torch::zeros({count * width, groups * kBytes}, torch::kInt8);
  padded.slice(0, 0, weight.size(0)).slice(1, 0, weight.size(1)).copy_(weight);
  return padded.view({count, width / lanes, lanes, groups, kBytes}).permute({0, 3, 1, 2, 4}).contiguous();
}

}  // namespace

torch::Tensor blocked_start(const Graph& graph, const Node& node, const Conv2d& conv) {
  const auto& padding = node.integers("padding");
  const bool pads = std::any_of(padding.begin(), padding.end(), [](int64_t p) { return p > 0; });
  if (pads && graph.value(node.inputs[0]).layout.filling != node.integer("zero_point"))
    throw Error("conv_integer ({}): its input is read with two zero points", node.source);
  return filled(start_of(node, weight_of(graph, node)), conv.out_blocks() * conv.block)
      .view({conv.out_blocks(), conv.block});
}

Panels integer_panels(Builder& builder, const Node& node, const Access& x, const torch::Tensor& weight,
                      int width) {
  const int lanes = builder.lanes(), depth = static_cast<int>(weight.size(1));
  const torch::Tensor packed = panels(weight, width, lanes);
  const Access w = builder.parameter(packed);
  const int64_t count = packed.size(0);
  const Access start =
      builder.parameter(filled(start_of(node, weight), count * width).view({count, width / lanes, lanes}));
  Var v("v"), m("m"), c("c"), p("p");
  Product product;
  product.vars = {v, m, c, p};
  product.start = start({p, c, v});
  product.taps = {static_cast<int>(packed.size(1))};
  product.x = [&](const std::vector<Expr>& t, const Expr& byte) {
    const Expr k = t[0] * kBytes + byte;
    return x({m, depth % kBytes == 0 ? k : Halide::min(k, depth - 1)});
  };
  product.w = [&](const std::vector<Expr>& t, const Expr& byte) { return w({p, t[0], c, v, byte}); };
  Func acc = pairs_fit(packed) ? in_pairs(builder, product, lanes) : in_words(product);
  acc.bound_extent(v, lanes).bound_extent(c, width / lanes).bound_extent(p, 1);
  return {acc, [acc, lanes](const Expr& column, const Expr& row, const Expr& panel) {
            return Expr(acc(column % lanes, row, column / lanes, panel));
          }};
}

namespace {

std::vector<Implementation> direct_in_bytes(const Job& job) {
  const Conv2d conv = conv2d(job.graph, job.node());
  std::vector<ConvTile> tiles;
  for (const int blocks : {1, 2, 3})
    for (const int columns : {7, 8, 6, 5, 4, 3, 2, 1}) {
      const bool fits = conv.out_blocks() % blocks == 0 && columns <= conv.width && columns * blocks <= 8;
      if (fits) tiles.push_back({columns, 1, blocks});
    }
  const auto cost = [&](const ConvTile& tile) {
    const double waste = static_cast<double>((conv.width + tile.x - 1) / tile.x * tile.x);
    return waste * (3.0 + 1.0 / tile.blocks + 1.0 / tile.x + 4.0 / tile.accumulators());
  };
  std::stable_sort(tiles.begin(), tiles.end(),
                   [&](const ConvTile& a, const ConvTile& b) { return cost(a) < cost(b); });
  if (tiles.size() > job.variants) tiles.resize(job.variants);
  std::vector<Implementation> all;
  for (const ConvTile& tile : tiles) all.push_back(blocked_convolution(job, conv, tile));
  return all;
}

}  // namespace

std::vector<Implementation> integer_convolution(const Job& job) {
  const Node& node = job.node();
  if (job.graph.value(node.outputs[0]).layout.block <= 1) return plain_convolution(job);
  if (node.integer("groups") > 1) return depthwise_convolution(job);
  if (winograd_applies(job.graph, node)) return winograd_or(direct_in_bytes, job);
  return direct_in_bytes(job);
}

}  // namespace lathe::compile::codegen
