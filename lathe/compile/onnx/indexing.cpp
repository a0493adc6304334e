#include <torch/torch.h>

#include "lathe/compile/onnx/importer.h"

namespace lathe::compile::onnx_import {
namespace {

Ids gather(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0);
  return {b.add("gather", {x, call.input(1)}, {{"axis", call.axis("axis", 0, b.rank(x))}})};
}

Ids elements(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0);
  return {gather_elements(b, x, call.input(1), call.axis("axis", 0, b.rank(x)))};
}

// The last axis of the indices names a position along x's axes after the batch axes.
Ids gather_nd(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0);
  ValueId indices = b.cast(call.input(1), DType::i64);
  const auto batch = static_cast<size_t>(call.integer("batch_dims", 0));
  const Shape from = b.shape(x), at = b.shape(indices);
  if (at.empty() || from.empty() || batch >= at.size() ||
      batch + static_cast<size_t>(at.back()) > from.size())
    throw InputError("its indices are {} for {}", to_string(b.type(indices)), to_string(b.type(x)));
  const size_t named = batch + static_cast<size_t>(at.back());
  const int64_t batches = product(from, 0, batch), each = product(from, batch, named);
  const int64_t last = b.rank(indices) - 1;
  ValueId flat = b.constant(torch::zeros({}, torch::kInt64));
  for (size_t i = batch; i < named; ++i) {
    const ValueId one = wrapped_indices(b, b.select(indices, last, static_cast<int64_t>(i - batch)), from[i]);
    flat = b.add("add", {flat, b.with("mul", one, static_cast<double>(product(from, i + 1, named)))});
  }
  Shape offsets(at.size() - 1, 1);
  for (size_t i = 0; i < batch; ++i) offsets[i] = at[i];
  want_small(batches);
  flat = b.add("add", {flat, b.constant((torch::arange(batches) * each).reshape(offsets))});
  Shape rows = {batches * each};
  rows.insert(rows.end(), from.begin() + static_cast<int64_t>(named), from.end());
  return {b.add("gather", {b.reshape(x, rows), flat}, {{"axis", int64_t{0}}})};
}

// The first len elements of each sequence backwards; the lengths are known.
Ids reverse_sequence(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0);
  const int64_t batch = call.axis("batch_axis", 1, b.rank(x)), time = call.axis("time_axis", 0, b.rank(x));
  const Shape& shape = b.shape(x);
  const int64_t count = shape[static_cast<size_t>(batch)], steps = shape[static_cast<size_t>(time)];
  const List lengths = call.constant_integers(1);
  if (static_cast<int64_t>(lengths.size()) != count || batch == time)
    throw InputError("has {} lengths for {} sequences", lengths.size(), count);
  want_small(b.type(x).numel());
  torch::Tensor order = torch::arange(steps).expand({count, steps}).clone();
  for (int64_t i = 0; i < count; ++i) {
    const int64_t length = lengths[static_cast<size_t>(i)];
    if (length < 0 || length > steps) throw InputError("has a length of {}", length);
    order[i].narrow(0, 0, length).copy_(torch::arange(length).flip(0));
  }
  Shape along(shape.size(), 1);
  along[static_cast<size_t>(batch)] = count, along[static_cast<size_t>(time)] = steps;
  order = (batch < time ? order : order.t()).reshape(along).expand(shape);
  return {gather_elements(b, x, b.constant(order), time)};
}

Ids compress(const Call& call) {
  Builder& b = call.builder();
  ValueId x = call.input(0);
  const torch::Tensor where = call.constant(1).to(torch::kBool).reshape({-1}).nonzero().reshape({-1});
  if (!call.has("axis")) x = b.reshape(x, {b.type(x).numel()});
  return {b.add("gather", {x, b.constant(where)},
                {{"axis", call.has("axis") ? call.axis("axis", 0, b.rank(x)) : 0}})};
}

}  // namespace

void add_indexing(Handlers& handlers) {
  handlers["Gather"] = gather;
  handlers["GatherElements"] = elements;
  handlers["GatherND"] = gather_nd;
  handlers["ReverseSequence"] = reverse_sequence;
  handlers["Compress"] = compress;
}

}  // namespace lathe::compile::onnx_import
