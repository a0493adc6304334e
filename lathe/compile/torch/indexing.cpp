#include <torch/torch.h>

#include <algorithm>

#include "lathe/compile/gather_elements.h"
#include "lathe/compile/torch/interpreter.h"
#include "lathe/core/error.h"

namespace lathe::compile::torchscript {
namespace {

using Ids = std::vector<ValueId>;
using List = std::vector<int64_t>;

Ids slice(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  const int64_t axis = call.axis("dim", b.rank(x)), size = b.shape(x)[static_cast<size_t>(axis)];
  const auto bound = [&](const char* name, int64_t otherwise) {
    const int64_t at = call.integer(name, otherwise);
    return std::clamp<int64_t>(at < 0 ? at + size : at, 0, size);
  };
  const int64_t start = bound("start", 0), end = std::max(start, bound("end", size));
  return {b.slice(x, axis, start, end, call.integer("step", 1))};
}

Ids narrow(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  const int64_t axis = call.axis("dim", b.rank(x)), size = b.shape(x)[static_cast<size_t>(axis)];
  const int64_t start = call.integer("start") < 0 ? call.integer("start") + size : call.integer("start");
  return {b.slice(x, axis, start, start + call.integer("length"))};
}

Ids select(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  return {b.select(x, call.axis("dim", b.rank(x)), call.integer("index"))};
}

Ids pieces(const Call& call, ValueId x, int64_t axis, const List& sizes) {
  Ids parts;
  int64_t start = 0;
  for (const int64_t size : sizes) {
    parts.push_back(call.builder().slice(x, axis, start, start + size));
    start += size;
  }
  return parts;
}

Ids split(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  const int64_t axis = call.axis("dim", b.rank(x)), size = b.shape(x)[static_cast<size_t>(axis)];
  List sizes;
  if (call.name() == "aten::chunk") {
    const int64_t chunks = call.integer("chunks"), each = (size + chunks - 1) / chunks;
    for (int64_t start = 0; start < size; start += each) sizes.push_back(std::min(each, size - start));
  } else if (call.has("split_sizes") || !call.variable("split_size").known.isInt()) {
    sizes = call.integers(call.has("split_sizes") ? "split_sizes" : "split_size");
  } else {
    const int64_t each = call.integer("split_size");
    for (int64_t start = 0; start < size; start += each) sizes.push_back(std::min(each, size - start));
  }
  return pieces(call, x, axis, sizes);
}

Ids unbind(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  const int64_t axis = call.axis("dim", b.rank(x));
  Ids parts;
  for (int64_t i = 0; i < b.shape(x)[static_cast<size_t>(axis)]; ++i) parts.push_back(b.select(x, axis, i));
  return parts;
}

Ids index_select(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  return {b.add("gather", {x, call.tensor("index")}, {{"axis", call.axis("dim", b.rank(x))}})};
}

Ids gather(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  return {gather_elements(b, x, call.tensor("index"), call.axis("dim", b.rank(x)))};
}

Ids embedding(const Call& call) {
  const ValueId table = call.tensor("weight");
  return {call.builder().add("gather", {table, call.tensor("indices")}, {{"axis", int64_t{0}}})};
}

// x[:, i, :]: one tensor of indices.
Ids index(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  const Ids indices = call.tensors("indices");
  int64_t axis = -1;
  for (size_t i = 0; i < indices.size(); ++i)
    if (indices[i] >= 0) {
      if (axis >= 0) throw InputError("indexes several axes at once");
      axis = static_cast<int64_t>(i);
    }
  if (axis < 0) return {x};
  const ValueId where = indices[static_cast<size_t>(axis)];
  if (b.dtype(where) != DType::i64)
    throw InputError("indexes with {}: its result's shape depends on values", to_string(b.type(where)));
  return {b.add("gather", {x, where}, {{"axis", axis}})};
}

Ids like(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  const std::string name = call.name();
  const DType dtype =
      call.has("dtype") ? dtype_of(static_cast<torch::ScalarType>(call.integer("dtype"))) : b.dtype(x);
  const double value = name.find("ones") != std::string::npos   ? 1
                       : name.find("full") != std::string::npos ? call.number("fill_value")
                                                                : 0;
  const List size = call.has("size") ? call.integers("size") : b.shape(x);
  return {b.constant(torch::full(size, value, scalar_type(dtype)))};
}

Ids triangle(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  if (b.rank(x) < 2) throw InputError("its input is {}", to_string(b.type(x)));
  const torch::Tensor ones =
      torch::ones({b.shape(x)[b.shape(x).size() - 2], b.shape(x).back()}, torch::kBool);
  const int64_t diagonal = call.integer("diagonal", 0);
  const ValueId mask = b.constant(call.name() == "aten::tril" ? ones.tril(diagonal) : ones.triu(diagonal));
  return {b.add("where", {mask, x, b.scalar(0, b.dtype(x))})};
}

}  // namespace

void add_indexing(Entries& entries) {
  entries["aten::slice"] = {slice, true};
  entries["aten::narrow"] = {narrow, true};
  entries["aten::select"] = {select, true};
  for (const char* name : {"split", "split_with_sizes", "chunk"})
    entries[std::string("aten::") + name] = {split, true};
  entries["aten::unbind"] = {unbind, true};
  entries["aten::index_select"] = {index_select};
  entries["aten::gather"] = {gather};
  entries["aten::embedding"] = {embedding};
  entries["aten::index"] = {index};
  for (const char* name :
       {"zeros_like", "ones_like", "full_like", "empty_like", "new_zeros", "new_ones", "new_full"})
    entries[std::string("aten::") + name] = {like};
  entries["aten::tril"] = entries["aten::triu"] = {triangle};
}

}  // namespace lathe::compile::torchscript
