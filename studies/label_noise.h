#pragma once
#include <memory>
#include <string>
#include <vector>

#include "lathe/core/interrupt.h"
#include "lathe/data/batches.h"
#include "lathe/nn/classifier.h"
#include "lathe/train/trainer.h"

// Training with wrong labels: one run, and what is measured of it. Zhang et al., ICLR 2017, §2.
namespace lathe::studies {

// The images and the optimizer, alike for all runs.
struct LabelNoiseTask {
  data::Source source;
  int64_t num_train = 6000, num_holdout = 1000;
  double lr = 0.05;  // SGD with momentum 0.9 and weight decay 5e-4, cosine to 0
  data::AugmentOptions augment = {};
};

// What methods differ in.
struct Recipe {
  std::string name;
  double epochs = 40;
  double rho = 0;              // SAM's; 0: plain SGD
  int64_t micro_batch = 0;     // SAM's m; 0: the batch of 128
  double label_smoothing = 0;  // Szegedy et al., CVPR 2016, §7
  double mixup_alpha = 0;      // Zhang et al., ICLR 2018, §2: λ ~ Beta(α, α); 0: none
  int64_t patience = 0;        // epochs without a better accuracy on held-out images with noisy labels
};

// Redrawn labels at the same rate in training and held-out images; a test set with true ones.
struct NoisyData {
  data::Dataset train, holdout, test;
  torch::Tensor true_targets, true_holdout_targets;
};
NoisyData noisy_data(const LabelNoiseTask& task, double noise, core::Seed seed);

struct TrainedRun {
  std::shared_ptr<nn::Classifier> model;
  std::vector<double> curve;  // after each epoch: percent right of the held-out images by their true labels;
                              // with patience by their noisy ones
};
TrainedRun train_run(const LabelNoiseTask& task, const NoisyData& data, const std::string& model_table,
                     const Recipe& recipe, core::Seed seed, const core::StopToken& stop);

// The share of the wrong training labels that the model gives back, percent; 0 where there is none.
double memorised(nn::Model& model, const NoisyData& data);
double percent_right(const torch::Tensor& logits, const torch::Tensor& targets);

}  // namespace lathe::studies
