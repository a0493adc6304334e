#include "lathe/compile/codegen/expressions.h"

#include <functional>
#include <limits>
#include <map>

#include "lathe/compile/codegen/builder.h"
#include "lathe/core/error.h"

namespace lathe::compile::codegen {
namespace {

using Halide::Expr;
using Inputs = std::vector<Expr>;
using Rule = std::function<Expr(const Node&, const Inputs&)>;

// Integers: towards zero; by zero it is zero, where the processor would stop the program.
Expr quotient(const Expr& x, const Expr& y) {
  const Expr zero = Halide::Internal::make_zero(x.type());
  return Halide::select(
      y == zero, zero,
      Halide::div_round_to_zero(x, Halide::select(y == zero, Halide::Internal::make_one(y.type()), y)));
}
Expr constant(const Expr& like, double value) {
  return Halide::Internal::make_const(like.type(), value);
}
Expr flag(const Expr& condition) {
  return Halide::cast<uint8_t>(condition);
}
Expr is_set(const Expr& x) {
  return x != Halide::Internal::make_const(x.type(), 0);
}

// exp on the range where the result is a normal number; below it is zero, above infinite.
Expr exponential(const Expr& x) {
  return Halide::exp(x);
}

Expr sigmoid(const Expr& x) {
  return constant(x, 1) / (constant(x, 1) + exponential(-x));
}

// Near zero the odd polynomial of the Cephes library (Moshier, 1992); elsewhere 1 − 2/(e^2|x| + 1).
Expr hyperbolic_tangent(const Expr& x) {
  if (x.type() != Halide::Float(32)) return Halide::tanh(x);
  const Expr z = x * x;
  const Expr small =
      x +
      x * z *
          ((((-5.70498872745e-3f * z + 2.06390887954e-2f) * z - 5.37397155531e-2f) * z + 1.33314422036e-1f) *
               z -
           3.33332819422e-1f);
  const Expr magnitude = Halide::min(Halide::abs(x), 10.0f);
  const Expr large = 1.0f - 2.0f / (exponential(2.0f * magnitude) + 1.0f);
  return Halide::select(Halide::abs(x) < 0.625f, small, Halide::select(x < 0.0f, -large, large));
}

// c0 + c1 t + c2 t² + …
Expr polynomial(const Expr& t, const std::vector<float>& c) {
  Expr sum = c.back();
  for (size_t i = c.size() - 1; i-- > 0;) sum = sum * t + c[i];
  return sum;
}

// x P(x²)/Q(x²) on |x| <= 3.92, beyond which 1 − |erf x| < 3e-8; fitted with the least largest error, 4e-7 in
// floats.
Expr error_function(const Expr& x) {
  if (x.type() != Halide::Float(32)) return Halide::erf(x);
  const Expr y = Halide::clamp(x, -3.92f, 3.92f), t = y * y;
  return y *
         polynomial(t, {1.128378979e+00f, 2.031179248e-01f, 5.099999561e-02f, 3.841316488e-03f,
                        1.454925473e-04f, -1.975964253e-06f, 1.991487722e-08f}) /
         polynomial(t, {1, 5.133389458e-01f, 1.163234113e-01f, 1.463023658e-02f, 9.909686470e-04f});
}

Expr gelu(const Expr& x) {
  return constant(x, 0.5) * x * (constant(x, 1) + error_function(x * constant(x, 0.70710678118654752)));
}
Expr gelu_tanh(const Expr& x) {
  const Expr inner = constant(x, 0.79788456080286536) * (x + constant(x, 0.044715) * x * x * x);
  return constant(x, 0.5) * x * (constant(x, 1) + hyperbolic_tangent(inner));
}
// The bound where x lies beyond it; NaN stays NaN, and it is one instruction all the same.
Expr at_least(const Expr& x, const Expr& low) {
  return Halide::select(Halide::strict_float(x < low), low, x);
}
Expr at_most(const Expr& x, const Expr& high) {
  return Halide::select(Halide::strict_float(x > high), high, x);
}
Expr between(const Expr& x, const Expr& low, const Expr& high) {
  return at_most(at_least(x, low), high);
}
Expr hardsigmoid(const Expr& x) {
  return between(x + constant(x, 3), constant(x, 0), constant(x, 6)) / constant(x, 6);
}
// log(1 + e^x) without overflow.
Expr softplus(const Expr& x) {
  return Halide::max(x, constant(x, 0)) + Halide::log(constant(x, 1) + exponential(-Halide::abs(x)));
}
Expr exp_minus_one(const Expr& x) {
  if (x.type() != Halide::Float(32)) return Halide::exp(x) - constant(x, 1);
  // e^x − 1 = 2t/(1 − t) with t = tanh(x/2): no cancellation near zero.
  const Expr t = hyperbolic_tangent(constant(x, 0.5) * x);
  return Halide::select(Halide::abs(x) < 1.0f, 2.0f * t / (1.0f - t), exponential(x) - 1.0f);
}
// By its bits: arithmetic on numbers is free to assume that there are no others.
Expr not_a_number(const Expr& x) {
  if (x.type() == Halide::Float(32))
    return (Halide::reinterpret<uint32_t>(x) & Expr(uint32_t{0x7fffffff})) > Expr(uint32_t{0x7f800000});
  return Halide::is_nan(x);
}
// x ≠ x is how graphs ask whether x is a number.
Expr differs(const Node& node, const Inputs& in) {
  if (node.inputs.size() == 2 && node.inputs[0] == node.inputs[1])
    return in[0].type().is_float() ? not_a_number(in[0]) : Halide::Internal::const_false();
  return in[0] != in[1];
}
Expr power(const Expr& x, const Expr& y) {
  if (!x.type().is_float())
    return Halide::cast(x.type(), Halide::pow(Halide::cast<double>(x), Halide::cast<double>(y)));
  if (const double* e = Halide::Internal::as_const_float(y)) {
    if (*e == 2) return x * x;
    if (*e == 3) return x * x * x;
    if (*e == 0.5) return Halide::sqrt(x);
    if (*e == -1) return constant(x, 1) / x;
    if (*e == -0.5) return constant(x, 1) / Halide::sqrt(x);
  }
  return Halide::pow(x, y);
}
// The sign of the divisor, as Python's and torch.remainder's.
Expr modulo(const Expr& x, const Expr& y) {
  if (x.type().is_float()) return x - Halide::floor(x / y) * y;
  const Expr r = x - quotient(x, y) * y;
  return Halide::select(r != 0 && ((r < 0) != (y < 0)), r + y, r);
}
Expr sign(const Expr& x) {
  const Expr zero = Halide::Internal::make_zero(x.type()), one = Halide::Internal::make_one(x.type());
  if (x.type().is_uint()) return Halide::select(x == zero, zero, one);
  return Halide::select(x > zero, one, Halide::select(x < zero, -one, zero));
}
Expr bound(const Node& node, const char* name, const Expr& x, double otherwise) {
  return constant(x, node.number(name, otherwise));
}

Rule unary(Expr (*function)(const Expr&)) {
  return [function](const Node&, const Inputs& in) { return function(in[0]); };
}
Rule binary(Expr (*function)(const Expr&, const Expr&)) {
  return [function](const Node&, const Inputs& in) { return function(in[0], in[1]); };
}
#define UNARY(expression) unary([](const Expr& x) -> Expr { return expression; })
#define BINARY(expression) binary([](const Expr& a, const Expr& b) -> Expr { return expression; })

const std::map<std::string, Rule>& rules() {
  static const std::map<std::string, Rule> table = {
      {"identity", UNARY(x)},
      {"neg", UNARY(-x)},
      {"abs", UNARY(x.type().is_uint() ? x : Halide::cast(x.type(), Halide::abs(x)))},
      {"exp", UNARY(exponential(x))},
      {"log", UNARY(Halide::log(x))},
      {"sqrt", UNARY(Halide::sqrt(x))},
      {"rsqrt", UNARY(constant(x, 1) / Halide::sqrt(x))},
      {"reciprocal", UNARY(constant(x, 1) / x)},
      {"sin", UNARY(Halide::sin(x))},
      {"cos", UNARY(Halide::cos(x))},
      {"asin", UNARY(Halide::asin(x))},
      {"acos", UNARY(Halide::acos(x))},
      {"atan", UNARY(Halide::atan(x))},
      {"tanh", unary(hyperbolic_tangent)},
      {"sigmoid", unary(sigmoid)},
      {"erf", unary(error_function)},
      {"relu", UNARY(at_least(x, Halide::Internal::make_zero(x.type())))},
      {"gelu", unary(gelu)},
      {"gelu_tanh", unary(gelu_tanh)},
      {"silu", UNARY(x * sigmoid(x))},
      {"hardsigmoid", unary(hardsigmoid)},
      {"hardswish", UNARY(x * hardsigmoid(x))},
      {"softplus", unary(softplus)},
      {"softsign", UNARY(x / (constant(x, 1) + Halide::abs(x)))},
      {"mish", UNARY(x * hyperbolic_tangent(softplus(x)))},
      {"floor", UNARY(x.type().is_float() ? Halide::floor(x) : x)},
      {"ceil", UNARY(x.type().is_float() ? Halide::ceil(x) : x)},
      {"round", UNARY(x.type().is_float() ? Halide::round(x) : x)},
      {"sign", unary(sign)},
      {"square", UNARY(x * x)},
      {"logical_not", UNARY(flag(!is_set(x)))},
      {"clamp",
       [](const Node& node, const Inputs& in) {
         const double infinity = std::numeric_limits<double>::infinity();
         const double low = node.number("min", -infinity), high = node.number("max", infinity);
         Expr x = in[0];
         if (low != -infinity) x = at_least(x, constant(x, low));
         if (high != infinity) x = at_most(x, constant(x, high));
         return x;
       }},
      {"leaky_relu",
       [](const Node& node, const Inputs& in) {
         return Halide::select(in[0] > constant(in[0], 0), in[0], in[0] * bound(node, "slope", in[0], 0.01));
       }},
      {"elu",
       [](const Node& node, const Inputs& in) {
         return Halide::select(in[0] > constant(in[0], 0), in[0], bound(node, "alpha", in[0], 1) * exp_minus_one(in[0]));
       }},
      {"selu", UNARY(constant(x, 1.0507009873554805) *
                     Halide::select(x > constant(x, 0), x, constant(x, 1.6732632423543772) * exp_minus_one(x)))},
      {"add", BINARY(a + b)},
      {"sub", BINARY(a - b)},
      {"mul", BINARY(a* b)},
      {"div", BINARY(a.type().is_float() ? a / b : quotient(a, b))},
      {"pow", binary(power)},
      {"maximum", BINARY(larger(a, b))},
      {"minimum", BINARY(smaller(a, b))},
      {"mod",
       [](const Node& node, const Inputs& in) {
         if (node.integer("fmod", 0) == 0) return modulo(in[0], in[1]);
         const Expr ratio = in[0].type().is_float() ? Halide::trunc(in[0] / in[1]) : quotient(in[0], in[1]);
         return Expr(in[0] - ratio * in[1]);
       }},
      {"prelu", BINARY(Halide::select(a > constant(a, 0), a, a* b))},
      {"equal", [](const Node& node, const Inputs& in) { return flag(!differs(node, in)); }},
      {"not_equal", [](const Node& node, const Inputs& in) { return flag(differs(node, in)); }},
      {"less", BINARY(flag(a < b))},
      {"less_equal", BINARY(flag(a <= b))},
      {"greater", BINARY(flag(a > b))},
      {"greater_equal", BINARY(flag(a >= b))},
      {"logical_and", BINARY(flag(is_set(a) && is_set(b)))},
      {"logical_or", BINARY(flag(is_set(a) || is_set(b)))},
      {"logical_xor", BINARY(flag(is_set(a) != is_set(b)))},
      {"where", [](const Node&, const Inputs& in) { return Halide::select(is_set(in[0]), in[1], in[2]); }},
  };
  return table;
}

}  // namespace

Expr larger(const Expr& a, const Expr& b) {
  if (!a.type().is_float()) return Halide::max(a, b);
  return Halide::select(Halide::strict_float(a < b) || not_a_number(b), b, a);
}

Expr smaller(const Expr& a, const Expr& b) {
  if (!a.type().is_float()) return Halide::min(a, b);
  return Halide::select(Halide::strict_float(a > b) || not_a_number(b), b, a);
}

Expr elementwise(const Node& node, const Inputs& inputs, DType output) {
  if (node.op == "cast") {
    if (output == DType::boolean) return flag(is_set(inputs[0]));
    return Halide::cast(halide_type(output), inputs[0]);
  }
  const auto rule = rules().find(node.op);
  if (rule == rules().end()) throw Error("{} has no rule among the element-wise kernels", node.op);
  return rule->second(node, inputs);
}

double elementwise_cost(const std::string& op) {
  static const std::map<std::string, double> dear = {
      {"exp", 10},  {"log", 12},  {"sqrt", 6},       {"rsqrt", 8},   {"div", 4},       {"sin", 20},
      {"cos", 20},  {"tanh", 20}, {"sigmoid", 14},   {"erf", 20},    {"asin", 30},     {"acos", 30},
      {"atan", 30}, {"gelu", 24}, {"gelu_tanh", 28}, {"silu", 15},   {"softplus", 26}, {"mish", 48},
      {"elu", 24},  {"selu", 24}, {"pow", 30},       {"softsign", 6}};
  const auto found = dear.find(op);
  return found == dear.end() ? 1 : found->second;
}

}  // namespace lathe::compile::codegen
