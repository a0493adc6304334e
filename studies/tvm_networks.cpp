#include "studies/tvm_networks.h"

#include <torch/torch.h>

namespace lathe::studies {
namespace {

using torch::nn::Sequential;
namespace nn = torch::nn;

enum class Activation { none, relu, relu6 };

Sequential conv_norm(int64_t inputs, int64_t outputs, int64_t kernel, int64_t stride, Activation activation,
                     int64_t groups = 1) {
  Sequential layers;
  layers->push_back(nn::Conv2d(nn::Conv2dOptions(inputs, outputs, kernel)
                                   .stride(stride)
                                   .padding(kernel / 2)
                                   .groups(groups)
                                   .bias(false)));
  layers->push_back(nn::BatchNorm2d(outputs));
  if (activation == Activation::relu) layers->push_back(nn::ReLU());
  if (activation == Activation::relu6) layers->push_back(nn::ReLU6());
  return layers;
}

struct ResidualImpl : nn::Module {
  ResidualImpl(int64_t inputs, int64_t outputs, int64_t stride) {
    first = register_module("first", conv_norm(inputs, outputs, 3, stride, Activation::relu));
    second = register_module("second", conv_norm(outputs, outputs, 3, 1, Activation::none));
    if (stride != 1 || inputs != outputs)
      shortcut = register_module("shortcut", conv_norm(inputs, outputs, 1, stride, Activation::none));
  }
  torch::Tensor forward(torch::Tensor x) {
    const torch::Tensor y = second->forward(first->forward(x));
    return torch::relu(y + (shortcut.is_empty() ? x : shortcut->forward(x)));
  }
  Sequential first{nullptr}, second{nullptr}, shortcut{nullptr};
};
TORCH_MODULE(Residual);

struct InvertedImpl : nn::Module {
  InvertedImpl(int64_t inputs, int64_t outputs, int64_t stride, int64_t factor)
      : residual(stride == 1 && inputs == outputs) {
    const int64_t hidden = inputs * factor;
    if (factor > 1) expand = register_module("expand", conv_norm(inputs, hidden, 1, 1, Activation::relu6));
    depthwise = register_module("depthwise", conv_norm(hidden, hidden, 3, stride, Activation::relu6, hidden));
    project = register_module("project", conv_norm(hidden, outputs, 1, 1, Activation::none));
  }
  torch::Tensor forward(torch::Tensor x) {
    const torch::Tensor y = project->forward(depthwise->forward(expand.is_empty() ? x : expand->forward(x)));
    return residual ? x + y : y;
  }
  bool residual;
  Sequential expand{nullptr}, depthwise{nullptr}, project{nullptr};
};
TORCH_MODULE(Inverted);

TvmNetwork finished(std::string name, Sequential layers, torch::Tensor example) {
  const torch::NoGradGuard no_grad;
  for (auto& item : layers->named_buffers()) {
    if (item.key().find("running_mean") != std::string::npos) item.value().normal_(0, 0.1);
    if (item.key().find("running_var") != std::string::npos) item.value().uniform_(0.5, 1.5);
  }
  layers->eval();
  return {std::move(name), layers.ptr(),
          [layers](const torch::Tensor& x) mutable { return layers->forward(x); }, std::move(example)};
}

}  // namespace

TvmNetwork lenet() {
  return finished(
      "lenet",
      Sequential(nn::Conv2d(nn::Conv2dOptions(1, 6, 5).padding(2)), nn::ReLU(), nn::MaxPool2d(2),
                 nn::Conv2d(nn::Conv2dOptions(6, 16, 5)), nn::ReLU(), nn::MaxPool2d(2), nn::Flatten(),
                 nn::Linear(400, 120), nn::ReLU(), nn::Linear(120, 84), nn::ReLU(), nn::Linear(84, 10)),
      torch::randn({1, 1, 28, 28}));
}

TvmNetwork resnet18() {
  Sequential layers = conv_norm(3, 64, 7, 2, Activation::relu);
  layers->push_back(nn::MaxPool2d(nn::MaxPool2dOptions(3).stride(2).padding(1)));
  int64_t inputs = 64;
  for (int64_t stage = 0; stage < 4; ++stage)
    for (int64_t block = 0; block < 2; ++block) {
      const int64_t outputs = 64 << stage;
      layers->push_back(Residual(inputs, outputs, stage > 0 && block == 0 ? 2 : 1));
      inputs = outputs;
    }
  layers->push_back(nn::AdaptiveAvgPool2d(1));
  layers->push_back(nn::Flatten());
  layers->push_back(nn::Linear(512, 1000));
  return finished("resnet18", layers, torch::randn({1, 3, 224, 224}));
}

TvmNetwork mobilenet_v2() {
  struct Stage {
    int64_t factor, outputs, count, stride;
  };
  Sequential layers = conv_norm(3, 32, 3, 2, Activation::relu6);
  int64_t inputs = 32;
  for (const Stage& s : {Stage{1, 16, 1, 1},
                         {6, 24, 2, 2},
                         {6, 32, 3, 2},
                         {6, 64, 4, 2},
                         {6, 96, 3, 1},
                         {6, 160, 3, 2},
                         {6, 320, 1, 1}})
    for (int64_t i = 0; i < s.count; ++i) {
      layers->push_back(Inverted(inputs, s.outputs, i == 0 ? s.stride : 1, s.factor));
      inputs = s.outputs;
    }
  layers->extend(*conv_norm(320, 1280, 1, 1, Activation::relu6));
  layers->push_back(nn::AdaptiveAvgPool2d(1));
  layers->push_back(nn::Flatten());
  layers->push_back(nn::Linear(1280, 1000));
  return finished("mobilenet-v2", layers, torch::randn({1, 3, 224, 224}));
}

}  // namespace lathe::studies
