#pragma once
#include <string>
#include <vector>

#include "lathe/core/interrupt.h"
#include "lathe/data/dataset.h"
#include "lathe/optim/optimizer.h"

// What the study `adascale` trains.
namespace lathe::studies::adascale {

constexpr int64_t kBatch = 32;  // of the schedule

struct Network {
  std::string name, table;  // a [model] table
  std::vector<int64_t> scales;
  std::vector<std::string> methods;
};

inline const std::string kAdaScale = "AdaScale", kLinear = "linear", kLinearWarmup = "linear + warm-up",
                         kSqrt = "square root", kIdentity = "identity";

struct Outcome {
  double accuracy = 0;  // percent of the images it is measured on
  double loss = 0;      // of 10,000 training images, at the end
  double steps = 0;
  std::vector<double> tau, gain;  // at each step; AdaScale only
};

// One network, trained by the step schedule of S = 1 (lr × 0.1 at 50 % and 75 % of T steps, SGD with momentum
// 0.9) with S times the batch.
struct Recipe {
  std::string table, method;  // without a method: S = 1
  int64_t scale = 1;
  double lr = 0.05;
  int64_t steps = 3000;  // T
};
Outcome train_and_measure(const Recipe& recipe, const data::Dataset& train, const data::Dataset& measured_on,
                          core::Seed seed, const core::StopToken& stop);

}  // namespace lathe::studies::adascale
