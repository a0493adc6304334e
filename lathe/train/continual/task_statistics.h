#pragma once
#include "lathe/train/continual/task.h"

namespace lathe::train::continual {

// Batch norm's running statistics, one set for each task. A model without batch norm has none.
class TaskStatistics {
 public:
  explicit TaskStatistics(nn::Model& model);
  void keep(int64_t task);       // the model's present ones as the task's
  void use(int64_t task) const;  // nothing to do for a task without any yet
  // Those of all tasks in one, each weighted alike: the mean of means m_t, and of v_t + (m_t − m)².
  void use_all() const;
  void save(torch::serialize::OutputArchive& archive) const;
  void load(torch::serialize::InputArchive& archive);

 private:
  std::vector<std::string> names_;
  std::vector<torch::Tensor> buffers_;
  std::vector<std::vector<torch::Tensor>> kept_;  // of each task
};

}  // namespace lathe::train::continual
