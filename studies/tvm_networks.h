#pragma once
#include <torch/nn.h>

#include <functional>
#include <string>

// Networks with random weights, as a user writes them with libtorch.
namespace lathe::studies {

struct TvmNetwork {
  std::string name;
  std::shared_ptr<torch::nn::Module> module;  // in evaluation mode, statistics of batch norm not trivial
  std::function<torch::Tensor(const torch::Tensor&)> forward;
  torch::Tensor example;  // one image
};

TvmNetwork lenet();         // LeNet-5 on 28²: LeCun et al. 1998
TvmNetwork resnet18();      // on 224²: He et al. 2016
TvmNetwork mobilenet_v2();  // on 224²: Sandler et al. 2018

}  // namespace lathe::studies
