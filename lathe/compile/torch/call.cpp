#include <torch/script.h>
#include <torch/torch.h>

#include "lathe/compile/torch/interpreter.h"
#include "lathe/core/error.h"

namespace lathe::compile::torchscript {

Call::Call(Interpreter& interpreter, torch::jit::Node& node, std::vector<Variable> arguments)
    : interpreter_(interpreter), node_(node), arguments_(std::move(arguments)) {}

std::string Call::name() const {
  std::string name = node_.kind().toQualString();
  if (name.back() == '_') name.pop_back();
  return name;
}

Builder& Call::builder() const {
  return interpreter_.builder;
}

size_t Call::position(const char* argument) const {
  const auto& schema = node_.schema().arguments();
  for (size_t i = 0; i < schema.size() && i < arguments_.size(); ++i)
    if (schema[i].name() == argument) return i;
  return static_cast<size_t>(-1);
}

bool Call::has(const char* argument) const {
  const size_t at = position(argument);
  if (at == static_cast<size_t>(-1)) return false;
  return arguments_[at].cell || arguments_[at].sequence || !arguments_[at].known.isNone();
}

const Variable& Call::variable(const char* argument) const {
  const size_t at = position(argument);
  if (at == static_cast<size_t>(-1)) throw InputError("{} has no argument {}", name(), argument);
  return arguments_[at];
}

ValueId Call::tensor(const char* argument) const {
  return interpreter_.value_of(variable(argument));
}

std::vector<ValueId> Call::tensors(const char* argument) const {
  const Variable& list = variable(argument);
  std::vector<ValueId> ids;
  if (list.sequence)
    for (const auto& item : list.sequence->items) {
      const bool none = !item.cell && !item.sequence && item.known.isNone();
      ids.push_back(none ? -1 : interpreter_.value_of(item));
    }
  else
    for (const auto& item : list.known.toListRef())
      ids.push_back(item.isNone() ? -1 : interpreter_.value_of({item, nullptr, nullptr}));
  return ids;
}

double Call::number(const char* argument) const {
  const Variable& variable = this->variable(argument);
  if (variable.symbolic()) throw InputError("{}: {} depends on the values of a tensor", name(), argument);
  const c10::IValue& value = variable.known;
  if (value.isTensor()) return value.toTensor().item<double>();
  if (value.isBool()) return value.toBool() ? 1 : 0;
  if (!value.isScalar()) throw InputError("{}: {} is not a number", name(), argument);
  return value.toScalar().toDouble();
}

double Call::number(const char* argument, double otherwise) const {
  return has(argument) ? number(argument) : otherwise;
}

int64_t Call::integer(const char* argument) const {
  const Variable& variable = this->variable(argument);
  return variable.known.isInt() ? variable.known.toInt() : static_cast<int64_t>(number(argument));
}

int64_t Call::integer(const char* argument, int64_t otherwise) const {
  return has(argument) ? integer(argument) : otherwise;
}

bool Call::flag(const char* argument, bool otherwise) const {
  return has(argument) ? number(argument) != 0 : otherwise;
}

std::string Call::text(const char* argument, const std::string& otherwise) const {
  return has(argument) && variable(argument).known.isString() ? variable(argument).known.toStringRef()
                                                              : otherwise;
}

std::vector<int64_t> Call::integers(const char* argument, size_t count) const {
  if (!has(argument)) return {};
  const Variable& variable = this->variable(argument);
  if (variable.symbolic()) throw InputError("{}: {} depends on the values of a tensor", name(), argument);
  if (!variable.sequence && variable.known.isInt())
    return std::vector<int64_t>(count, variable.known.toInt());
  std::vector<int64_t> values;
  if (variable.sequence) {
    for (const auto& item : variable.sequence->items)
      values.push_back(item.known.isTensor() ? item.known.toTensor().item<int64_t>() : item.known.toInt());
  } else {
    for (const auto& item : variable.known.toListRef()) values.push_back(item.toInt());
  }
  if (values.size() == 1 && count > 1) values.assign(count, values[0]);
  return values;
}

int64_t Call::axis(const char* argument, int64_t rank) const {
  return wrap_axis(integer(argument), std::max<int64_t>(rank, 1), name());
}

const Entries& entries() {
  static const Entries all = [] {
    Entries entries;
    add_elementwise(entries);
    add_binary(entries);
    add_layers(entries);
    add_pools(entries);
    add_recurrent(entries);
    add_reductions(entries);
    add_shapes(entries);
    add_indexing(entries);
    return entries;
  }();
  return all;
}

}  // namespace lathe::compile::torchscript
