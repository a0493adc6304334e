#include "lathe/compile/codegen/resize.h"

#include <cmath>

#include "lathe/core/error.h"

namespace lathe::compile::codegen {
namespace {

using Halide::Expr;

// Where position `to` of an axis lies among the source's.
double source_position(int64_t to, int64_t from_size, int64_t to_size, const std::string& coordinates) {
  if (coordinates == "align_corners")
    return to_size == 1 ? 0
                        : static_cast<double>(to) * static_cast<double>(from_size - 1) /
                              static_cast<double>(to_size - 1);
  const double scale = static_cast<double>(from_size) / static_cast<double>(to_size);
  if (coordinates == "asymmetric") return static_cast<double>(to) * scale;
  return (static_cast<double>(to) + 0.5) * scale - 0.5;
}

int64_t round_position(double position, const std::string& rounding) {
  if (rounding == "ceil") return static_cast<int64_t>(std::ceil(position));
  if (rounding == "round_prefer_floor") return static_cast<int64_t>(std::ceil(position - 0.5));
  if (rounding == "round_prefer_ceil") return static_cast<int64_t>(std::floor(position + 0.5));
  return static_cast<int64_t>(std::floor(position));
}

struct Axis {
  size_t index;
  int last;                  // of the source
  Access low, high, weight;  // of the upper neighbour; nearest has low only
};

}  // namespace

Access resize(Scope& scope, const Node& node) {
  const Value& from = scope.graph().value(node.inputs[0]);
  const Access input = scope.at(node.inputs[0]);
  const auto& sizes = node.integers("sizes");
  const std::string &mode = node.text("mode"), &coordinates = node.text("coordinates");
  const std::string rounding = node.has("rounding") ? node.text("rounding") : "floor";
  std::vector<Axis> axes;
  for (size_t s = 0; s < sizes.size(); ++s) {
    const int64_t extent = from.type.shape[s + 2], size = sizes[s];
    if (extent == size) continue;
    torch::Tensor low = torch::empty({size}, torch::kInt), high = torch::empty({size}, torch::kInt),
                  weight = torch::empty({size}, torch::kFloat);
    for (int64_t i = 0; i < size; ++i) {
      double position = source_position(i, extent, size, coordinates);
      if (mode == "linear") position = std::max(position, 0.0);
      const int64_t at =
          mode == "linear" ? static_cast<int64_t>(std::floor(position)) : round_position(position, rounding);
      low[i] = std::clamp<int64_t>(at, 0, extent - 1);
      high[i] = std::clamp<int64_t>(at + 1, 0, extent - 1);
      weight[i] = position - static_cast<double>(at);
    }
    // Storage axes of a blocked value: n, block, y, x, lane; of a dense one: n, c, spatial axes.
    Axis axis{s + 2, static_cast<int>(extent) - 1, scope.builder().parameter(low), {}, {}};
    if (mode == "linear")
      axis.high = scope.builder().parameter(high), axis.weight = scope.builder().parameter(weight);
    axes.push_back(axis);
  }
  return [input, axes](const Coordinates& at) {
    std::function<Expr(Coordinates, size_t)> interpolate = [&](Coordinates own, size_t a) -> Expr {
      if (a == axes.size()) return input(own);
      const Axis& axis = axes[a];
      const Coordinates position = {at[axis.index]};
      own[axis.index] = Halide::unsafe_promise_clamped(axis.low(position), 0, axis.last);
      const Expr low = interpolate(own, a + 1);
      if (!axis.high) return low;
      own[axis.index] = Halide::unsafe_promise_clamped(axis.high(position), 0, axis.last);
      return low + (interpolate(own, a + 1) - low) * axis.weight(position);
    };
    return interpolate(at, 0);
  };
}

}  // namespace lathe::compile::codegen
