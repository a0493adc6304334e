#pragma once
#include "lathe/nn/classifier.h"
#include "lathe/nn/task_heads.h"
#include "lathe/optim/grad_vac.h"
#include "lathe/optim/objective.h"
#include "lathe/train/task_similarity.h"

namespace lathe::pipeline {

class Setup;

// [optim.multitask]: one model for several tasks, whose gradients are combined with less interference
// (optim/grad_vac.h).
struct MultitaskOptions {
  optim::GradVacOptions rule;
  double temperature = 5;  // τ of the tasks' shares of a batch: Arivazhagan et al. 2019, §4.2
  // Either of:
  std::string column;                  // a table's categorical column, whose values are tasks of one head
  std::vector<std::string> auxiliary;  // tasks beside the class, with heads of their own: data/image_tasks.h
};
MultitaskOptions multitask_options(const core::Config& multitask);

// What several tasks make of a training.
struct Multitask {
  data::Dataset examples, holdout;  // of all tasks
  data::Tasks tasks, holdout_tasks;
  std::shared_ptr<nn::Model> model;      // what is trained: the classifier, or heads around it
  std::shared_ptr<nn::TaskHeads> heads;  // with auxiliary tasks; the first is the classifier's own
  optim::Objective objective;            // with auxiliary tasks
  std::shared_ptr<optim::GradVac> rule;
  std::shared_ptr<train::TaskSimilarity> similarity;
};
// Throws InputError where the data has no such tasks.
Multitask make_multitask(const Setup& setup, const std::shared_ptr<nn::Classifier>& classifier);

// One task's head answers, with batch norm's statistics of at most 5,000 of its training examples: those that
// training leaves mix all tasks, of which no micro-batch ever did.
void answer(const Multitask& multitask, int64_t task);

// The classifier as it is measured and kept: the first task answers. Refers to `multitask`.
class FirstTask : public train::Method {
 public:
  explicit FirstTask(const Multitask& multitask) : multitask_(multitask) {}
  void settle() override { answer(multitask_, 0); }

 private:
  const Multitask& multitask_;
};

}  // namespace lathe::pipeline
