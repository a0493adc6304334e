#pragma once
#include "lathe/train/continual/continual_method.h"

namespace lathe::train::continual {

struct EwcOptions {
  double lambda = 100;     // depends on task and network
  int64_t samples = 1000;  // examples of each task for its Fisher matrix
};

// Elastic weight consolidation, Kirkpatrick et al., PNAS 2017 (arXiv 1612.00796), eq. 3: to the loss come
//   λ/2 Σ_t Σ_i F_t,i (θ_i − θ*_t,i)²
// with one term for each earlier task t, around the weights θ*_t it ended with. F_t is the diagonal of the
// Fisher matrix, the mean of (∂ log p(y|x) / ∂θ)² with y drawn from the model's own p(·|x). Only Σ F_t and
// Σ F_t θ*_t are kept: they give the same gradient.
class Ewc : public ContinualMethod {
 public:
  Ewc(nn::Model& model, EwcOptions options, core::Seed seed);
  optim::StepSlots slots() override;
  std::vector<std::string> end_task(const Task& task, const Forward& forward) override;
  int64_t memory_bytes() const override;
  void save(torch::serialize::OutputArchive& archive) const override;
  void load(torch::serialize::InputArchive& archive) override;
  // Of the present task's head, in evaluation mode, one for each parameter.
  std::vector<torch::Tensor> fisher(const data::Dataset& examples) const;

 private:
  void add_penalty();

  nn::Model& model_;
  EwcOptions options_;
  core::Seed seed_;
  std::vector<torch::Tensor> parameters_;
  std::vector<torch::Tensor> fisher_, anchor_;  // Σ F_t and Σ F_t θ*_t, zeros before the first task's end
  bool started_ = false;
};

}  // namespace lathe::train::continual
