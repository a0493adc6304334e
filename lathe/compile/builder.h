#pragma once
#include <deque>
#include <string>
#include <vector>

#include "lathe/compile/graph.h"

namespace lathe::compile {

// What importers build graphs with. A node whose inputs are all constants is computed at once and leaves a
// constant, so that the shape arithmetic of exporters disappears; only `dequantize` stays, for whoever wants
// the integers. What changes nothing adds nothing.
class Builder {
 public:
  explicit Builder(Graph& graph) : graph_(graph) {}
  std::string source;  // of the nodes that follow

  Graph& graph() { return graph_; }
  const Type& type(ValueId id) const;  // the reference stays good while nodes are added
  const Shape& shape(ValueId id) const { return type(id).shape; }
  DType dtype(ValueId id) const { return type(id).dtype; }
  int64_t rank(ValueId id) const { return static_cast<int64_t>(shape(id).size()); }
  bool is_constant(ValueId id) const { return graph_.value(id).is_constant(); }
  torch::Tensor tensor(ValueId id) const { return graph_.value(id).constant; }

  ValueId constant(const torch::Tensor& tensor, std::string name = {});
  ValueId scalar(double value, DType dtype);  // 0-d
  std::vector<ValueId> add_all(std::string op, std::vector<ValueId> inputs,
                               std::map<std::string, Attribute> attributes = {});
  ValueId add(std::string op, std::vector<ValueId> inputs, std::map<std::string, Attribute> attributes = {});

  // op(a, value), the value in a's dtype.
  ValueId with(std::string op, ValueId a, double value);
  ValueId cast(ValueId x, DType dtype);
  ValueId reshape(ValueId x, Shape shape);
  ValueId transpose(ValueId x, std::vector<int64_t> axes);
  ValueId swap_axes(ValueId x, int64_t a, int64_t b);
  ValueId broadcast(ValueId x, Shape shape);  // to what numpy makes of both
  ValueId slice(ValueId x, int64_t axis, int64_t start, int64_t end, int64_t step = 1);
  ValueId select(ValueId x, int64_t axis, int64_t index);  // the axis goes
  ValueId unsqueeze(ValueId x, int64_t axis);
  ValueId pad(ValueId x, std::vector<int64_t> before, std::vector<int64_t> after,
              std::string mode = "constant",
              double value = 0);  // negative: cut off
  ValueId reduce(std::string op, ValueId x, std::vector<int64_t> axes, int64_t keepdims);
  // Numpy's matmul: 1-D operands too.
  ValueId matmul(ValueId a, ValueId b);
  // y = M x along an axis, with a constant matrix [out, in].
  ValueId along_axis(ValueId x, int64_t axis, const torch::Tensor& matrix);

 private:
  Graph& graph_;
  mutable std::deque<Type> types_;  // of the graph's first values
};

// Throws InputError "what: axis …" unless -rank <= axis < rank; returns the axis counted from the front.
int64_t wrap_axis(int64_t axis, int64_t rank, std::string_view what);

// Gives every output a value of its own that a node makes, removes what no output needs, and names outputs
// ("output", or "output.0", …) that have no name.
void finish_import(Graph& graph, const std::vector<std::string>& output_names = {});

}  // namespace lathe::compile
