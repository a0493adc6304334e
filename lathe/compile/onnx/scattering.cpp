#include <torch/torch.h>

#include "lathe/compile/onnx/importer.h"

namespace lathe::compile::onnx_import {
namespace {

std::string reduction(const Call& call) {
  const std::string reduction = call.text("reduction", "none");
  if (reduction != "none" && reduction != "add" && reduction != "mul")
    throw InputError("with reduction '{}'", reduction);
  return reduction;
}

// Of several updates of one position the last one holds; with a reduction each has its turn.
ValueId replaced(Builder& b, ValueId x, ValueId updates, const torch::Tensor& positions,
                 const std::string& reduction) {
  const int64_t size = b.type(x).numel();
  want_small(size);
  const torch::Tensor flat = positions.reshape({-1}).contiguous();
  const int64_t count = flat.numel();
  if (count == 0) return x;
  const int64_t* at = flat.data_ptr<int64_t>();
  const bool plain = reduction == "none";
  const Shape shape = b.shape(x);
  const ValueId values = b.reshape(updates, {b.type(updates).numel()});
  std::vector<bool> done(static_cast<size_t>(count), false);
  for (int64_t left = count, round = 0; left > 0; ++round) {
    if (round > 64) throw InputError("updates one position more than 64 times");
    torch::Tensor source = torch::full({size}, -1, torch::kInt64);
    auto from = source.accessor<int64_t, 1>();
    for (int64_t i = 0; i < count; ++i) {
      if (done[static_cast<size_t>(i)] || (!plain && from[at[i]] >= 0)) continue;
      from[at[i]] = i;
      done[static_cast<size_t>(i)] = true;
      --left;
    }
    ValueId next =
        b.add("gather", {values, b.constant(source.clamp_min(0).reshape(shape))}, {{"axis", int64_t{0}}});
    if (!plain) next = b.add(reduction, {x, next});
    x = b.add("where", {b.constant(source.ge(0).reshape(shape)), next, x});
  }
  return x;
}

Ids elements(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0), updates = call.input(2);
  const int64_t axis = call.axis("axis", 0, b.rank(x)), size = b.shape(x)[static_cast<size_t>(axis)];
  torch::Tensor at = call.constant(1).to(torch::kInt64);
  at = at.where(at >= 0, at + size);
  if (at.dim() != b.rank(x) || at.sizes() != c10::IntArrayRef(b.shape(updates)) ||
      (at.numel() > 0 && (at.min().item<int64_t>() < 0 || at.max().item<int64_t>() >= size)))
    throw InputError("its indices do not go with {} and {}", to_string(b.type(x)),
                     to_string(b.type(updates)));
  for (int64_t i = 0; i < at.dim(); ++i)
    if (i != axis && at.size(i) > b.shape(x)[static_cast<size_t>(i)])
      throw InputError("its indices are more than {}", to_string(b.type(x)));
  // Flat positions of the updates in x.
  torch::Tensor positions = torch::zeros({}, torch::kInt64);
  int64_t stride = 1;
  for (int64_t i = at.dim() - 1; i >= 0; --i) {
    Shape along(static_cast<size_t>(at.dim()), 1);
    along[static_cast<size_t>(i)] = at.size(i);
    positions = positions + (i == axis ? at : torch::arange(at.size(i)).reshape(along)) * stride;
    stride *= b.shape(x)[static_cast<size_t>(i)];
  }
  return {replaced(b, x, updates, positions.expand(at.sizes()), reduction(call))};
}

Ids nd(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0), updates = call.input(2);
  const torch::Tensor at = call.constant(1).to(torch::kInt64);
  const Shape& shape = b.shape(x);
  const int64_t named = at.dim() > 0 ? at.size(-1) : 0;
  if (named < 1 || named > b.rank(x))
    throw InputError("its indices have {} numbers for {}", named, to_string(b.type(x)));
  const int64_t rest = c10::multiply_integers(shape.begin() + named, shape.end());
  torch::Tensor positions = torch::zeros({}, torch::kInt64);
  for (int64_t i = 0; i < named; ++i) {
    torch::Tensor one = at.select(-1, i);
    const int64_t size = shape[static_cast<size_t>(i)];
    one = one.where(one >= 0, one + size);
    if (one.numel() > 0 && (one.min().item<int64_t>() < 0 || one.max().item<int64_t>() >= size))
      throw InputError("an index lies outside {}", to_string(b.type(x)));
    positions = positions * size + one;
  }
  want_small(rest);
  want_small(b.type(updates).numel());
  positions = positions.reshape({-1, 1}) * rest + torch::arange(rest);
  if (positions.numel() != b.type(updates).numel())
    throw InputError("its updates are {}, wants {} elements", to_string(b.type(updates)), positions.numel());
  return {replaced(b, x, updates, positions, reduction(call))};
}

}  // namespace

void add_scattering(Handlers& handlers) {
  handlers["ScatterElements"] = handlers["Scatter"] = elements;
  handlers["ScatterND"] = nd;
}

}  // namespace lathe::compile::onnx_import
