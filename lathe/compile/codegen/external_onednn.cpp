#include <oneapi/dnnl/dnnl_types.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string_view>

#include "lathe/compile/codegen/external.h"
#include "lathe/compile/codegen/external_onednn_layer.h"

extern "C" {
#include "lathe/runtime/plan.h"
}

namespace lathe::compile::codegen {

std::string_view onednn_object();  // external_onednn_kernel.c as an object file; made by CMakeLists.txt

namespace {

std::shared_ptr<const Code> onednn_code() {
  static const auto code =
      std::make_shared<const Code>(Code{"lathe_onednn", std::string(onednn_object()), {"libdnnl.so.2"}});
  return code;
}

// What follows the layer, as oneDNN does it.
struct After {
  lathe_onednn_after what{};
  ValueId sum = -1;        // the value that is added
  bool keeps_zero = true;  // f(0) = 0
};

std::optional<After> function_after(const Node& node) {
  const auto make = [](dnnl_alg_kind_t algorithm, double alpha = 0, double beta = 0) {
    return After{{algorithm, static_cast<float>(alpha), static_cast<float>(beta)}};
  };
  if (node.op == "relu") return make(dnnl_eltwise_relu);
  if (node.op == "leaky_relu") return make(dnnl_eltwise_relu, node.number("slope", 0.01));
  if (node.op == "elu") return make(dnnl_eltwise_elu, node.number("alpha", 1));
  if (node.op == "gelu") return make(dnnl_eltwise_gelu_erf);
  if (node.op == "gelu_tanh") return make(dnnl_eltwise_gelu_tanh);
  if (node.op == "silu") return make(dnnl_eltwise_swish, 1);
  if (node.op == "hardswish") return make(dnnl_eltwise_hardswish);
  if (node.op == "tanh") return make(dnnl_eltwise_tanh);
  if (node.op == "sigmoid") {
    After after = make(dnnl_eltwise_logistic);
    after.keeps_zero = false;
    return after;
  }
  if (node.op == "clamp") {
    const double low = node.number("min", -INFINITY), high = node.number("max", INFINITY);
    After after = make(dnnl_eltwise_clip, low, high);
    after.keeps_zero = low <= 0 && high >= 0;
    return after;
  }
  return std::nullopt;
}

bool is_scalar(const Value& value) {
  return value.is_constant() && value.type.numel() == 1;
}

// The chain from the anchor to the group's end, if oneDNN can do all of it on a result that lies like the
// anchor's.
std::optional<std::vector<After>> chain_after(const Job& job) {
  const Graph& graph = job.graph;
  ValueId current = job.node().outputs[0];
  const Value& first = graph.value(current);
  const auto lies_like_it = [&](ValueId id) {
    const Value& value = graph.value(id);
    return value.type == first.type && value.layout.block == first.layout.block &&
           value.layout.border == std::array<int, 4>{};
  };
  std::vector<After> chain;
  for (size_t i = job.anchor + 1; i < job.group.nodes.size(); ++i) {
    const Node& node = graph.nodes[static_cast<size_t>(job.group.nodes[i])];
    std::optional<After> after;
    if (node.op == "add") {
      const ValueId other = node.inputs[node.inputs[0] == current ? 1 : 0];
      const bool from_outside = std::none_of(job.group.nodes.begin(), job.group.nodes.end(), [&](int n) {
        return graph.nodes[static_cast<size_t>(n)].outputs[0] == other;
      });
      if (from_outside && !graph.value(other).is_constant() && lies_like_it(other)) after = After{{}, other};
    } else if (node.op == "mul" && is_scalar(graph.value(node.inputs[1]))) {
      const double factor = graph.value(node.inputs[1]).constant.to(torch::kDouble).item<double>();
      after = After{{dnnl_eltwise_linear, static_cast<float>(factor), 0}};
    } else if (node.inputs.size() == 1) {
      after = function_after(node);
    }
    if (!after || std::count(node.inputs.begin(), node.inputs.end(), current) != 1) return std::nullopt;
    chain.push_back(*after);
    current = node.outputs[0];
  }
  if (chain.size() > LATHE_ONEDNN_MOST_AFTER || !lies_like_it(current)) return std::nullopt;
  const bool has_filling = first.layout.block > 1 && first.type.shape[1] % first.layout.block != 0;
  if (has_filling && std::any_of(chain.begin(), chain.end(), [](const After& a) { return !a.keeps_zero; }))
    return std::nullopt;
  return chain;
}

// oneDNN's name for what it would run; empty where that is nothing but reference code. A layer whose parts
// it cannot do as well is not cut.
std::string find_code(OnednnLayer& layer) {
  const auto name = [&](int64_t count) {
    const std::string text = lathe_onednn_implementation(&layer.call, count).text;
    return text.find("ref") == std::string::npos ? text : std::string();
  };
  if (name(layer.granule).empty()) layer.call.split_axis = -1;
  return name(layer.units);
}

// A value without its border, in scratch.
Argument add_copy(const Job& job, Implementation& result, ValueId id, const Shape& extents) {
  Builder builder(job.graph, job.target, job.cache, result);
  const Access from = builder.input(id);
  const Argument to =
      dense(Argument::Place::scratch,
            static_cast<int>(add_scratch(result, 4 * c10::multiply_integers(extents))), DType::f32, extents);
  const Loops loop = loops(extents.size());
  Halide::Func out("out");
  out(loop.vars) = from(loop.at);
  out.vectorize(loop.vars[0]);
  builder.finish("copy", {out}, {to}, {.split_dim = outer_dim(to)});
  return to;
}

void add_call(Implementation& result, const OnednnLayer& layer, const std::vector<After>& chain,
              const Argument& x, const Argument& y) {
  lathe_onednn_call call = layer.call;
  Step step;
  step.code = onednn_code();
  const auto parameter = [&](const torch::Tensor& tensor) {
    result.parameters.push_back(tensor);
    return dense(Argument::Place::parameter, static_cast<int>(result.parameters.size()) - 1,
                 dtype_of(tensor.scalar_type()), tensor.sizes().vec());
  };
  for (const torch::Tensor& constant : {layer.weights, layer.bias})
    if (constant.defined())
      call.id = lathe_xxhash64(constant.data_ptr(), static_cast<uint64_t>(constant.nbytes()), call.id);
  call.id = lathe_xxhash64(&call, sizeof call, 0);
  const torch::Tensor bytes = torch::empty({static_cast<int64_t>(sizeof call)}, torch::kUInt8);
  std::memcpy(bytes.data_ptr(), &call, sizeof call);
  const Argument w = dense(Argument::Place::value, layer.w, DType::f32, layer.w_extents);
  step.arguments = {parameter(bytes), x};
  step.arguments.push_back(layer.weights.defined() ? parameter(layer.weights) : w);
  if (layer.bias.defined()) step.arguments.push_back(parameter(layer.bias));
  for (const After& after : chain)
    if (after.sum >= 0)
      step.arguments.push_back(dense(Argument::Place::value, after.sum, DType::f32, layer.y_extents));
  step.arguments.push_back(y);
  for (const Argument& argument : step.arguments) step.bytes += bytes_of(argument);
  step.split_dim = call.split_axis < 0 ? -1 : call.split_dim;
  step.granule = layer.granule;
  step.flops = layer.flops;
  result.steps.push_back(std::move(step));
}

// What follows the call, from a scratch block to the group's output. Extents: the layer's, in its own axes.
void add_rest(const Job& job, Implementation& result, int block, const Shape& extents) {
  Builder builder(job.graph, job.target, job.cache, result);
  Scope scope(builder);
  scope.define(job.node().outputs[0],
               builder.view(dense(Argument::Place::scratch, block, DType::f32, extents)));
  finish_injective(builder, scope, job, "rest");
}

// What follows is in the call if `chain` is given; a border of the input is read as it is, or left out by a
// copy.
enum class Border { read, copied };
std::optional<Implementation> candidate(const Job& job, OnednnLayer layer, const std::vector<After>* chain,
                                        Border border) {
  if (border == Border::read) {
    const auto wider = reading_border(job, layer);
    if (!wider) return std::nullopt;
    layer = *wider;
  }
  if (chain)
    for (const After& after : *chain) layer.call.after[layer.call.num_after++] = after.what;
  const std::string code = find_code(layer);
  if (code.empty()) return std::nullopt;
  Implementation result;
  result.name = "oneDNN " + code;
  const Argument x = border == Border::copied
                         ? add_copy(job, result, layer.x, layer.x_extents)
                         : dense(Argument::Place::value, layer.x, DType::f32, layer.x_extents);
  if (chain) {
    add_call(result, layer, *chain, x,
             dense(Argument::Place::value, job.output(), DType::f32, layer.y_extents));
    return result;
  }
  const int block = static_cast<int>(add_scratch(result, 4 * c10::multiply_integers(layer.y_extents)));
  add_call(result, layer, {}, x, dense(Argument::Place::scratch, block, DType::f32, layer.y_extents));
  add_rest(job, result, block,
           layer.call.kind == LATHE_ONEDNN_PRODUCT ? job.graph.type(job.node().outputs[0]).shape
                                                   : layer.y_extents);
  return result;
}

}  // namespace

std::vector<Implementation> onednn_implementations(const Job& job) {
  const auto layer = onednn_layer(job);
  if (!layer) return {};
  const auto chain = chain_after(job);
  const bool has_border = job.graph.value(layer->x).layout.border != std::array<int, 4>{};
  for (const auto* after : {chain ? &*chain : nullptr, static_cast<const std::vector<After>*>(nullptr)})
    for (const Border border : {Border::read, Border::copied}) {
      if (border == Border::copied && !has_border) continue;
      if (auto found = candidate(job, *layer, after, border)) return {std::move(*found)};
    }
  return {};
}

}  // namespace lathe::compile::codegen
