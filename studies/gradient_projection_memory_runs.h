#pragma once
#include <functional>
#include <string>
#include <vector>

#include "lathe/core/interrupt.h"
#include "lathe/train/continual/train_tasks.h"

// What the study `gradient-projection-memory` trains.
namespace lathe::studies::gpm {

using train::continual::ContinualResult;
using train::continual::ContinualTraining;
using train::continual::Task;

inline const std::string kGpm = "GPM", kFinetune = "finetuning", kEwc = "EWC", kAgem = "A-GEM",
                         kReplay = "replay", kJoint = "all tasks at once";

// Tasks and the network that learns them.
struct Problem {
  std::string name;
  std::vector<Task> tasks = {};  // held-out examples are in `holdout`
  std::function<std::shared_ptr<nn::Model>(core::Seed)> network = {};
  ContinualTraining training = {};  // of all methods, but for what is tuned
};

struct PermutedOptions {
  int64_t num_tasks = 10, num_train = 6000, num_holdout = 1000, num_test = 2000;
  double epochs = 5;
};
// The authors' network and settings: 784-100-100-10 without biases, all weights uniform in ±1/√fan-in, SGD at
// 0.01, batches of 10.
Problem permuted_images(const data::Source& source, const PermutedOptions& options, core::Seed seed);
// Three convolutions with batch norm, one head a task. Five tasks of two classes; or clothes, clothes turned
// by a quarter, letters A–J and a–j, of fonts that test images do not have, and figures (data/sprites.h).
Problem split_images(const data::Source& source, int64_t num_train, double epochs, core::Seed seed);
Problem five_sets(const data::Source& source, int64_t num_train, double epochs, core::Seed seed);

// A method and where it differs from the problem's settings.
struct Recipe {
  std::string name;                    // kGpm …
  double lr = 0;                       // 0: the problem's
  std::vector<double> threshold = {};  // empty: the problem's
  double lambda = 0;
  int64_t memory = 0;
  std::string text() const;  // "EWC, rate 0.01, λ = 1"
};

ContinualResult run(const Problem& problem, const Recipe& recipe, core::Seed seed,
                    const core::StopToken& stop);

// The best of four learning rates for each method (EWC: of four pairs of rate and λ): mean accuracy on
// held-out examples after all tasks, first seed. A value that diverges counts as 0.
struct Tuned {
  Recipe recipe;
  double accuracy = 0;       // on held-out examples
  std::vector<Recipe> grid;  // that it was chosen from
};
std::vector<Tuned> tune(const Problem& problem, core::Seed seed, const core::StopToken& stop);

// As many stored examples as weigh what the gradient projection memory weighs.
int64_t equal_memory(const Problem& problem, int64_t bytes);

}  // namespace lathe::studies::gpm
