#pragma once
#include "lathe/compile/passes/rewrite.h"

namespace lathe::compile {

// The axis of a value along which a constant varies: `constant` [..., C, 1, …, 1] broadcast against a value
// of this shape without enlarging it, as C numbers in f64. One number is repeated. Nothing for other
// constants.
std::optional<torch::Tensor> along_axis(const torch::Tensor& constant, const Shape& shape, size_t axis);

// scale · y + shift, where y is made by a conv, conv_transpose or linear layer with constant weights that
// nobody else reads: the layer with other weights. scale and shift are [channels] in f64; either may be
// undefined. Nothing where y is not of that kind.
std::optional<ValueId> scale_layer(Rewriter& g, ValueId y, const torch::Tensor& scale,
                                   const torch::Tensor& shift, const std::string& source);

// The axis of a layer's output that its weights' outputs run along: the last of linear, 1 of convolutions.
// Nothing for other ops.
std::optional<size_t> channel_axis(const Node& layer, const Shape& output);

}  // namespace lathe::compile
