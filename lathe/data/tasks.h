#pragma once
#include <string>
#include <vector>

#include "lathe/core/seed.h"
#include "lathe/data/dataset.h"

namespace lathe::data {

// Which of several tasks each example of a data set belongs to: a language, a sensor, a site.
struct Tasks {
  std::vector<std::string> names;
  torch::Tensor of_example;  // int64 [N], in [0, number of names)
};
// A categorical column's values are the tasks. Throws InputError for images, a column that is not there, is a
// number or lacks a value.
Tasks tasks_from_column(const Dataset& table, const std::string& column);

// Examples of a batch of several tasks, in blocks of one task each. Task i's share of the blocks is
//   p_i = n_i^(1/τ) / Σ_j n_j^(1/τ)
// for n_i examples: τ = 1 is proportional to size, τ = ∞ equal. Blocks are apportioned by systematic
// sampling: the b-th of M blocks is the task at (u + b)/M of the cumulated shares, u uniform in [0, 1). So
// the number of a task's blocks is M p_i, rounded up or down; with equal shares and M a multiple of the
// number of tasks each has as many. A task's rows in a batch are different ones as long as it has enough.
class TaskSampler {
 public:
  // Throws InputError for fewer than two tasks, one without examples, τ < 1.
  TaskSampler(const Tasks& tasks, double temperature);
  struct Draw {
    std::vector<int64_t> tasks;  // of each block
    std::vector<int64_t> rows;   // block after block
  };
  Draw draw(int64_t num_blocks, int64_t block_size, core::Random& random) const;
  const std::vector<double>& shares() const { return shares_; }

 private:
  std::vector<std::vector<int64_t>> rows_;  // of each task
  std::vector<double> shares_;
};

}  // namespace lathe::data
