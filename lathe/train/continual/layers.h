#pragma once
#include <torch/nn/module.h>
#include <torch/types.h>

#include <functional>
#include <string>
#include <vector>

namespace lathe::train::continual {

// A linear layer or a 2-D convolution: outputs are weight · x for inputs x, the rows that for_each_input
// shows.
struct Layer {
  std::string name;            // the module's, "body.linear0"
  torch::Tensor weight, bias;  // the parameters themselves; bias undefined where there is none
  int64_t groups = 1;
  int64_t inputs() const { return weight.numel() / weight.size(0); }  // d, of one group
};

// A module's parameters by what owns them.
struct Layers {
  std::vector<Layer> layers;
  std::vector<torch::Tensor> norms;  // scales and shifts of batch, layer, group and instance norm
  std::vector<std::string> others;   // modules of other types that have parameters of their own
};
// Modules whose name matches one of `left_out` (`*` for any text) are left out. Throws InputError for a
// pattern that names no module.
Layers find_layers(const torch::nn::Module& module, const std::vector<std::string>& left_out = {});

// Runs `forward` and shows what each of the layers computes with, in whatever call it is used: visit(i, rows)
// gets layers[i]'s inputs, [groups, m, d]. A linear layer has a row for each input vector, a convolution one
// for each position of its kernel: the patch under it, zeros of the padding included, in the order of
// weight.flatten(1), whatever its stride, padding and dilation. Large inputs come in several calls. Found by
// the weights that matrix products and convolutions are given, so modules need no change. What `visit` throws
// comes out.
using InputVisitor = std::function<void(size_t layer, const torch::Tensor& rows)>;
void for_each_input(const std::vector<Layer>& layers, const std::function<void()>& forward,
                    const InputVisitor& visit);

}  // namespace lathe::train::continual
