#pragma once
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "lathe/compile/graph.h"
#include "lathe/core/error.h"
#include "lathe/core/seed.h"

// Networks for tests: convolutions, residual additions, norms, matrix products, attention, shapes,
// reductions, in an order that a seed decides, with numbers that stay small.
namespace lathe::compile {

inline torch::Tensor random_tensor(core::Random& random, const Shape& shape, double scale = 1,
                                   double mean = 0) {
  torch::Tensor tensor = torch::empty(shape, torch::kFloat32);
  float* data = tensor.data_ptr<float>();
  for (int64_t i = 0; i < tensor.numel(); ++i) data[i] = static_cast<float>(mean + scale * random.normal());
  return tensor;
}

inline std::vector<torch::Tensor> random_inputs(const Graph& graph, uint64_t seed) {
  core::Random random = core::Seed(seed).stream("inputs").random();
  std::vector<torch::Tensor> inputs;
  for (const ValueId input : graph.inputs)
    inputs.push_back(random_tensor(random, graph.type(input).shape).to(scalar_type(graph.type(input).dtype)));
  return inputs;
}

class RandomGraph {
 public:
  RandomGraph(uint64_t seed, int most_nodes)
      : random_(core::Seed(seed).stream("graph").random()), most_(most_nodes) {}

  Graph make() {
    graph_.name = "random";
    const int64_t channels[] = {1, 3, 4, 8, 16, 32};
    images_.push_back(graph_.add_input("image", {DType::f32,
                                                 {1 + random_.below(2), channels[random_.below(6)],
                                                  5 + random_.below(9), 5 + random_.below(9)}}));
    rows_.push_back(graph_.add_input(
        "rows", {DType::f32, {1 + random_.below(2), 2 + random_.below(6), 4 * (1 + random_.below(3))}}));
    while (static_cast<int>(graph_.nodes.size()) <= most_ - 9) {
      if (random_.below(3) > 0)
        image_step();
      else
        row_step();
    }
    graph_.outputs = {images_.back()};
    if (rows_.back() != images_.back()) graph_.outputs.push_back(rows_.back());
    if (const ValueId extra = pick(images_);
        random_.below(3) == 0 && extra != images_.back() && extra != graph_.inputs[0])
      graph_.outputs.push_back(extra);
    for (size_t i = 0; i < graph_.outputs.size(); ++i)
      graph_.value(graph_.outputs[i]).name = "y" + std::to_string(i);
    return graph_;
  }

 private:
  using Integers = std::vector<int64_t>;

  ValueId pick(const std::vector<ValueId>& values) {  // more often a late one
    const auto count = static_cast<int64_t>(values.size());
    return values[static_cast<size_t>(std::max(random_.below(count), random_.below(count)))];
  }
  const Shape& shape(ValueId id) const { return graph_.type(id).shape; }
  ValueId constant(const Shape& shape, double scale = 1, double mean = 0) {
    return graph_.add_constant(random_tensor(random_, shape, scale, mean));
  }
  ValueId number(double value) { return graph_.add_constant(torch::tensor(static_cast<float>(value))); }

