#include "lathe/compile/graph.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include "lathe/compile/infer.h"
#include "lathe/compile/op.h"
#include "lathe/core/error.h"

namespace lathe::compile {
namespace {

struct Kind {
  DType dtype;
  const char* name;
  int64_t bytes;
  torch::ScalarType scalar;
};
constexpr Kind kKinds[] = {
    {DType::f32, "f32", 4, torch::kFloat32}, {DType::f64, "f64", 8, torch::kFloat64},
    {DType::i64, "i64", 8, torch::kInt64},   {DType::i32, "i32", 4, torch::kInt32},
    {DType::i16, "i16", 2, torch::kInt16},   {DType::i8, "i8", 1, torch::kInt8},
    {DType::u8, "u8", 1, torch::kUInt8},     {DType::boolean, "bool", 1, torch::kBool}};

const Kind& kind(DType dtype) {
  return kKinds[static_cast<size_t>(dtype)];
}

std::string known_names() {
  std::vector<std::string> names;
  for (const auto& known : kKinds) names.emplace_back(known.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

int64_t times(int64_t a, int64_t b, const char* what) {
  int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) throw InputError("more {} than 64 bits can count", what);
  return product;
}

void check_shape(const std::string& name, const Shape& shape) {
  for (const int64_t size : shape)
    if (size < 0)
      throw InputError("'{}' has the shape [{}]; sizes must not be negative", name, fmt::join(shape, ","));
}

const Attribute& attribute(const Node& node, std::string_view name) {
  const auto found = node.attributes.find(std::string(name));
  if (found == node.attributes.end()) throw Error("{} has no attribute '{}'", node.op, name);
  return found->second;
}

template <typename T>
const T& attribute_of(const Node& node, std::string_view name, const char* what) {
  const auto* value = std::get_if<T>(&attribute(node, name));
  if (!value) throw Error("attribute '{}' of {} is not {}", name, node.op, what);
  return *value;
}

}  // namespace

int64_t size_of(DType dtype) {
  return kind(dtype).bytes;
}
std::string_view name_of(DType dtype) {
  return kind(dtype).name;
}
torch::ScalarType scalar_type(DType dtype) {
  return kind(dtype).scalar;
}

DType dtype_of(std::string_view name) {
  for (const auto& known : kKinds)
    if (known.name == name) return known.dtype;
  throw InputError("unknown type '{}'; known: {}", name, known_names());
}

DType dtype_of(torch::ScalarType scalar) {
  for (const auto& known : kKinds)
    if (known.scalar == scalar) return known.dtype;
  throw InputError("the compiler has no elements of type {}; it has {}", c10::toString(scalar),
                   known_names());
}

int64_t Type::numel() const {
  int64_t count = 1;
  for (const int64_t size : shape) count = times(count, size, "elements");
  return count;
}

std::string to_string(const Type& type) {
  return fmt::format("{}[{}]", name_of(type.dtype), fmt::join(type.shape, ","));
}

int64_t storage_bytes(const Type& type, const Layout& layout) {
  if (layout.block <= 1) return times(type.numel(), size_of(type.dtype), "bytes");
  if (type.shape.size() != 4) throw Error("{} cannot be blocked; only [N,C,H,W] can", to_string(type));
  const auto& border = layout.border;
  const Type stored{
      type.dtype,
      {type.shape[0], (type.shape[1] + layout.block - 1) / layout.block,
       border[0] + type.shape[2] + border[1], border[2] + type.shape[3] + border[3], layout.block}};
  return times(stored.numel(), size_of(type.dtype), "bytes");
}

int64_t Node::integer(std::string_view name) const {
  return attribute_of<int64_t>(*this, name, "an integer");
}
int64_t Node::integer(std::string_view name, int64_t otherwise) const {
  return has(name) ? integer(name) : otherwise;
}
double Node::number(std::string_view name) const {
  if (const auto* whole = std::get_if<int64_t>(&attribute(*this, name))) return static_cast<double>(*whole);
  return attribute_of<double>(*this, name, "a number");
}
double Node::number(std::string_view name, double otherwise) const {
  return has(name) ? number(name) : otherwise;
}
const std::string& Node::text(std::string_view name) const {
  return attribute_of<std::string>(*this, name, "a text");
}
const std::vector<int64_t>& Node::integers(std::string_view name) const {
  return attribute_of<std::vector<int64_t>>(*this, name, "a list of integers");
}
std::vector<double> Node::numbers(std::string_view name) const {
  const auto found = attributes.find(std::string(name));
  if (found == attributes.end()) return {number(name)};
  if (const auto* list = std::get_if<std::vector<double>>(&found->second)) return *list;
  if (const auto* list = std::get_if<std::vector<int64_t>>(&found->second))
    return {list->begin(), list->end()};
  return {number(name)};
}
bool Node::has(std::string_view name) const {
  return attributes.count(std::string(name)) > 0;
}

ValueId Graph::add_input(std::string name, Type type) {
  check_shape(name, type.shape);
  const auto id = static_cast<ValueId>(values.size());
  values.push_back({std::move(type), {}, std::move(name), {}});
  inputs.push_back(id);
  return id;
}

ValueId Graph::add_constant(torch::Tensor tensor, std::string name) {
  tensor = tensor.detach().cpu().contiguous();
  const auto id = static_cast<ValueId>(values.size());
  values.push_back({{dtype_of(tensor.scalar_type()), tensor.sizes().vec()}, {}, std::move(name), tensor});
  return id;
}

std::vector<Type> infer(const Graph& graph, const Node& node) {
  const Op& known = op(node.op);
  const auto count = static_cast<int>(node.inputs.size());
  if (count < known.min_inputs || (known.max_inputs >= 0 && count > known.max_inputs))
    throw InputError("{} has {} inputs; it takes {}", node.op, count,
                     known.max_inputs < 0 ? fmt::format("{} or more", known.min_inputs)
                     : known.max_inputs == known.min_inputs
                         ? fmt::format("{}", known.min_inputs)
                         : fmt::format("{} to {}", known.min_inputs, known.max_inputs));
  std::vector<Type> types;
  for (const ValueId input : node.inputs) {
    if (input < 0 || static_cast<size_t>(input) >= graph.values.size())
      throw Error("{} reads value %{}, which is not in the graph", node.op, input);
    types.push_back(graph.type(input));
  }
  return known.infer(node, types);
}

std::vector<ValueId> Graph::add(Node node) {
  node.outputs.clear();
  for (auto& inferred : infer(*this, node)) {
    node.outputs.push_back(static_cast<ValueId>(values.size()));
    values.push_back({std::move(inferred), {}, {}, {}});
  }
  nodes.push_back(std::move(node));
  return nodes.back().outputs;
}

ValueId Graph::add(std::string op, std::vector<ValueId> inputs, std::map<std::string, Attribute> attributes,
                   std::string source) {
  const auto outputs =
      add(Node{std::move(op), std::move(inputs), {}, std::move(attributes), std::move(source)});
  if (outputs.size() != 1) throw Error("{} has {} outputs, not one", nodes.back().op, outputs.size());
  return outputs[0];
}

Uses uses(const Graph& graph) {
  Uses found;
  found.producer.assign(graph.values.size(), -1);
  found.readers.resize(graph.values.size());
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const int index = static_cast<int>(i);
    for (const ValueId output : graph.nodes[i].outputs) found.producer[static_cast<size_t>(output)] = index;
    for (const ValueId input : graph.nodes[i].inputs) {
      auto& readers = found.readers[static_cast<size_t>(input)];
      if (readers.empty() || readers.back() != index) readers.push_back(index);
    }
  }
  return found;
}

namespace {

// Which node an error is about: "node 12, conv (layer1.conv)".
std::string place(const Graph& graph, size_t index) {
  const Node& node = graph.nodes[index];
  return fmt::format("node {}, {}{}", index, node.op,
                     node.source.empty() ? "" : fmt::format(" ({})", node.source));
}

void check_layout(const Value& value, const std::string& where) {
  const Layout& layout = value.layout;
  const bool bordered = layout.border != std::array<int, 4>{};
  for (const int width : layout.border)
    if (width < 0) throw Error("{}: a border of {} in a layout", where, width);
  if (layout.block < 1 || (layout.block == 1 && bordered))
    throw Error("{}: a layout with block {}{}", where, layout.block, bordered ? " and a border" : "");
  if (layout.block > 1 && value.type.shape.size() != 4)
    throw Error("{}: {} in a blocked layout; only [N,C,H,W] can be", where, to_string(value.type));
}

}  // namespace

void check(const Graph& graph) {
  std::vector<bool> made(graph.values.size());
  const auto make = [&](ValueId id, const std::string& where) {
    if (id < 0 || static_cast<size_t>(id) >= made.size()) throw Error("{}: no value %{}", where, id);
    if (made[static_cast<size_t>(id)]) throw Error("{}: value %{} is made a second time", where, id);
    made[static_cast<size_t>(id)] = true;
    check_layout(graph.value(id), where);
  };
  const auto read = [&](ValueId id, const std::string& where) {
    if (id < 0 || static_cast<size_t>(id) >= made.size()) throw Error("{}: no value %{}", where, id);
    if (!made[static_cast<size_t>(id)]) throw Error("{}: value %{} is read before it is made", where, id);
  };
  for (const ValueId input : graph.inputs) make(input, "inputs");
  for (size_t i = 0; i < graph.values.size(); ++i) {
    const Value& value = graph.values[i];
    if (!value.is_constant()) continue;
    const std::string where = fmt::format("constant '{}'", value.name);
    make(static_cast<ValueId>(i), where);
    if (!value.constant.is_contiguous() || !value.constant.device().is_cpu() ||
        value.constant.scalar_type() != scalar_type(value.type.dtype) ||
        value.constant.sizes() != c10::IntArrayRef(value.type.shape))
      throw Error("{}: its tensor is not a contiguous {} on the CPU", where, to_string(value.type));
  }
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const std::string where = place(graph, i);
    for (const ValueId input : node.inputs) read(input, where);
    std::vector<Type> inferred;
    try {
      inferred = infer(graph, node);
    } catch (const std::exception& error) {
      throw Error("{}: {}", where, error.what());
    }
    if (inferred.size() != node.outputs.size())
      throw Error("{}: {} outputs instead of {}", where, node.outputs.size(), inferred.size());
    for (size_t o = 0; o < inferred.size(); ++o) {
      make(node.outputs[o], where);
      if (!(graph.type(node.outputs[o]) == inferred[o]))
        throw Error("{}: its output is declared {} and is {}", where, to_string(graph.type(node.outputs[o])),
                    to_string(inferred[o]));
    }
    if (node.op == "layout" && graph.value(node.outputs[0]).layout.block != node.integer("block"))
      throw Error("{}: its attribute says block {}, its output block {}", where, node.integer("block"),
                  graph.value(node.outputs[0]).layout.block);
  }
  for (const ValueId output : graph.outputs) read(output, "outputs");
}

