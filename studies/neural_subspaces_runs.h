#pragma once
#include "lathe/train/stochastic_weight_average.h"
#include "lathe/train/subspace.h"
#include "lathe/train/subspace_measurement.h"
#include "studies/label_noise.h"

// What the study `neural-subspaces` trains.
namespace lathe::studies::neural_subspaces {

inline const std::string kSgd = "SGD", kShort = "short SGD", kSwaConstant = "SWA, constant",
                         kSwaCyclic = "SWA, cyclic", kLine = "line", kLayers = "line per layer",
                         kCurve = "curve", kEnsemble = "6 networks";
std::string simplex_name(int64_t endpoints);

// How networks are trained. `networks` independent ones are trained where it is above 1.
struct Method {
  std::string name;
  double epochs = 40, lr = 0.05;
  std::optional<train::SubspaceOptions> subspace = std::nullopt;
  std::optional<train::SwaOptions> swa = std::nullopt;
  int64_t networks = 1;
};

// A network at rates of wrong labels, for which choices are made together, at one of the rates.
struct Setting {
  std::string network, table;  // a [model] table
  double tuning_noise = 0;
  std::vector<double> rates = {0};
  double epochs = 40;
  uint64_t num_seeds = 3;
};

struct Plan {
  LabelNoiseTask task;
  std::vector<Setting> settings;
};

// Learning rates, each the best of the same four; the length of short SGD, the best of four shares.
struct Tuned {
  double sgd = 0, line = 0, swa_constant = 0, swa_cyclic = 0;
  double short_epochs = 0;
};
// Of each setting: first seed, by accuracy on held-out training images with as many wrong labels. SGD's
// learning rate is also where SWA starts from and that of short SGD; the line's is that of all subspaces.
std::vector<Tuned> tune(const Plan& plan, core::Seed seed, const core::StopToken& stop);

struct Outcome {
  train::SubspaceMember model;                 // midpoint, average, or the network
  std::vector<train::SubspaceMember> members;  // the independent networks; endpoints but a control point
  train::SubspaceMember pair, all;             // ensembles of the first two and of all members
  double memorised = 0;                        // percent of the wrong training labels, by the model
  double cosine_squared = 0;                   // of the first two endpoints, at the end
  train::SubspaceProfile profile;              // where asked for
};

// One entry of the tables: a network trained by a method at a noise rate, once a seed.
struct Cell {
  std::string network, table;
  double noise = 0;
  Method method;
  bool profile = false;
  std::vector<Outcome> seeds;
};
Method sgd(double epochs, double lr);
Method subspace(const std::string& name, double epochs, double lr, const train::SubspaceOptions& options);
Method swa(train::SwaMode mode, double epochs, double lr, double averaging_lr);

void train_and_test(std::vector<Cell>& cells, const LabelNoiseTask& task, core::Seed seed,
                    const core::StopToken& stop);

}  // namespace lathe::studies::neural_subspaces
