#include <torch/torch.h>

#include "lathe/compile/onnx/importer.h"

namespace lathe::compile::onnx_import {
namespace {

// What ceil mode adds beyond the padded end; the last window begins inside.
List beyond(const Call& call, const Shape& x, const Window& window) {
  const size_t spatial = window.kernel.size();
  List extra(spatial, 0);
  if (call.integer("ceil_mode", 0) == 0) return extra;
  for (size_t i = 0; i < spatial; ++i) {
    const int64_t reach = (window.kernel[i] - 1) * window.dilation[i] + 1;
    const int64_t room = x[2 + i] + window.padding[i] + window.padding[spatial + i] - reach;
    int64_t last = (room + window.stride[i] - 1) / window.stride[i];
    if (last * window.stride[i] >= x[2 + i] + window.padding[i]) --last;
    extra[i] = std::max<int64_t>(0, last * window.stride[i] - room);
  }
  return extra;
}

Ids pool(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0);
  const bool max = call.node().op_type() == "MaxPool";
  if (max && call.wants_output(1)) throw InputError("gives the maxima's positions");
  const Window window = onnx_import::window(call, b.shape(x), call.integers("kernel_shape"));
  std::map<std::string, Attribute> attributes = {{"kernel", window.kernel},
                                                 {"stride", window.stride},
                                                 {"padding", window.padding},
                                                 {"extra", beyond(call, b.shape(x), window)}};
  if (max) {
    attributes["dilation"] = window.dilation;
  } else {
    for (const int64_t dilation : window.dilation)
      if (dilation != 1) throw InputError("with dilation");
    attributes["count_include_pad"] = int64_t{call.integer("count_include_pad", 0) != 0};
  }
  return {b.add(max ? "max_pool" : "avg_pool", {x}, attributes)};
}

// (Σ |x|^p)^(1/p) over a window: the mean times the window's size.
Ids lp_pool(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0);
  const double p = static_cast<double>(call.integer("p", 2));
  const Window window = onnx_import::window(call, b.shape(x), call.integers("kernel_shape"));
  double size = 1;
  for (const int64_t k : window.kernel) size *= static_cast<double>(k);
  const ValueId powers = b.with("pow", b.add("abs", {x}), p);
  const ValueId mean = b.add("avg_pool", {powers},
                             {{"kernel", window.kernel},
                              {"stride", window.stride},
                              {"padding", window.padding},
                              {"count_include_pad", int64_t{1}}});
  return {b.with("pow", b.with("mul", mean, size), 1 / p)};
}

Ids global(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0);
  const std::string& name = call.node().op_type();
  List axes;
  for (int64_t i = 2; i < b.rank(x); ++i) axes.push_back(i);
  if (name == "GlobalLpPool") {
    const double p = static_cast<double>(call.integer("p", 2));
    return {b.with("pow", b.reduce("sum", b.with("pow", b.add("abs", {x}), p), axes, 1), 1 / p)};
  }
  const bool max = name == "GlobalMaxPool";
  if (b.rank(x) < 3 || b.rank(x) > 5) return {b.reduce(max ? "max" : "mean", x, axes, 1)};
  return {
      b.add(max ? "adaptive_max_pool" : "adaptive_avg_pool", {x}, {{"output_size", List(axes.size(), 1)}})};
}

}  // namespace

void add_pools(Handlers& handlers) {
  handlers["MaxPool"] = handlers["AveragePool"] = pool;
  handlers["LpPool"] = lp_pool;
  for (const char* name : {"GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"}) handlers[name] = global;
}

}  // namespace lathe::compile::onnx_import
