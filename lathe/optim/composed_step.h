#pragma once
#include <vector>

#include "lathe/optim/step.h"

namespace lathe::optim {

// What fills a slot and keeps something between steps saves it with the checkpoint.
class Slot {
 public:
  virtual ~Slot() = default;
  virtual void save(torch::serialize::OutputArchive&) const {}
  virtual void load(torch::serialize::InputArchive&) {}
};

// Slot 1: leaves one replica's gradient in .grad. This one: the plain gradient.
class GradientRule : public Slot {
 public:
  virtual Evaluation compute(GradientSource& source, int64_t replica) {
    return source.evaluate(replica, Pass::first);
  }
};

// Slot 2: sees every replica's gradient and, after the reduction, the combined one; changes neither.
class GradientObserver : public Slot {
 public:
  // A replica's gradient is in .grad; i = 0 begins a step.
  virtual void replica(const GradientSource& source, int64_t i, const Evaluation& evaluation) = 0;
  // float64 [n] on the parameters' device: what is to be added up over processes, n alike on all of them.
  virtual torch::Tensor sums(const GradientSource& source) const = 0;
  // The combined gradient is in .grad, `sums` are those of all processes. Not called for a step that is
  // skipped: only here may state change.
  virtual void mean(const GradientSource& source, const torch::Tensor& sums, StepReport& report) = 0;
};

// Slot 3: one gradient from those of all replicas of all processes. What packet() gives is summed over
// processes, in the step's one reduction; a rule whose choice needs every process's part puts its parts into
// the packet and chooses in combine(), one that is content with its own process's chooses in packet().
class CombineRule : public Slot {
 public:
  // A replica's gradient is in .grad; i = 0 begins a step.
  virtual void replica(const GradientSource& source, int64_t i, const Evaluation& evaluation) = 0;
  // After the last replica: what is to be summed, in place, alike in number and shape on all processes.
  virtual std::vector<torch::Tensor> packet(const GradientSource& source) = 0;
  // The packet is the sum now: leaves the combined gradient in .grad. Not called for a step that is skipped:
  // only here may state change.
  virtual void combine(const GradientSource& source, StepReport& report) = 0;
};

// The mean over replicas.
class MeanGradient : public CombineRule {
 public:
  explicit MeanGradient(std::vector<torch::Tensor> parameters) : parameters_(std::move(parameters)) {}
  void replica(const GradientSource& source, int64_t i, const Evaluation& evaluation) override;
  std::vector<torch::Tensor> packet(const GradientSource& source) override;
  void combine(const GradientSource& source, StepReport& report) override;

 private:
  std::vector<torch::Tensor> parameters_;
  std::vector<torch::Tensor> sums_;    // of the replicas so far; empty while there is only one
  std::vector<torch::Tensor> packet_;  // .grad of the parameters that have one
};

// Slot 4: changes the combined gradient before the optimizer sees it.
class GradientTransform : public Slot {
 public:
  virtual void apply(const std::vector<torch::Tensor>& parameters, StepReport& report) = 0;
};

// Slot 5: how far the step goes, and for how many steps of the schedule it counts. One that keeps something
// between steps is an observer too.
class LearningRateFactor {
 public:
  virtual ~LearningRateFactor() = default;
  virtual double factor(size_t group, double share) const = 0;  // share: of the training done, τ / steps
  virtual double progress() const = 0;
};

// Slot 6: takes the base optimizer's step, and may correct what it did. This one: the step as it is.
class UpdateRule : public Slot {
 public:
  virtual void step(torch::optim::Optimizer& base) { base.step(); }
};

struct StepSlots {
  std::shared_ptr<GradientRule> rule = nullptr;  // none: the plain gradient
  std::vector<std::shared_ptr<GradientObserver>> observers = {};
  std::shared_ptr<CombineRule> combine = nullptr;  // none: the mean
  std::vector<std::shared_ptr<GradientTransform>> transforms = {};
  std::shared_ptr<LearningRateFactor> factor = nullptr;  // none: 1, and progress 1
  std::shared_ptr<UpdateRule> update = nullptr;          // none: the optimizer's step
};

// The slots in their fixed order: gradient rule per replica, observers, combine rule, transforms, then the
// update rule steps the base optimizer with each group's learning rate times its factor (put back afterwards,
// even if the optimizer throws). Parameters without a gradient are left alone. Sparse gradients are an
// InputError.
class ComposedStep : public StepRule {
 public:
  explicit ComposedStep(std::unique_ptr<torch::optim::Optimizer> base, StepSlots slots = {});
  StepReport step(GradientSource& source) override;
  torch::optim::Optimizer& base() override { return *base_; }
  void save(torch::serialize::OutputArchive& archive) const override;
  void load(torch::serialize::InputArchive& archive) override;

 private:
  struct Gathered {
    StepReport report;
    std::vector<torch::Tensor> observed;  // the observers' sums over all processes
  };
  Gathered gather(GradientSource& source);
  std::map<std::string, Slot*> filled_slots() const;

  std::vector<torch::Tensor> parameters_;
  std::unique_ptr<torch::optim::Optimizer> base_;
  StepSlots slots_;
};

}  // namespace lathe::optim
