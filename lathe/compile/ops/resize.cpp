#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "lathe/compile/ops/table.h"

namespace lathe::compile::ops {
namespace {

// Where output position i of `out` lies among the input's `in` positions.
double source_position(const std::string& coordinates, int64_t i, int64_t in, int64_t out, double scale) {
  const bool exact = scale <= 0;  // no scale given: out / in
  const auto divided = [&](double x) {
    return exact ? x * static_cast<double>(in) / static_cast<double>(out) : x / scale;
  };
  const auto x = static_cast<double>(i);
  if (coordinates == "align_corners")
    return out == 1 ? 0 : x * static_cast<double>(in - 1) / static_cast<double>(out - 1);
  return coordinates == "asymmetric" ? divided(x) : divided(x + 0.5) - 0.5;
}

double rounded(const std::string& rounding, double x) {
  if (rounding == "floor") return std::floor(x);
  if (rounding == "ceil") return std::ceil(x);
  return rounding == "round_prefer_floor" ? std::ceil(x - 0.5) : std::floor(x + 0.5);
}

bool one_of(const std::string& word, std::initializer_list<const char*> words) {
  return std::any_of(words.begin(), words.end(), [&](const char* other) { return word == other; });
}

Types resize_types(const Node& node, const Types& types) {
  want_float(node, types[0], "x");
  want_rank(node, types[0], "x", 3);
  const size_t spatial = types[0].shape.size() - 2;
  const auto sizes = integers(node, "sizes", spatial, 1);
  const std::string& mode = node.text("mode");
  if (!one_of(mode, {"nearest", "linear"})) refuse(node, "mode is '{}', must be nearest or linear", mode);
  if (!one_of(node.text("coordinates"), {"half_pixel", "align_corners", "asymmetric"}))
    refuse(node, "coordinates is '{}', must be half_pixel, align_corners or asymmetric",
           node.text("coordinates"));
  if (mode == "nearest" &&
      !one_of(node.text("rounding"), {"floor", "ceil", "round_prefer_floor", "round_prefer_ceil"}))
    refuse(node, "rounding is '{}', must be floor, ceil, round_prefer_floor or round_prefer_ceil",
           node.text("rounding"));
  if (node.has("scales")) {
    const auto scales = numbers(node, "scales");
    if (scales.size() != spatial) refuse(node, "scales has {} numbers, must have {}", scales.size(), spatial);
    for (const double scale : scales)
      if (!(scale > 0) || std::isinf(scale)) refuse(node, "scales has {}, must be positive", scale);
  }
  Shape out = {types[0].shape[0], types[0].shape[1]};
  out.insert(out.end(), sizes.begin(), sizes.end());
  for (const int64_t size : types[0].shape)
    if (size == 0) refuse(node, "x is {}, has no pixels", compile::to_string(types[0]));
  return {{types[0].dtype, out}};
}

torch::Tensor resized(const Node& node, const torch::Tensor& x, int64_t axis, int64_t out, double scale) {
  const int64_t in = x.size(axis);
  const bool linear = node.text("mode") == "linear";
  std::vector<int64_t> low, high;
  std::vector<double> weights;
  for (int64_t i = 0; i < out; ++i) {
    const double position = source_position(node.text("coordinates"), i, in, out, scale);
    const double below = linear ? std::floor(position) : rounded(node.text("rounding"), position);
    const auto inside = [&](double p) {
      return static_cast<int64_t>(std::min(std::max(p, 0.0), static_cast<double>(in - 1)));
    };
    low.push_back(inside(below));
    high.push_back(inside(below + 1));
    weights.push_back(position - below);
  }
  const torch::Tensor a = x.index_select(axis, torch::tensor(low));
  if (!linear) return a;
  std::vector<int64_t> shape(static_cast<size_t>(x.dim()), 1);
  shape[static_cast<size_t>(axis)] = out;
  const torch::Tensor w = torch::tensor(weights, torch::kFloat64).to(x.scalar_type()).reshape(shape);
  return a + (x.index_select(axis, torch::tensor(high)) - a) * w;
}

Tensors resize(const Node& node, const Tensors& inputs) {
  const auto& sizes = node.integers("sizes");
  std::vector<double> scales(sizes.size(), 0);
  if (node.has("scales")) scales = numbers(node, "scales");
  torch::Tensor result = inputs[0];
  for (size_t i = 0; i < sizes.size(); ++i)
    result = resized(node, result, static_cast<int64_t>(i) + 2, sizes[i], scales[i]);
  return {result};
}

}  // namespace

void add_resize_ops(Table& table) {
  add(table, {.name = "resize", .kind = OpClass::injective, .infer = resize_types, .evaluate = resize});
}

}  // namespace lathe::compile::ops
