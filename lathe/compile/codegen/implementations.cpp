#include "lathe/compile/codegen/implementations.h"

#include <map>

#include "lathe/compile/codegen/convolution.h"
#include "lathe/compile/op.h"
#include "lathe/core/error.h"

namespace lathe::compile::codegen {
namespace {

using Maker = std::vector<Implementation> (*)(const Job&);

const std::map<std::string, Maker>& makers() {
  static const std::map<std::string, Maker> table = {{"conv", convolution},
                                                     {"conv_integer", integer_convolution},
                                                     {"linear_integer", dense_layer},
                                                     {"conv_transpose", transposed_convolution},
                                                     {"linear", dense_layer},
                                                     {"matmul", matrix_product},
                                                     {"lstm", recurrence},
                                                     {"gru", recurrence},
                                                     {"argmax", arg_reduction},
                                                     {"argmin", arg_reduction},
                                                     {"topk", arg_reduction},
                                                     {"sum", axis_reduction},
                                                     {"mean", axis_reduction},
                                                     {"prod", axis_reduction},
                                                     {"max", axis_reduction},
                                                     {"min", axis_reduction},
                                                     {"softmax", softmax},
                                                     {"log_softmax", softmax},
                                                     {"max_pool", pooling},
                                                     {"avg_pool", pooling},
                                                     {"adaptive_avg_pool", pooling},
                                                     {"adaptive_max_pool", pooling},
                                                     {"layer_norm", normalization},
                                                     {"group_norm", normalization},
                                                     {"instance_norm", normalization}};
  return table;
}

}  // namespace

size_t anchor_of(const Graph& graph, const Group& group) {
  for (size_t i = 0; i < group.nodes.size(); ++i)
    if (makers().count(graph.nodes[static_cast<size_t>(group.nodes[i])].op)) return i;
  return group.nodes.size();
}

bool has_kernel(const std::string& op) {
  return makers().count(op) > 0 || can_lower(op);
}

std::vector<Implementation> implementations(const Graph& graph, const Group& group, const Target& target,
                                            CodeCache& cache, size_t variants) {
  const Job job{graph, group, target, cache, anchor_of(graph, group), variants};
  const Maker make = job.anchor == group.nodes.size() ? injective : makers().at(job.node().op);
  try {
    return make(job);
  } catch (const Halide::Error& error) {
    std::string text = error.what();
    while (!text.empty() && text.back() == '\n') text.pop_back();
    throw Error("no kernel for {}: {}", signature(graph, group), text);
  }
}

std::vector<BorderNeed> border_needs(const Graph& graph, const Group& group) {
  const size_t anchor = anchor_of(graph, group);
  if (anchor == group.nodes.size()) return {};
  const Node& node = graph.nodes[static_cast<size_t>(group.nodes[anchor])];
  if ((node.op != "conv" && node.op != "conv_integer") || graph.value(node.outputs[0]).layout.block <= 1 ||
      graph.value(node.inputs[0]).layout.block <= 1)
    return {};
  const auto& padding = node.integers("padding");
  std::vector<BorderNeed> needs = {{node.inputs[0],
                                    {static_cast<int>(padding[0]), static_cast<int>(padding[2]),
                                     static_cast<int>(padding[1]), static_cast<int>(padding[3])}}};
  if (winograd_applies(graph, node)) {
    const auto more = winograd_borders(graph, group, node);
    needs.insert(needs.end(), more.begin(), more.end());
  }
  return needs;
}

}  // namespace lathe::compile::codegen
