#pragma once
#include <torch/types.h>

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace lathe::compile {

// A network as straight-line code in single-assignment form: every value is made once, by one node, or is an
// input or a constant. Shapes are static. Text form: lathe/compile/text.h.

enum class DType { f32, f64, i64, i32, i16, i8, u8, boolean };
int64_t size_of(DType);            // bytes of one element
std::string_view name_of(DType);   // "f32", "i64", "bool", …
DType dtype_of(std::string_view);  // throws InputError with the list
torch::ScalarType scalar_type(DType);
DType dtype_of(torch::ScalarType);  // throws InputError for what the compiler has not (f16, complex, …)

using Shape = std::vector<int64_t>;

struct Type {
  DType dtype = DType::f32;
  Shape shape;
  int64_t numel() const;
  bool operator==(const Type& other) const { return dtype == other.dtype && shape == other.shape; }
};
std::string to_string(const Type&);  // "f32[1,3,224,224]"

// How a value lies in memory. Dense row-major unless block > 1: then a [N, C, H, W] value is
// [N, ⌈C/block⌉, top + H + bottom, left + W + right, block] with zeros in channels beyond C, and zeros
// (bytes: `filling`) in the border.
struct Layout {
  int block = 1;
  std::array<int, 4> border{};  // rows above, rows below, columns left, columns right; only if block > 1
  int filling = 0;              // only of u8 values with a border
  bool operator==(const Layout& other) const {
    return block == other.block && border == other.border && filling == other.filling;
  }
};
int64_t storage_bytes(const Type&, const Layout&);

using ValueId = int32_t;

struct Value {
  Type type;
  Layout layout;
  std::string name;        // inputs, outputs, parameters: their names in the source; others may be empty
  torch::Tensor constant;  // defined: the value is a constant, contiguous, on the CPU
  bool is_constant() const { return constant.defined(); }
};

using Attribute = std::variant<int64_t, double, std::string, std::vector<int64_t>, std::vector<double>>;

struct Node {
  std::string op;  // a name in the table of lathe/compile/op.h
  std::vector<ValueId> inputs, outputs;
  std::map<std::string, Attribute> attributes;
  std::string source;  // where it comes from: "layer2.0.conv1", an ONNX node's name; several joined by '+'

  // Throw Error when there is no such attribute of that kind. An integer is a number too.
  int64_t integer(std::string_view name) const;
  int64_t integer(std::string_view name, int64_t otherwise) const;
  double number(std::string_view name) const;
  double number(std::string_view name, double otherwise) const;
  const std::string& text(std::string_view name) const;
  const std::vector<int64_t>& integers(std::string_view name) const;
  std::vector<double> numbers(std::string_view name) const;  // a list of integers, or one number, too
  bool has(std::string_view name) const;
};

struct Graph {
  std::string name;
  std::vector<Value> values;
  std::vector<Node> nodes;  // in an order in which they can run
  std::vector<ValueId> inputs, outputs;

  const Value& value(ValueId id) const { return values[static_cast<size_t>(id)]; }
  Value& value(ValueId id) { return values[static_cast<size_t>(id)]; }
  const Type& type(ValueId id) const { return value(id).type; }

  ValueId add_input(std::string name, Type type);
  ValueId add_constant(torch::Tensor tensor, std::string name = {});
  // Appends a node; the op's inference gives the outputs' types. Throws InputError for what the op refuses.
  std::vector<ValueId> add(Node node);
  ValueId add(std::string op, std::vector<ValueId> inputs, std::map<std::string, Attribute> attributes = {},
              std::string source = {});  // an op of one output
};

// For each value the index of the node that makes it (-1: input or constant), and of the nodes that read it.
// A graph's outputs are not counted as reads.
struct Uses {
  std::vector<int> producer;
  std::vector<std::vector<int>> readers;
};
Uses uses(const Graph&);

// Every op known, every value made before it is read and made once, types as inferred. Throws Error that
// names the node.
void check(const Graph&);

// Runs the graph with libtorch, node by node: the reference that passes and kernels are compared with. In f64
// every f32 input and constant is widened first.
enum class Precision { f32, f64 };
std::vector<torch::Tensor> evaluate(const Graph&, const std::vector<torch::Tensor>& inputs,
                                    Precision precision = Precision::f32);
// The same, with every value of the graph (undefined where it was not needed).
std::vector<torch::Tensor> evaluate_all(const Graph&, const std::vector<torch::Tensor>& inputs,
                                        Precision precision = Precision::f32);

}  // namespace lathe::compile
