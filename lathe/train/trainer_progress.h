#pragma once
#include <cmath>

#include "lathe/train/trainer.h"

namespace lathe::train {

// Where a run stands: what a checkpoint holds besides the model's and the rule's tensors.
struct Trainer::Progress {
  int64_t step = 0;    // batches consumed
  double tau = 0;      // schedule position
  int64_t total = 0;   // τ at which training ends
  double seconds = 0;  // before this process
  int64_t skipped = 0, skipped_in_a_row = 0;
  int64_t evaluations = 0;
  StepPoint sums;                            // since the last curve point; `step` counts
  double best_accuracy = -1, best_loss = 0;  // held-out
  int64_t epochs_since_best = 0;
  bool stopped_early = false;
  std::vector<StepPoint> curve;
  std::vector<EpochPoint> epochs;
  std::vector<torch::Tensor> best;  // trained tensors at the best held-out accuracy; empty without patience

  double share() const { return tau / static_cast<double>(total); }
  double schedule_share() const { return std::floor(tau) / static_cast<double>(total); }
  bool ended() const { return tau >= static_cast<double>(total) || stopped_early; }
};

}  // namespace lathe::train
