#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lathe/data/dataset.h"
#include "lathe/optim/optimizer.h"

// What studies that time things share. Two things are compared in short turns, one after the other, so that a
// drift of the machine's speed meets both alike.
namespace lathe::studies {

double now_milliseconds();
double median(std::vector<double> values);
// Of the turns' ratios a[i] / b[i]: each pairs two turns that lie side by side in time.
double median_ratio(const std::vector<double>& a, const std::vector<double>& b);

constexpr int64_t kWarmUpSteps = 3;                  // of a turn, not counted
double median_of_turn(std::vector<double> step_ms);  // of the steps after the warm-up

// Milliseconds from one tick to the next, the first from its making.
class StepClock {
 public:
  void tick();
  std::vector<double> times() const { return times_; }

 private:
  double last_ = now_milliseconds();
  std::vector<double> times_;
};

constexpr int64_t kTimingBatch = 128;
data::Dataset random_images(core::Seed seed);  // 20 batches of grey 28×28 images in 10 classes

// The whole Trainer on a [model] table's network: milliseconds from one step's end to the next, with batches,
// schedule, rule, curves and all; warm-up steps come on top of `steps`.
std::vector<double> trainer_steps(const std::string& model, const data::Dataset& dataset,
                                  const optim::OptimizerOptions& optimizer, int64_t steps);

// Python programs of bench/peers, run by bench/peers/.venv or by what LATHE_PEERS_PYTHON names.
bool peers_installed();
extern const char* const kPeersLeftOut;  // a note for a result without them
// The line of JSON that a script prints, run without the settings that lathe made for itself
// (cli/environment.cpp). Throws Error when it fails.
nlohmann::json run_peer(const std::string& script, const std::vector<std::string>& arguments);

}  // namespace lathe::studies
