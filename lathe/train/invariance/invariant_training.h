#pragma once
#include <optional>

#include "lathe/optim/objective.h"
#include "lathe/train/invariance/options.h"
#include "lathe/train/method.h"

namespace lathe::train::invariance {

// The method of InvarianceOptions as an objective with a memory: it owns the groups, counts the steps, infers
// the groups once, at t₀, and keeps GroupDRO's weights. With the Trainer:
//   auto training = std::make_shared<InvariantTraining>(options, seed);
//   trainer.add_method(training);
//   trainer.set_objective(training->objective());     refers to *training
// In a loop of your own call begin(), then for each step before_step(step), loss(model, batch) and
// after_step(report). SAM, AdaScale and micro-batches work on top; a micro-batch that lacks a part of a class
// leaves that class out of the penalty ("invariance.active_classes" in the report's metrics).
//
// Parts belong to the examples that begin() was given; Batch::indices finds them.
class InvariantTraining : public Method {
 public:
  // groups: given ones; their examples are those of begin(). Without: options.column, or inferred at t₀.
  // Throws InputError for options out of range, and for parts to be inferred at t₀ = 0.
  InvariantTraining(InvarianceOptions options, core::Seed seed, std::optional<Groups> groups = std::nullopt);

  // Mean loss of a batch at the present step. Throws InputError where the model does not show its features.
  torch::Tensor loss(nn::Model& model, const data::Batch& batch);
  optim::Objective objective();
  const std::optional<Groups>& groups() const { return groups_; }
  const std::optional<Groups>& compared() const { return compared_; }  // parts by the column options.compare
  double weight() const;                                               // λ(t) of the present step

  // Throws InputError where targets are not classes, or the groups or the column do not fit the examples.
  void begin(nn::Model& model, const data::Dataset& train, int64_t steps_per_epoch) override;
  void before_step(int64_t step) override;
  optim::Evaluation evaluate(optim::GradientSource& source, int64_t replica, optim::Pass pass) override;
  // Adds metrics. Throws Error once predictions have collapsed: for 200 steps in a row from t₀ on the entropy
  // of the mean prediction, each class in the batch weighted alike, was below a tenth of its largest value.
  void after_step(optim::StepReport& report) override;
  void save(torch::serialize::OutputArchive& archive) const override;
  void load(torch::serialize::InputArchive& archive) override;

 private:
  bool started() const { return step_ >= start_step_; }
  void use(Groups groups);
  void infer();
  Parts parts_of_batch(const torch::Tensor& targets, const torch::Tensor& parts) const;
  torch::Tensor cross_entropy(const torch::Tensor& logits, const torch::Tensor& targets,
                              const torch::Tensor& parts);
  std::optional<Penalty> penalty(const torch::Tensor& features, const torch::Tensor& logits,
                                 const torch::Tensor& probabilities, const torch::Tensor& targets,
                                 const torch::Tensor& parts) const;
  void watch(const torch::Tensor& probabilities, const torch::Tensor& targets,
             const std::optional<Penalty>& penalty);

  InvarianceOptions options_;
  core::Seed seed_;
  std::optional<Groups> groups_, compared_;
  std::optional<GroupDro> dro_;

  nn::Model* model_ = nullptr;
  const data::Dataset* train_ = nullptr;
  int64_t num_classes_ = 0, start_step_ = 0, ramp_steps_ = 0;

  int64_t step_ = 0;
  int64_t collapsed_steps_ = 0;
  // Of the present step's first passes.
  struct Seen {
    int64_t evaluations = 0;
    double penalty = 0, active_classes = 0, least_spread = 1;
    torch::Tensor exponents;
  };
  Seen seen_;
  optim::Pass pass_ = optim::Pass::first;
};

}  // namespace lathe::train::invariance
