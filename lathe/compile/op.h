#pragma once
#include <torch/types.h>

#include <functional>
#include <string>
#include <vector>

#include "lathe/compile/graph.h"

namespace lathe::compile {

// How an operator may be fused (Chen et al., OSDI 2018, §3):
// injective: each element of the output reads one element of each input (element-wise, broadcasts, slices,
// …); reduction: each reads a set of elements (sums, pools, softmax, norms); it absorbs injective producers;
// complex: convolutions and matrix products, whose output absorbs element-wise consumers;
// opaque: fused with nothing.
enum class OpClass { injective, reduction, complex, opaque };

struct Op {
  std::string name;
  OpClass kind = OpClass::opaque;
  int min_inputs = 1, max_inputs = 1;  // max_inputs -1: any number
  // Types of the outputs. Throws InputError that says what is wrong with the inputs or attributes.
  std::function<std::vector<Type>(const Node&, const std::vector<Type>&)> infer;
  // The same on tensors, with libtorch, in the dtype of the inputs.
  std::function<std::vector<torch::Tensor>(const Node&, const std::vector<torch::Tensor>&)> evaluate;
};

// Throws InputError with the nearest name.
const Op& op(std::string_view name);
bool is_op(std::string_view name);
std::vector<std::string> op_names();  // sorted
void register_op(Op op);              // throws Error when the name is taken
// Element-wise: an injective op whose output at a position depends on its inputs at that position (after
// broadcasting).
bool is_elementwise(std::string_view name);
// Whether a convolution of images has a filter of its own for each channel.
bool is_depthwise(const Node& conv, const Shape& in, const Shape& out);

// The table. s = number of spatial axes; "?" marks an optional input (from the right: none is left out before
// one that is given). Broadcasting is numpy's. Attributes are needed unless a default is written here; an
// axis lies in [0, rank), sizes are >= 0, and the inputs of an op have one dtype unless it says otherwise.
//
// element-wise, one input:
//   neg abs exp log sqrt rsqrt reciprocal sin cos asin acos atan tanh sigmoid erf relu gelu gelu_tanh
//   silu hardsigmoid hardswish softplus softsign mish floor ceil round sign square logical_not
//   clamp(min, max)  leaky_relu(slope)  elu(alpha)  selu  cast(dtype: name)  identity
//     neg abs sign square relu clamp also take integers; round: half to even; an infinite bound is none
// element-wise, two inputs, broadcasting: add sub mul div pow maximum minimum mod prelu(x, slope)
//   equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor
//     integers: div rounds towards zero; mod(fmod = 0): the divisor's sign, with fmod = 1 the dividend's
// element-wise, three: where(condition, a, b)
// linear algebra (complex):
//   conv(x [N, C, s…], w [O, C/groups, k…], b? [O])   stride[s] padding[2s: begins, ends] dilation[s] groups
//   conv_transpose(x, w [C, O/groups, k…], b?)        stride padding dilation groups output_padding[s]
//   linear(x […, K], w [N, K], b? [N])
//   matmul(a […, M, K], b […, K, N])                  leading axes broadcast
//   attention(q […, L, D], k […, S, D], v […, S, E], mask?)  scale causal
//     mask is added to the logits; causal: row i sees columns <= i
// reductions:
//   sum mean prod max min(x)       axes keepdims                   without axes: x
//   argmax argmin(x)               axis keepdims                   -> i64, of equal ones the first
//   topk(x)                        k axis largest                  -> values, i64 indices; opaque
//   softmax log_softmax(x)         axis
//   max_pool(x)  kernel[s] stride[s] padding[2s] dilation[s] extra[s] = 0    extra: columns beyond the end
//   avg_pool(x)  kernel stride padding extra count_include_pad               that ceil mode reaches, never
//   adaptive_avg_pool adaptive_max_pool(x)  output_size[s]                   counted
//   batch_norm(x, gamma, beta, mean, variance)  eps               (injective)
//   layer_norm(x, gamma?, beta?)    num_axes eps                  over the last num_axes axes
//   group_norm(x, gamma?, beta?)    groups eps;   instance_norm(x, gamma?, beta?) eps
// shapes (injective): reshape(shape) transpose(axes) broadcast(shape) flip(axes) concat(axis)
//   slice(starts, ends, steps)     one per axis, 0 <= start <= end <= size, step > 0
//   pad(before, after, mode = constant|reflect|edge, value = 0)
//   gather(x, indices i64|i32)     axis; as numpy.take: negative indices count from the end
//   resize(x)  sizes[s] mode = nearest|linear coordinates = half_pixel|align_corners|asymmetric
//              rounding = floor|ceil|round_prefer_floor|round_prefer_ceil (nearest)
//              scales[s] = sizes / x's sizes: what positions are computed with; beyond the edge lies the edge
// recurrent (opaque), one layer in one direction, gates as in PyTorch (i f g o; r z n):
//   lstm(x [T, N, I], w_ih [4H, I], w_hh [4H, H], b [4H], h0 [N, H], c0)  reverse   -> y [T, N, H], hn, cn
//   gru(x, w_ih [3H, I], w_hh [3H, H], b_ih [3H], b_hh [3H], h0)          reverse   -> y, hn
// integers:
//   quantize(x)    scale[] zero_point[] axis dtype = u8|i8: saturate(round_half_even(x / scale) +
//                  zero_point); one scale, or one per index of the axis
//   conv_integer(x u8 [N, C, s…], w i8)  conv's attributes, zero_point -> i32 Σ (x − zero_point) · w; what
//                  lies in the padding counts as zero_point (complex)
//   linear_integer(x u8 […, K], w i8 [N, K])  zero_point -> i32 (complex)
//   dequantize(q)  scale[] zero_point[] axis: f32; q is u8, i8, or i32 with zero points 0
//   layout(x)      block: the same value in another layout (injective; the value's Layout says which)

}  // namespace lathe::compile
