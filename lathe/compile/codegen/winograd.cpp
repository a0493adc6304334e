// Winograd's minimal filtering F(m×m, 3×3) (Lavin & Gray, CVPR 2016): Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A, here with
// the interpolation points 0, ±5/8, ±3/2 for m = 4, whose rounding errors are four times smaller than those
// of 0, ±1, ±2.
#include <fmt/format.h>

#include <cmath>

#include "lathe/compile/codegen/convolution.h"

namespace lathe::compile::codegen {
namespace {

using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::Var;

constexpr double kA = 0.625, kB = 1.5;

Expr number(double value) {
  return Expr(static_cast<float>(value));
}

// Bᵀ d along one axis.
std::vector<Expr> input_transform(const std::vector<Expr>& d, int m) {
  if (m == 2) return {d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]};
  const double a2 = kA * kA, b2 = kB * kB;
  const Expr even_a = d[4] - number(b2) * d[2], odd_a = number(kA) * (d[3] - number(b2) * d[1]);
  const Expr even_b = d[4] - number(a2) * d[2], odd_b = number(kB) * (d[3] - number(a2) * d[1]);
  return {number(a2 * b2) * d[0] - number(a2 + b2) * d[2] + d[4],
          even_a + odd_a,
          even_a - odd_a,
          even_b + odd_b,
          even_b - odd_b,
          number(a2 * b2) * d[1] - number(a2 + b2) * d[3] + d[5]};
}

// Aᵀ v along one axis.
std::vector<Expr> output_transform(const std::vector<Expr>& v, int m) {
  if (m == 2) return {v[0] + v[1] + v[2], v[1] - v[2] - v[3]};
  const Expr sum_a = v[1] + v[2], difference_a = v[1] - v[2], sum_b = v[3] + v[4], difference_b = v[3] - v[4];
  return {v[0] + sum_a + sum_b, number(kA) * difference_a + number(kB) * difference_b,
          number(kA * kA) * sum_a + number(kB * kB) * sum_b,
          number(kA * kA * kA) * difference_a + number(kB * kB * kB) * difference_b + v[5]};
}

torch::Tensor filter_transform(int m) {
  if (m == 2)
    return torch::tensor({1.0, 0.0, 0.0, 0.5, 0.5, 0.5, 0.5, -0.5, 0.5, 0.0, 0.0, 1.0}, torch::kDouble)
        .view({4, 3});
  std::vector<double> rows;
  const auto row = [&](double p, double scale) {
    rows.insert(rows.end(), {1 / scale, p / scale, p * p / scale});
  };
  const double a2 = kA * kA, b2 = kB * kB;
  row(0, a2 * b2);
  row(kA, 2 * a2 * (a2 - b2));
  row(-kA, 2 * a2 * (a2 - b2));
  row(kB, 2 * b2 * (b2 - a2));
  row(-kB, 2 * b2 * (b2 - a2));
  rows.insert(rows.end(), {0, 0, 1});
  return torch::tensor(rows, torch::kDouble).view({6, 3});
}

struct Variant {
  int m;       // outputs of a tile along each axis
  int rows;    // rows of tiles that are transformed together; 0: a first kernel transforms all
  int tiles;   // register tile: tiles …
  int blocks;  // … × blocks of output channels
};

struct Geometry {
  int m, alpha, tiles_x, tiles_y;
  int tiles() const { return tiles_x * tiles_y; }
};

Geometry geometry(const Conv2d& conv, int m) {
  return {m, m + 2, static_cast<int>((conv.width + m - 1) / m), static_cast<int>((conv.height + m - 1) / m)};
}

// U = G g Gᵀ, [O/(blocks·b), α², C, blocks, b]: what one step of the products reads lies together.
torch::Tensor pack(const torch::Tensor& weight, const Conv2d& conv, int m, int blocks) {
  const torch::Tensor g = filter_transform(m);
  torch::Tensor padded =
      torch::zeros({conv.out_blocks() * conv.block, conv.in_blocks() * conv.block, 3, 3}, torch::kDouble);
  padded.slice(0, 0, conv.out_channels).slice(1, 0, conv.in_channels).copy_(weight);
  const int64_t alpha2 = (m + 2) * (m + 2);
  return torch::matmul(torch::matmul(g, padded), g.t())
      .to(torch::kFloat)
      .view({conv.out_blocks() / blocks, blocks, conv.block, conv.in_blocks() * conv.block, alpha2})
      .permute({0, 4, 3, 1, 2})
      .contiguous();
}

// Where the pieces of the transformed input lie: [α, α, n, blocks of channels, tiles, lane]; an odd number of
// tiles keeps the α² streams out of the same cache sets.
int padded_tiles(int tiles) {
  return tiles % 2 == 0 ? tiles + 1 : tiles;
}

struct Transform {
  Func by_columns{"Bx"}, result{"V"};
  Var v{"v"}, t{"t"}, cb{"cb"}, i{"i"}, j{"j"}, n{"n"};
};

Transform transform_input(const Access& x, const Conv2d& conv, const Geometry& geometry) {
  Transform transform;
  auto& [bx, result, v, t, cb, i, j, n] = transform;
  std::vector<Expr> d;
  for (int q = 0; q < geometry.alpha; ++q)
    d.push_back(x({n, cb, (t / geometry.tiles_x) * geometry.m + j - static_cast<int>(conv.pad_top),
                   (t % geometry.tiles_x) * geometry.m + q - static_cast<int>(conv.pad_left), v}));
  bx(v, i, j, t, cb, n) = Halide::mux(i, input_transform(d, geometry.m));
  d.clear();
  for (int q = 0; q < geometry.alpha; ++q) d.push_back(bx(v, i, q, t, cb, n));
  result(v, t, cb, i, j, n) = Halide::mux(j, input_transform(d, geometry.m));
  return transform;
}

void schedule_columns(Transform& transform) {
  transform.by_columns.store_in(kOnStack)
      .compute_at(transform.result, transform.t)
      .vectorize(transform.v)
      .unroll(transform.i)
      .unroll(transform.j)
      .reorder(transform.v, transform.i, transform.j);
  transform.result.vectorize(transform.v)
      .unroll(transform.i)
      .unroll(transform.j)
      .reorder(transform.v, transform.i, transform.j, transform.t, transform.cb);
}

// A view of a blocked value as tiles: lane, x in the tile, tile x, y in the tile, tile y, block, n.
Argument tiled(Argument argument, const Geometry& geometry) {
  const Dim x = argument.dims[1], y = argument.dims[2];
  const int m = geometry.m;
  argument.dims = {argument.dims[0],
                   {0, m, x.stride},
                   {0, geometry.tiles_x, x.stride * m},
                   {0, m, y.stride},
                   {0, geometry.tiles_y, y.stride * m},
                   argument.dims[3],
                   argument.dims[4]};
  return argument;
}

Implementation winograd(const Job& job, const Conv2d& conv, const Variant& variant) {
  const Node& node = job.node();
  const Geometry geometry_ = geometry(conv, variant.m);
  const int m = variant.m, alpha = geometry_.alpha, b = conv.block, blocks = variant.blocks;
  const int in_blocks = static_cast<int>(conv.in_blocks()), tiles = geometry_.tiles();
  Implementation result;
  result.name = fmt::format("winograd F({0}x{0}) {1}, {2}x{3}", m,
                            variant.rows ? fmt::format("{} rows of tiles", variant.rows) : "in two kernels",
                            variant.tiles, blocks);
  const double products = 2.0 * static_cast<double>(conv.batch * tiles) * alpha * alpha *
                          static_cast<double>(conv.in_channels * conv.out_channels);
  Argument transformed;
  if (variant.rows == 0) {
    const int stored = padded_tiles(tiles);
    transformed = dense(Argument::Place::scratch, static_cast<int>(result.scratch_bytes.size()), DType::f32,
                        {conv.batch, alpha, alpha, in_blocks, stored, b});
    transformed.dims[1].extent = tiles;
    add_scratch(result, 4 * conv.batch * alpha * alpha * in_blocks * stored * b);
    Builder builder(job.graph, job.target, job.cache, result);
    Transform transform = transform_input(builder.input(node.inputs[0]), conv, geometry_);
    schedule_columns(transform);
    Builder::Output options;
    options.split_dim = in_blocks > 1 ? 2 : -1;
    options.flops = static_cast<double>(conv.batch * tiles * in_blocks * b) * alpha * alpha * 6;
    builder.finish(fmt::format("winograd input {} {} {}", m, conv.pad_top, conv.pad_left), {transform.result},
                   {transformed}, options);
  }
  Builder builder(job.graph, job.target, job.cache, result);
  Scope scope(builder);
  Transform transform;
  Access stored;
  if (variant.rows == 0) {
    stored = builder.view(transformed);
  } else {
    transform = transform_input(scope.at(node.inputs[0]), conv, geometry_);
  }
  const Access u = builder.parameter(pack(weight_of(job.graph, node), conv, m, blocks));
  const Access bias = builder.parameter(blocked_bias(job.graph, node, conv));

  Var v("v"), t("t"), kb("kb"), i("i"), j("j"), n("n"), xi("xi"), yi("yi"), tx("tx"), ty("ty");
  const RDom r(0, b, 0, in_blocks);
  Func acc("acc"), products_("M"), ax("Ax"), y("Y"), out("out");
  acc(v, t, kb, i, j, n) = 0.0f;
  const Expr element =
      variant.rows == 0 ? stored({n, j, i, r.y, t, r.x}) : transform.result(r.x, t, r.y, i, j, n);
  acc(v, t, kb, i, j, n) += element * u({kb / blocks, j * alpha + i, r.y * b + r.x, kb % blocks, v});
  products_(v, t, kb, i, j, n) = acc(v, t, kb, i, j, n);
  std::vector<Expr> d;
  for (int q = 0; q < alpha; ++q) d.push_back(products_(v, t, kb, q, j, n));
  ax(v, i, j, t, kb, n) = Halide::mux(i, output_transform(d, m));
  d.clear();
  for (int q = 0; q < alpha; ++q) d.push_back(ax(v, i, q, t, kb, n));
  y(v, i, j, t, kb, n) = Halide::mux(j, output_transform(d, m));
  // The epilogue is element-wise, so it asks for the element at the final loops' own place.
  const Expr pixel = y(v, xi, yi, ty * geometry_.tiles_x + tx, kb, n) + bias({kb, v});
  scope.define(node.outputs[0], [pixel](const Coordinates&) { return pixel; });
  const ValueId last = lower_rest(scope, job.group);
  const Coordinates place = {n, kb, ty * m + yi, tx * m + xi, v};
  Expr value = without_filling(job.graph.value(last), place, scope.at(last)(place));
  if (conv.width % m != 0 || conv.height % m != 0)
    value = Halide::select(
        tx * m + xi < static_cast<int>(conv.width) && ty * m + yi < static_cast<int>(conv.height), value,
        0.0f);
  out(v, xi, tx, yi, ty, kb, n) = value;

  Var tyo("tyo"), tyi("tyi"), ko("ko"), ki("ki"), to("to"), ti("ti");
  const int rows = variant.rows == 0 ? geometry_.tiles_y : variant.rows;
  const int together = rows * geometry_.tiles_x;
  out.bound(v, 0, b).bound(xi, 0, m).bound(yi, 0, m).bound(tx, 0, geometry_.tiles_x);
  out.split(kb, ko, ki, blocks, Halide::TailStrategy::RoundUp);
  if (variant.rows == 0) {
    out.bound(ty, 0, geometry_.tiles_y);
    out.reorder(v, xi, yi, ki, tx, ty, ko, n);
  } else {
    out.split(ty, tyo, tyi, rows, Halide::TailStrategy::RoundUp).reorder(v, xi, yi, ki, tx, tyi, ko, tyo, n);
  }
  out.vectorize(v).unroll(xi).unroll(yi);
  ax.store_in(kOnStack).compute_at(out, ki).vectorize(v).unroll(i).unroll(j).reorder(v, j, i);
  products_.store_in(kOnStack)
      .compute_at(out, ko)
      .split(
          t, to, ti, variant.tiles,
          together % variant.tiles == 0 ? Halide::TailStrategy::RoundUp : Halide::TailStrategy::ShiftInwards)
      .vectorize(v)
      .unroll(ti)
      .unroll(kb)
      .reorder(v, ti, kb, to, i, j);
  acc.store_in(kOnStack).compute_at(products_, to).vectorize(v).unroll(t).unroll(kb);
  acc.update().reorder(v, t, kb, r.x, r.y).vectorize(v).unroll(t).unroll(kb);
  if (variant.rows > 0) {
    schedule_columns(transform);
    transform.result.store_in(kOnStack).compute_at(out, tyo).align_storage(transform.t,
                                                                           padded_tiles(together));
  }
  products_.align_storage(t, padded_tiles(together)).bound_extent(t, together).bound_extent(kb, blocks);
  if (variant.rows > 0) transform.result.bound_extent(transform.t, together);

  Builder::Output options;
  options.flops = products;
  options.split_dim = variant.rows > 0 ? 4 : 5;
  options.granule = variant.rows > 0 ? rows : blocks;
  if (variant.rows > 0 && geometry_.tiles_y / rows < 2) options.split_dim = -1;
  if (variant.rows == 0 && conv.out_blocks() / blocks < 2) options.split_dim = -1;
  builder.finish(result.name + "\n" + signature(job.graph, job.group), {out},
                 {tiled(interior(job.graph, last), geometry_)}, options);
  return result;
}

// The largest divisor of n that is at most `most`.
int divisor(int n, int most) {
  for (int d = std::min(n, most); d > 1; --d)
    if (n % d == 0) return d;
  return 1;
}

// Seconds of the products where the weights come from far away, roughly.
double seconds(const Conv2d& conv, int m) {
  const Geometry g = geometry(conv, m);
  const double weights = static_cast<double>(g.alpha * g.alpha * conv.in_channels * conv.out_channels);
  return std::max(2 * weights * g.tiles() / 80e9, 4 * weights / 12e9);
}

std::vector<Variant> variants(const Job& job, const Conv2d& conv) {
  const int registers = job.target.vector_registers();
  std::vector<int> sizes = {4, 2};
  if (seconds(conv, 2) < seconds(conv, 4)) sizes = {2, 4};
  if (job.variants == 1) sizes.resize(1);
  std::vector<Variant> all;
  for (int m : sizes) {
    const Geometry g = geometry(conv, m);
    const double row_bytes =
        4.0 * g.tiles_x * g.alpha * g.alpha * static_cast<double>(conv.in_blocks() * conv.block);
    const double cache = static_cast<double>(job.target.l2_bytes) * 0.6;
    // As many rows of tiles as keep what they are transformed to in the second cache; all of them in two
    // kernels.
    std::vector<int> chunks;
    if (g.tiles_y > 1 && row_bytes <= cache) {
      const int rows = divisor(g.tiles_y, std::max(1, static_cast<int>(cache / row_bytes)));
      chunks.push_back(rows);
      if (rows > 1) chunks.push_back(divisor(g.tiles_y, rows / 2));
    }
    chunks.insert(row_bytes * g.tiles_y <= cache ? chunks.begin() : chunks.end(), 0);
    for (int rows : chunks) {
      const int together = (rows == 0 ? g.tiles_y : rows) * g.tiles_x;
      std::vector<Variant> tiles;
      for (int blocks : {4, 2, 3, 1}) {
        if (conv.out_blocks() % blocks != 0) continue;
        const int most = std::min(most_accumulators(registers, blocks) / blocks, together);
        // Equal parts, so that few tiles are computed twice.
        const int parts = (together + most - 1) / most;
        tiles.push_back({m, rows, (together + parts - 1) / parts, blocks});
      }
      const auto waste = [&](const Variant& v) {
        return static_cast<double>((together + v.tiles - 1) / v.tiles * v.tiles) +
               (v.tiles * v.blocks < 8 ? together : 0);
      };
      std::stable_sort(tiles.begin(), tiles.end(),
                       [&](const Variant& a, const Variant& b) { return waste(a) < waste(b); });
      all.insert(all.end(), tiles.begin(), tiles.end());
    }
  }
  if (all.size() > job.variants) all.resize(job.variants);
  return all;
}

}  // namespace

