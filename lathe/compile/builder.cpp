#include "lathe/compile/builder.h"

#include <torch/torch.h>

#include <algorithm>
#include <numeric>

#include "lathe/compile/op.h"
#include "lathe/core/error.h"

namespace lathe::compile {

const Type& Builder::type(ValueId id) const {
  while (types_.size() <= static_cast<size_t>(id))
    types_.push_back(graph_.type(static_cast<ValueId>(types_.size())));
  return types_[static_cast<size_t>(id)];
}

ValueId Builder::constant(const torch::Tensor& tensor, std::string name) {
  return graph_.add_constant(tensor, std::move(name));
}

ValueId Builder::scalar(double value, DType dtype) {
  return constant(torch::full({}, value, torch::kFloat64).to(scalar_type(dtype)));
}

std::vector<ValueId> Builder::add_all(std::string name, std::vector<ValueId> inputs,
                                      std::map<std::string, Attribute> attributes) {
  Node node{std::move(name), std::move(inputs), {}, std::move(attributes), source};
  // An empty value is known without computing it, and joins nothing.
  const auto empty = [&](ValueId id) { return type(id).numel() == 0; };
  if (node.op == "concat" && !std::all_of(node.inputs.begin(), node.inputs.end(), empty))
    node.inputs.erase(std::remove_if(node.inputs.begin(), node.inputs.end(), empty), node.inputs.end());
  const bool known =
      std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) { return is_constant(id); });
  if (!known) {
    std::vector<Type> types;
    for (const ValueId id : node.inputs) types.push_back(type(id));
    const std::vector<Type> outputs = op(node.op).infer(node, types);
    if (outputs.size() == 1 && outputs[0].numel() == 0)
      return {constant(torch::empty(outputs[0].shape, scalar_type(outputs[0].dtype)))};
  }
  if (!known || node.op == "dequantize") return graph_.add(std::move(node));
  std::vector<Type> types;
  std::vector<torch::Tensor> tensors;
  for (const ValueId id : node.inputs) types.push_back(type(id)), tensors.push_back(tensor(id));
  const Op& definition = op(node.op);
  int64_t bytes = 0;
  for (const auto& output : definition.infer(node, types)) bytes += output.numel() * size_of(output.dtype);
  // What grows much stays a node: a small file must not fill the memory.
  int64_t room = int64_t{64} << 20;
  for (const auto& tensor : tensors) room += static_cast<int64_t>(tensor.nbytes());
  if (bytes > room) return graph_.add(std::move(node));
  const torch::NoGradGuard no_grad;
  const bool one = node.inputs.size() == 1;
  std::vector<ValueId> outputs;
  for (const auto& output : definition.evaluate(node, tensors))
    outputs.push_back(constant(output, one ? graph_.value(node.inputs[0]).name : std::string()));
  return outputs;
}

ValueId Builder::add(std::string op, std::vector<ValueId> inputs,
                     std::map<std::string, Attribute> attributes) {
  return add_all(std::move(op), std::move(inputs), std::move(attributes)).at(0);
}

ValueId Builder::with(std::string op, ValueId a, double value) {
  return add(std::move(op), {a, scalar(value, dtype(a))});
}

ValueId Builder::cast(ValueId x, DType to) {
  return dtype(x) == to ? x : add("cast", {x}, {{"dtype", std::string(name_of(to))}});
}

ValueId Builder::reshape(ValueId x, Shape to) {
  return shape(x) == to ? x : add("reshape", {x}, {{"shape", std::move(to)}});
}

ValueId Builder::transpose(ValueId x, std::vector<int64_t> axes) {
  return std::is_sorted(axes.begin(), axes.end()) ? x : add("transpose", {x}, {{"axes", std::move(axes)}});
}

ValueId Builder::swap_axes(ValueId x, int64_t a, int64_t b) {
  std::vector<int64_t> axes(shape(x).size());
  std::iota(axes.begin(), axes.end(), 0);
  if (!axes.empty()) std::swap(axes.at(static_cast<size_t>(a)), axes.at(static_cast<size_t>(b)));
  return transpose(x, std::move(axes));
}

ValueId Builder::broadcast(ValueId x, Shape to) {
  const Shape& from = shape(x);
  if (to.size() < from.size()) to.insert(to.begin(), from.size() - to.size(), 1);
  for (size_t i = 0; i < from.size(); ++i) {
    int64_t& size = to[to.size() - 1 - i];
    if (size == 1) size = from[from.size() - 1 - i];
  }
  return from == to ? x : add("broadcast", {x}, {{"shape", std::move(to)}});
}

ValueId Builder::slice(ValueId x, int64_t axis, int64_t start, int64_t end, int64_t step) {
  const auto at = static_cast<size_t>(axis);
  if (start == 0 && end == shape(x).at(at) && step == 1) return x;
  std::vector<int64_t> starts(shape(x).size(), 0), ends = shape(x), steps(shape(x).size(), 1);
  starts[at] = start, ends[at] = end, steps[at] = step;
  return add("slice", {x}, {{"starts", starts}, {"ends", ends}, {"steps", steps}});
}

ValueId Builder::select(ValueId x, int64_t axis, int64_t index) {
  const auto at = static_cast<size_t>(axis);
  const int64_t size = shape(x).at(at);
  if (index < -size || index >= size)
    throw InputError("{}: index {} lies outside {} along axis {}", source, index, to_string(type(x)), axis);
  if (index < 0) index += size;
  x = slice(x, axis, index, index + 1);
  Shape to = shape(x);
  to.erase(to.begin() + axis);
  return reshape(x, to);
}

