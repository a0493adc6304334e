#pragma once
#include <fmt/format.h>

#include <map>
#include <set>

#include "lathe/compile/op.h"
#include "lathe/core/error.h"

// What the definitions of operators share. Only lathe/compile/op.cpp and lathe/compile/ops/ include this.
namespace lathe::compile::ops {

using Types = std::vector<Type>;
using Tensors = std::vector<torch::Tensor>;
using Infer = std::function<Types(const Node&, const Types&)>;
using Evaluate = std::function<Tensors(const Node&, const Tensors&)>;

struct Table {
  std::map<std::string, Op, std::less<>> ops;
  std::set<std::string, std::less<>> elementwise;
};

// Puts an op into the table; its inference then also counts the inputs and bounds the outputs' sizes.
void add(Table& table, Op op);

void add_unary_ops(Table& table);
void add_broadcasting_ops(Table& table);
void add_convolution_ops(Table& table);
void add_linear_algebra_ops(Table& table);
void add_reduction_ops(Table& table);
void add_pooling_ops(Table& table);
void add_normalization_ops(Table& table);
void add_shape_ops(Table& table);
void add_indexing_ops(Table& table);
void add_resize_ops(Table& table);
void add_recurrent_ops(Table& table);
void add_quantization_ops(Table& table);

std::string place(const Node& node);  // "conv (layer1.conv1)"

// Throws InputError "conv (layer1.conv1): what".
template <typename... Args>
[[noreturn]] void refuse(const Node& node, fmt::format_string<Args...> text, Args&&... args) {
  throw InputError("{}: {}", place(node), fmt::format(text, std::forward<Args>(args)...));
}

std::string to_string(const Shape& shape);  // "[1, 3, 224]"
bool is_float(DType dtype);

// These throw InputError with `what`, the input's name in the table of op.h.
void want_float(const Node& node, const Type& type, std::string_view what);
// x u8, w i8, and zero_point, a byte of x's type.
void want_bytes(const Node& node, const Types& types);
void want_rank(const Node& node, const Type& type, std::string_view what, size_t least);
void want_same_dtype(const Node& node, const Types& types);
void want_shape(const Node& node, const Type& type, std::string_view what, const Shape& shape);

int64_t axis(const Node& node, size_t rank);               // attribute `axis`: 0 <= axis < rank
std::vector<int64_t> axes(const Node& node, size_t rank);  // attribute `axes`, each in range, none twice
// An attribute of so many integers, each at least `least`.
std::vector<int64_t> integers(const Node& node, std::string_view name, size_t count, int64_t least);
std::vector<double> numbers(const Node& node, std::string_view name);  // a list, or one number

// Numpy's broadcasting; throws InputError that shows both shapes.
Shape broadcast(const Node& node, const Shape& a, const Shape& b);

}  // namespace lathe::compile::ops
