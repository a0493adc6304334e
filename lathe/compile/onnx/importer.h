#pragma once
#include <onnx/onnx_pb.h>

#include <functional>
#include <map>
#include <set>

#include "lathe/compile/builder.h"
#include "lathe/compile/gather_elements.h"
#include "lathe/compile/import_onnx.h"
#include "lathe/core/error.h"

// Internal to lathe/compile/import_onnx.cpp and lathe/compile/onnx/. Compiled with libonnx only.
namespace lathe::compile::onnx_import {

using Ids = std::vector<ValueId>;
using List = std::vector<int64_t>;

class Importer;

// A node of the file: inputs by position, attributes by name.
class Call {
 public:
  Call(Importer& importer, const onnx::NodeProto& node, Ids inputs)
      : importer_(importer), node_(node), inputs_(std::move(inputs)) {}
  const onnx::NodeProto& node() const { return node_; }
  Importer& importer() const { return importer_; }
  Builder& builder() const;
  int64_t opset() const;
  size_t num_inputs() const { return inputs_.size(); }
  const Ids& inputs() const { return inputs_; }
  bool has_input(size_t i) const { return i < inputs_.size() && inputs_[i] >= 0; }
  bool wants_output(int i) const { return i < node_.output_size() && !node_.output(i).empty(); }

  // These throw InputError.
  ValueId input(size_t i) const;
  torch::Tensor constant(size_t i) const;  // an input whose value must be known
  List constant_integers(size_t i) const;
  double constant_number(size_t i) const;

  bool has(const char* attribute) const { return find(attribute) != nullptr; }
  int64_t integer(const char* attribute, int64_t otherwise) const;
  double number(const char* attribute, double otherwise) const;
  std::string text(const char* attribute, const std::string& otherwise) const;
  List integers(const char* attribute, List otherwise = {}) const;
  std::vector<double> numbers(const char* attribute) const;
  std::vector<std::string> texts(const char* attribute) const;
  const onnx::GraphProto& graph(const char* attribute) const;
  const onnx::TensorProto* tensor(const char* attribute) const;
  int64_t axis(const char* attribute, int64_t otherwise, int64_t rank) const;
  // An attribute in old opsets, input number `i` in new ones; empty where it is missing.
  List integers_or_input(const char* attribute, size_t i) const;

 private:
  const onnx::AttributeProto* find(const char* attribute) const;
  Importer& importer_;
  const onnx::NodeProto& node_;
  Ids inputs_;
};

using Handler = Ids (*)(const Call& call);
using Handlers = std::map<std::string, Handler, std::less<>>;

void add_elementwise(Handlers& handlers);
void add_binary(Handlers& handlers);
void add_layers(Handlers& handlers);
void add_norms(Handlers& handlers);
void add_pools(Handlers& handlers);
void add_resizes(Handlers& handlers);
void add_reductions(Handlers& handlers);
void add_shapes(Handlers& handlers);
void add_constants(Handlers& handlers);
void add_indexing(Handlers& handlers);
void add_scattering(Handlers& handlers);
void add_recurrent(Handlers& handlers);
void add_quantized(Handlers& handlers);
void add_losses(Handlers& handlers);
void add_control(Handlers& handlers);
const Handlers& handlers();

// Throws InputError for types that the compiler does not have.
DType dtype_of_onnx(int type);
// A weight, or the value of a Constant. `directory` is where external data lies; empty: nowhere.
torch::Tensor to_tensor(const onnx::TensorProto& tensor, const std::filesystem::path& directory);

// For window operators: padding begins and ends from pads or auto_pad.
struct Window {
  List kernel, stride, padding, dilation;
};
Window window(const Call& call, const Shape& input, const List& kernel);

class Importer {
 public:
  Importer(Graph& graph, const OnnxOptions& options, std::filesystem::path directory)
      : builder(graph), options_(options), directory_(std::move(directory)) {}
  Builder builder;
  int64_t opset = 0;

  void run(const onnx::ModelProto& model);
  // A body of If or Loop: sees the names around it; returns its outputs.
  Ids run_body(const onnx::GraphProto& body, const Ids& inputs);
  const std::filesystem::path& directory() const { return directory_; }

 private:
  void add_inputs(const onnx::GraphProto& graph, const std::set<std::string>& initialized);
  void add_weights(const onnx::GraphProto& graph);
  void add_nodes(const onnx::GraphProto& graph);
  void step(const onnx::NodeProto& node);
  ValueId find(const std::string& name, const onnx::NodeProto& reader) const;

  const OnnxOptions& options_;
  std::filesystem::path directory_;
  std::map<std::string, ValueId> names_;
  int depth_ = 0;
  int64_t steps_ = 0;
};

}  // namespace lathe::compile::onnx_import
