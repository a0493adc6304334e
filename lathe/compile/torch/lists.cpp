#include <torch/script.h>
#include <torch/torch.h>

#include "lathe/compile/torch/interpreter.h"

namespace lathe::compile::torchscript {

using torch::jit::Node;

// What the language does with lists and tuples, which may hold cells.
bool Interpreter::list_step(Node& node, std::vector<Variable>& inputs) {
  const std::string name = node.kind().toQualString();
  const auto sequence = [&] { return inputs.empty() ? nullptr : inputs[0].sequence; };
  const auto make = [](std::vector<Variable> items, bool is_tuple) {
    Variable variable;
    variable.sequence = std::make_shared<Sequence>(Sequence{std::move(items), is_tuple});
    return variable;
  };
  if (name == "prim::TupleConstruct") {
    set(node, {make(std::move(inputs), true)});
  } else if (name == "prim::ListConstruct" &&
             node.output()->type()->expectRef<c10::ListType>().getElementType()->kind() ==
                 c10::TypeKind::TensorType) {
    set(node, {make(std::move(inputs), false)});
  } else if (name == "prim::ListConstruct" && make(inputs, false).symbolic()) {
    set(node, {make(std::move(inputs), false)});
  } else if ((name == "prim::TupleUnpack" || name == "prim::ListUnpack") && sequence()) {
    set(node, sequence()->items);
  } else if ((name == "prim::TupleIndex" || name == "aten::__getitem__") && sequence()) {
    const auto size = static_cast<int64_t>(sequence()->items.size());
    set(node,
        {sequence()
             ->items[static_cast<size_t>(wrap_axis(inputs.at(1).known.toInt(), size, "a list's index"))]});
  } else if (name == "prim::TupleSlice" && sequence()) {
    const auto& items = sequence()->items;
    set(node,
        {make({items.begin() + node.i(torch::jit::attr::beg), items.begin() + node.i(torch::jit::attr::end)},
              true)});
  } else if (name == "aten::append" && sequence()) {
    sequence()->items.push_back(inputs.at(1));
    set(node, {inputs[0]});
  } else if (name == "aten::len" && sequence()) {
    set(node, {{c10::IValue(static_cast<int64_t>(sequence()->items.size())), nullptr, nullptr}});
  } else if (name == "aten::add" && sequence() && inputs.at(1).sequence) {
    auto items = sequence()->items;
    items.insert(items.end(), inputs[1].sequence->items.begin(), inputs[1].sequence->items.end());
    set(node, {make(std::move(items), false)});
  } else if (name == "prim::unchecked_cast" || name == "prim::data" ||
             name == "prim::unchecked_unwrap_optional" || name == "aten::_unwrap_optional") {
    set(node, {inputs.at(0)});
  } else if (name == "aten::__is__" || name == "aten::__isnot__") {
    const auto none = [](const Variable& v) { return !v.cell && !v.sequence && v.known.isNone(); };
    if (!none(inputs.at(0)) && !none(inputs.at(1))) return false;
    const bool same = none(inputs[0]) && none(inputs[1]);
    set(node, {{c10::IValue(same == (name == "aten::__is__")), nullptr, nullptr}});
  } else {
    return false;
  }
  return true;
}

}  // namespace lathe::compile::torchscript
