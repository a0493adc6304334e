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

// The first head answers: the classifier as it is measured and kept.
class FirstHead : public train::Method {
 public:
  explicit FirstHead(std::shared_ptr<nn::TaskHeads> heads) : heads_(std::move(heads)) {}
  void settle() override { heads_->select(0); }

 private:
  std::shared_ptr<nn::TaskHeads> heads_;
};

}  // namespace lathe::pipeline
