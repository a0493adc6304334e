#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/compile/passes/rules/rules.h"

namespace lathe::compile::rules {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool is_real(const Type& type) {
  return type.dtype == DType::f32 || type.dtype == DType::f64;
}

bool near(double value, double expected) {
  return std::abs(value - expected) <= 1e-5 * std::abs(expected);
}

// The bounds of relu and clamp, and of a maximum or minimum with one number; the clamped value.
struct Clamp {
  ValueId x;
  double low, high;
};
std::optional<Clamp> clamp_of(const Rewriter& g, const Node& node) {
  if (node.op == "relu") return Clamp{node.inputs[0], 0, kInfinity};
  if (node.op == "clamp") return Clamp{node.inputs[0], node.number("min"), node.number("max")};
  if (node.op != "maximum" && node.op != "minimum") return std::nullopt;
  for (size_t i = 0; i < 2; ++i)
    if (const auto bound = g.scalar(node.inputs[i]); bound && !std::isnan(*bound))
      return node.op == "maximum" ? Clamp{node.inputs[1 - i], *bound, kInfinity}
                                  : Clamp{node.inputs[1 - i], -kInfinity, *bound};
  return std::nullopt;
}

// A product as one number times values: neg, square, small powers, mul and division by a number are taken
// apart.
struct Product {
  double number = 1;
  std::vector<ValueId> factors;
};

void multiply(const Rewriter& g, ValueId id, Product& product, int depth) {
  if (const auto number = g.scalar(id)) {
    product.number *= *number;
    return;
  }
  const Node* node = depth > 0 ? g.maker(id) : nullptr;
  const auto exponent = node && node->op == "pow" ? g.scalar(node->inputs[1]) : std::nullopt;
  if (node && node->op == "neg") {
    product.number = -product.number;
    multiply(g, node->inputs[0], product, depth - 1);
  } else if (node && node->op == "mul") {
    multiply(g, node->inputs[0], product, depth - 1);
    multiply(g, node->inputs[1], product, depth - 1);
  } else if (node && node->op == "div" && g.scalar(node->inputs[1]).value_or(0) != 0) {
    product.number /= *g.scalar(node->inputs[1]);
    multiply(g, node->inputs[0], product, depth - 1);
  } else if (node && (node->op == "square" || exponent == 2.0 || exponent == 3.0)) {
    for (int i = 0; i < (exponent == 3.0 ? 3 : 2); ++i) multiply(g, node->inputs[0], product, depth - 1);
  } else {
    product.factors.push_back(id);
  }
}

Product product_of(const Rewriter& g, ValueId id) {
  Product product;
  multiply(g, id, product, 4);
  return product;
}

// The other term of x + number.
std::optional<ValueId> plus(const Rewriter& g, const Node* sum, double number) {
  if (!sum || sum->op != "add") return std::nullopt;
  for (size_t i = 0; i < 2; ++i)
    if (g.scalar(sum->inputs[i]) == number) return sum->inputs[1 - i];
  return std::nullopt;
}

// Whether id = number · x.
bool is_multiple(const Rewriter& g, ValueId id, double number, ValueId x) {
  const Product product = product_of(g, id);
  return near(product.number, number) && product.factors == std::vector<ValueId>{x};
}

// Whether id = √(2/π) (x + 0.044715 x³).
bool is_gelu_argument(const Rewriter& g, ValueId id, ValueId x) {
  const Product outer = product_of(g, id);
  if (!near(outer.number, std::sqrt(2 / M_PI)) || outer.factors.size() != 1) return false;
  const Node* sum = g.maker(outer.factors[0], "add");
  if (!sum) return false;
  for (size_t i = 0; i < 2; ++i) {
    const Product cubic = product_of(g, sum->inputs[1 - i]);
    if (sum->inputs[i] == x && near(cubic.number, 0.044715) && cubic.factors == std::vector<ValueId>{x, x, x})
      return true;
  }
  return false;
}

bool clamps(const Rewriter& g, ValueId id, ValueId x, double shift, double low, double high) {
  const Node* node = g.maker(id);
  const auto clamp = node ? clamp_of(g, *node) : std::nullopt;
  return clamp && clamp->low == low && clamp->high == high && plus(g, g.maker(clamp->x), shift) == x;
}

// The activation a with a(x) = number · x · gate.
const char* gated(const Rewriter& g, double number, ValueId x, ValueId gate) {
  const Node* node = g.maker(gate);
  if (!node) return nullptr;
  const auto of = [&](const char* op) { return node->op == op && node->inputs[0] == x; };
  if (number == 1 && of("sigmoid")) return "silu";
  if (number == 1 && of("hardsigmoid")) return "hardswish";
  if (number == 1 && node->op == "tanh") {
    const Node* inner = g.maker(node->inputs[0], "softplus");
    if (inner && inner->inputs[0] == x) return "mish";
  }
  if (near(number, 1.0 / 6) && clamps(g, gate, x, 3, 0, 6)) return "hardswish";
  if (!near(number, 0.5)) return nullptr;
  const auto inner = plus(g, node, 1);
  const Node* function = inner ? g.maker(*inner) : nullptr;
  if (!function) return nullptr;
  if (function->op == "erf" && is_multiple(g, function->inputs[0], M_SQRT1_2, x)) return "gelu";
  if (function->op == "tanh" && is_gelu_argument(g, function->inputs[0], x)) return "gelu_tanh";
  return nullptr;
}

}  // namespace

