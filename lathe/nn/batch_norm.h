#pragma once
#include <torch/nn/module.h>
#include <torch/types.h>

#include <functional>

#include "lathe/nn/model.h"

namespace lathe::nn {

bool has_batch_norm(torch::nn::Module& module);

// Running statistics of every batch-norm layer, anew: the cumulative average over the batches that `feed`
// passes through the module, with batch-norm layers in training mode and all others in evaluation mode. What
// averaged or interpolated weights need before they are used. Flags, momenta and counters of batches are then
// as they were.
void recompute_batch_norm(torch::nn::Module& module, const std::function<void()>& feed);

// With batches of `inputs` as equal in size as they can be and at most `batch_size`, moved to the model's
// device.
void recompute_batch_norm(Model& model, const torch::Tensor& inputs, int64_t batch_size = 500);

// While it lives, batch-norm layers normalise with the statistics of each batch, as in training, and their
// running statistics stay as they are.
class BatchStatistics {
 public:
  explicit BatchStatistics(torch::nn::Module& module);
  ~BatchStatistics();
  BatchStatistics(const BatchStatistics&) = delete;
  BatchStatistics& operator=(const BatchStatistics&) = delete;

 private:
  BufferSnapshot buffers_;
  std::vector<std::pair<torch::nn::Module*, bool>> layers_;  // and whether each was in training mode
};

}  // namespace lathe::nn
