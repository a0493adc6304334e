#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>

#include "lathe/core/config.h"
#include "lathe/evaluate/active/estimators.h"
#include "lathe/evaluate/active/proposal.h"
#include "lathe/evaluate/active/scores.h"

namespace lathe::evaluate::active {

// How labels are chosen, and what is made of them.
struct ActiveOptions {
  Acquisition acquisition = Acquisition::kRmsLoss;
  Loss loss = Loss::kZeroOne;  // of rms-loss and expected-loss
  // With a floor: a model's own probabilities say too little about where it is confidently wrong.
  ProposalOptions proposal = {.floor = 0.1};
  Estimator estimator = Estimator::kLure;
  int64_t start = 10;    // the first so many steps are uniform draws: paper, §6
  int64_t budget = 200;  // labels in all
  int64_t batch = 10;    // asked for at a time
  uint64_t seed = 0;
};

// The table [evaluate.active]: acquisition, loss, proposal, temperature, floor, zero_scores, estimator,
// start, budget, batch; the seed is the caller's. What it leaves out is as in `defaults`.
ActiveOptions read_options(const core::Config& table, const ActiveOptions& defaults = {});

// Throws InputError for options that do not go together: a greedy proposal with an estimator.
void check(const ActiveOptions& options);

nlohmann::json to_json(const ActiveOptions& options);         // the table's keys, and seed
ActiveOptions options_from_json(const nlohmann::json& json);  // throws InputError

}  // namespace lathe::evaluate::active
