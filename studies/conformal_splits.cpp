#include "studies/conformal_splits.h"

#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/core/parallel.h"

namespace lathe::studies::conformal {
namespace {

using evaluate::conformal::Conformal;
using evaluate::conformal::Method;
using evaluate::conformal::Report;
using evaluate::conformal::Tune;

torch::Tensor shuffled(const Examples& pool, core::Seed seed) {
  return torch::tensor(seed.random().permutation(pool.labels.size(0)), torch::kInt64);
}

Report report_of(const Pools& pools, Options options, const SplitPlan& plan, core::Seed seed) {
  // The same order where the pools are as large: one pool's halves are then disjoint.
  Examples calibration = pools.calibration, evaluation = pools.evaluation;
  calibration.rows = shuffled(pools.calibration, seed).slice(0, 0, plan.num_calibration);
  evaluation.rows = shuffled(pools.evaluation, seed).slice(0, -plan.num_evaluation);
  options.seed = seed.value();
  return evaluate::conformal::report(Conformal::fit(calibration, options), evaluation);
}

void add(std::vector<Slice>& sums, const std::vector<Slice>& slices) {
  sums.resize(slices.size());
  for (size_t j = 0; j < slices.size(); ++j) {
    sums[j].name = slices[j].name;
    if (slices[j].count == 0) continue;
    const auto count = static_cast<double>(slices[j].count);
    sums[j].count += slices[j].count;
    sums[j].coverage += count * slices[j].coverage;
    sums[j].mean_size += count * slices[j].mean_size;
  }
}

void divide(std::vector<Slice>& sums, int64_t num_splits) {
  for (Slice& slice : sums) {
    slice.coverage /= static_cast<double>(slice.count);
    slice.mean_size /= static_cast<double>(slice.count);
    slice.count /= num_splits;
  }
}

}  // namespace

std::vector<Variant> published_variants() {
  return {{kTopK, {.method = Method::kTopK}},
          {kNaive, {.method = Method::kNaive}},
          {kAps, {.method = Method::kAps}},
          {kRaps, {.method = Method::kRaps, .tune = Tune::kSize}},
          {kRapsAdaptive, {.method = Method::kRaps, .tune = Tune::kAdaptiveness}},
          {kLac, {.method = Method::kLac}}};
}

Summary measure(const Pools& pools, const Options& options, const SplitPlan& plan, core::Seed seed,
                const core::StopToken& stop) {
  for (const Examples* pool : {&pools.calibration, &pools.evaluation})
    if (const int64_t size = pool->labels.size(0); size < plan.num_calibration + plan.num_evaluation)
      throw InputError("{} examples cannot be split into {} for calibration and {} for evaluation", size,
                       plan.num_calibration, plan.num_evaluation);
  std::vector<Report> reports(plan.num_splits);
  core::parallel_for(static_cast<int64_t>(plan.num_splits), 1, [&](int64_t begin, int64_t end) {
    for (auto s = static_cast<uint64_t>(begin); s < static_cast<uint64_t>(end); ++s) {
      stop.check("measuring prediction sets");
      reports[s] = report_of(pools, options, plan, seed.stream("split").stream(s));
    }
  });
  Summary summary;
  const auto n = static_cast<double>(plan.num_splits);
  for (const Report& report : reports) {
    summary.coverage += report.coverage / n;
    summary.size += report.mean_size / n;
    summary.violation += report.stratified_violation / n;
    summary.accuracy += report.accuracy / n;
    add(summary.by_difficulty, report.by_difficulty);
    add(summary.by_size, report.by_size);
  }
  divide(summary.by_difficulty, static_cast<int64_t>(plan.num_splits));
  divide(summary.by_size, static_cast<int64_t>(plan.num_splits));
  return summary;
}

}  // namespace lathe::studies::conformal
