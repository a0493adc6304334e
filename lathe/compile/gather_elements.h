#pragma once
#include "lathe/compile/builder.h"

namespace lathe::compile {

// x with its elements along `axis` where `indices` (same rank) say: numpy.take_along_axis, torch.gather.
// Throws InputError for shapes that do not fit.
ValueId gather_elements(Builder& builder, ValueId x, ValueId indices, int64_t axis);
// Negative indices counted from the front, as i64.
ValueId wrapped_indices(Builder& builder, ValueId indices, int64_t size);
// Of shape[begin] … shape[end − 1].
int64_t product(const Shape& shape, size_t begin, size_t end);
// Throws InputError when a table of so many elements, made while importing, would be too large.
void want_small(int64_t elements);

}  // namespace lathe::compile
