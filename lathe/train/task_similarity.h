#pragma once
#include "lathe/evaluate/gradient_similarity.h"
#include "lathe/optim/grad_vac.h"
#include "lathe/optim/objective.h"
#include "lathe/train/method.h"

namespace lathe::train {

// A microscope for training on several tasks: every so often, the cosines of the tasks' gradients of the
// shared parameters, each taken on fixed examples of its task in evaluation mode, batch norm with their own
// statistics. Changes nothing. Wang et al., Gradient Vaccine, ICLR 2021, §3: examples should be parallel, of
// the same content or at least number, and not those of the training.
class TaskSimilarity : public Method {
 public:
  // `rule` says what is shared and what its components are; component "all" comes first, with all of them.
  // examples: one batch for each of the rule's tasks, with Batch::tasks set. Model and rule must be those
  // that are trained.
  TaskSimilarity(std::shared_ptr<nn::Model> model, std::shared_ptr<const optim::GradVac> rule,
                 std::vector<data::Batch> examples, optim::Objective objective, int64_t times_per_epoch = 4);
  const std::vector<std::string>& components() const { return names_; }
  const std::vector<int64_t>& steps() const { return steps_; }  // at whose beginning it measured
  torch::Tensor cosines() const;  // float64 [steps, K, T, T]; NaN where a gradient was zero

  void begin(nn::Model& model, const data::Dataset& train, int64_t steps_per_epoch) override;
  void before_step(int64_t step) override;
  void save(torch::serialize::OutputArchive& archive) const override;
  void load(torch::serialize::InputArchive& archive) override;

 private:
  std::shared_ptr<nn::Model> model_;
  std::shared_ptr<const optim::GradVac> rule_;
  std::vector<data::Batch> examples_;
  optim::Objective objective_;
  int64_t times_per_epoch_, every_ = 1;
  std::vector<evaluate::GradientComponent> ranges_;
  std::vector<std::string> names_;
  std::vector<int64_t> steps_;
  std::vector<torch::Tensor> cosines_;
};

}  // namespace lathe::train