// pow(x, 2), x · x -> square(x);  pow(x, ½) -> sqrt;  pow(x, −1), 1 / x -> reciprocal;  1 / sqrt(x) -> rsqrt;
// exp(log) and the like stay: they differ outside the domain
std::optional<ValueId> simpler_arithmetic(Rewriter& g, const Node& node, const Type& result) {
  if (!is_real(result)) return std::nullopt;
  const auto unary = [&](const char* op, ValueId x) -> std::optional<ValueId> {
    if (!(g.after.type(x) == result)) return std::nullopt;
    return g.add(op, {x}, {}, node.source);
  };
  if (node.op == "mul" && node.inputs[0] == node.inputs[1]) return unary("square", node.inputs[0]);
  if (node.op == "div" && g.scalar(node.inputs[0]) == 1.0) return unary("reciprocal", node.inputs[1]);
  if (node.op == "reciprocal")
    if (const Node* root = g.maker(node.inputs[0], "sqrt")) return unary("rsqrt", root->inputs[0]);
  if (node.op != "pow") return std::nullopt;
  const auto exponent = g.scalar(node.inputs[1]);
  if (exponent == 2.0) return unary("square", node.inputs[0]);
  if (exponent == 0.5) return unary("sqrt", node.inputs[0]);
  if (exponent == -1.0) return unary("reciprocal", node.inputs[0]);
  return std::nullopt;
}

// relu, clamp, maximum and minimum with a number, of one another -> one clamp, or relu where that is the same
std::optional<ValueId> merge_clamps(Rewriter& g, const Node& node, const Type& result) {
  const auto outer = is_real(result) ? clamp_of(g, node) : std::nullopt;
  if (!outer || !(g.after.type(outer->x) == result)) return std::nullopt;
  const Node* maker = g.maker(outer->x);
  const auto inner = maker ? clamp_of(g, *maker) : std::nullopt;
  Clamp all = *outer;
  std::string source = node.source;
  if (inner && g.after.type(inner->x) == result) {
    const auto bounded = [&](double value) { return std::min(std::max(value, outer->low), outer->high); };
    all = {inner->x, bounded(inner->low), bounded(inner->high)};
    source = joined(maker->source, source);
  } else if (node.op == "relu" || (node.op == "clamp" && (outer->low != 0 || outer->high != kInfinity))) {
    return std::nullopt;
  }
  if (all.low == 0 && all.high == kInfinity) return g.add("relu", {all.x}, {}, source);
  return g.add("clamp", {all.x}, {{"min", all.low}, {"max", all.high}}, source);
}

// x σ(x) -> silu;  x hardsigmoid(x), x clamp(x + 3, 0, 6)/6 -> hardswish;  clamp(x + 3, 0, 6)/6 ->
// hardsigmoid; x tanh(softplus(x)) -> mish;  ½ x (1 + erf(x/√2)) -> gelu;  its approximation by tanh ->
// gelu_tanh
std::optional<ValueId> recognise_activation(Rewriter& g, const Node& node, const Type& result) {
  if ((node.op != "mul" && node.op != "div") || result.dtype != DType::f32) return std::nullopt;
  Product product;
  if (node.op == "div") {
    const auto divisor = g.scalar(node.inputs[1]);
    if (!divisor || *divisor == 0) return std::nullopt;
    product.number = 1 / *divisor;
    multiply(g, node.inputs[0], product, 3);
  } else {
    multiply(g, node.inputs[0], product, 3);
    multiply(g, node.inputs[1], product, 3);
  }
  const auto activation = [&](const char* op, ValueId x) -> std::optional<ValueId> {
    if (!(g.after.type(x) == result)) return std::nullopt;
    return g.add(op, {x}, {}, node.source);
  };
  if (product.factors.size() == 1 && near(product.number, 1.0 / 6)) {
    const Node* clamp = g.maker(product.factors[0]);
    const auto bounds = clamp ? clamp_of(g, *clamp) : std::nullopt;
    const auto x = bounds ? plus(g, g.maker(bounds->x), 3) : std::nullopt;
    if (x && bounds->low == 0 && bounds->high == 6) return activation("hardsigmoid", *x);
  }
  if (product.factors.size() != 2) return std::nullopt;
  for (size_t i = 0; i < 2; ++i)
    if (const char* op = gated(g, product.number, product.factors[i], product.factors[1 - i]))
      return activation(op, product.factors[i]);
  return std::nullopt;
}

}  // namespace lathe::compile::rules
