#include <fmt/ranges.h>
#include <torch/torch.h>

#include "lathe/compile/onnx/importer.h"
#include "lathe/core/printable.h"

namespace lathe::compile::onnx_import {
namespace {

constexpr int64_t kNewestOpset = 17;
constexpr int64_t kMostSteps = 200000;  // nodes that unrolled loops may take
constexpr int kDeepest = 16;            // bodies within bodies

std::string shown(const std::string& name) {
  return core::printable(name.substr(0, 200));
}

std::string label(const onnx::NodeProto& node) {
  const std::string& name = !node.name().empty()     ? node.name()
                            : node.output_size() > 0 ? node.output(0)
                                                     : node.op_type();
  return shown(name);
}

bool standard(const std::string& domain) {
  return domain.empty() || domain == "ai.onnx";
}

// 0 where the file does not say.
int64_t checked_opset(const onnx::ModelProto& model) {
  int64_t opset = 0;
  for (const auto& import : model.opset_import())
    if (standard(import.domain())) opset = std::max<int64_t>(opset, import.version());
  if (opset > kNewestOpset)
    throw InputError(
        "the file uses opset {}, which is too new; opsets up to {} are read, export it with one of them",
        opset, kNewestOpset);
  return opset;
}

// Before opset 7 some operators had other attributes: what has no handler for them is refused.
void check_age(const onnx::NodeProto& node, int64_t opset) {
  static const std::set<std::string, std::less<>> kBroadcast = {
      "Add", "Sub", "Mul", "Div", "Pow", "And", "Or", "Xor", "Equal", "Less", "Greater", "Gemm"};
  static const std::set<std::string, std::less<>> kDiffer = {"Upsample", "Scatter", "RNN", "LSTM", "GRU"};
  const auto is_one = [&](const char* name) {
    return std::any_of(node.attribute().begin(), node.attribute().end(),
                       [&](const auto& a) { return a.name() == name && a.i() != 0; });
  };
  if (opset >= 7) return;
  const bool trained =
      (node.op_type() == "BatchNormalization" || node.op_type() == "Dropout") && !is_one("is_test");
  const bool other = kDiffer.count(node.op_type()) > 0 || (node.op_type() == "Tile" && opset < 6) ||
                     (is_one("broadcast") && kBroadcast.count(node.op_type()) == 0);
  if (trained || other)
    throw InputError("node '{}' ({}): {} in opset {}; export the model with opset 7 or later", label(node),
                     shown(node.op_type()), trained ? "is in training mode" : "means something else", opset);
}

// All operators that there is no handler for, in one error.
void check_operators(const onnx::GraphProto& graph) {
  std::map<std::string, std::vector<std::string>> missing;
  for (const auto& node : graph.node()) {
    if (standard(node.domain()) && handlers().count(node.op_type()) > 0) continue;
    missing[shown(standard(node.domain()) ? node.op_type() : node.domain() + "::" + node.op_type())]
        .push_back(label(node));
  }
  if (missing.empty()) return;
  std::vector<std::string> parts;
  for (auto& [op, nodes] : missing) {
    const size_t count = nodes.size();
    if (nodes.size() > 5) nodes.resize(5);
    parts.push_back(fmt::format("{} {}× ({}{})", op, count, fmt::join(nodes, ", "), count > 5 ? ", …" : ""));
  }
  throw InputError("the compiler does not have what this file needs: {}", fmt::join(parts, "; "));
}

}  // namespace

ValueId Importer::find(const std::string& name, const onnx::NodeProto& reader) const {
  if (name.empty()) return -1;
  const auto found = names_.find(name);
  if (found == names_.end())
    throw InputError(
        "node '{}' ({}) reads '{}', which nothing before it makes; nodes must come in an order in which they "
        "can run",
        label(reader), shown(reader.op_type()), shown(name));
  return found->second;
}

void Importer::add_inputs(const onnx::GraphProto& graph, const std::set<std::string>& initialized) {
  for (const auto& input : graph.input()) {
    if (initialized.count(input.name()) > 0) continue;
    const auto known = options_.known_inputs.find(input.name());
    if (known != options_.known_inputs.end()) {
      names_[input.name()] = builder.constant(known->second, input.name());
      continue;
    }
    if (!input.type().has_tensor_type()) throw InputError("input '{}' is not a tensor", shown(input.name()));
    const auto& tensor = input.type().tensor_type();
    Type type;
    try {
      type.dtype = dtype_of_onnx(tensor.elem_type());
    } catch (const InputError& error) {
      throw InputError("input '{}': {}", shown(input.name()), error.what());
    }
    if (!tensor.has_shape()) throw InputError("input '{}' has no shape in the file", shown(input.name()));
    for (int i = 0; i < tensor.shape().dim_size(); ++i) {
      const auto& dim = tensor.shape().dim(i);
      int64_t size = dim.has_dim_value() ? dim.dim_value() : 0;
      if (size <= 0) {
        const std::string name = dim.has_dim_param() && !dim.dim_param().empty()
                                     ? dim.dim_param()
                                     : fmt::format("{}[{}]", input.name(), i);
        const auto given = options_.dimensions.find(name);
        if (given == options_.dimensions.end() && dim.has_dim_value() && size == 0)
          throw InputError("axis {} of input '{}' has the size 0; give a size for '{}'", i,
                           shown(input.name()), shown(name));
        if (given == options_.dimensions.end())
          throw InputError("axis {} of input '{}' is open; give a size for '{}'", i, shown(input.name()),
                           shown(name));
        size = given->second;
        if (size <= 0) throw InputError("the size for '{}' is {}, must be positive", shown(name), size);
      }
      type.shape.push_back(size);
    }
    if (type.shape.size() > 16)
      throw InputError("input '{}' has {} axes", shown(input.name()), type.shape.size());
    if (type.numel() > (int64_t{1} << 40))
      throw InputError("input '{}' is {}, too large", shown(input.name()), to_string(type));
    names_[input.name()] = builder.graph().add_input(input.name(), type);
  }
}

void Importer::add_weights(const onnx::GraphProto& graph) {
  if (graph.sparse_initializer_size() > 0)
    throw InputError("the file has sparse weights, which the compiler does not read");
  for (const auto& weight : graph.initializer())
    names_[weight.name()] = builder.constant(to_tensor(weight, directory_), weight.name());
}

void Importer::step(const onnx::NodeProto& node) {
  if (++steps_ > kMostSteps) throw InputError("loops take more than {} nodes", kMostSteps);
  const auto handler = handlers().find(node.op_type());
  if (handler == handlers().end() || !standard(node.domain()))
    throw InputError("the compiler does not have {} (node '{}')", shown(node.op_type()), label(node));
  check_age(node, opset);
  Ids inputs;
  for (const auto& name : node.input()) inputs.push_back(find(name, node));
  builder.source = label(node);
  Ids outputs;
  try {
    outputs = handler->second(Call(*this, node, inputs));
  } catch (const InputError& error) {
    throw InputError("node '{}' ({}): {}", label(node), shown(node.op_type()), error.what());
  } catch (const c10::Error& error) {
    const std::string what = error.what_without_backtrace();
    throw InputError("node '{}' ({}): {}", label(node), shown(node.op_type()),
                     core::printable(what.substr(0, std::min(what.find('\n'), size_t{200}))));
  }
  for (int i = 0; i < node.output_size(); ++i) {
    if (node.output(i).empty()) continue;
    if (i >= static_cast<int>(outputs.size()) || outputs[static_cast<size_t>(i)] < 0)
      throw InputError("node '{}' ({}): the compiler does not make its output '{}'", label(node),
                       shown(node.op_type()), shown(node.output(i)));
    names_[node.output(i)] = outputs[static_cast<size_t>(i)];
  }
}

void Importer::add_nodes(const onnx::GraphProto& graph) {
  for (const auto& node : graph.node()) step(node);
}

Ids Importer::run_body(const onnx::GraphProto& body, const Ids& inputs) {
  if (depth_ >= kDeepest) throw InputError("bodies lie {} deep in each other", kDeepest);
  if (body.input_size() != static_cast<int>(inputs.size()))
    throw InputError("its body takes {} inputs, got {}", body.input_size(), inputs.size());
  const auto outer = names_;
  const std::string source = builder.source;
  ++depth_;
  for (int i = 0; i < body.input_size(); ++i) names_[body.input(i).name()] = inputs[static_cast<size_t>(i)];
  add_weights(body);
  add_nodes(body);
  Ids outputs;
  for (const auto& output : body.output()) {
    const auto found = names_.find(output.name());
    if (found == names_.end())
      throw InputError("its body does not make its output '{}'", shown(output.name()));
    outputs.push_back(found->second);
  }
  --depth_;
  names_ = outer;
  builder.source = source;
  return outputs;
}

void Importer::run(const onnx::ModelProto& model) {
  if (!model.has_graph()) throw InputError("the file has no graph; it is damaged, or not an ONNX model");
  const auto& graph = model.graph();
  opset = checked_opset(model);
  check_operators(graph);
  if (opset < 1)
    throw InputError("the file does not say which opset it uses; it is damaged, or not an ONNX model");
  std::set<std::string> initialized;
  for (const auto& weight : graph.initializer()) initialized.insert(weight.name());
  for (const auto& [name, tensor] : options_.known_inputs) {
    const bool there = std::any_of(graph.input().begin(), graph.input().end(),
                                   [&, &n = name](const auto& input) { return input.name() == n; });
    if (!there) throw InputError("the file has no input '{}'", shown(name));
  }
  add_inputs(graph, initialized);
  add_weights(graph);
  add_nodes(graph);
  std::vector<std::string> names;
  Graph& made = builder.graph();
  for (const auto& output : graph.output()) {
    const auto found = names_.find(output.name());
    if (found == names_.end()) throw InputError("nothing makes the output '{}'", shown(output.name()));
    made.outputs.push_back(found->second);
    names.push_back(output.name());
  }
  if (made.outputs.empty()) throw InputError("the file has no outputs");
  made.name = shown(graph.name());
  finish_import(made, names);
}

const Handlers& handlers() {
  static const Handlers all = [] {
    Handlers handlers;
    add_elementwise(handlers);
    add_binary(handlers);
    add_layers(handlers);
    add_norms(handlers);
    add_pools(handlers);
    add_resizes(handlers);
    add_reductions(handlers);
    add_shapes(handlers);
    add_constants(handlers);
    add_indexing(handlers);
    add_scattering(handlers);
    add_recurrent(handlers);
    add_quantized(handlers);
    add_losses(handlers);
    add_control(handlers);
    return handlers;
  }();
  return all;
}

}  // namespace lathe::compile::onnx_import
