// Convolutions 3×3 by Winograd's minimal filtering. Where many filters meet few tiles, G g Gᵀ is made while
// the kernel runs: memory then gives 9 numbers for each filter and not (m + 2)².
#include <fmt/format.h>

#include <algorithm>

#include "lathe/compile/codegen/winograd.h"

namespace lathe::compile::codegen {
namespace {

using Halide::Expr;
using Halide::Func;
using Halide::ImageParam;
using Halide::RDom;
using Halide::Var;

// [O, C, 3, 3] with zeros up to whole blocks of channels.
torch::Tensor padded(const torch::Tensor& weight, const Conv2d& conv) {
  torch::Tensor result = torch::zeros({conv.out_blocks() * conv.block, conv.in_blocks() * conv.block, 3, 3},
                                      weight.scalar_type());
  result.slice(0, 0, conv.out_channels).slice(1, 0, conv.in_channels).copy_(weight);
  return result;
}

// U = G g Gᵀ, [O/(blocks·b), α², C, blocks, b]: what one step of the products reads lies together.
torch::Tensor transformed_filters(const torch::Tensor& weight, const Conv2d& conv, const Filtering& f,
                                  int blocks) {
  const auto transform = [&](const torch::Tensor& g, int64_t axis) {
    return torch::stack(filter_transform(f, g.unbind(axis)), axis);
  };
  const int64_t alpha2 = f.alpha() * f.alpha();
  return transform(transform(padded(weight.to(torch::kDouble), conv), 2), 3)
      .to(torch::kFloat)
      .view({conv.out_blocks() / blocks, blocks, conv.block, conv.in_blocks() * conv.block, alpha2})
      .permute({0, 4, 3, 1, 2})
      .contiguous();
}

// Input channels that meet in one instruction: of 16 bits two.
int paired(const Filtering& f) {
  return f.integers ? 2 : 1;
}

// [O/b, C/p, 3, 3, b, p], p paired channels.
torch::Tensor filters(const torch::Tensor& weight, const Conv2d& conv, const Filtering& f) {
  return padded(weight, conv)
      .view({conv.out_blocks(), conv.block, conv.in_blocks() * conv.block / paired(f), paired(f), 3, 3})
      .permute({0, 2, 4, 5, 1, 3})
      .contiguous();
}

// U of those: channel of the pair, lane, block of outputs, pair of channels, i, j.
struct FilterTransform {
  Func by_rows{"Gx"}, result{"U"};
  Var p{"p"}, v{"v"}, kb{"kb"}, c{"c"}, i{"i"}, j{"j"}, q{"q"};
};

FilterTransform transform_filters(const ImageParam& weights, const Filtering& f) {
  FilterTransform transform;
  auto& [gx, result, p, v, kb, c, i, j, q] = transform;
  std::vector<Expr> g;
  for (int x = 0; x < 3; ++x) {
    const Expr tap = weights(p, v, x, q, c, kb);
    g.push_back(f.integers ? Halide::cast<int16_t>(tap) : tap);
  }
  gx(p, v, i, q, c, kb) = Halide::mux(i, filter_transform(f, g));
  g.clear();
  for (int y = 0; y < 3; ++y) g.push_back(gx(p, v, i, y, c, kb));
  result(p, v, kb, c, i, j) = Halide::mux(j, filter_transform(f, g));
  return transform;
}

// Filters of the next `step` pairs of channels are fetched while these are transformed.
void schedule_rows(FilterTransform& transform, const ImageParam& weights, const Filtering& f, int step) {
  auto& [gx, result, p, v, kb, c, i, j, q] = transform;
  result.bound_extent(p, paired(f));
  gx.store_in(kOnStack).compute_at(result, kb).unroll(i).unroll(q).reorder(p, v, i, q);
  result.unroll(i).unroll(j).reorder(p, v, j, i, kb, c);
  if (paired(f) > 1) gx.vectorize(p), result.vectorize(p);
  gx.vectorize(v), result.vectorize(v);
  result.prefetch(weights, kb, c, step, Halide::PrefetchBoundStrategy::NonFaulting);
}

// Where the pieces of the transformed input lie: [α, α, n, blocks of channels, tiles, lane]; an odd number of
// tiles keeps the α² streams out of the same cache sets.
int padded_tiles(int tiles) {
  return tiles % 2 == 0 ? tiles + 1 : tiles;
}

struct InputTransform {
  Func by_columns{"Bx"}, result{"V"};
  Var v{"v"}, t{"t"}, cb{"cb"}, i{"i"}, j{"j"}, n{"n"};
};

InputTransform transform_input(const Access& x, const Conv2d& conv, const WinogradGeometry& geometry,
                               const Filtering& f) {
  InputTransform transform;
  auto& [bx, result, v, t, cb, i, j, n] = transform;
  std::vector<Expr> d;
  for (int q = 0; q < geometry.alpha; ++q) {
    const Expr pixel = x({n, cb, (t / geometry.tiles_x) * geometry.m + j - static_cast<int>(conv.pad_top),
                          (t % geometry.tiles_x) * geometry.m + q - static_cast<int>(conv.pad_left), v});
    d.push_back(f.integers ? Halide::cast<int16_t>(pixel) : pixel);
  }
  bx(v, i, j, t, cb, n) = Halide::mux(i, input_transform(f, d));
  d.clear();
  for (int q = 0; q < geometry.alpha; ++q) d.push_back(bx(v, i, q, t, cb, n));
  result(v, t, cb, i, j, n) = Halide::mux(j, input_transform(f, d));
  return transform;
}

void schedule_columns(InputTransform& transform) {
  auto& [bx, result, v, t, cb, i, j, n] = transform;
  bx.store_in(kOnStack).compute_at(result, t).vectorize(v).unroll(i).unroll(j).reorder(v, i, j);
  result.vectorize(v).unroll(i).unroll(j).reorder(v, j, i, t, cb);
}

// The kernel that transforms all of the input; where it leaves it.
Argument transform_first(const Job& job, const Conv2d& conv, const Filtering& f, int tiles,
                         Implementation& result) {
  const WinogradGeometry g = geometry(conv, f.m);
  const int b = conv.block, in_blocks = static_cast<int>(conv.in_blocks()), stored = padded_tiles(tiles);
  const DType dtype = f.integers ? DType::i16 : DType::f32;
  Argument all = dense(Argument::Place::scratch, static_cast<int>(result.scratch_bytes.size()), dtype,
                       {conv.batch, g.alpha, g.alpha, in_blocks, stored, b});
  add_scratch(result,
              static_cast<int64_t>(size_of(dtype)) * conv.batch * g.alpha * g.alpha * in_blocks * stored * b);
  Argument written = all;
  written.dims[1].extent = g.tiles();
  all.dims[1].extent = tiles;
  Builder builder(job.graph, job.target, job.cache, result);
  InputTransform transform = transform_input(builder.input(job.node().inputs[0]), conv, g, f);
  schedule_columns(transform);
  Builder::Output options;
  options.split_dim = in_blocks > 1 ? 2 : -1;
  options.flops = static_cast<double>(conv.batch * g.tiles() * in_blocks * b) * g.alpha * g.alpha * 6;
  builder.finish(fmt::format("winograd input {} {} {} {}", f.m, f.integers, conv.pad_top, conv.pad_left),
                 {transform.result}, {written}, options);
  return all;
}

// A view of a blocked value as tiles: lane, x in the tile, tile x, y in the tile, tile y, block, n.
Argument tiled(Argument argument, const WinogradGeometry& geometry) {
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

std::string name_of(const WinogradVariant& variant, int block) {
  const int m = variant.filtering.m;
  std::string name =
      fmt::format("{}winograd F({}x{}) {}, {}x{}", variant.filtering.integers ? "integer " : "", m, m,
                  variant.rows ? fmt::format("{} rows of tiles", variant.rows) : "in two kernels",
                  variant.tiles, variant.blocks);
  if (variant.depth > 0) name += fmt::format(", filters of {} channels", variant.depth * block);
  return name;
}

Implementation winograd(const Job& job, const Conv2d& conv, const WinogradVariant& variant) {
  const Node& node = job.node();
  const Filtering& f = variant.filtering;
  const WinogradGeometry g = geometry(conv, f.m);
  const int m = f.m, alpha = g.alpha, b = conv.block, blocks = variant.blocks, pair = paired(f);
  const int in_blocks = static_cast<int>(conv.in_blocks());
  const bool whole = variant.rows == 0, filters_here = variant.depth > 0;
  const int rows = whole ? g.tiles_y : variant.rows, together = rows * g.tiles_x;
  // Where filters are transformed, they meet whole groups of tiles, the last ones of no use.
  const int computed = filters_here ? rounded_up(together, variant.tiles) : together;
  const int depth = filters_here ? variant.depth : in_blocks;
  Implementation result;
  result.name = name_of(variant, b);
  Argument transformed;
  if (whole) transformed = transform_first(job, conv, f, computed, result);

  Builder builder(job.graph, job.target, job.cache, result);
  Scope scope(builder);
  InputTransform input;
  Access stored;
  if (whole)
    stored = builder.view(transformed);
  else
    input = transform_input(scope.at(node.inputs[0]), conv, g, f);
  const torch::Tensor weight = weight_of(job.graph, node);
  FilterTransform filter;
  ImageParam raw;
  Access u;
  if (filters_here) {
    raw = builder.parameter_image(filters(weight, conv, f));
    filter = transform_filters(raw, f);
  } else {
    u = builder.parameter(transformed_filters(weight, conv, f, blocks));
  }
  const Access start = builder.parameter(f.integers ? blocked_start(job.graph, node, conv)
                                                    : blocked_bias(job.graph, node, conv));

  // M of some channels at a time, so that their U stays near.
  Var v("v"), t("t"), kb("kb"), c("c"), i("i"), j("j"), n("n"), xi("xi"), yi("yi"), tx("tx"), ty("ty");
  const RDom r(0, pair, 0, b / pair, 0, depth), chunks(0, in_blocks / depth);
  Func acc("acc"), products("M"), ax("Ax"), y("Y"), out("out");
  const Expr block = c * depth + r.z, lane = r.y * pair + r.x;
  const Expr x = whole ? stored({n, j, i, block, t, lane}) : input.result(lane, t, block, i, j, n);
  const Expr w = filters_here ? filter.result(r.x, v, kb, block * (b / pair) + r.y, i, j)
                              : u({kb / blocks, j * alpha + i, block * b + lane, kb % blocks, v});
  const auto wide = [&](const Expr& e) { return f.integers ? Halide::cast<int>(e) : e; };
  const auto wrapping = [&](const Expr& e) { return f.integers ? Halide::cast<uint32_t>(e) : e; };
  acc(v, t, kb, c, i, j, n) = wide(Halide::Internal::make_zero(w.type()));
  acc(v, t, kb, c, i, j, n) += wide(x) * wide(w);
  if (filters_here) {
    products(v, t, kb, i, j, n) = wrapping(Halide::Internal::make_zero(acc.value().type()));
    products(v, t, kb, i, j, n) += wrapping(acc(v, t, kb, chunks, i, j, n));
  } else {
    products(v, t, kb, i, j, n) = acc(v, t, kb, 0, i, j, n);
  }
  std::vector<Expr> d;
  for (int q = 0; q < alpha; ++q) d.push_back(products(v, t, kb, q, j, n));
  ax(v, i, j, t, kb, n) = Halide::mux(i, output_transform(f, d));
  d.clear();
  for (int q = 0; q < alpha; ++q) d.push_back(ax(v, i, q, t, kb, n));
  y(v, i, j, t, kb, n) = Halide::mux(j, output_transform(f, d));
  // The epilogue is element-wise, so it asks for the element at the final loops' own place.
  const Expr sum = y(v, xi, yi, ty * g.tiles_x + tx, kb, n);
  const Expr pixel = (f.integers ? without_integer_scale(sum) : sum) + start({kb, v});
  scope.define(node.outputs[0], [pixel](const Coordinates&) { return pixel; });
  const ValueId last = lower_rest(scope, job.group);
  const Coordinates place = {n, kb, ty * m + yi, tx * m + xi, v};
  Expr value = without_filling(job.graph.value(last), place, scope.at(last)(place));
  if (conv.width % m != 0 || conv.height % m != 0)
    value = Halide::select(
        tx * m + xi < static_cast<int>(conv.width) && ty * m + yi < static_cast<int>(conv.height), value,
        Halide::Internal::make_const(value.type(), job.graph.value(last).layout.filling));
  out(v, xi, tx, yi, ty, kb, n) = value;

  Var tyo("tyo"), tyi("tyi"), ko("ko"), ki("ki"), to("to"), ti("ti");
  out.bound(v, 0, b).bound(xi, 0, m).bound(yi, 0, m).bound(tx, 0, g.tiles_x);
  out.split(kb, ko, ki, blocks, Halide::TailStrategy::RoundUp);
  if (whole) {
    out.bound(ty, 0, g.tiles_y).reorder(v, yi, xi, ki, tx, ty, ko, n);
  } else {
    out.split(ty, tyo, tyi, rows, Halide::TailStrategy::RoundUp).reorder(v, yi, xi, ki, tx, tyi, ko, tyo, n);
    schedule_columns(input);
    input.result.store_in(kOnStack).compute_at(out, tyo);
    input.result.align_storage(input.t, padded_tiles(together)).bound_extent(input.t, together);
  }
  out.vectorize(v).unroll(xi).unroll(yi);
  ax.store_in(kOnStack).compute_at(out, ki).vectorize(v).unroll(i).unroll(j).reorder(v, i, j);
  products.store_in(kOnStack).compute_at(out, ko).vectorize(v);
  products.align_storage(t, padded_tiles(computed)).bound_extent(t, computed).bound_extent(kb, blocks);
  if (filters_here) {
    products.update()
        .split(t, to, ti, variant.tiles, Halide::TailStrategy::RoundUp)
        .vectorize(v)
        .unroll(ti)
        .unroll(kb)
        .reorder(v, ti, kb, to, i, j, chunks);
    const int channels = depth * b / pair;
    schedule_rows(filter, raw, f, channels);
    filter.result.store_in(kOnStack).compute_at(products, chunks).align_storage(filter.c, channels + 1);
  } else {
    products
        .split(t, to, ti, variant.tiles,
               together % variant.tiles == 0 ? Halide::TailStrategy::RoundUp
                                             : Halide::TailStrategy::ShiftInwards)
        .unroll(ti)
        .unroll(kb)
        .reorder(v, ti, kb, to, i, j);
  }
  acc.store_in(kOnStack).compute_at(products, to).vectorize(v).unroll(t).unroll(kb);
  Halide::Stage update = acc.update();
  // The longer side inside: the registers then hold the shorter side's vectors and one of the other.
  if (variant.tiles > blocks)
    update.reorder(r.x, v, kb, t, r.y, r.z);
  else
    update.reorder(r.x, v, t, kb, r.y, r.z);
  if (pair > 1) update.atomic().vectorize(r.x);
  update.vectorize(v).unroll(t).unroll(kb);

  Builder::Output options;
  options.flops = 2.0 * static_cast<double>(conv.batch * g.tiles()) * alpha * alpha *
                  static_cast<double>(conv.in_channels * conv.out_channels);
  const bool parts = whole ? conv.out_blocks() > blocks : g.tiles_y > rows;
  options.split_dim = !parts ? -1 : whole ? 5 : 4;
  options.granule = whole ? blocks : rows;
  builder.finish(result.name + "\n" + signature(job.graph, job.group), {out},
                 {tiled(interior(job.graph, last), g)}, options);
  return result;
}

}  // namespace

std::vector<Implementation> winograd_convolution(const Job& job) {
  const Conv2d conv = conv2d(job.graph, job.node());
  std::vector<Implementation> all;
  for (const WinogradVariant& variant : winograd_variants(job, conv))
    all.push_back(winograd(job, conv, variant));
  return all;
}

std::vector<Implementation> winograd_or(std::vector<Implementation> (*other)(const Job&), const Job& job) {
  constexpr size_t kOthers = 2;
  Job first = job, second = job;
  first.variants = job.variants > kOthers ? job.variants - kOthers : 1;
  second.variants = std::min(job.variants, kOthers);
  std::vector<Implementation> all = winograd_convolution(first);
  if (job.variants == 1 && !all.empty()) return all;
  std::vector<Implementation> more = other(second);
  std::move(more.begin(), more.end(), std::back_inserter(all));
  return all;
}

}  // namespace lathe::compile::codegen
