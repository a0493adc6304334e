#include <ATen/ATen.h>

#include "lathe/compile/op.h"
#include "lathe/compile/passes/rules/rules.h"

namespace lathe::compile::rules {
namespace {

// Weights [O, …] with a scale for each output, or one.
struct Weights {
  torch::Tensor bytes;  // i8
  std::vector<double> scale;
};

// dequantize(constant), also transposed, of bytes without zero points.
std::optional<Weights> weights_of(const Rewriter& g, ValueId id, bool turned) {
  const Node* node = g.maker(id);
  if (node && node->op == "transpose" && node->integers("axes") == std::vector<int64_t>{1, 0}) {
    node = g.maker(node->inputs[0]);
    turned = !turned;
  }
  if (!node || node->op != "dequantize") return std::nullopt;
  torch::Tensor bytes = g.constant(node->inputs[0]);
  if (!bytes.defined() || bytes.scalar_type() != torch::kInt8) return std::nullopt;
  for (const double zero : node->numbers("zero_point"))
    if (zero != 0) return std::nullopt;
  const auto scale = node->numbers("scale");
  if (scale.size() > 1 && node->integer("axis", 0) != (turned ? 1 : 0)) return std::nullopt;
  if (turned) bytes = bytes.t().contiguous();
  return Weights{bytes, scale};
}

// The value of a constant, also one that is stored in integers.
torch::Tensor constant_of(const Rewriter& g, ValueId id) {
  const Node* node = g.maker(id, "dequantize");
  if (!node) return g.constant(id);
  const torch::Tensor stored = g.constant(node->inputs[0]);
  return stored.defined() ? op("dequantize").evaluate(*node, {stored}).at(0) : torch::Tensor();
}

// The u8 value that an input is dequantized from. Signed bytes that are made here become unsigned ones.
std::optional<ValueId> unsigned_bytes(Rewriter& g, const Node& dequantize, int64_t& zero) {
  const ValueId q = dequantize.inputs[0];
  zero = static_cast<int64_t>(dequantize.numbers("zero_point")[0]);
  if (g.after.type(q).dtype == DType::u8) return q;
  const Node* made = g.maker(q, "quantize");
  if (!made || g.after.type(q).dtype != DType::i8) return std::nullopt;
  const Node quantize = *made;
  if (quantize.numbers("zero_point") != std::vector<double>{static_cast<double>(zero)}) return std::nullopt;
  zero += 128;
  auto attributes = quantize.attributes;
  attributes["dtype"] = std::string("u8");
  attributes["zero_point"] = std::vector<double>{static_cast<double>(zero)};
  return g.add("quantize", quantize.inputs, attributes, quantize.source);
}

}  // namespace

// conv or linear of dequantized bytes with dequantized constant weights -> conv_integer or linear_integer,
// dequantize by the product of both scales, and the bias in floating point
std::optional<ValueId> layer_of_bytes(Rewriter& g, const Node& node, const Type& result) {
  const bool conv = node.op == "conv";
  if ((!conv && node.op != "linear" && node.op != "matmul") || result.dtype != DType::f32)
    return std::nullopt;
  if (conv && node.integer("groups") != 1 &&
      !is_depthwise(node, g.after.type(node.inputs[0]).shape, result.shape))
    return std::nullopt;
  const Node* made = g.maker(node.inputs[0], "dequantize");
  if (!made || made->numbers("scale").size() != 1) return std::nullopt;
  const Node dequantize = *made;
  const auto weights = weights_of(g, node.inputs[1], node.op == "matmul");
  if (!weights || (!conv && weights->bytes.dim() != 2)) return std::nullopt;
  torch::Tensor bias;
  if (node.inputs.size() > 2 && !(bias = constant_of(g, node.inputs[2])).defined()) return std::nullopt;
  int64_t zero = 0;
  const auto x = unsigned_bytes(g, dequantize, zero);
  if (!x) return std::nullopt;

  std::map<std::string, Attribute> attributes;
  if (conv) attributes = node.attributes;
  attributes["zero_point"] = zero;
  const ValueId sums = g.add(conv ? "conv_integer" : "linear_integer", {*x, g.add_constant(weights->bytes)},
                             attributes, node.source);
  std::vector<double> scale = weights->scale;
  for (double& s : scale) s *= dequantize.numbers("scale")[0];
  const int64_t axis = conv ? 1 : static_cast<int64_t>(result.shape.size()) - 1;
  const ValueId y = g.add(
      "dequantize", {sums},
      {{"scale", scale}, {"zero_point", std::vector<double>(scale.size(), 0)}, {"axis", axis}}, node.source);
  if (!bias.defined()) return y;
  std::vector<int64_t> shape(conv ? result.shape.size() - 1 : 1, 1);
  shape[0] = -1;
  return g.add("add", {y, g.add_constant(bias.to(torch::kFloat32).reshape(shape))}, {}, node.source);
}

}  // namespace lathe::compile::rules
