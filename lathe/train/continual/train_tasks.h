#pragma once
#include <filesystem>

#include "lathe/core/interrupt.h"
#include "lathe/train/continual/accuracy_matrix.h"
#include "lathe/train/continual/continual_method.h"
#include "lathe/train/continual/interference.h"
#include "lathe/train/continual/task_statistics.h"
#include "lathe/train/trainer.h"

namespace lathe::train::continual {

// Everything that decides how tasks are learned, besides the tasks and the model.
struct ContinualTraining {
  ContinualOptions continual;
  optim::OptimizerOptions optim;
  TrainOptions train;  // of each task
  core::Seed seed{0};
  // Test examples of each task, and inputs of each layer, that interference is measured on; 0: it is not.
  // Costs one forward pass of them a task, and memory as InterferenceProbe says.
  int64_t interference_inputs = 0;
};

struct ContinualResult {
  torch::Tensor accuracy;   // A, float64 [T, T]; joint: NaN in all rows but the last
  torch::Tensor untrained;  // b, float64 [T]
  TransferMeasures measures;
  int64_t memory_bytes = 0;  // what the method keeps besides the model
  // After each task, where there is a gradient projection memory.
  std::vector<std::map<std::string, LayerMemory>> memory;
  std::vector<Interference> interference;    // of each task but the last, from its end to the last one's
  std::vector<double> seconds;               // training of each task; the memory's update included
  std::vector<FitReport> trainings;          // of each task; joint: one
  std::optional<TaskStatistics> statistics;  // of each task; writes into the model
  std::vector<std::string> warnings;         // for people
};

// Tasks that the memory still has room for at the pace of the last one: over layers the least of
// (d − k) / (vectors added by the last task). Infinity where nothing was added.
double capacity_forecast(const std::vector<std::map<std::string, LayerMemory>>& memory);

struct ContinualHooks {
  Hooks trainer;
  // After the task's training, before its end: the model is as trained, the method's memory is not.
  std::function<void(int64_t task)> task_trained;
  std::function<void(int64_t task, const ContinualResult& so_far)> after_task;
};

// The compute threads of the sequence that was stopped in this directory: the same number gives the same
// bits.
std::optional<int> sequence_threads(const std::filesystem::path& directory);

// Learns tasks one after another and measures all of them, on their test examples, after each.
//
// model: an nn::TaskHeads with one head a task (task-incremental), or any model with as many outputs as every
// task has classes (domain-incremental; the one head is protected like any layer). Its input layer was fitted
// by the caller. Each task begins with a new optimizer and the schedule's start.
//
// With a directory it can be stopped, also by a kill, and called again with the same arguments: finished
// tasks are in DIRECTORY/continual.state, the present one is in DIRECTORY/task-N.checkpoint; the result is
// the same bits. Both are left for the caller to remove. Afterwards the model is as it was after the last
// task, its batch norm with that task's statistics.
//
// Throws InputError for a task without training or test examples, one that the model has no head for or other
// classes than, a state of other settings; Interrupted when asked to stop.
ContinualResult train_tasks(const std::shared_ptr<nn::Model>& model, const std::vector<Task>& tasks,
                            const ContinualTraining& training, const std::filesystem::path& directory = {},
                            const core::StopToken& stop = {}, const ContinualHooks& hooks = {});

}  // namespace lathe::train::continual
