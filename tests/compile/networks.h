#pragma once
#include <ATen/ATen.h>

#include <cmath>

#include "lathe/compile/graph.h"
#include "lathe/core/seed.h"

// Graphs of well-known networks.
namespace lathe::compile {

class NetworkBuilder {
 public:
  Graph graph;

  ValueId conv(ValueId x, int64_t out, int64_t kernel, int64_t stride, int64_t groups = 1) {
    using Integers = std::vector<int64_t>;
    const int64_t in = graph.type(x).shape[1], pad = kernel / 2;
    const Shape shape{out, in / groups, kernel, kernel};
    const double scale = std::sqrt(2.0 / static_cast<double>(shape[1] * kernel * kernel));
    return graph.add("conv", {x, weights(shape, scale), weights({out}, 0.1)},
                     {{"stride", Integers{stride, stride}},
                      {"padding", Integers(4, pad)},
                      {"dilation", Integers{1, 1}},
                      {"groups", groups}},
                     "conv" + std::to_string(graph.nodes.size()));
  }
  ValueId batch_norm(ValueId x) {
    const Shape channels{graph.type(x).shape[1]};
    const ValueId variance = graph.add_constant(graph.value(weights(channels, 1)).constant.square() + 0.5);
    return graph.add("batch_norm",
                     {x, weights(channels, 1), weights(channels, 0.1), weights(channels, 0.1), variance},
                     {{"eps", 1e-5}});
  }
  ValueId relu(ValueId x) { return graph.add("relu", {x}); }
  ValueId add(ValueId x, ValueId y) { return graph.add("add", {x, y}); }
  ValueId max_pool(ValueId x, int64_t kernel, int64_t stride) {
    using Integers = std::vector<int64_t>;
    return graph.add("max_pool", {x},
                     {{"kernel", Integers{kernel, kernel}},
                      {"stride", Integers{stride, stride}},
                      {"padding", Integers(4, kernel / 2)},
                      {"dilation", Integers{1, 1}},
                      {"extra", Integers{0, 0}}});
  }
  ValueId classifier(ValueId x, int64_t classes) {
    const int64_t channels = graph.type(x).shape[1], batch = graph.type(x).shape[0];
    const ValueId pooled = graph.add("adaptive_avg_pool", {x}, {{"output_size", std::vector<int64_t>{1, 1}}});
    const ValueId flat = graph.add("reshape", {pooled}, {{"shape", Shape{batch, channels}}});
    return graph.add("linear", {flat, weights({classes, channels}, 0.1), weights({classes}, 0.1)});
  }
  ValueId weights(const Shape& shape, double scale) {
    torch::Tensor tensor = torch::empty(shape, torch::kFloat32);
    for (int64_t i = 0; i < tensor.numel(); ++i)
      tensor.data_ptr<float>()[i] = static_cast<float>(scale * random_.uniform(-1.7, 1.7));
    return graph.add_constant(tensor);
  }

 private:
  core::Random random_{1};
};

enum class Norms { folded, separate };

inline Graph resnet18(int64_t size, int64_t width = 64, Norms norms = Norms::folded) {
  NetworkBuilder net;
  const auto conv = [&](ValueId from, int64_t channels, int64_t kernel, int64_t stride) {
    const ValueId y = net.conv(from, channels, kernel, stride);
    return norms == Norms::folded ? y : net.batch_norm(y);
  };
  net.graph.name = "resnet18";
  ValueId x = net.graph.add_input("image", {DType::f32, {1, 3, size, size}});
  x = net.max_pool(net.relu(conv(x, width, 7, 2)), 3, 2);
  for (int64_t stage = 0; stage < 4; ++stage)
    for (int64_t block = 0; block < 2; ++block) {
      const int64_t stride = stage > 0 && block == 0 ? 2 : 1, channels = width << stage;
      const ValueId y = conv(net.relu(conv(x, channels, 3, stride)), channels, 3, 1);
      const ValueId shortcut = stride == 2 ? conv(x, channels, 1, 2) : x;
      x = net.relu(net.add(y, shortcut));
    }
  net.graph.outputs = {net.classifier(x, 1000)};
  net.graph.value(net.graph.outputs[0]).name = "logits";
  return net.graph;
}

// Pointwise, depthwise, pointwise, with a residual where the shapes agree.
inline Graph inverted_residuals(int64_t size) {
  NetworkBuilder net;
  net.graph.name = "inverted";
  ValueId x = net.graph.add_input("image", {DType::f32, {1, 3, size, size}});
  x = net.relu(net.conv(x, 32, 3, 2));
  for (const auto& [channels, stride] :
       std::vector<std::pair<int64_t, int64_t>>{{16, 1}, {24, 2}, {24, 1}, {32, 2}, {32, 1}}) {
    const int64_t wide = 6 * net.graph.type(x).shape[1];
    const ValueId inner = net.relu(net.conv(net.relu(net.conv(x, wide, 1, 1)), wide, 3, stride, wide));
    const ValueId y = net.conv(inner, channels, 1, 1);
    x = stride == 1 && net.graph.type(x).shape[1] == channels ? net.add(x, y) : y;
  }
  net.graph.outputs = {net.classifier(x, 10)};
  return net.graph;
}

// A depthwise convolution whose channels the network weighs by their means (Hu et al. 2018).
inline Graph squeeze_and_excite(int64_t size) {
  NetworkBuilder net;
  net.graph.name = "squeeze_and_excite";
  ValueId x = net.graph.add_input("image", {DType::f32, {1, 3, size, size}});
  x = net.relu(net.conv(x, 48, 3, 2));
  x = net.relu(net.conv(x, 48, 5, 1, 48));
  ValueId weight = net.graph.add("adaptive_avg_pool", {x}, {{"output_size", std::vector<int64_t>{1, 1}}});
  weight = net.conv(net.relu(net.conv(weight, 12, 1, 1)), 48, 1, 1);
  x = net.graph.add("mul", {x, net.graph.add("hardsigmoid", {weight})});
  net.graph.outputs = {net.classifier(net.conv(x, 20, 1, 1), 10)};
  return net.graph;
}

}  // namespace lathe::compile
