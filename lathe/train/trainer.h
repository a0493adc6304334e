#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "lathe/core/config.h"
#include "lathe/core/interrupt.h"
#include "lathe/data/batches.h"
#include "lathe/nn/model.h"
#include "lathe/optim/objective.h"
#include "lathe/optim/optimizer.h"
#include "lathe/train/method.h"
#include "lathe/train/schedule.h"
#include "lathe/train/weight_average.h"

namespace lathe::train {

// The examples that are left over when an epoch is cut into batches. All batches have one size: the sums of a
// data-parallel step, and AdaScale's moments, need it.
enum class LastBatch {
  drop,   // other ones each epoch, since each is shuffled anew
  refuse  // InputError
};

struct TrainOptions {
  double epochs = 10;
  int64_t steps = 0;  // above 0: this many instead of epochs
  int64_t batch_size = 128;
  // Gradients are averaged over micro-batches of this size; 0: the whole batch at once.
  int64_t micro_batch = 0;
  // Batch size over the batch size that `epochs` (or `steps`) and the schedule were made for: AdaScale's S.
  double schedule_scale = 1;
  LastBatch last_batch = LastBatch::drop;
  double label_smoothing = 0;  // Szegedy et al. 2016
  double average_decay =
      0;                 // exponential moving average of the weights, used for evaluation and kept; 0: none
  int64_t patience = 0;  // stop after so many epochs without a better held-out accuracy (of equal ones:
                         // loss), keep the best; 0: never
  double checkpoint_seconds = 60;
  ScheduleOptions schedule;
  data::AugmentOptions augment;
};
// Reads a [train] table with its schedule and augment tables. Where `optim` scales the batch, schedule_scale
// is set, and a batch that AdaScale has to split is split into max(2, scale) micro-batches.
TrainOptions train_options(const core::Config& train, const optim::OptimizerOptions& optim = {});

// One point of the learning curves.
struct StepPoint {
  int64_t step = 0;
  double loss = 0;                        // mean since the last point
  double learning_rate = 0;               // with the rule's factor
  std::map<std::string, double> metrics;  // what the step rule reported; means, likewise
};
struct EpochPoint {
  int64_t epoch = 0, step = 0;
  double holdout_loss = 0, holdout_accuracy = 0, seconds = 0;
};

struct FitReport {
  int64_t steps = 0;
  int64_t skipped_steps = 0;     // for a non-finite loss or gradient
  int64_t evaluations = 0;       // forward and backward passes of all micro-batches
  double progress = 0;           // τ
  double seconds = 0;            // over all parts of a resumed run
  double step_milliseconds = 0;  // median
  bool stopped_early = false;
  std::vector<StepPoint> curve;
  std::vector<EpochPoint> epochs;
};

struct Hooks {
  std::function<void(int64_t step, const optim::StepReport&)> after_step;
  std::function<void(const EpochPoint&)> after_epoch;
};

// The compute threads of the run that wrote a checkpoint: the same number gives the same bits. None where
// there is no readable checkpoint.
std::optional<int> checkpoint_threads(const std::filesystem::path& checkpoint);

// Trains a model with a step rule: asks the rule for one step after another, supplies it with gradients,
// keeps the schedule, the weight average, the curves and the checkpoints. It does not know which method the
// rule is.
//
// fit() runs until τ ≥ steps. When `stop` is requested it writes the checkpoint and throws Interrupted; a
// Trainer made with the same arguments that finds the checkpoint goes on from there to the same bits (same
// thread count, CPU). The checkpoint is also written every checkpoint_seconds, and left for the caller to
// remove. Throws Error after 20 skipped steps in a row.
class Trainer {
 public:
  Trainer(std::shared_ptr<nn::Model> model, std::unique_ptr<optim::StepRule> rule, TrainOptions options,
          core::Seed seed);
  // Default: cross-entropy of the logits.
  void set_objective(optim::Objective objective) { objective_ = std::move(objective); }
  // The first one added is the nearest to the step rule; each sees the micro-batches through those after it.
  void add_method(std::shared_ptr<Method> method) { methods_.push_back(std::move(method)); }
  // Each micro-batch holds examples of one task, drawn by a data::TaskSampler; Evaluation::task names it, and
  // Batch::tasks tells the objective. Batch norm's running statistics then mix the tasks, as no micro-batch
  // does: take them anew for each task (nn/batch_norm.h). Without train.micro_batch each task has one of a
  // step's. Throws InputError where a batch cannot be cut like that.
  void set_tasks(data::Tasks tasks, double temperature);
  // Several processes train one model: each calls fit() with the same arguments and takes its share of every
  // batch's micro-batches. Floating-point buffers (batch-norm statistics) are averaged at the end of each
  // epoch; process 0 writes the checkpoint; when one is asked to stop, all do after the same step.
  void set_communicator(std::shared_ptr<optim::Communicator> communicator);
  FitReport fit(const data::Dataset& train, const data::Dataset& holdout,
                const std::filesystem::path& checkpoint = {}, const core::StopToken& stop = {},
                const Hooks& hooks = {});

 private:
  class StepGradients;
  class MethodGradients;
  struct Progress;
  optim::StepReport step(const data::Batch& batch, Progress& progress);
  static void add_curve_point(Progress& progress);
  bool anyone(bool here) const;
  void share_buffers();
  void settle();
  void end_epoch(const data::Dataset& holdout, int64_t epoch, double seconds, Progress& progress);
  void keep_final_weights(const Progress& progress);
  static std::string status(double loss, const Progress& progress);
  void save_checkpoint(const std::filesystem::path& file, const Progress& progress) const;
  bool load_checkpoint(const std::filesystem::path& file, Progress& progress);
  void set_learning_rate(double factor);
  EpochPoint evaluate(const data::Dataset& holdout);

  std::shared_ptr<nn::Model> model_;
  std::unique_ptr<optim::StepRule> rule_;
  TrainOptions options_;
  core::Seed seed_;
  optim::Objective objective_;
  std::vector<std::shared_ptr<Method>> methods_;
  std::optional<data::TaskBlocks> tasks_;
  std::shared_ptr<optim::Communicator> communicator_;  // none: one process
  std::vector<double> base_rates_;                     // of each parameter group
  std::optional<WeightAverage> average_;
};

}  // namespace lathe::train