  ValueId conv(ValueId x) {
    const int64_t kinds[] = {4, 8, 16, 24, 32};
    const int64_t in = shape(x)[1], kernel = 1 + 2 * random_.below(2), pad = random_.below(2) * (kernel / 2);
    const bool depthwise = in > 1 && random_.below(4) == 0;
    const int64_t out = depthwise ? in : kinds[random_.below(5)], groups = depthwise ? in : 1;
    if (shape(x)[2] + 2 * pad < kernel || shape(x)[3] + 2 * pad < kernel) return x;
    std::vector<ValueId> inputs{x,
                                constant({out, in / groups, kernel, kernel},
                                         1 / std::sqrt(static_cast<double>(in / groups * kernel * kernel)))};
    if (random_.below(2) == 0) inputs.push_back(constant({out}, 0.1));
    const int64_t stride = shape(x)[2] > 4 ? 1 + random_.below(2) : 1;
    return graph_.add("conv", inputs,
                      {{"stride", Integers{stride, stride}},
                       {"padding", Integers(4, pad)},
                       {"dilation", Integers{1, 1}},
                       {"groups", groups}},
                      "conv" + std::to_string(graph_.nodes.size()));
  }
  ValueId batch_norm(ValueId x) {
    const Shape channels{shape(x)[1]};
    const ValueId variance = graph_.add_constant(random_tensor(random_, channels).square() + 0.5);
    return graph_.add(
        "batch_norm",
        {x, constant(channels, 0.2, 1), constant(channels, 0.2), constant(channels, 0.2), variance},
        {{"eps", 1e-5}});
  }
  ValueId unary(ValueId x) {
    const char* ops[] = {"relu",      "sigmoid", "tanh", "neg",      "abs",
                         "hardswish", "silu",    "gelu", "identity", "hardsigmoid"};
    if (random_.below(5) == 0)
      return graph_.add("clamp", {x}, {{"min", random_.below(2) ? 0.0 : -1.0}, {"max", 6.0}});
    return graph_.add(ops[random_.below(10)], {x});
  }
  ValueId pad(ValueId x) {
    return graph_.add("pad", {x},
                      {{"before", Integers{0, 0, 1, random_.below(2)}},
                       {"after", Integers{0, 0, random_.below(2), 1}},
                       {"mode", std::string("constant")},
                       {"value", 0.0}});
  }
  ValueId pool(ValueId x) {
    if (shape(x)[2] < 3 || shape(x)[3] < 3) return x;
    const int64_t pad = random_.below(2);
    std::map<std::string, Attribute> attributes{{"kernel", Integers{3, 3}},
                                                {"stride", Integers{2, 2}},
                                                {"padding", Integers(4, pad)},
                                                {"extra", Integers{0, 0}}};
    if (random_.below(2) == 0) {
      attributes["dilation"] = Integers{1, 1};
      return graph_.add("max_pool", {x}, attributes);
    }
    attributes["count_include_pad"] = random_.below(2);
    return graph_.add("avg_pool", {x}, attributes);
  }
  // The sum, product or concatenation with another image of a shape that allows it.
  ValueId join(ValueId x) {
    for (int attempt = 0; attempt < 6; ++attempt) {
      const ValueId y = pick(images_);
      if (shape(y) == shape(x)) return graph_.add(random_.below(4) ? "add" : "maximum", {x, y});
      if (shape(y)[0] == shape(x)[0] && shape(y)[2] == shape(x)[2] && shape(y)[3] == shape(x)[3])
        return graph_.add("concat", {x, y}, {{"axis", int64_t{1}}});
    }
    return x;
  }
  ValueId arithmetic(ValueId x) {
    const char* ops[] = {"add", "mul", "sub", "div"};
    const char* op = ops[random_.below(4)];
    const Shape channels{shape(x)[1], 1, 1};
    ValueId other =
        number(random_.below(3) == 0 ? (std::string(op) == "add" ? 0 : 1) : random_.uniform(0.5, 1.5));
    if (random_.below(2) == 0)
      other = graph_.add_constant(random_tensor(random_, channels).abs() * 0.3 + 0.6);
    return graph_.add(op, {x, other});
  }
  ValueId squeeze(ValueId x) {
    const ValueId mean = random_.below(2)
                             ? graph_.add("mean", {x}, {{"axes", Integers{2, 3}}, {"keepdims", int64_t{1}}})
                             : graph_.add("adaptive_avg_pool", {x}, {{"output_size", Integers{1, 1}}});
    return graph_.add("mul", {x, graph_.add("sigmoid", {mean})});
  }
  ValueId turned(ValueId x) {
    const ValueId once = graph_.add("transpose", {x}, {{"axes", Integers{0, 1, 3, 2}}});
    return random_.below(2) ? once : graph_.add("transpose", {unary(once)}, {{"axes", Integers{0, 1, 3, 2}}});
  }
  // Twice the size: by nearest neighbours, between them, or by a transposed convolution.
  ValueId larger(ValueId x) {
    const int64_t height = shape(x)[2], width = shape(x)[3], channels = shape(x)[1];
    if (height * width > 100) return x;
    if (random_.below(2)) {
      const int64_t out = 4 + 4 * random_.below(3);
      return graph_.add("conv_transpose",
                        {x, constant({channels, out, 4, 4}, 0.5 / std::sqrt(static_cast<double>(channels))),
                         constant({out}, 0.1)},
                        {{"stride", Integers{2, 2}},
                         {"padding", Integers(4, 1)},
                         {"dilation", Integers{1, 1}},
                         {"groups", int64_t{1}},
                         {"output_padding", Integers{0, 0}}});
    }
    const bool nearest = random_.below(2) == 0;
    return graph_.add("resize", {x},
                      {{"sizes", Integers{2 * height, 2 * width}},
                       {"mode", std::string(nearest ? "nearest" : "linear")},
                       {"coordinates", std::string(nearest ? "asymmetric" : "half_pixel")},
                       {"rounding", std::string("floor")}});
  }
  ValueId group_norm(ValueId x) {
    const int64_t channels = shape(x)[1];
    return graph_.add("group_norm", {x, constant({channels}, 0.2, 1), constant({channels}, 0.2)},
                      {{"groups", channels % 2 == 0 ? int64_t{2} : int64_t{1}}, {"eps", 1e-5}});
  }
  void image_step() {
    ValueId x = pick(images_);
    switch (random_.below(13)) {
      case 0:
        x = conv(x);
        break;
      case 1:
        x = batch_norm(conv(x));
        break;
      case 2:
        x = unary(batch_norm(conv(x)));
        break;
      case 3:
        x = unary(x);
        break;
      case 4:
        x = join(x);
        break;
      case 5:
        x = pool(x);
        break;
      case 6:
        x = conv(pad(x));
        break;
      case 7:
        x = arithmetic(x);
        break;
      case 8:
        x = arithmetic(conv(x));
        break;
      case 9:
        x = random_.below(2) ? squeeze(x) : batch_norm(x);
        break;
      case 10:
        x = turned(x);
        break;
      case 11:
        x = larger(x);
        break;
      case 12:
        x = group_norm(x);
        break;
    }
    if (x != images_.back()) images_.push_back(x);
  }

