#include "lathe/compile/codegen/convolution.h"

#include <numeric>

#include "lathe/core/error.h"

namespace lathe::compile::codegen {

using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::Var;

Conv2d conv2d(const Graph& graph, const Node& node) {
  const Value &x = graph.value(node.inputs[0]), &y = graph.value(node.outputs[0]);
  const Shape &in = x.type.shape, &out = y.type.shape, &kernel = graph.type(node.inputs[1]).shape;
  const auto &stride = node.integers("stride"), &padding = node.integers("padding"),
             &dilation = node.integers("dilation");
  Conv2d conv{in[0],      in[1],       in[2],       in[3],     out[1],    out[2],
              out[3],     kernel[2],   kernel[3],   stride[0], stride[1], padding[0],
              padding[1], dilation[0], dilation[1], false,     false,     y.layout.block};
  conv.depthwise = node.integer("groups") > 1;
  conv.from_dense = x.layout.block <= 1;
  return conv;
}

torch::Tensor weight_of(const Graph& graph, const Node& node) {
  return graph.value(node.inputs[1]).constant;
}

torch::Tensor blocked_bias(const Graph& graph, const Node& node, const Conv2d& conv) {
  torch::Tensor bias = torch::zeros({conv.out_blocks() * conv.block});
  if (node.inputs.size() > 2) bias.slice(0, 0, conv.out_channels).copy_(graph.value(node.inputs[2]).constant);
  return bias.view({conv.out_blocks(), conv.block});
}

// Any number of spatial axes, groups, weights that are not constant; the output dense. Lanes run along the
// innermost axis, four output channels at a time.
std::vector<Implementation> plain_convolution(const Job& job) {
  const Node& node = job.node();
  Implementation result;
  result.name = "plain";
  Builder builder(job.graph, job.target, job.cache, result);
  Scope scope(builder);
  const Shape in = job.graph.type(node.inputs[0]).shape, kernel = job.graph.type(node.inputs[1]).shape,
              out_shape = job.graph.type(node.outputs[0]).shape;
  const size_t spatial = in.size() - 2;
  const auto &stride = node.integers("stride"), &padding = node.integers("padding"),
             &dilation = node.integers("dilation");
  const int groups = static_cast<int>(node.integer("groups"));
  const int channels = static_cast<int>(in[1]) / groups, members = static_cast<int>(out_shape[1]) / groups;
  const Access x = scope.at(node.inputs[0]), w = scope.at(node.inputs[1]);
  const Access bias = node.inputs.size() > 2 ? scope.at(node.inputs[2]) : Access();

  std::vector<Halide::Range> ranges;
  for (size_t s = spatial; s-- > 0;) ranges.emplace_back(0, static_cast<int>(kernel[s + 2]));
  ranges.emplace_back(0, channels);
  const RDom r(ranges);
  const Loops key = loops(in.size());
  Func acc("acc");
  const Expr zero = Halide::Internal::make_zero(halide_type(job.graph.type(node.outputs[0]).dtype));
  acc(key.vars) = bias ? bias({key.at[1]}) : zero;
  const Expr channel = r[static_cast<int>(spatial)];
  Coordinates at = {key.at[0], groups == 1 ? channel : (key.at[1] / members) * channels + channel};
  Coordinates weight = {key.at[1], channel};
  Expr inside = Halide::Internal::const_true();
  for (size_t s = 0; s < spatial; ++s) {
    const Expr tap = r[static_cast<int>(spatial - 1 - s)];
    const Expr position = key.at[s + 2] * static_cast<int>(stride[s]) + tap * static_cast<int>(dilation[s]) -
                          static_cast<int>(padding[s]);
    const bool padded = padding[s] > 0 || padding[s + spatial] > 0;
    if (padded) inside = inside && position >= 0 && position < static_cast<int>(in[s + 2]);
    at.push_back(padded ? Halide::clamp(Halide::likely(position), 0, static_cast<int>(in[s + 2]) - 1)
                        : position);
    weight.push_back(tap);
  }
  const bool integers = node.op == "conv_integer";
  const auto widened = [integers](const Expr& byte) { return integers ? Halide::cast<int>(byte) : byte; };
  Expr value = widened(x(at));
  if (integers) value = value - static_cast<int>(node.integer("zero_point"));
  if (!Halide::Internal::is_const_one(inside)) value = Halide::select(Halide::likely(inside), value, zero);
  acc(key.vars) += value * widened(w(weight));
  scope.define(node.outputs[0],
               [acc](const Coordinates& c) { return acc(std::vector<Expr>(c.rbegin(), c.rend())); });
  const ValueId last = lower_rest(scope, job.group);
  const Argument output = interior(job.graph, last);
  const Loops loop = loops(output.dims.size());
  Func out("out");
  out(loop.vars) = scope.at(last)(loop.at);

  const int lanes = builder.lanes(), width = output.dims[0].extent;
  const size_t c = output.dims.size() - 2;
  const int ob = members % 4 == 0 ? 4 : members % 2 == 0 ? 2 : 1;
  Var xo("xo"), xi("xi"), co("co"), ci("ci");
  const bool wide = width >= lanes;
  out.split(loop.vars[c], co, ci, ob, Halide::TailStrategy::RoundUp);
  std::vector<Halide::VarOrRVar> order;
  if (wide) {
    out.split(loop.vars[0], xo, xi, lanes,
              width % lanes == 0 ? Halide::TailStrategy::RoundUp : Halide::TailStrategy::ShiftInwards);
    order = {xi, ci, xo};
  } else {
    order = {ci, loop.vars[0]};
  }
  for (size_t d = 1; d < c; ++d) order.emplace_back(loop.vars[d]);
  order.emplace_back(co);
  order.emplace_back(loop.vars[c + 1]);
  out.reorder(order).unroll(ci);
  acc.store_in(kOnStack).compute_at(out, wide ? xo : loop.vars[0]).unroll(key.vars[c]);
  std::vector<Halide::VarOrRVar> inner = {key.vars[0], key.vars[c]};
  for (int d = 0; d < r.dimensions(); ++d) inner.emplace_back(r[d]);
  acc.update().reorder(inner).unroll(key.vars[c]);
  if (wide) {
    out.vectorize(xi);
    acc.vectorize(key.vars[0]).update().vectorize(key.vars[0]);
  }
  Builder::Output options;
  options.split_dim = output.dims[c].extent / ob > 1 ? static_cast<int>(c) : outer_dim(output);
  options.granule = options.split_dim == static_cast<int>(c) ? ob : 1;
  const double taps = std::accumulate(kernel.begin() + 1, kernel.end(), 1.0,
                                      [](double a, int64_t b) { return a * static_cast<double>(b); });
  options.flops = numel_of(output) * (2 * taps + flops_per_element(job.graph, job.group));
  builder.finish("plain convolution\n" + signature(job.graph, job.group), {out}, {output}, options);
  return {result};
}

std::vector<Implementation> transposed_convolution(const Job& job) {
  const Node& node = job.node();
  Implementation result;
  result.name = "plain";
  Builder builder(job.graph, job.target, job.cache, result);
  Scope scope(builder);
  const Shape in = job.graph.type(node.inputs[0]).shape, kernel = job.graph.type(node.inputs[1]).shape;
  const size_t spatial = in.size() - 2;
  const auto &stride = node.integers("stride"), &padding = node.integers("padding"),
             &dilation = node.integers("dilation");
  const int groups = static_cast<int>(node.integer("groups"));
  const int channels = static_cast<int>(in[1]) / groups, members = static_cast<int>(kernel[1]);
  const Access x = scope.at(node.inputs[0]), w = scope.at(node.inputs[1]);
  const Access bias = node.inputs.size() > 2 ? scope.at(node.inputs[2]) : Access();
  std::vector<Halide::Range> ranges;
  for (size_t s = spatial; s-- > 0;) ranges.emplace_back(0, static_cast<int>(kernel[s + 2]));
  ranges.emplace_back(0, channels);
  const RDom r(ranges);
  const Loops key = loops(in.size());
  Func acc("acc");
  const Expr zero = Halide::Internal::make_zero(halide_type(job.graph.type(node.outputs[0]).dtype));
  acc(key.vars) = bias ? bias({key.at[1]}) : zero;
  const Expr channel =
      (groups == 1 ? Expr(0) : (key.at[1] / members) * channels) + r[static_cast<int>(spatial)];
  Coordinates at = {key.at[0], channel}, weight = {channel, key.at[1] % members};
  Expr inside = Halide::Internal::const_true();
  for (size_t s = 0; s < spatial; ++s) {
    const Expr tap = r[static_cast<int>(spatial - 1 - s)];
    const int step = static_cast<int>(stride[s]);
    const Expr scaled = key.at[s + 2] + static_cast<int>(padding[s]) - tap * static_cast<int>(dilation[s]);
    const Expr position = scaled / step;
    inside = inside && scaled % step == 0 && position >= 0 && position < static_cast<int>(in[s + 2]);
    at.push_back(Halide::clamp(position, 0, static_cast<int>(in[s + 2]) - 1));
    weight.push_back(tap);
  }
  acc(key.vars) += Halide::select(inside, x(at), zero) * w(weight);
  scope.define(node.outputs[0],
               [acc](const Coordinates& c) { return acc(std::vector<Expr>(c.rbegin(), c.rend())); });
  const ValueId last = lower_rest(scope, job.group);
  const Argument output = interior(job.graph, last);
  const Loops loop = loops(output.dims.size());
  Func out("out");
  out(loop.vars) = scope.at(last)(loop.at);
  const int lanes = builder.lanes(), width = output.dims[0].extent;
  Var xo("xo"), xi("xi");
  if (width >= lanes) {
    out.split(loop.vars[0], xo, xi, lanes,
              width % lanes == 0 ? Halide::TailStrategy::RoundUp : Halide::TailStrategy::ShiftInwards)
        .vectorize(xi);
    acc.compute_at(out, xo).vectorize(key.vars[0]).update().vectorize(key.vars[0]);
  } else {
    acc.compute_at(out, loop.vars[0]);
  }
  acc.store_in(kOnStack);
  Builder::Output options;
  const size_t c = output.dims.size() - 2;
  options.split_dim = output.dims[c].extent > 1 ? static_cast<int>(c) : outer_dim(output);
  double taps = channels;
  for (size_t s = 0; s < spatial; ++s) taps *= static_cast<double>(kernel[s + 2]);
  options.flops = numel_of(output) * (2 * taps + flops_per_element(job.graph, job.group));
  builder.finish("transposed convolution\n" + signature(job.graph, job.group), {out}, {output}, options);
  return {result};
}

std::vector<Implementation> convolution(const Job& job) {
  const Node& node = job.node();
  if (job.graph.value(node.outputs[0]).layout.block <= 1) return plain_convolution(job);
  if (!job.graph.value(node.inputs[1]).is_constant())
    throw Error("a blocked convolution wants constant weights");
  if (node.integer("groups") > 1) return depthwise_convolution(job);
  if (winograd_applies(job.graph, node)) return winograd_or(direct_convolution, job);
  return direct_convolution(job);
}

}  // namespace lathe::compile::codegen
