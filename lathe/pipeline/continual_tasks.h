#pragma once
#include <string>
#include <vector>

#include "lathe/core/config.h"
#include "lathe/train/continual/options.h"
#include "lathe/train/continual/task.h"

namespace lathe::pipeline {

// How [train.continual] makes tasks to learn in turn out of one data set.
//   permuted, rotated  of images (data/task_sequence.h): num_tasks, all with the same classes
//   classes            classes_per_task classes each, in their order, every task with a head of its own
//   column:NAME        the rows of each value of a table's categorical column, in the order of the values
struct TaskOptions {
  std::string kind;              // permuted, rotated, classes, column
  int64_t num_tasks = 10;        // permuted: paper, §5; rotated: 4, the quarters of a turn
  int64_t classes_per_task = 2;  // paper's split of CIFAR-100 has 10
  std::string column;
  bool own_heads() const { return kind == "classes"; }
};

struct ContinualPipeline {
  TaskOptions tasks;
  train::continual::ContinualOptions method;
};
ContinualPipeline continual_pipeline(const core::Config& continual);  // reads a [train.continual] table

// Throws the table's InputError where such data cannot be made such tasks of.
void check_tasks(const core::Config& continual, const TaskOptions& options, const data::Schema& schema);

// Training, held-out and test examples are split alike.
std::vector<train::continual::Task> make_tasks(const data::Splits& splits, const TaskOptions& options,
                                               core::Seed seed);

// The held-out and test examples of all tasks in one, for the one model that is kept. Tasks with heads of
// their own: the classes in their original numbers.
data::Splits measured_together(const data::Splits& splits, const TaskOptions& options, core::Seed seed);
std::string measured_on(const TaskOptions& options);  // in words

}  // namespace lathe::pipeline