  ValueId linear(ValueId x, int64_t out) {
    const int64_t in = shape(x).back();
    const double scale = 1 / std::sqrt(static_cast<double>(in));
    if (random_.below(2)) return graph_.add("linear", {x, constant({out, in}, scale), constant({out}, 0.1)});
    return graph_.add("add", {graph_.add("matmul", {x, constant({in, out}, scale)}), constant({out}, 0.1)});
  }
  ValueId attention(ValueId x) {
    const ValueId keys = graph_.add("transpose", {linear(x, 8)}, {{"axes", Integers{0, 2, 1}}});
    const ValueId logits = graph_.add("mul", {graph_.add("matmul", {linear(x, 8), keys}), number(0.35)});
    return graph_.add("matmul", {graph_.add("softmax", {logits}, {{"axis", int64_t{2}}}), x});
  }
  ValueId gelu(ValueId x) {
    const ValueId error = graph_.add("erf", {graph_.add("div", {x, number(std::sqrt(2.0))})});
    return graph_.add("mul", {graph_.add("mul", {x, graph_.add("add", {error, number(1)})}), number(0.5)});
  }
  void row_step() {
    ValueId x = pick(rows_);
    const int64_t width = shape(x).back();
    switch (random_.below(9)) {
      case 0:
        x = linear(x, 4 * (1 + random_.below(4)));
        break;
      case 1:
        x = attention(x);
        break;
      case 2:
        x = gelu(x);
        break;
      case 3:
        x = graph_.add("layer_norm", {x, constant({width}, 0.2, 1), constant({width}, 0.2)},
                       {{"num_axes", int64_t{1}}, {"eps", 1e-5}});
        break;
      case 4:
        x = graph_.add(random_.below(3) ? "softmax" : "log_softmax", {x}, {{"axis", int64_t{2}}});
        break;
      case 5: {
        const Shape flat{shape(x)[0] * shape(x)[1], width};
        x = graph_.add("reshape", {unary(graph_.add("reshape", {x}, {{"shape", flat}}))},
                       {{"shape", Shape(shape(x))}});
        break;
      }
      case 6:
        x = graph_.add("add", {x, graph_.add("mul", {x, graph_.add("sigmoid", {x})})});
        break;
      case 7:
        x = graph_.add("add",
                       {x, graph_.add("mean", {x}, {{"axes", Integers{2}}, {"keepdims", int64_t{1}}})});
        break;
      case 8: {
        const Integers ones(3, 1), ends{shape(x)[0], shape(x)[1], width};
        x = graph_.add(
            "slice", {x},
            {{"starts", Integers{0, 0, random_.below(2) * (width / 2)}}, {"ends", ends}, {"steps", ones}});
        break;
      }
    }
    rows_.push_back(x);
  }

  core::Random random_;
  int most_;
  Graph graph_;
  std::vector<ValueId> images_, rows_;
};

// A graph of at most `most_nodes` nodes (more than 10), the inputs "image" [N,C,H,W] and "rows" [N,L,K].
inline Graph random_graph(uint64_t seed, int most_nodes = 25) {
  return RandomGraph(seed, most_nodes).make();
}

}  // namespace lathe::compile
