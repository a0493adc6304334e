#include <torch/torch.h>

#include "lathe/compile/onnx/importer.h"
#include "lathe/core/printable.h"

namespace lathe::compile::onnx_import {

Builder& Call::builder() const {
  return importer_.builder;
}
int64_t Call::opset() const {
  return importer_.opset;
}

ValueId Call::input(size_t i) const {
  if (!has_input(i)) throw InputError("input {} is missing", i);
  return inputs_[i];
}

torch::Tensor Call::constant(size_t i) const {
  const ValueId id = input(i);
  if (!builder().is_constant(id))
    throw InputError("input {} ('{}') must be known when compiling, and depends on the inputs' values", i,
                     core::printable(node_.input(static_cast<int>(i)).substr(0, 100)));
  return builder().tensor(id);
}

List Call::constant_integers(size_t i) const {
  const torch::Tensor values = constant(i).to(torch::kInt64).reshape({-1}).contiguous();
  return {values.data_ptr<int64_t>(), values.data_ptr<int64_t>() + values.numel()};
}

double Call::constant_number(size_t i) const {
  const torch::Tensor& value = constant(i);
  if (value.numel() != 1) throw InputError("input {} has {} elements, must have one", i, value.numel());
  return value.to(torch::kFloat64).item<double>();
}

const onnx::AttributeProto* Call::find(const char* attribute) const {
  for (const auto& candidate : node_.attribute())
    if (candidate.name() == attribute) return &candidate;
  return nullptr;
}

int64_t Call::integer(const char* attribute, int64_t otherwise) const {
  const auto* found = find(attribute);
  return found ? found->i() : otherwise;
}

double Call::number(const char* attribute, double otherwise) const {
  const auto* found = find(attribute);
  return found ? static_cast<double>(found->f()) : otherwise;
}

std::string Call::text(const char* attribute, const std::string& otherwise) const {
  const auto* found = find(attribute);
  return found ? core::printable(found->s()) : otherwise;
}

List Call::integers(const char* attribute, List otherwise) const {
  const auto* found = find(attribute);
  return found ? List(found->ints().begin(), found->ints().end()) : otherwise;
}

std::vector<double> Call::numbers(const char* attribute) const {
  const auto* found = find(attribute);
  return found ? std::vector<double>(found->floats().begin(), found->floats().end()) : std::vector<double>();
}

std::vector<std::string> Call::texts(const char* attribute) const {
  const auto* found = find(attribute);
  return found ? std::vector<std::string>(found->strings().begin(), found->strings().end())
               : std::vector<std::string>();
}

const onnx::GraphProto& Call::graph(const char* attribute) const {
  const auto* found = find(attribute);
  if (!found || !found->has_g()) throw InputError("has no body '{}'", attribute);
  return found->g();
}

const onnx::TensorProto* Call::tensor(const char* attribute) const {
  const auto* found = find(attribute);
  return found && found->has_t() ? &found->t() : nullptr;
}

int64_t Call::axis(const char* attribute, int64_t otherwise, int64_t rank) const {
  return wrap_axis(integer(attribute, otherwise), rank, attribute);
}

List Call::integers_or_input(const char* attribute, size_t i) const {
  if (has(attribute)) return integers(attribute);
  return has_input(i) ? constant_integers(i) : List();
}

}  // namespace lathe::compile::onnx_import
