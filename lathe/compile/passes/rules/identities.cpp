#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/compile/passes/rules/rules.h"

namespace lathe::compile::rules {
namespace {

bool all(const std::vector<int64_t>& list, int64_t value) {
  return std::all_of(list.begin(), list.end(), [&](int64_t element) { return element == value; });
}

bool is_real(const Type& type) {
  return type.dtype == DType::f32 || type.dtype == DType::f64;
}

}  // namespace

// identity(x), a cast to x's type, a reshape, broadcast, slice or resize to x's shape, transpose by 0 1 2 …,
// pad by nothing, flip or reduction of no axes, concat of one, a pool of single elements -> x
std::optional<ValueId> drop_identity(Rewriter& g, const Node& node, const Type& result) {
  if (node.inputs.empty() || !(g.after.type(node.inputs[0]) == result)) return std::nullopt;
  const std::string& op = node.op;
  const bool by_type =
      op == "identity" || op == "cast" || op == "reshape" || op == "broadcast" || op == "slice";
  const bool reduction = op == "sum" || op == "mean" || op == "max" || op == "min" || op == "prod";
  bool none = by_type || reduction || (op == "resize" && !node.has("scales")) ||
              (op == "concat" && node.inputs.size() == 1);
  if (op == "transpose") {
    const auto& axes = node.integers("axes");
    none = std::is_sorted(axes.begin(), axes.end());
  }
  if (op == "pad") none = all(node.integers("before"), 0) && all(node.integers("after"), 0);
  if (op == "flip") none = node.integers("axes").empty();
  if (op == "max_pool" || op == "avg_pool")
    none = all(node.integers("kernel"), 1) && all(node.integers("stride"), 1);
  if (!none) return std::nullopt;
  return node.inputs[0];
}

// x + 0, 0 + x, x − 0, x · 1, 1 · x, x / 1, x^1, clamp without bounds -> x
std::optional<ValueId> drop_neutral(Rewriter& g, const Node& node, const Type& result) {
  const auto takes = [&](size_t i) { return g.after.type(node.inputs[i]) == result; };
  if (node.op == "clamp" && is_real(result)) {
    const double infinity = std::numeric_limits<double>::infinity();
    if (node.number("min") == -infinity && node.number("max") == infinity) return node.inputs[0];
  }
  if (node.inputs.size() != 2) return std::nullopt;
  const auto is = [&](size_t i, double neutral) {
    const torch::Tensor& tensor = g.constant(node.inputs[i]);
    return tensor.defined() && tensor.numel() > 0 && takes(1 - i) && (tensor == neutral).all().item<bool>();
  };
  const bool sum = node.op == "add", product = node.op == "mul";
  if ((sum && is(1, 0)) || (node.op == "sub" && is(1, 0)) || (product && is(1, 1)) ||
      (node.op == "div" && is(1, 1)) || (node.op == "pow" && is(1, 1)))
    return node.inputs[0];
  if ((sum && is(0, 0)) || (product && is(0, 1))) return node.inputs[1];
  return std::nullopt;
}

// −(−x), ¬¬x -> x;  relu(relu x), abs(abs x), abs(square x) and their like -> the inner one
std::optional<ValueId> drop_pair(Rewriter& g, const Node& node, const Type&) {
  if (node.inputs.size() != 1) return std::nullopt;
  const Node* inner = g.maker(node.inputs[0]);
  if (!inner) return std::nullopt;
  if ((node.op == "neg" || node.op == "logical_not") && inner->op == node.op) return inner->inputs[0];
  const bool positive = inner->op == "relu" || inner->op == "abs" || inner->op == "sigmoid" ||
                        inner->op == "exp" || inner->op == "sqrt" || inner->op == "hardsigmoid";
  if ((node.op == "relu" || node.op == "abs") && positive) return node.inputs[0];
  const bool whole = inner->op == "floor" || inner->op == "ceil" || inner->op == "round";
  if ((node.op == "floor" || node.op == "ceil" || node.op == "round") && whole) return node.inputs[0];
  return std::nullopt;
}

}  // namespace lathe::compile::rules