ValueId Builder::unsqueeze(ValueId x, int64_t axis) {
  Shape to = shape(x);
  to.insert(to.begin() + axis, 1);
  return reshape(x, to);
}

ValueId Builder::pad(ValueId x, std::vector<int64_t> before, std::vector<int64_t> after, std::string mode,
                     double value) {
  for (size_t i = 0; i < before.size(); ++i) {
    const int64_t start = std::max<int64_t>(0, -before[i]),
                  end = shape(x).at(i) - std::max<int64_t>(0, -after[i]);
    x = slice(x, static_cast<int64_t>(i), start, std::max(start, end));
    before[i] = std::max<int64_t>(0, before[i]), after[i] = std::max<int64_t>(0, after[i]);
  }
  const auto zero = [](int64_t width) { return width == 0; };
  if (std::all_of(before.begin(), before.end(), zero) && std::all_of(after.begin(), after.end(), zero))
    return x;
  return add("pad", {x}, {{"before", before}, {"after", after}, {"mode", std::move(mode)}, {"value", value}});
}

ValueId Builder::reduce(std::string op, ValueId x, std::vector<int64_t> axes, int64_t keepdims) {
  return axes.empty() ? x : add(std::move(op), {x}, {{"axes", std::move(axes)}, {"keepdims", keepdims}});
}

ValueId Builder::matmul(ValueId a, ValueId b) {
  if (rank(a) == 0 || rank(b) == 0)
    throw InputError("{}: {} and {} cannot be multiplied as matrices", source, to_string(type(a)),
                     to_string(type(b)));
  const bool row = rank(a) == 1, column = rank(b) == 1;
  if (row) a = unsqueeze(a, 0);
  if (column) b = unsqueeze(b, 1);
  const ValueId product = add("matmul", {a, b});
  Shape to = shape(product);
  if (column) to.pop_back();
  if (row) to.erase(to.end() - (column ? 1 : 2));
  return reshape(product, to);
}

ValueId Builder::along_axis(ValueId x, int64_t axis, const torch::Tensor& matrix) {
  const int64_t last = rank(x) - 1;
  x = swap_axes(x, axis, last);
  x = add("linear", {x, constant(matrix.to(scalar_type(dtype(x))))});
  return swap_axes(x, axis, last);
}

int64_t wrap_axis(int64_t axis, int64_t rank, std::string_view what) {
  if (axis < -rank || axis >= rank)
    throw InputError("{}: axis {} does not exist, there are {}", what, axis, rank);
  return axis < 0 ? axis + rank : axis;
}

void finish_import(Graph& graph, const std::vector<std::string>& output_names) {
  std::vector<bool> made(graph.values.size(), true);
  for (const ValueId input : graph.inputs) made[static_cast<size_t>(input)] = false;
  for (size_t i = 0; i < graph.outputs.size(); ++i) {
    ValueId& output = graph.outputs[i];
    if (!made[static_cast<size_t>(output)] || graph.value(output).is_constant() ||
        std::count(graph.outputs.begin(), graph.outputs.begin() + static_cast<int64_t>(i), output) > 0) {
      output = graph.add("identity", {output}, {}, "output");
      made.resize(graph.values.size(), true);
    }
    graph.value(output).name = i < output_names.size()     ? output_names[i]
                               : graph.outputs.size() == 1 ? "output"
                                                           : fmt::format("output.{}", i);
  }

  std::vector<bool> needed(graph.values.size(), false);
  for (const ValueId id : graph.inputs) needed[static_cast<size_t>(id)] = true;
  for (const ValueId id : graph.outputs) needed[static_cast<size_t>(id)] = true;
  std::vector<Node> kept;
  for (size_t i = graph.nodes.size(); i-- > 0;) {
    Node& node = graph.nodes[i];
    const auto is_needed = [&](ValueId id) { return needed[static_cast<size_t>(id)]; };
    if (std::none_of(node.outputs.begin(), node.outputs.end(), is_needed)) continue;
    for (const ValueId id : node.inputs) needed[static_cast<size_t>(id)] = true;
    for (const ValueId id : node.outputs) needed[static_cast<size_t>(id)] = true;
    kept.push_back(std::move(node));
  }
  std::reverse(kept.begin(), kept.end());
  graph.nodes = std::move(kept);

  std::vector<ValueId> renamed(graph.values.size(), -1);
  std::vector<Value> values;
  for (size_t i = 0; i < graph.values.size(); ++i)
    if (needed[i]) {
      renamed[i] = static_cast<ValueId>(values.size());
      values.push_back(std::move(graph.values[i]));
    }
  graph.values = std::move(values);
  const auto rename = [&](std::vector<ValueId>& ids) {
    for (ValueId& id : ids) id = renamed[static_cast<size_t>(id)];
  };
  rename(graph.inputs);
  rename(graph.outputs);
  for (auto& node : graph.nodes) rename(node.inputs), rename(node.outputs);

  for (const auto& node : graph.nodes)
    for (const ValueId id : node.outputs)
      if (graph.type(id).numel() == 0)
        throw InputError("{} ({}) makes the empty value {}; the compiler wants at least one element", node.op,
                         node.source, to_string(graph.type(id)));
}

}  // namespace lathe::compile
