#pragma once
#include <string>
#include <vector>

#include "lathe/core/config.h"

namespace lathe::train {

struct ScheduleOptions {
  // constant, step, cosine, one-cycle; swa-constant and swa-cyclic (stochastic_weight_average.h)
  std::string kind = "one-cycle";
  double warmup = 0.2;  // share of training in which the rate rises; one-cycle 0.2, others 0
  double start = 0.1;   // factor at the beginning of the warm-up
  double end = 1e-3;    // factor at the end; cosine and one-cycle
  std::vector<double> milestones = {0.5, 0.75};  // step: shares of training (He et al. 2016) …
  double decay = 0.1;                            // … after each of which the factor is multiplied by this
  double swa_factor = 0.5;                       // swa-: the factor while weights are averaged
  double swa_start = 0.75;                       // swa-cyclic: the share of training before the cycles
  int64_t swa_cycles = 5;
};
ScheduleOptions schedule_options(const core::Config& schedule);  // reads a [train.schedule] table

// The factor on the learning rate at progress p = τ / steps in [0, 1]:
//   warm-up, p < warmup:  linear from `start` to 1; one-cycle: half a cosine (Smith & Topin 2018)
//   then, q = (p − warmup) / (1 − warmup):
//     constant 1;  step decay^(milestones passed by p);  cosine and one-cycle end + (1 − end)(1 + cos πq) / 2
//   swa-constant (Izmailov et al. 2018, with the shares of the code of Wortsman et al. 2021): 1 until p =
//   0.5,
//     linear to `swa_factor` at 0.9, then that
//   swa-cyclic: half a cosine from 1 to 0 until `swa_start`, then `swa_cycles` of them from `swa_factor`
double schedule_factor(const ScheduleOptions& options, double progress);

// Cycles that are over at a progress of `start` or more: the whole ones, and the share of the present one.
double swa_cycles_done(double start, int64_t cycles, double progress);

}  // namespace lathe::train