bool winograd_applies(const Graph& graph, const Node& node) {
  const Conv2d conv = conv2d(graph, node);
  return !conv.depthwise && !conv.from_dense && conv.kernel_y == 3 && conv.kernel_x == 3 &&
         conv.stride_y == 1 && conv.stride_x == 1 && conv.dilation_y == 1 && conv.dilation_x == 1 &&
         conv.height >= 4 && conv.width >= 4 && conv.in_channels >= 16 && conv.out_channels >= 16;
}

std::vector<BorderNeed> winograd_borders(const Graph& graph, const Group& group, const Node& node) {
  const Conv2d conv = conv2d(graph, node);
  int below = 0, right = 0;
  for (int m : {2, 4}) {
    const Geometry g = geometry(conv, m);
    below = std::max(below, static_cast<int>(g.tiles_y * m - conv.height));
    right = std::max(right, static_cast<int>(g.tiles_x * m - conv.width));
  }
  std::vector<BorderNeed> needs;
  const auto need = [&](ValueId id, int down, int across) {
    if (graph.value(id).layout.block > 1) needs.push_back({id, {0, down, 0, across}});
  };
  int in_below = 0, in_right = 0;
  for (int m : {2, 4}) {
    const Geometry g = geometry(conv, m);
    in_below = std::max(in_below, static_cast<int>(g.tiles_y * m + 2 - conv.pad_top - conv.in_height));
    in_right = std::max(in_right, static_cast<int>(g.tiles_x * m + 2 - conv.pad_left - conv.in_width));
  }
  need(node.inputs[0], in_below, in_right);
  needs.back().border[0] = static_cast<int>(conv.pad_top);
  needs.back().border[2] = static_cast<int>(conv.pad_left);
  // What the epilogue reads and the result are touched by whole tiles too.
  for (int index : group.nodes) {
    const Node& other = graph.nodes[static_cast<size_t>(index)];
    for (ValueId id : other.inputs)
      if (&other != &node && graph.type(id).shape == graph.type(node.outputs[0]).shape)
        need(id, below, right);
  }
  need(graph.nodes[static_cast<size_t>(group.nodes.back())].outputs[0], below, right);
  return needs;
}

std::vector<Implementation> winograd_convolution(const Job& job) {
  const Conv2d conv = conv2d(job.graph, job.node());
  std::vector<Implementation> all;
  for (const Variant& variant : variants(job, conv)) all.push_back(winograd(job, conv, variant));
  return all;
}

}  // namespace lathe::compile::codegen
