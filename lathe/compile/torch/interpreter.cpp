#include "lathe/compile/torch/interpreter.h"

#include <fmt/ranges.h>
#include <torch/script.h>
#include <torch/torch.h>

#include <optional>

#include "lathe/core/error.h"
#include "lathe/core/printable.h"

namespace lathe::compile::torchscript {
namespace {

using torch::jit::Node;
using torch::jit::Value;

// Answers that depend on a tensor's type only.
const std::set<std::string, std::less<>> kMetadata = {"aten::size",
                                                      "aten::dim",
                                                      "aten::numel",
                                                      "prim::dtype",
                                                      "prim::device",
                                                      "aten::len",
                                                      "prim::is_cuda",
                                                      "prim::layout",
                                                      "aten::is_floating_point",
                                                      "prim::requires_grad",
                                                      "aten::is_complex",
                                                      "prim::is_quantized",
                                                      "prim::is_sparse",
                                                      "prim::shape",
                                                      "aten::is_signed",
                                                      "prim::is_meta",
                                                      "prim::is_mkldnn",
                                                      "prim::is_xpu",
                                                      "prim::is_mps",
                                                      "aten::is_nonzero_size",
                                                      "prim::ndim",
                                                      "aten::get_device",
                                                      "prim::is_nested",
                                                      "prim::isinstance"};

// Tensors that become numbers of the program.
const std::set<std::string, std::less<>> kNeedsValues = {
    "aten::Bool",       "aten::Int",         "aten::Float",         "aten::item",
    "aten::is_nonzero", "aten::IntImplicit", "aten::FloatImplicit", "aten::ScalarImplicit",
    "aten::equal",      "aten::nonzero",     "aten::allclose"};

constexpr int64_t kMostSteps = 300000;  // a loop that is longer is taken for endless

std::string first_line(const std::string& text) {
  return core::printable(text.substr(0, std::min(text.find('\n'), size_t{200})));
}

bool in_place(const Node& node) {
  const std::string name = node.kind().toUnqualString();
  return name.size() > 1 && name.back() == '_' && name[name.size() - 2] != '_';
}

std::string base_name(const Node& node) {
  std::string name = node.kind().toQualString();
  if (in_place(node)) name.pop_back();
  return name;
}

// What libtorch's interpreter does itself, on known values; nothing where it has an operator.
std::optional<std::vector<Variable>> language_step(Node& node, const std::vector<Variable>& inputs) {
  const std::string name = node.kind().toQualString();
  const auto one = [](c10::IValue value) {
    return std::vector<Variable>{{std::move(value), nullptr, nullptr}};
  };
  const auto many = [](const auto& values) {
    std::vector<Variable> variables;
    for (const auto& value : values) variables.push_back({value, nullptr, nullptr});
    return variables;
  };
  if (name == "prim::Uninitialized") return one({});
  if (name == "prim::ListConstruct") {
    c10::impl::GenericList list(node.output()->type()->expectRef<c10::ListType>().getElementType());
    for (const auto& input : inputs) list.push_back(input.known);
    return one(list);
  }
  if (name == "prim::DictConstruct") {
    const auto& type = node.output()->type()->expectRef<c10::DictType>();
    c10::impl::GenericDict dict(type.getKeyType(), type.getValueType());
    for (size_t i = 0; i + 1 < inputs.size(); i += 2)
      dict.insert_or_assign(inputs[i].known, inputs[i + 1].known);
    return one(dict);
  }
  if (name == "prim::ListUnpack") return many(inputs.at(0).known.toListRef());
  if (name == "prim::TupleUnpack") return many(inputs.at(0).known.toTupleRef().elements());
  if (name == "prim::TupleIndex") {
    const auto& items = inputs.at(0).known.toTupleRef().elements();
    const auto size = static_cast<int64_t>(items.size());
    return one(items[static_cast<size_t>(wrap_axis(inputs.at(1).known.toInt(), size, "a tuple's index"))]);
  }
  if (name == "prim::isinstance") {
    const c10::TypePtr type =
        inputs.at(0).cell ? c10::TypePtr(c10::TensorType::get()) : inputs[0].known.type();
    bool found = false;
    for (const auto& candidate : node.tys(torch::jit::attr::types)) found |= type->isSubtypeOf(*candidate);
    return one(found);
  }
  return std::nullopt;
}

}  // namespace

bool Variable::symbolic() const {
  if (cell) return true;
  if (!sequence) return false;
  for (const auto& item : sequence->items)
    if (item.symbolic()) return true;
  return false;
}

std::string Interpreter::place() const {
  return path_.back().empty() ? "the module itself" : path_.back();
}

const Variable& Interpreter::get(const Value* value) const {
  const auto found = names_.find(value);
  if (found == names_.end())
    throw Error("TorchScript value %{} is read before it is made", value->debugName());
  return found->second;
}

void Interpreter::set(Node& node, std::vector<Variable> outputs) {
  if (outputs.size() != node.outputs().size())
    throw Error("{} gives {} results instead of {}", node.kind().toQualString(), outputs.size(),
                node.outputs().size());
  for (size_t i = 0; i < outputs.size(); ++i) names_[node.outputs()[i]] = std::move(outputs[i]);
}

// The value as libtorch has it; cells as zeros of their type.
c10::IValue Interpreter::known(const Variable& variable, bool with_zeros) const {
  if (variable.cell) {
    if (!with_zeros) throw Error("a tensor's values are not known here");
    const Type& type = builder.type(variable.cell->id);
    return torch::zeros({}, torch::dtype(scalar_type(type.dtype))).expand(type.shape);
  }
  if (!variable.sequence) return variable.known;
  std::vector<c10::IValue> items;
  for (const auto& item : variable.sequence->items) items.push_back(known(item, with_zeros));
  if (variable.sequence->is_tuple) return c10::ivalue::Tuple::create(std::move(items));
  c10::impl::GenericList list(c10::TensorType::get());
  for (auto& item : items) {
    if (!item.isTensor()) throw Error("a list of something else than tensors");
    list.push_back(std::move(item));
  }
  return c10::impl::toTypedList<at::Tensor>(list);
}

ValueId Interpreter::value_of(const Variable& variable) {
  if (variable.cell) return variable.cell->id;
  if (!variable.known.isTensor())
    throw InputError("{}: a {} where a tensor is needed", place(), variable.known.tagKind());
  const torch::Tensor& tensor = variable.known.toTensor();
  if (!tensor.defined()) throw InputError("{}: an undefined tensor", place());
  const int64_t version = tensor.is_inference() ? 0 : static_cast<int64_t>(tensor._version());
  const auto found = constants_.find(tensor.unsafeGetTensorImpl());
  if (found != constants_.end() && found->second.first == version) return found->second.second;
  const auto name = tensor_names.find(tensor.numel() > 0 ? tensor.data_ptr() : nullptr);
  const ValueId id =
      builder.constant(tensor.clone(), name == tensor_names.end() ? std::string() : name->second);
  constants_[tensor.unsafeGetTensorImpl()] = {version, id};
  alive_.push_back(tensor);
  return id;
}

Variable Interpreter::variable_of(ValueId id) {
  Variable variable;
  if (builder.is_constant(id)) {
    const torch::Tensor copy = builder.tensor(id).clone();  // the program may change it in place
    variable.known = copy;
    constants_[copy.unsafeGetTensorImpl()] = {static_cast<int64_t>(copy._version()), id};
    alive_.push_back(copy);
  } else {
    variable.cell = std::make_shared<Cell>(Cell{id});
  }
  return variable;
}

std::vector<Variable> Interpreter::run(torch::jit::Block& block, std::vector<Variable> inputs) {
  if (inputs.size() != block.inputs().size())
    throw InputError("the method takes {} inputs, got {}", block.inputs().size(), inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) names_[block.inputs()[i]] = std::move(inputs[i]);
  for (Node* node : block.nodes()) step(*node);
  std::vector<Variable> outputs;
  for (const Value* value : block.outputs()) outputs.push_back(get(value));
  return outputs;
}

void Interpreter::call_method(Node& node, std::vector<Variable> inputs) {
  const auto object = inputs.at(0).known.toObject();
  const auto& function =
      torch::jit::toGraphFunction(object->type()->getMethod(node.s(torch::jit::attr::name)));
  const auto path = module_paths.find(object.get());
  const bool module = path != module_paths.end() && node.s(torch::jit::attr::name) == "forward";
  path_.push_back(module ? path->second : path_.back());
  Names saved = std::exchange(names_, {});
  auto outputs = run(*function.graph()->block(), std::move(inputs));
  names_ = std::move(saved);
  path_.pop_back();
  set(node, std::move(outputs));
}

void Interpreter::call_function(Node& node, std::vector<Variable> inputs) {
  auto* function = node.input(0)->type()->expectRef<c10::FunctionType>().function();
  inputs.erase(inputs.begin());
  Names saved = std::exchange(names_, {});
  auto outputs = run(*torch::jit::toGraphFunction(*function).graph()->block(), std::move(inputs));
  names_ = std::move(saved);
  set(node, std::move(outputs));
}

void Interpreter::branch(Node& node, const Variable& condition) {
  if (condition.symbolic() || !condition.known.isBool())
    throw InputError(
        "{}: an `if` depends on the values of a tensor; compile one branch at a time, or use torch.where",
        place());
  set(node, run(*node.blocks()[condition.known.toBool() ? 0 : 1], {}));
}

void Interpreter::loop(Node& node, std::vector<Variable> inputs) {
  const auto want = [&](const Variable& variable) {
    if (variable.symbolic())
      throw InputError("{}: a loop's length depends on the values of a tensor", place());
    return variable.known;
  };
  const int64_t most = want(inputs.at(0)).toInt();
  bool go = want(inputs.at(1)).toBool();
  std::vector<Variable> state(inputs.begin() + 2, inputs.end());
  for (int64_t i = 0; i < most && go; ++i) {
    state.insert(state.begin(), Variable{c10::IValue(i), nullptr, nullptr});
    state = run(*node.blocks()[0], std::move(state));
    go = want(state.at(0)).toBool();
    state.erase(state.begin());
  }
  set(node, std::move(state));
}

void Interpreter::step(Node& node) {
  if (++steps_ > kMostSteps) throw InputError("{}: a loop does not end", place());
  std::vector<Variable> inputs;
  const std::string name = node.kind().toQualString();
  if (name == "prim::CallFunction") {
    inputs.emplace_back();
    for (size_t i = 1; i < node.inputs().size(); ++i) inputs.push_back(get(node.input(i)));
    return call_function(node, std::move(inputs));
  }
  for (const Value* input : node.inputs()) inputs.push_back(get(input));
  if (name == "prim::Constant") {
    if (node.output()->type()->kind() == c10::TypeKind::FunctionType) return;
    const auto value = torch::jit::toIValue(node.output());
    return set(node, {{value ? *value : c10::IValue(), nullptr, nullptr}});
  }
  if (name == "prim::GetAttr") {
    const auto object = inputs.at(0).known.toObject();
    return set(node, {{object->getAttr(node.s(torch::jit::attr::name)), nullptr, nullptr}});
  }
  if (name == "prim::SetAttr") {
    if (inputs.at(1).symbolic())
      throw InputError("{}: the module stores a tensor in its attribute {} while it runs", place(),
                       node.s(torch::jit::attr::name));
    inputs[0].known.toObject()->setAttr(node.s(torch::jit::attr::name), inputs[1].known);
    return;
  }
  if (name == "prim::CallMethod") return call_method(node, std::move(inputs));
  if (name == "prim::If") return branch(node, inputs.at(0));
  if (name == "prim::Loop") return loop(node, std::move(inputs));
  if (name == "prim::Print" || name == "aten::warn") return;
  if (name == "prim::RaiseException")
    throw InputError("{}: the module raises an error for inputs of this type: {}", place(),
                     inputs.at(0).known.isString() ? first_line(inputs[0].known.toStringRef()) : "no text");
  if (list_step(node, inputs)) return;
  bool symbolic = false;
  for (const auto& input : inputs) symbolic |= input.symbolic();
  if (!symbolic || kMetadata.count(name) > 0) return execute(node, inputs);
  translate(node, std::move(inputs));
}

void Interpreter::execute(Node& node, const std::vector<Variable>& inputs) {
  if (node.isNondeterministic()) return stand_in(node, inputs, "draws random numbers");
  if (auto made = language_step(node, inputs)) return set(node, std::move(*made));
  torch::jit::Stack stack;
  for (const auto& input : inputs) stack.push_back(known(input, /*with_zeros=*/true));
  try {
    node.getOperation()(stack);
  } catch (const std::exception& error) {
    throw InputError("{}: {} fails: {}", place(), node.kind().toQualString(), first_line(error.what()));
  }
  std::vector<Variable> outputs;
  for (auto& value : stack) outputs.push_back({std::move(value), nullptr, nullptr});
  set(node, std::move(outputs));
}

void Interpreter::translate(Node& node, std::vector<Variable> inputs) {
  const auto entry = entries().find(base_name(node));
  if (kNeedsValues.count(base_name(node)) > 0)
    return stand_in(node, inputs, "an `if`, a loop or a shape depends on the values of a tensor");
  if (entry == entries().end()) return stand_in(node, inputs, "");
  const std::string place_of = path_.back();
  builder.source = place_of.empty() ? std::string(node.kind().toUnqualString()) : place_of;
  std::vector<ValueId> ids;
  try {
    ids = entry->second.handler(Call(*this, node, inputs));
  } catch (const InputError& error) {
    return stand_in(node, inputs, error.what());
  } catch (const c10::Error& error) {
    return stand_in(node, inputs, first_line(error.what_without_backtrace()));
  }
  std::vector<Variable> outputs;
  for (const ValueId id : ids) outputs.push_back(variable_of(id));
  if (in_place(node)) {
    auto& cell = inputs.at(0).cell;
    if (!cell || cell->is_view || cell->has_views)
      return stand_in(
          node, inputs,
          "changes in place a tensor that shares its memory with another; use the operator without '_'");
    if (builder.shape(cell->id) != builder.shape(ids.at(0)) || builder.is_constant(ids[0]))
      return stand_in(node, inputs, "changes the shape in place");
    cell->id = builder.cast(ids[0], builder.dtype(cell->id));
    return set(node, {inputs[0]});
  }
  if (entry->second.view && !inputs.empty() && inputs[0].cell)
    for (auto& output : outputs) {
      if (!output.cell) continue;
      if (output.cell->id == inputs[0].cell->id)
        output.cell = inputs[0].cell;
      else
        output.cell->is_view = true, inputs[0].cell->has_views = true;
    }
  // One list of tensors as the result.
  if (node.outputs().size() == 1 && node.output()->type()->kind() == c10::TypeKind::ListType) {
    Variable list;
    list.sequence = std::make_shared<Sequence>(Sequence{std::move(outputs), false});
    outputs = {std::move(list)};
  }
  set(node, std::move(outputs));
}

void Interpreter::stand_in(Node& node, const std::vector<Variable>& inputs, const std::string& reason) {
  bool used = in_place(node);
  for (const Value* output : node.outputs()) used |= output->hasUses();
  if (used) {
    const std::string name = node.kind().toQualString();
    auto& entry = unsupported_[reason.empty() ? name : fmt::format("{} ({})", name, reason)];
    ++entry.count;
    entry.places.insert(place());
  }
  torch::jit::Stack stack;
  try {
    const torch::NoGradGuard no_grad;
    for (const auto& input : inputs) {
      stack.push_back(known(input, /*with_zeros=*/true));
      if (stack.back().isTensor() && stack.back().toTensor().defined())
        stack.back() = stack.back().toTensor().clone();
    }
    node.getOperation()(stack);
  } catch (const std::exception&) {
    report();
  }
  std::vector<Variable> outputs;
  for (auto& value : stack) {
    Variable output;
    if (value.isTensor() && value.toTensor().defined()) {
      const Type type{dtype_of(value.toTensor().scalar_type()), value.toTensor().sizes().vec()};
      output.cell = std::make_shared<Cell>(Cell{builder.graph().add_input("stand-in", type)});
    } else {
      output.known = std::move(value);
    }
    outputs.push_back(std::move(output));
  }
  if (in_place(node) && inputs.at(0).cell) outputs = {inputs[0]};
  set(node, std::move(outputs));
}

void Interpreter::report() const {
  if (unsupported_.empty()) return;
  std::vector<std::string> parts;
  for (const auto& [what, entry] : unsupported_) {
    std::vector<std::string> places(entry.places.begin(), entry.places.end());
    const size_t more = places.size() > 5 ? places.size() - 5 : 0;
    places.resize(places.size() - more);
    parts.push_back(fmt::format("{} {}× in {}{}", what, entry.count, fmt::join(places, ", "),
                                more > 0 ? fmt::format(" and {} more", more) : ""));
  }
  throw InputError("the compiler does not have what this module needs: {}", fmt::join(parts, "; "));
}

}  // namespace lathe::compile::torchscript
