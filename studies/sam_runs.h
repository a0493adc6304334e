#pragma once
#include "lathe/core/interrupt.h"
#include "studies/label_noise.h"

// What the study `sam` trains.
namespace lathe::studies::sam {

inline const std::string kSgd = "SGD", kSgdTwice = "SGD, twice the epochs", kSam = "SAM";
constexpr double kTuningNoise = 0.4;

struct Network {
  std::string name, table;    // a [model] table
  std::vector<double> rates;  // of wrong labels
};

// Bars and baselines beyond SGD are on the first network; the others are reported.
struct Plan {
  LabelNoiseTask task;
  std::vector<Network> networks;
  double epochs = 40;
  std::vector<double> short_epochs = {2, 4, 8, 16};
  uint64_t num_seeds = 3;
};

// Each is the best of four values tried once: first seed, 40 % noise, accuracy on held-out training images
// against noisy labels.
struct Tuned {
  std::vector<double> rho;  // of each network
  double mixup_alpha = 0, short_epochs = 0;
};
Tuned tune(const Plan& plan, core::Seed seed, const core::StopToken& stop);

struct Outcome {
  double accuracy = 0;              // percent of the test images
  double ece = 0;                   // on the test images
  double memorised = 0;             // percent of the wrong training labels
  std::vector<double> curve;        // TrainedRun's
  std::vector<double> eigenvalues;  // of the training loss's Hessian, largest first; where asked for
};

// One entry of the tables: a network trained by a recipe at a noise rate, once a seed.
struct Cell {
  Network network;
  double noise = 0;
  Recipe recipe;
  bool hessian = false;
  std::vector<Outcome> seeds;

  std::vector<double> numbers(double Outcome::*number) const;
  double mean(double Outcome::*number) const;
};

std::string micro_batch_name(int64_t m);
std::vector<Cell> all_cells(const Plan& plan, const Tuned& tuned);  // untrained
void train_and_test(std::vector<Cell>& cells, const Plan& plan, core::Seed seed, const core::StopToken& stop);

}  // namespace lathe::studies::sam
