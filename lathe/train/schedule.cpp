#include "lathe/train/schedule.h"

#include <algorithm>
#include <cmath>

namespace lathe::train {
namespace {

// Half a cosine from a (q = 0) to b (q = 1).
double cosine_between(double a, double b, double q) {
  return b + (a - b) * (1 + std::cos(M_PI * q)) / 2;
}

}  // namespace

ScheduleOptions schedule_options(const core::Config& schedule) {
  ScheduleOptions options;
  options.kind = schedule.choice("kind", options.kind, {"constant", "step", "cosine", "one-cycle"});
  const bool one_cycle = options.kind == "one-cycle";
  options.warmup =
      schedule.number("warmup", one_cycle ? options.warmup : 0, {.min = 0, .max = 1, .open_max = true});
  if (options.warmup > 0) options.start = schedule.number("start", options.start, core::Range::unit());
  if (one_cycle || options.kind == "cosine")
    options.end = schedule.number("end", options.end, core::Range::unit());
  if (options.kind == "step") {
    options.milestones = schedule.numbers("milestones", options.milestones, core::Range::unit());
    options.decay = schedule.number("decay", options.decay, core::Range::positive());
  }
  return options;
}

double schedule_factor(const ScheduleOptions& o, double progress) {
  const double p = std::clamp(progress, 0.0, 1.0);
  if (p < o.warmup) {
    const double q = p / o.warmup;
    return o.kind == "one-cycle" ? cosine_between(o.start, 1, q) : o.start + (1 - o.start) * q;
  }
  if (o.kind == "constant") return 1;
  if (o.kind == "step")
    return std::pow(
        o.decay, std::count_if(o.milestones.begin(), o.milestones.end(), [&](double m) { return p >= m; }));
  return cosine_between(1, o.end, (p - o.warmup) / (1 - o.warmup));
}

}  // namespace lathe::train
