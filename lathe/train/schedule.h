#pragma once
#include <string>
#include <vector>

#include "lathe/core/config.h"

namespace lathe::train {

struct ScheduleOptions {
  std::string kind = "one-cycle";  // constant, step, cosine, one-cycle
  double warmup = 0.2;             // share of training in which the rate rises; one-cycle 0.2, others 0
  double start = 0.1;              // factor at the beginning of the warm-up
  double end = 1e-3;               // factor at the end; cosine and one-cycle
  std::vector<double> milestones = {0.5, 0.75};  // step: shares of training (He et al. 2016) …
  double decay = 0.1;                            // … after each of which the factor is multiplied by this
};
ScheduleOptions schedule_options(const core::Config& schedule);  // reads a [train.schedule] table

// The factor on the learning rate at progress p = τ / steps in [0, 1]:
//   warm-up, p < warmup:  linear from `start` to 1; one-cycle: half a cosine (Smith & Topin 2018)
//   then, q = (p − warmup) / (1 − warmup):
//     constant 1;  step decay^(milestones passed by p);  cosine and one-cycle end + (1 − end)(1 + cos πq) / 2
double schedule_factor(const ScheduleOptions& options, double progress);

}  // namespace lathe::train
