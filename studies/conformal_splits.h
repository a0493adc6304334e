#pragma once
#include <optional>
#include <string>
#include <vector>

#include "lathe/core/interrupt.h"
#include "lathe/core/seed.h"
#include "lathe/evaluate/conformal/report.h"

// Prediction sets over many random splits into calibration and evaluation examples, logits made once.
namespace lathe::studies::conformal {

using evaluate::conformal::Examples;
using evaluate::conformal::Options;
using evaluate::conformal::Slice;

struct Variant {
  std::string name;
  Options options;
};
inline const std::string kTopK = "top-k", kNaive = "naive", kAps = "APS", kRaps = "RAPS (size)",
                         kRapsAdaptive = "RAPS (adaptiveness)", kLac = "LAC";
std::vector<Variant> published_variants();  // all six of them, by these names

struct SplitPlan {
  uint64_t num_splits = 100;
  int64_t num_calibration = 10000, num_evaluation = 10000;  // paper, §3.1
};

// Means over splits. Of slices: their share of all examples as `count` a split, coverage and size over all
// splits' examples together.
struct Summary {
  double coverage = 0, size = 0, violation = 0;  // violation: SSCV
  double accuracy = 0;
  std::vector<Slice> by_difficulty, by_size;
};

// Calibrates on examples of one pool and evaluates on others of the same, or on those of another pool.
struct Pools {
  const Examples& calibration;
  const Examples& evaluation;
};
Summary measure(const Pools& pools, const Options& options, const SplitPlan& plan, core::Seed seed,
                const core::StopToken& stop);

}  // namespace lathe::studies::conformal
