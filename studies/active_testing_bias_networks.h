#pragma once
#include <string>
#include <vector>

#include "lathe/core/interrupt.h"
#include "lathe/core/seed.h"
#include "lathe/train/active_learning.h"

// Small networks on Fashion-MNIST: trained on labels that they chose themselves, and tested with few labels.
namespace lathe::studies::active_testing_bias {

struct LearningPlan {
  int64_t num_seeds = 5;
  int64_t num_pool = 4000, num_clean = 4000;  // clean: of the test set, for accuracy and population risk
  train::ActiveLearningOptions loop = {
      // Softmax of scores with mean 1. The paper's T = 10,000 would be this if its scores add up to 1 over a
      // pool of 4,000.
      .proposal = {.kind = evaluate::active::ProposalKind::kSoftmax, .temperature = 2.5},
      .start = 10,
      .budget = 70,
      .batch = 5};
  int64_t steps = 100;  // of Adam, each training
};

// Of each seed; accuracies and biases after the last label.
struct LearningResult {
  std::vector<double> accuracy_none, accuracy_pure, accuracy_lure;
  train::Diagnosis diagnosis;   // of networks trained without weights
  std::vector<int64_t> labels;  // at which there are means over seeds:
  std::vector<double> curve_overfitting, curve_active_learning;
};

LearningResult run_learning(const LearningPlan& plan, core::Seed seed, const core::StopToken& stop);

struct TestingPlan {
  int64_t num_networks = 3, num_training = 2000, num_calibration = 500, num_pool = 4000, steps = 600;
  int64_t num_trajectories = 1000;
  std::vector<int64_t> labels = {10, 50, 100, 200};
};

// Of the estimated mean loss at every M, over trajectories.
struct Errors {
  std::vector<double> root_mean_square;
  std::vector<double> bias;  // in its own standard errors
};

struct TestingResult {
  std::vector<double> losses;               // of the networks, on the whole pool
  std::vector<std::string> proposals;       // uniform labels, expected loss, root mean squared loss
  std::vector<std::vector<Errors>> errors;  // [proposal][network]
};

TestingResult run_testing(const TestingPlan& plan, core::Seed seed, const core::StopToken& stop);

}  // namespace lathe::studies::active_testing_bias
