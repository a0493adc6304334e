#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "lathe/core/interrupt.h"
#include "lathe/evaluate/votes.h"
#include "lathe/train/opinion/opinion_model.h"

namespace lathe::train::opinion {

enum class Kind {
  prior,        // everybody answers as all annotations together do
  own_prior,    // everybody answers as they mostly do
  majority,     // one answer, trained on the majority of each item
  all,          // one answer, trained on every annotation
  soft,         // one answer, trained on the shares of votes of each item
  dawid_skene,  // one answer, trained on the posteriors of Dawid & Skene's model
  group,        // by the annotator's attributes
  person,       // by the attributes and the annotator
  heads,        // a linear model for each annotator
  crowd         // one answer, seen through each annotator's confusions
};
const std::vector<Kind>& all_kinds();
std::string to_string(Kind kind);
Kind parse_kind(const std::string& name);  // throws InputError with the nearest name

struct FitOptions {
  Kind kind = Kind::person;
  int64_t rank = 8;  // of the annotators' vectors u_a
  // Penalties of the whole loss, a sum over annotations: l2 · (‖W‖² + ‖V‖²), own_l2 · ‖the annotators' own
  // parts‖² (see OpinionNetwork), which draws people with few labels to what their attributes say. Ours.
  double l2 = 0, own_l2 = 1;
  double learning_rate = 5e-3;  // Adam's; ours
  int64_t batch_size =
      256;  // at least so many annotations (items) a step, all of those of each item together
  // As many epochs as lower the loss of held-out items, and `patience` more; the best is kept. holdout = 0:
  // max_epochs.
  int64_t max_epochs = 60, patience = 4;
  double holdout = 0.1;
  evaluate::TieRule ties = evaluate::TieRule::published;
  std::vector<double> weights;  // of each training annotation; empty: 1. Of models of annotations only.
  // Group-distributionally robust: the loss is Σ_g q_g L_g, q_g ← q_g exp(dro_rate · L_g) / Σ (Sagawa et al.
  // 2020, algorithm 1, η = 0.01), the groups those of each training annotation. Empty: the mean. Of models of
  // annotations only.
  std::vector<int32_t> dro_groups;
  double dro_rate = 0.01;
  core::StopToken stop;
};

struct OpinionModel {
  Kind kind = Kind::person;
  std::shared_ptr<OpinionNetwork> network;  // none: of the priors
  torch::Tensor prior;                      // float32 [annotators, C]: of the priors
  int64_t epochs = 0;
  double holdout_loss = 0;  // nats of a held-out annotation, or item; NaN without
};
// Deterministic in the seed. `rows` are the annotations to train on, ascending. Throws InputError for rows
// outside the table, none of them, options out of range, weights or groups of a model that is not trained on
// annotations; Interrupted.
OpinionModel fit(const OpinionInputs& inputs, const data::Annotations& annotations,
                 const std::vector<int64_t>& rows, const FitOptions& options, core::Seed seed);

// The best of several by the loss on held-out items, the first of equal ones; so each must hold some out.
// Throws InputError as fit().
OpinionModel fit_best(const OpinionInputs& inputs, const data::Annotations& annotations,
                      const std::vector<int64_t>& rows, const std::vector<FitOptions>& choices,
                      core::Seed seed);
// Six of these options, whatever the kind: l2 = own_l2 = 0.1, 1, 10 with vectors of the rank and of three
// times the rank; 0.03, 0.1, … 10 of models without vectors. Ours.
std::vector<FitOptions> candidates(const FitOptions& options);

// What the model says of these annotations.
evaluate::OpinionPredictions predict(const OpinionModel& model, const OpinionInputs& inputs,
                                     const data::Annotations& annotations, const std::vector<int64_t>& rows);

// One file. Loading throws InputError for a file that is damaged.
void save(const OpinionModel& model, const std::filesystem::path& file);
OpinionModel load(const std::filesystem::path& file);

// A .csv file that evaluate::read_opinion_predictions() reads: item, annotator, prob_0 ….
void write_predictions(const evaluate::OpinionPredictions& predictions, const data::Annotations& annotations,
                       const std::filesystem::path& file);

}  // namespace lathe::train::opinion
