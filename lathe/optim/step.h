#pragma once
#include <torch/optim/optimizer.h>
#include <torch/serialize.h>

#include <map>
#include <memory>
#include <string>

#include "lathe/optim/gradients.h"

namespace lathe::optim {

// What happens between a batch and a parameter update. A rule asks for gradients as often, at whichever
// point, and over whichever micro-batches it needs; the source supplies them without knowing which rule it
// serves.
//
//  C1  Within a step evaluate(i, ·) always uses the same samples, augmentation and random state.
//      Pass::repeat leaves batch-norm running statistics and training metrics untouched.
//  C2  evaluate overwrites gradients, never accumulates; the loss is the mean over the micro-batch's samples.
//  C3  A GradientRule restores the parameters bit for bit before it returns or throws.
//  C4  Gradients, observers' sums and a finite-flag travel in one all_reduce_sum per step. A rule that needs
//      another collective counts it in its Evaluation.
//  C5  Observers see gradients before transforms change them.
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

// Processes that train one model together; each has the same parameters.
class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual void all_reduce_sum(at::TensorList tensors) = 0;  // in place, the same bits on every process
};

// What a rule may ask of the Trainer during one step.
class GradientSource {
 public:
  virtual ~GradientSource() = default;
  virtual int64_t step() const { return 0; }     // batches before this one
  virtual double progress() const { return 0; }  // share of training that is done, τ / steps
  virtual int rank() const { return 0; }
  virtual int processes() const { return 1; }
  virtual int64_t local_replicas() const = 0;  // micro-batches of this process in this step
  virtual int64_t replicas() const = 0;        // the same over all processes
  // .grad of every parameter := ∂L_i/∂p at the present values
  virtual Evaluation evaluate(int64_t i, Pass) = 0;
  virtual void all_reduce_sum(at::TensorList tensors) = 0;  // over processes; nothing to do for one
};

struct StepReport {
  double loss = 0;          // mean over the step's samples
  double progress = 1;      // added to τ
  double lr_factor = 1;     // on the first group's learning rate
  int64_t evaluations = 0;  // forward and backward passes
  int64_t collectives = 0;  // reductions over processes
  bool skipped = false;
  std::string
      faulty_task;  // of a skipped step of several tasks: one of this process whose loss is not finite
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

}  // namespace lathe::optim
