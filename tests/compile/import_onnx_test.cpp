#include "lathe/compile/import_onnx.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <fstream>
#include <random>

#include "lathe/compile/onnx_conformance.h"
#include "lathe/core/error.h"
#include "lathe/core/files.h"

#ifdef LATHE_ONNX
#include <onnx/onnx_pb.h>

namespace lathe::compile {
namespace {

// A model under construction.
class Model {
 public:
  explicit Model(int64_t opset = 13) {
    model_.set_ir_version(8);
    auto* import = model_.add_opset_import();
    import->set_domain("");
    import->set_version(opset);
    model_.mutable_graph()->set_name("made");
  }
  // Sizes below 1 are open, "N" their name.
  Model& input(const std::string& name, const std::vector<int64_t>& shape,
               int type = onnx::TensorProto::FLOAT) {
    auto* info = model_.mutable_graph()->add_input();
    info->set_name(name);
    auto* tensor = info->mutable_type()->mutable_tensor_type();
    tensor->set_elem_type(type);
    tensor->mutable_shape();
    for (const int64_t size : shape) {
      auto* dim = tensor->mutable_shape()->add_dim();
      if (size > 0)
        dim->set_dim_value(size);
      else if (size == 0)
        dim->set_dim_param("N");
    }
    return *this;
  }
  onnx::TensorProto* weight(const std::string& name, const torch::Tensor& value) {
    auto* tensor = model_.mutable_graph()->add_initializer();
    tensor->set_name(name);
    const auto type = value.scalar_type();
    tensor->set_data_type(type == torch::kFloat32 ? onnx::TensorProto::FLOAT
                          : type == torch::kInt64 ? onnx::TensorProto::INT64
                          : type == torch::kInt8  ? onnx::TensorProto::INT8
                                                  : onnx::TensorProto::UINT8);
    for (const int64_t size : value.sizes()) tensor->add_dims(size);
    const torch::Tensor dense = value.contiguous();
    tensor->set_raw_data(dense.data_ptr(), static_cast<size_t>(dense.nbytes()));
    return tensor;
  }
  onnx::NodeProto* node(const std::string& op, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs) {
    return add_node(*model_.mutable_graph(), op, inputs, outputs);
  }
  static onnx::NodeProto* add_node(onnx::GraphProto& graph, const std::string& op,
                                   const std::vector<std::string>& inputs,
                                   const std::vector<std::string>& outputs) {
    auto* node = graph.add_node();
    node->set_op_type(op);
    node->set_name("node_" + outputs.at(0));
    for (const auto& name : inputs) node->add_input(name);
    for (const auto& name : outputs) node->add_output(name);
    return node;
  }
  Model& output(const std::string& name) {
    model_.mutable_graph()->add_output()->set_name(name);
    return *this;
  }
  onnx::ModelProto& proto() { return model_; }
  std::string bytes() const { return model_.SerializeAsString(); }

 private:
  onnx::ModelProto model_;
};

void set_integers(onnx::NodeProto* node, const std::string& name, const std::vector<int64_t>& values) {
  auto* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::INTS);
  for (const int64_t value : values) attribute->add_ints(value);
}

void set_integer(onnx::NodeProto* node, const std::string& name, int64_t value) {
  auto* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::INT);
  attribute->set_i(value);
}

