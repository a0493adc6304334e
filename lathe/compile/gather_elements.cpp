#include "lathe/compile/gather_elements.h"

#include <torch/torch.h>

#include "lathe/core/error.h"

namespace lathe::compile {

int64_t product(const Shape& shape, size_t begin, size_t end) {
  return c10::multiply_integers(shape.begin() + static_cast<int64_t>(begin),
                                shape.begin() + static_cast<int64_t>(end));
}

void want_small(int64_t elements) {
  if (elements > (int64_t{1} << 26)) throw InputError("needs a table of {} elements", elements);
}

ValueId wrapped_indices(Builder& b, ValueId indices, int64_t size) {
  indices = b.cast(indices, DType::i64);
  return b.add("where",
               {b.with("less", indices, 0), b.with("add", indices, static_cast<double>(size)), indices});
}

ValueId gather_elements(Builder& b, ValueId x, ValueId indices, int64_t axis) {
  const Shape from = b.shape(x), at = b.shape(indices);
  if (at.size() != from.size() || from.empty())
    throw InputError("its indices are {} for {}", to_string(b.type(indices)), to_string(b.type(x)));
  want_small(b.type(indices).numel());
  torch::Tensor offset = torch::zeros({}, torch::kInt64);
  for (size_t i = 0; i < from.size(); ++i) {
    if (static_cast<int64_t>(i) == axis) continue;
    if (at[i] > from[i])
      throw InputError("its indices are {} for {}", to_string(b.type(indices)), to_string(b.type(x)));
    Shape along(from.size(), 1);
    along[i] = at[i];
    offset = offset + (torch::arange(at[i]) * product(from, i + 1, from.size())).reshape(along);
  }
  const auto which = static_cast<size_t>(axis);
  const ValueId steps = b.with("mul", wrapped_indices(b, indices, from[which]),
                               static_cast<double>(product(from, which + 1, from.size())));
  return b.add("gather", {b.reshape(x, {b.type(x).numel()}), b.add("add", {steps, b.constant(offset)})},
               {{"axis", int64_t{0}}});
}

}  // namespace lathe::compile
