#pragma once
#include <optional>

#include "lathe/train/method.h"
#include "lathe/train/schedule.h"

namespace lathe::train {

// Stochastic weight averaging. Izmailov, Podoprikhin, Garipov, Vetrov & Wilson, Averaging Weights Leads to
// Wider Optima and Better Generalization, UAI 2018 (arXiv 1803.05407), Algorithm 1. The average of n
// snapshots takes in one more:
//   a ← a + (w − a) / (n + 1)
// over parameters alone: running statistics of batch norm belong to one set of weights and have to be taken
// anew.
//
//   StochasticWeightAverage average(model);
//   …; average.snapshot();             // at the end of an epoch or a cycle
//   average.install();                 // once trained
//   nn::recompute_batch_norm(model, training_inputs);
class StochasticWeightAverage {
 public:
  explicit StochasticWeightAverage(const torch::nn::Module& module);
  void snapshot();  // of the trained weights, which are restored where the average is installed
  int64_t snapshots() const { return snapshots_; }
  void install();  // the average becomes the module's weights; throws InputError without a snapshot
  void restore();  // the trained weights and statistics again; nothing to do where they are in place
  bool installed() const { return !trained_.empty(); }
  void save(torch::serialize::OutputArchive& archive) const;
  void load(torch::serialize::InputArchive& archive);

 private:
  std::vector<torch::Tensor> tensors_;  // the module's: parameters, then floating-point buffers
  std::vector<torch::Tensor> average_;  // of parameters
  std::vector<torch::Tensor> trained_;  // tensors_ as training left them, while the average is installed
  int64_t snapshots_ = 0;
};

enum class SwaMode {
  constant,  // a snapshot at the end of every epoch, at a constant learning rate
  cyclic     // at the end of every cycle of the learning rate, which is 0 there
};

struct SwaOptions {
  SwaMode mode = SwaMode::constant;
  double lr_factor =
      0.5;  // learning rate while averaging, of the first one: 0.05 of 0.1 in Wortsman et al. 2021
  double start = 0.75;  // share of training before the first snapshot; Izmailov et al., §4.1
  int64_t cycles = 5;   // cyclic
};
// Reads a [train.swa] table, whose `lr` is an absolute learning rate; `lr` is the optimizer's.
SwaOptions swa_options(const core::Config& swa, double lr);
void check(const SwaOptions& options);                    // throws InputError
ScheduleOptions swa_schedule(const SwaOptions& options);  // the learning rate that goes with it

// The same in the Trainer, which needs swa_schedule(options): what is measured and kept is the average of the
// snapshots so far, with batch norm's statistics of the training examples; before the first one the weights
// themselves.
class SwaTraining : public Method {
 public:
  explicit SwaTraining(const SwaOptions& options);
  void begin(nn::Model& model, const data::Dataset& train, int64_t steps_per_epoch) override;
  void before_step(int64_t step) override;
  optim::Evaluation evaluate(optim::GradientSource& source, int64_t replica, optim::Pass pass) override;
  void after_step(optim::StepReport& report) override;
  void settle() override;
  void save(torch::serialize::OutputArchive& archive) const override;
  void load(torch::serialize::InputArchive& archive) override;

 private:
  bool due(double before, double after) const;

  SwaOptions options_;
  nn::Model* model_ = nullptr;
  torch::Tensor training_inputs_;
  int64_t steps_per_epoch_ = 1, steps_ = 0;
  double progress_ = 0;  // share of training before the present step
  double tau_ = 0;       // the same in steps of the schedule
  std::optional<StochasticWeightAverage> average_;
};

}  // namespace lathe::train
