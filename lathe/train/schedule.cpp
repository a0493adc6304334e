#include "lathe/train/schedule.h"

#include <algorithm>
#include <cmath>

namespace lathe::train {
namespace {

// Half a cosine from a (q = 0) to b (q = 1).
double cosine_between(double a, double b, double q) {
  return b + (a - b) * (1 + std::cos(M_PI * q)) / 2;
}

double swa_factor(const ScheduleOptions& o, double p) {
  if (o.kind == "swa-constant") return 1 + (o.swa_factor - 1) * std::clamp((p - 0.5) / 0.4, 0.0, 1.0);
  if (p < o.swa_start) return cosine_between(1, 0, p / o.swa_start);
  const double done = swa_cycles_done(o.swa_start, o.swa_cycles, p);
  return cosine_between(o.swa_factor, 0, done - std::floor(done));
}

}  // namespace

double swa_cycles_done(double start, int64_t cycles, double progress) {
  constexpr double kRounding = 1e-9;  // of progress: a cycle that ends at a step ends at this step
  return (progress - start + kRounding) / (1 - start) * static_cast<double>(cycles);
}

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
  if (o.kind == "swa-constant" || o.kind == "swa-cyclic") return swa_factor(o, p);
  return cosine_between(1, o.end, (p - o.warmup) / (1 - o.warmup));
}

}  // namespace lathe::train
