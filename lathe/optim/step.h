#pragma once
#include <torch/optim/optimizer.h>
#include <torch/serialize.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace lathe::optim {

// What happens between a batch and a parameter update. A rule asks for gradients as often, at whichever
// point, and over whichever micro-batches it needs; the source supplies them without knowing which rule it
// serves.
//
//  C1  Within a step evaluate(i, ·) always uses the same samples, augmentation and random state.
//      Pass::repeat leaves batch-norm running statistics and training metrics untouched.
//  C2  evaluate overwrites gradients, never accumulates; the loss is the mean over the micro-batch's samples.
//  C3  A GradientRule restores the parameters bit for bit before it returns or throws.
//  C4  Gradients and a finite-flag travel in one all_reduce_sum per step.
//  C5  What looks at gradients sees them before transforms change them.
//  C6  One non-finite loss or gradient anywhere: every process skips, no state changes, progress is 0.
//  C7  The Trainer keeps τ = Σ progress; schedules are functions of τ, training ends at τ ≥ steps.
//  C8  The micro-batch is the Trainer's: it is at once a replica and the unit of gradient accumulation.
//  C9  A rule that cannot work in a stack says so at construction.
enum class Pass { first, repeat };

struct Evaluation {
  double loss = 0;
  int64_t samples = 0;
  std::string task;         // empty outside multi-task training
  int64_t evaluations = 1;  // forward and backward passes that it took
  int64_t collectives = 0;  // reductions over processes that it took
};

// What a rule may ask of the Trainer during one step.
class GradientSource {
 public:
  virtual ~GradientSource() = default;
  virtual int64_t step() const { return 0; }     // batches before this one
  virtual double progress() const { return 0; }  // share of training that is done, τ / steps
  virtual int64_t local_replicas() const = 0;    // micro-batches of this process in this step
  virtual int64_t replicas() const = 0;          // the same over all processes
  virtual Evaluation evaluate(int64_t i,
                              Pass) = 0;  // .grad of every parameter := ∂L_i/∂p at the present values
  virtual void all_reduce_sum(at::TensorList tensors) = 0;  // over processes; nothing to do for one
};

struct StepReport {
  double loss = 0;      // mean over the step's samples
  double progress = 1;  // added to τ
  double lr_factor = 1;
  int64_t evaluations = 0;  // forward and backward passes
  int64_t collectives = 0;  // reductions over processes
  bool skipped = false;
  std::map<std::string, double> metrics;
};

class StepRule {
 public:
  virtual ~StepRule() = default;
  virtual StepReport step(GradientSource& source) = 0;
  virtual torch::optim::Optimizer& base() = 0;
  virtual void save(torch::serialize::OutputArchive& archive) const = 0;
  virtual void load(torch::serialize::InputArchive& archive) = 0;
};

// Slot 1: leaves one replica's gradient in .grad.
class GradientRule {
 public:
  virtual ~GradientRule() = default;
  virtual Evaluation compute(GradientSource& source, int64_t replica) {
    return source.evaluate(replica, Pass::first);
  }
};

// Slot 4: changes the combined gradient before the optimizer sees it.
class GradientTransform {
 public:
  virtual ~GradientTransform() = default;
  virtual void apply(const std::vector<torch::Tensor>& parameters, StepReport& report) = 0;
};

// Rescales all gradients together to ‖g‖₂ ≤ max_norm; reports "gradient_norm" (before). Pascanu et al. 2013.
class ClipNorm : public GradientTransform {
 public:
  explicit ClipNorm(double max_norm);  // throws InputError unless positive
  void apply(const std::vector<torch::Tensor>& parameters, StepReport& report) override;

 private:
  double max_norm_;
};

// The slots in their fixed order: gradient rule per replica, mean over replicas and processes, transforms,
// base optimizer. Parameters without a gradient are left alone. Sparse gradients are an InputError.
class ComposedStep : public StepRule {
 public:
  explicit ComposedStep(std::unique_ptr<torch::optim::Optimizer> base,
                        std::unique_ptr<GradientRule> rule = std::make_unique<GradientRule>(),
                        std::vector<std::unique_ptr<GradientTransform>> transforms = {});
  StepReport step(GradientSource& source) override;
  torch::optim::Optimizer& base() override { return *base_; }
  void save(torch::serialize::OutputArchive& archive) const override;
  void load(torch::serialize::InputArchive& archive) override;

 private:
  StepReport gather(GradientSource& source);
  std::vector<torch::Tensor> parameters_;
  std::unique_ptr<torch::optim::Optimizer> base_;
  std::unique_ptr<GradientRule> rule_;
  std::vector<std::unique_ptr<GradientTransform>> transforms_;
};

}  // namespace lathe::optim
