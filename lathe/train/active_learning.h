#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lathe/core/interrupt.h"
#include "lathe/core/seed.h"
#include "lathe/data/dataset.h"
#include "lathe/evaluate/active/estimators.h"
#include "lathe/evaluate/active/proposal.h"
#include "lathe/evaluate/active/scores.h"
#include "lathe/nn/model.h"
#include "lathe/optim/optimizer.h"

// Learning from labels that are chosen while learning, with weights that undo the choice, and how to find out
// whether they help: Farquhar, Gal & Rainforth, ICLR 2021 (arXiv 2101.11665).
namespace lathe::train {

// What the loop asks of a model; points are rows of the pool.
struct Learner {
  using Points = std::vector<int64_t>;
  // Makes the model anew from labelled points: the smallest (1/M) Σ weight · loss.
  std::function<void(const Points& points, const std::vector<double>& weights)> train;
  std::function<std::vector<double>(const Points& points)> score;   // >= 0, by the model as it is
  std::function<std::vector<double>(const Points& points)> losses;  // likewise; labelled points only
  std::function<double()> population_risk = {};                     // mean loss on new data; for diagnose()
};

struct ActiveLearningOptions {
  evaluate::active::ProposalOptions proposal;
  evaluate::active::Estimator estimator = evaluate::active::Estimator::kLure;  // of the training's weights
  int64_t start = 10;   // uniform draws before the first training: paper, §6
  int64_t budget = 70;  // labels in all: paper, Figure 4
  int64_t batch = 1;    // labels between two trainings, drawn from the same scores
};

// Points in the order of their steps, the start included.
struct Acquired {
  std::vector<int64_t> points;
  std::vector<double> q;
};

// start → train → (score the rest → draw a batch → recompute all weights → train) until the budget is spent.
// `after_training` sees what is labelled whenever the model is new. Throws InputError for a budget beyond the
// pool, a batch or a start below 1, a greedy proposal with an estimator, and scores that are none;
// Interrupted between trainings.
Acquired learn_actively(int64_t num_pool, const Learner& learner, const ActiveLearningOptions& options,
                        core::Seed seed, const std::function<void(const Acquired&)>& after_training = {},
                        const core::StopToken& stop = {});

struct MeanError {
  double mean = 0, standard_error = 0;
};

// The bias of a training loss on chosen labels, part by part (evaluate/active/estimators.h), over repeats.
struct Diagnosis {
  std::vector<evaluate::active::BiasParts> runs;
  MeanError overfitting, active_learning;  // B_OFB, B_ALB
  // Weights in training take B_ALB away: what is left is |B_OFB|, and |B_OFB + B_ALB| without them. Positive
  // where weights leave more.
  MeanError harm;
  evaluate::active::Estimator recommended = evaluate::active::Estimator::kLure;  // for training
  std::string reason;
};

// Throws InputError for fewer than two runs.
Diagnosis diagnosis_of(std::vector<evaluate::active::BiasParts> runs);

// Learns actively as often as asked, each time with a learner and draws of its own, and compares the mean
// loss on the labels with the population risk. The learner trains without weights (the estimator kNone): the
// question is what they would change.
Diagnosis diagnose(int64_t num_pool, const std::function<Learner(core::Seed)>& make_learner,
                   ActiveLearningOptions options, int64_t repeats, core::Seed seed,
                   const core::StopToken& stop = {});

// Probabilities [K, N, C] of K members of a network's dropout posterior (Gal & Ghahramani 2016), float32 on
// the CPU: the features are computed once, in evaluation mode, and each member drops its own `rate` of them
// before the last layer, the same for all inputs, so that a member is one function (Kirsch, van Amersfoort &
// Gal 2019, §3.1). Dropout elsewhere in the network is off. Throws InputError for fewer than 1 member, a rate
// outside [0, 1).
torch::Tensor dropout_members(nn::FeatureModel& model, const torch::Tensor& inputs, int64_t num_members,
                              double rate, core::Seed seed);

struct ClassifierLearnerOptions {
  // A new network, its dropout as it should be in training.
  std::function<std::shared_ptr<nn::FeatureModel>(core::Seed)> make_model;
  optim::OptimizerOptions optim = {.kind = "adam", .lr = 1e-3, .weight_decay = 0};  // Kingma & Ba 2015
  int64_t steps = 200;                                                              // of each training
  int64_t batch_size = 32;  // or all labels, where they are fewer
  evaluate::active::Acquisition acquisition = evaluate::active::Acquisition::kBald;
  int64_t num_members = 100;  // of BALD: paper, §6
  double dropout = 0.5;       // of the members, for BALD and for losses as training has them; 0: none
};

// Networks trained on pool's rows by cross-entropy; population risk is that on `clean`. Progress is not
// shown.
Learner classifier_learner(data::Dataset pool, data::Dataset clean, ClassifierLearnerOptions options,
                           core::Seed seed);

}  // namespace lathe::train
