#pragma once
#include <torch/serialize.h>

#include "lathe/core/seed.h"
#include "lathe/train/continual/layers.h"
#include "lathe/train/continual/task.h"

namespace lathe::train::continual {

// How far training moved what layers make of inputs that they once saw: ‖ΔW x‖ / ‖W x‖ for inputs x of each
// layer, W its weights then and ΔW their change since; biases are left out. Saha, Garg & Roy, ICLR 2021
// (arXiv 2103.09762), §6 and figure 3. Inputs whose W x is 0 are left out.
struct Interference {
  std::vector<std::string> layers;
  std::vector<std::vector<double>> values;  // of each layer
  double mean() const;                      // over layers and inputs; NaN where there is none
};

std::vector<Layer> shared_layers(const nn::Model& model);  // all but the heads of single tasks

// Keeps, of every layer, at most `max_inputs` inputs of one forward pass, drawn from `seed` where there are
// more (a convolution has one for each position), and what they became: max_inputs · (d + out) floats a
// layer, on the CPU.
class InterferenceProbe {
 public:
  InterferenceProbe() = default;
  InterferenceProbe(const std::vector<Layer>& layers, const std::function<void()>& forward,
                    int64_t max_inputs, core::Seed seed);
  // Of the same layers. One product a layer. Those that saw nothing are left out.
  Interference measure(const std::vector<Layer>& layers) const;
  void save(torch::serialize::OutputArchive& archive) const;
  // Throws Error for what was kept of other layers.
  void load(torch::serialize::InputArchive& archive, const std::vector<Layer>& layers);

 private:
  struct Seen {
    torch::Tensor inputs, outputs;  // x [groups, m, d] and W x [m, out]; m may be 0
  };
  std::vector<Seen> seen_;  // of each layer
};

}  // namespace lathe::train::continual