std::string refusal(const std::string& bytes, const OnnxOptions& options = {}) {
  try {
    import_onnx_bytes(bytes, options);
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

void expect_contains(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

std::string names_of(const Graph& graph) {
  std::string ops;
  for (const auto& node : graph.nodes) ops += (ops.empty() ? "" : " ") + node.op;
  return ops;
}

struct Counts {
  int right = 0, refused = 0, wrong = 0;
};

Counts conformance(const std::string& folder) {
  Counts counts;
  const char* report = std::getenv("LATHE_ONNX_REPORT");
  std::ofstream out;
  if (report) out.open(report, std::ios::app);
  for (const auto& row : onnx_conformance(std::string(kOnnxTestData) + "/" + folder)) {
    ++(row.verdict == Verdict::right     ? counts.right
       : row.verdict == Verdict::refused ? counts.refused
                                         : counts.wrong);
    EXPECT_NE(row.verdict, Verdict::wrong) << row.name << " (" << row.op << "): " << row.message;
    if (row.verdict == Verdict::refused) EXPECT_FALSE(row.message.empty()) << row.name;
    if (report)
      out << row.name << '\t' << row.op << '\t'
          << (row.verdict == Verdict::right     ? "right"
              : row.verdict == Verdict::refused ? "refused"
                                                : "WRONG")
          << '\t' << row.message << '\n';
  }
  std::printf("%s: %d right, %d refused, %d wrong\n", folder.c_str(), counts.right, counts.refused,
              counts.wrong);
  return counts;
}

TEST(OnnxConformance, Operators) {
  EXPECT_GE(conformance("node").right, 775);
}
TEST(OnnxConformance, ConvertedLayers) {
  EXPECT_GE(conformance("pytorch-converted").right, 50);
}
TEST(OnnxConformance, ConvertedOperators) {
  EXPECT_GE(conformance("pytorch-operator").right, 25);
}
TEST(OnnxConformance, Simple) {
  conformance("simple");
}

TEST(Onnx, ConvolutionalNetwork) {
  Model model;
  model.input("x", {0, 3, 9, 9});
  const torch::Tensor w = torch::randn({4, 3, 3, 3}), b = torch::randn({4}), fc = torch::randn({4, 5});
  model.weight("w", w), model.weight("b", b), model.weight("fc", fc);
  set_integers(model.node("Conv", {"x", "w", "b"}, {"c"}), "pads", {1, 1, 1, 1});
  model.node("Relu", {"c"}, {"r"});
  model.node("GlobalAveragePool", {"r"}, {"p"});
  model.node("Flatten", {"p"}, {"f"});
  model.node("Gemm", {"f", "fc"}, {"y"});
  model.output("y");
  const Graph graph = import_onnx_bytes(model.bytes(), {{{"N", 2}}, {}});
  EXPECT_EQ(names_of(graph), "conv relu adaptive_avg_pool reshape linear");
  EXPECT_EQ(graph.value(graph.inputs[0]).name, "x");
  EXPECT_EQ(graph.value(graph.outputs[0]).name, "y");
  EXPECT_EQ(graph.nodes[0].source, "node_c");
  EXPECT_EQ(graph.value(graph.nodes[0].inputs[1]).name, "w");
  const torch::Tensor x = torch::randn({2, 3, 9, 9});
  const torch::Tensor expected =
      torch::conv2d(x, w, b, 1, 1).relu().mean(std::vector<int64_t>{2, 3}).matmul(fc);
  EXPECT_TRUE(torch::allclose(evaluate(graph, {x})[0], expected, 1e-4, 1e-5));
}

// What exporters write for x.view(x.size(0), -1).
TEST(Onnx, ShapeArithmeticDisappears) {
  Model model;
  model.input("x", {2, 3, 4});
  model.weight("zero", torch::tensor(0)), model.weight("axes", torch::tensor({0})),
      model.weight("rest", torch::tensor({-1}));
  model.node("Shape", {"x"}, {"shape"});
  model.node("Gather", {"shape", "zero"}, {"n"});
  model.node("Unsqueeze", {"n", "axes"}, {"n1"});
  set_integer(model.node("Concat", {"n1", "rest"}, {"to"}), "axis", 0);
  model.node("Reshape", {"x", "to"}, {"y"});
  model.output("y");
  const Graph graph = import_onnx_bytes(model.bytes());
  EXPECT_EQ(names_of(graph), "reshape");
  EXPECT_EQ(to_string(graph.type(graph.outputs[0])), "f32[2,12]");
}

TEST(Onnx, QuantizedNetworkKeepsItsIntegers) {
  Model model;
  model.input("x", {1, 2, 4, 4});
  const torch::Tensor w = torch::randint(-127, 128, {3, 2, 1, 1}, torch::kInt8),
                      scales = torch::tensor({0.1f, 0.2f, 0.05f});
  model.weight("sx", torch::tensor(0.02f)), model.weight("zx", torch::tensor(128, torch::kUInt8)),
      model.weight("w", w);
  model.weight("sw", scales), model.weight("zw", torch::zeros({3}, torch::kInt8));
  model.node("QuantizeLinear", {"x", "sx", "zx"}, {"q"});
  model.node("DequantizeLinear", {"q", "sx", "zx"}, {"d"});
  set_integer(model.node("DequantizeLinear", {"w", "sw", "zw"}, {"wf"}), "axis", 0);
  model.node("Conv", {"d", "wf"}, {"y"});
  model.output("y");
  const Graph graph = import_onnx_bytes(model.bytes());
  EXPECT_EQ(names_of(graph), "quantize dequantize dequantize conv");
  const torch::Tensor x = torch::randn({1, 2, 4, 4});
  const torch::Tensor seen = torch::fake_quantize_per_tensor_affine(x, 0.02, 128, 0, 255);
  const torch::Tensor expected = torch::conv2d(seen, w.to(torch::kFloat32) * scales.reshape({3, 1, 1, 1}));
  EXPECT_TRUE(torch::allclose(evaluate(graph, {x})[0], expected, 1e-4, 1e-4));
}

TEST(Onnx, ProductsOfBytesHaveIntegerKernels) {
  Model model;
  model.input("x", {2, 8});
  const torch::Tensor w = torch::randint(-127, 128, {8, 3}, torch::kInt8);
  model.weight("sx", torch::tensor(0.02f)), model.weight("zx", torch::tensor(128, torch::kUInt8)),
      model.weight("w", w);
  model.node("QuantizeLinear", {"x", "sx", "zx"}, {"q"});
  model.node("MatMulInteger", {"q", "w", "zx"}, {"y"});
  model.output("y");
  const Graph graph = import_onnx_bytes(model.bytes());
  EXPECT_EQ(names_of(graph), "quantize linear_integer");
  const torch::Tensor x = torch::randn({2, 8});
  const torch::Tensor q = (x.to(torch::kFloat64) / 0.02).round().clamp(-128, 127);
  EXPECT_TRUE(torch::equal(evaluate(graph, {x})[0].to(torch::kFloat64), q.matmul(w.to(torch::kFloat64))));
}

void add_branch(onnx::NodeProto* node, const std::string& name, const std::string& op) {
  auto* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::GRAPH);
  Model::add_node(*attribute->mutable_g(), op, {"x"}, {"out_" + name});
  attribute->mutable_g()->add_output()->set_name("out_" + name);
}

TEST(Onnx, ConditionsThatAreKnownAreFollowed) {
  for (const bool known : {true, false}) {
    Model model;
    model.input("x", {2, 3});
    if (known) {
      model.node("Size", {"x"}, {"size"});
      model.weight("six", torch::tensor(6));
    } else {
      model.node("ReduceSum", {"x"}, {"size"});
      model.weight("six", torch::tensor(6.0f));
    }
    model.node("Equal", {"size", "six"}, {"cond"});
    auto* node = model.node("If", {"cond"}, {"y"});
    add_branch(node, "then_branch", "Exp"), add_branch(node, "else_branch", "Relu");
    model.output("y");
    if (known)
      EXPECT_EQ(names_of(import_onnx_bytes(model.bytes())), "exp");
    else
      expect_contains(refusal(model.bytes()),
                      "node 'node_y' (If): its condition depends on the inputs' values");
  }
}

TEST(OnnxBadInput, EachFaultIsNamed) {
  Model newer(18), open, unknown, missing, twisted, absurd;
  newer.input("x", {2}).output("x");
  expect_contains(refusal(newer.bytes()), "opset 18, which is too new; opsets up to 17");
  open.input("x", {0, -1}).output("x");
  EXPECT_EQ(refusal(open.bytes()), "axis 0 of input 'x' is open; give a size for 'N'");
  EXPECT_EQ(refusal(open.bytes(), {{{"N", 2}}, {}}), "axis 1 of input 'x' is open; give a size for 'x[1]'");
  EXPECT_EQ(refusal(open.bytes(), {{{"N", 2}, {"x[1]", 3}}, {}}), "accepted");
  unknown.input("x", {2});
  unknown.node("Det", {"x"}, {"a"}), unknown.node("Det", {"a"}, {"b"}), unknown.node("Unique", {"b"}, {"y"});
  unknown.output("y");
  EXPECT_EQ(refusal(unknown.bytes()),
            "the compiler does not have what this file needs: Det 2× (node_a, node_b); Unique 1× (node_y)");
  missing.node("Relu", {"nowhere"}, {"y"});
  missing.output("y");
  expect_contains(refusal(missing.bytes()), "node 'node_y' (Relu) reads 'nowhere'");
  twisted.node("Relu", {"b"}, {"a"}), twisted.node("Relu", {"a"}, {"b"});
  twisted.output("b");
  expect_contains(refusal(twisted.bytes()), "which nothing before it makes");
  absurd.input("x", {int64_t{1} << 40, int64_t{1} << 40}).output("x");
  EXPECT_NE(refusal(absurd.bytes()), "accepted");
  expect_contains(refusal("not an ONNX file"), "not an ONNX file");
  EXPECT_NE(refusal(""), "accepted");
}

TEST(OnnxBadInput, WeightsBesideTheFile) {
  const core::TemporaryDirectory directory;
  const auto file = directory.path() / "model.onnx";
  const torch::Tensor w = torch::randn({3});
  const auto with_location = [&](const std::string& location) {
    Model model;
    model.input("x", {3});
    auto* weight = model.weight("w", w);
    weight->clear_raw_data();
    weight->set_data_location(onnx::TensorProto::EXTERNAL);
    for (const auto& [key, value] :
         std::map<std::string, std::string>{{"location", location}, {"offset", "4"}, {"length", "12"}}) {
      auto* entry = weight->add_external_data();
      entry->set_key(key), entry->set_value(value);
    }
    model.node("Add", {"x", "w"}, {"y"});
    model.output("y");
    std::ofstream(file, std::ios::binary) << model.bytes();
    try {
      const torch::Tensor x = torch::randn({3});
      return std::string(torch::equal(evaluate(import_onnx(file), {x})[0], x + w) ? "right" : "wrong");
    } catch (const InputError& error) {
      return std::string(error.what());
    }
  };
  expect_contains(
      with_location("weights.bin"),
      "weight 'w' lies in " + (directory.path() / "weights.bin").string() + ", and there is no such file");
  std::ofstream(directory.path() / "weights.bin", std::ios::binary)
      .write("????", 4)
      .write(static_cast<const char*>(w.data_ptr()), 12);
  EXPECT_EQ(with_location("weights.bin"), "right");
  expect_contains(with_location("../weights.bin"), "only files in the model's own folder are read");
  expect_contains(with_location("/etc/passwd"), "only files in the model's own folder are read");
  std::ofstream(directory.path() / "weights.bin", std::ios::binary).write("????", 4);
  expect_contains(with_location("weights.bin"), "wants 12 bytes at 4");
}

// Every prefix and many single-byte changes of real files: read, or refused in one line.
TEST(OnnxBadInput, DamagedFilesAreRefused) {
  std::mt19937 random(7);
  for (const char* name :
       {"test_lstm_defaults", "test_loop11", "test_resize_upsample_scales_cubic", "test_einsum_batch_matmul",
        "test_pow_types_int32_float32", "test_qlinearconv", "test_slice_neg_steps", "test_if"}) {
    const std::string good =
        core::read_file(std::filesystem::path(kOnnxTestData) / "node" / name / "model.onnx");
    const auto attempt = [&](const std::string& bytes) {
      try {
        import_onnx_bytes(bytes);
      } catch (const Error& error) {
        EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
      }
    };
    for (size_t length = 0; length < good.size(); length += 7) attempt(good.substr(0, length));
    for (int trial = 0; trial < 150; ++trial) {
      std::string bad = good;
      bad[std::uniform_int_distribution<size_t>(0, bad.size() - 1)(random)] = static_cast<char>(random());
      attempt(bad);
    }
  }
}

}  // namespace
}  // namespace lathe::compile

#endif
