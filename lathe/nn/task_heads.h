#pragma once
#include "lathe/nn/model.h"

namespace lathe::nn {

// One network for several tasks, each with a last layer of its own: logits of task t = W_t f(x) + b_t. The
// network's own last layer is task 0's, the others are "head1", "head2", …, drawn from `seed`. forward()
// gives the logits of the selected task; parameters of the other heads then have no gradient.
class TaskHeads : public Model {
 public:
  // num_classes: of each task. Throws InputError unless the first is that of the network's last layer.
  TaskHeads(std::shared_ptr<FeatureModel> network, const std::vector<int64_t>& num_classes, core::Seed seed);
  torch::Tensor forward(torch::Tensor inputs) override;
  torch::Tensor features(torch::Tensor inputs) { return network_->features(std::move(inputs)); }
  void select(int64_t task);  // throws InputError where there is no such head
  int64_t selected() const { return selected_; }
  int64_t num_tasks() const { return static_cast<int64_t>(heads_.size()); }
  torch::nn::LinearImpl& head(int64_t task);
  std::vector<std::string> head_names() const;  // as modules of this one

 private:
  std::shared_ptr<FeatureModel> network_;
  std::vector<torch::nn::LinearImpl*> heads_;
  int64_t selected_ = 0;
};

}  // namespace lathe::nn
