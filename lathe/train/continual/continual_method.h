#pragma once
#include <map>
#include <memory>

#include "lathe/optim/objective.h"
#include "lathe/train/continual/options.h"
#include "lathe/train/continual/task.h"
#include "lathe/train/method.h"

namespace lathe::train::continual {

// What a continual method brings to the training of each task; this one brings nothing: finetuning. Its state
// travels in the Trainer's checkpoints and between tasks.
class ContinualMethod : public Method {
 public:
  virtual optim::StepSlots slots() { return {}; }
  // Examples of the present task; none: the Trainer's.
  virtual optim::Objective objective() { return {}; }
  void before_step(int64_t step) override { step_ = step; }
  void begin_task(int64_t task) { task_ = task; }
  // After the present task's training. `forward` passes that many of its training examples through the model,
  // each batch as evaluation would. Returns warnings.
  using Forward = std::function<void(int64_t samples)>;
  virtual std::vector<std::string> end_task(const Task& /*task*/, const Forward& /*forward*/) { return {}; }
  virtual int64_t memory_bytes() const { return 0; }
  virtual std::map<std::string, LayerMemory> summary() const { return {}; }  // gpm's

 protected:
  int64_t task_ = 0, step_ = 0;
};

// optim: what gpm's slots stand beside. Throws InputError for options out of range and, with gpm, for a model
// that cannot be protected. The model outlives the method.
std::shared_ptr<ContinualMethod> make_method(nn::Model& model, const ContinualOptions& options,
                                             const optim::OptimizerOptions& optim, double label_smoothing,
                                             core::Seed seed);

}  // namespace lathe::train::continual
