#pragma once
#include "lathe/train/continual/replay.h"

namespace lathe::train::continual {

// Averaged gradient episodic memory, Chaudhry et al., ICLR 2019 (arXiv 1812.00420), eq. 11: with g_ref the
// gradient of remembered examples, where g · g_ref < 0
//   g ← g − (g · g_ref / ‖g_ref‖²) g_ref
// so that to first order the loss on them does not rise. One evaluation a step more. Reports
// "agem.projected", the share of steps in which that happened.
class AverageGem : public ContinualMethod {
 public:
  AverageGem(nn::Model& model, RecallOptions options, core::Seed seed)
      : model_(model), options_(options), seed_(seed), memory_(options.memory, seed.stream("reservoir")) {}
  optim::StepSlots slots() override;  // refer to this
  optim::Evaluation evaluate(optim::GradientSource& source, int64_t replica, optim::Pass pass) override;
  std::vector<std::string> end_task(const Task& task, const Forward& forward) override;
  int64_t memory_bytes() const override { return memory_.bytes(); }
  void save(torch::serialize::OutputArchive& archive) const override { memory_.save(archive); }
  void load(torch::serialize::InputArchive& archive) override { memory_.load(archive); }

 private:
  void project(const std::vector<torch::Tensor>& parameters, optim::StepReport& report);
  std::vector<torch::Tensor> reference_gradient(const std::vector<torch::Tensor>& parameters) const;

  nn::Model& model_;
  RecallOptions options_;
  core::Seed seed_;
  EpisodicMemory memory_;
  int64_t batch_size_ = 0;  // of the task's own examples in a step
};

}  // namespace lathe::train::continual