namespace {

torch::Tensor widened(const torch::Tensor& tensor, Precision precision) {
  return precision == Precision::f64 && tensor.scalar_type() == torch::kFloat32 ? tensor.to(torch::kFloat64)
                                                                                : tensor;
}

// For each value the last node that needs it; -1 where no output depends on it. Outputs are needed to the
// end.
std::vector<int> last_needs(const Graph& graph) {
  std::vector<int> last(graph.values.size(), -1);
  const auto need = [&](ValueId id, size_t when) {
    int& at = last[static_cast<size_t>(id)];
    at = std::max(at, static_cast<int>(when));
  };
  for (const ValueId output : graph.outputs) need(output, graph.nodes.size());
  for (size_t i = graph.nodes.size(); i-- > 0;) {
    bool needed = false;
    for (const ValueId output : graph.nodes[i].outputs) needed |= last[static_cast<size_t>(output)] >= 0;
    if (needed)
      for (const ValueId input : graph.nodes[i].inputs) need(input, i);
  }
  return last;
}

enum class Keep { outputs, everything };

std::vector<torch::Tensor> run(const Graph& graph, const std::vector<torch::Tensor>& inputs,
                               Precision precision, Keep keep) {
  const torch::NoGradGuard no_grad;
  if (inputs.size() != graph.inputs.size())
    throw InputError("{} has {} inputs, got {}", graph.name.empty() ? "the graph" : graph.name,
                     graph.inputs.size(), inputs.size());
  std::vector<torch::Tensor> values(graph.values.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Value& value = graph.value(graph.inputs[i]);
    if (!inputs[i].defined()) throw InputError("input '{}' is not defined", value.name);
    const Type got{dtype_of(inputs[i].scalar_type()), inputs[i].sizes().vec()};
    const bool wide =
        precision == Precision::f64 && got.dtype == DType::f64 && value.type.dtype == DType::f32;
    if (got.shape != value.type.shape || (got.dtype != value.type.dtype && !wide))
      throw InputError("input '{}' must be {}, got {}", value.name, to_string(value.type), to_string(got));
    values[static_cast<size_t>(graph.inputs[i])] = widened(inputs[i].detach().cpu().contiguous(), precision);
  }
  const std::vector<int> last = last_needs(graph);
  for (size_t i = 0; i < graph.values.size(); ++i)
    if (graph.values[i].is_constant() && last[i] >= 0)
      values[i] = widened(graph.values[i].constant, precision);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    bool needed = false;
    for (const ValueId output : node.outputs) needed |= last[static_cast<size_t>(output)] >= 0;
    if (!needed) continue;
    std::vector<torch::Tensor> arguments;
    for (const ValueId input : node.inputs) {
      arguments.push_back(values[static_cast<size_t>(input)]);
      if (!arguments.back().defined())
        throw Error("{}: value %{} is read before it is made", place(graph, i), input);
    }
    std::vector<torch::Tensor> results;
    try {
      results = op(node.op).evaluate(node, arguments);
    } catch (const c10::Error& error) {
      throw Error("{}: {}", place(graph, i), error.what_without_backtrace());
    }
    if (results.size() != node.outputs.size())
      throw Error("{}: evaluation gives {} values, not {}", place(graph, i), results.size(),
                  node.outputs.size());
    for (size_t o = 0; o < results.size(); ++o) {
      const Type& expected = graph.type(node.outputs[o]);
      const torch::Tensor result = widened(results[o], precision).contiguous();
      const Type got{dtype_of(result.scalar_type()), result.sizes().vec()};
      const bool wide =
          precision == Precision::f64 && got.dtype == DType::f64 && expected.dtype == DType::f32;
      if (got.shape != expected.shape || (got.dtype != expected.dtype && !wide))
        throw Error("{}: evaluation gives {}, not {}", place(graph, i), to_string(got), to_string(expected));
      values[static_cast<size_t>(node.outputs[o])] = result;
    }
    if (keep == Keep::everything) continue;
    for (const ValueId input : node.inputs)
      if (last[static_cast<size_t>(input)] == static_cast<int>(i)) values[static_cast<size_t>(input)].reset();
  }
  return values;
}

}  // namespace

std::vector<torch::Tensor> evaluate(const Graph& graph, const std::vector<torch::Tensor>& inputs,
                                    Precision precision) {
  const auto values = run(graph, inputs, precision, Keep::outputs);
  std::vector<torch::Tensor> outputs;
  for (const ValueId output : graph.outputs) outputs.push_back(values[static_cast<size_t>(output)]);
  return outputs;
}

std::vector<torch::Tensor> evaluate_all(const Graph& graph, const std::vector<torch::Tensor>& inputs,
                                        Precision precision) {
  return run(graph, inputs, precision, Keep::everything);
}

}  // namespace lathe::compile
