#include <ATen/ATen.h>

#include "lathe/compile/op.h"
#include "lathe/compile/passes.h"
#include "lathe/compile/passes/rewrite.h"
#include "lathe/core/error.h"

namespace lathe::compile {
namespace {

constexpr int64_t kSmall = 1 << 20;  // bytes; a larger result that is mostly repetition stays computed
constexpr int64_t kRepetition = 16;

std::optional<ValueId> fold(Rewriter& g, const Node& node, const Type& result) {
  if (node.op == "layout") return std::nullopt;
  std::vector<torch::Tensor> inputs;
  int64_t bytes = 0;
  for (const ValueId input : node.inputs) {
    inputs.push_back(g.constant(input));
    if (!inputs.back().defined()) return std::nullopt;
    bytes += static_cast<int64_t>(inputs.back().nbytes());
  }
  if (inputs.empty()) return std::nullopt;
  if (node.op == "identity") return node.inputs[0];
  const int64_t made = storage_bytes(result, {});
  if (made > kSmall && made > kRepetition * bytes) return std::nullopt;
  const torch::NoGradGuard no_grad;
  try {
    return g.add_constant(op(node.op).evaluate(node, inputs).at(0));
  } catch (const c10::Error& error) {
    throw Error("{} ({}) of constants: {}", node.op, node.source, error.what_without_backtrace());
  }
}

}  // namespace

Graph fold_constants(Graph graph) {
  return rewrite(graph, {fold});
}

}  // namespace lathe::compile
