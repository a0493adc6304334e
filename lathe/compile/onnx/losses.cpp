#include <torch/torch.h>

#include <numeric>

#include "lathe/compile/onnx/importer.h"

namespace lathe::compile::onnx_import {
namespace {

// −w[t] log p[t], summed or averaged over the weights of what is not ignored.
ValueId negative_likelihood(const Call& call, ValueId log_p) {
  Builder& b = call.builder();
  ValueId target = b.cast(call.input(1), DType::i64);
  ValueId counted = -1;
  if (call.has("ignore_index")) {
    const ValueId ignored = b.with("equal", target, static_cast<double>(call.integer("ignore_index", 0)));
    target = b.add("where", {ignored, b.scalar(0, DType::i64), target});
    counted = b.cast(b.add("logical_not", {ignored}), b.dtype(log_p));
  }
  if (b.rank(log_p) < 2) throw InputError("its input is {}", to_string(b.type(log_p)));
  const ValueId chosen = b.reshape(gather_elements(b, log_p, b.unsqueeze(target, 1), 1), b.shape(target));
  ValueId weight = call.has_input(2) ? b.add("gather", {call.input(2), target}, {{"axis", int64_t{0}}})
                                     : b.broadcast(b.scalar(1, b.dtype(log_p)), b.shape(target));
  if (counted >= 0) weight = b.add("mul", {weight, counted});
  const ValueId loss = b.add("neg", {b.add("mul", {chosen, weight})});
  const std::string reduction = call.text("reduction", "mean");
  if (reduction == "none") return loss;
  List axes(b.shape(loss).size());
  std::iota(axes.begin(), axes.end(), 0);
  const ValueId sum = b.reduce("sum", loss, axes, 0);
  return reduction == "sum" ? sum : b.add("div", {sum, b.reduce("sum", weight, axes, 0)});
}

Ids nll(const Call& call) {
  return {negative_likelihood(call, call.input(0))};
}

Ids cross_entropy(const Call& call) {
  const ValueId log_p = call.builder().add("log_softmax", {call.input(0)}, {{"axis", int64_t{1}}});
  return {negative_likelihood(call, log_p), log_p};
}

}  // namespace

void add_losses(Handlers& handlers) {
  handlers["NegativeLogLikelihoodLoss"] = nll;
  handlers["SoftmaxCrossEntropyLoss"] = cross_entropy;
}

}  // namespace lathe::compile::onnx_import
