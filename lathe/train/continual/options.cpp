#include "lathe/train/continual/options.h"

#include <algorithm>

#include "lathe/core/error.h"

namespace lathe::train::continual {
namespace {

using core::Range;

const std::vector<std::string> kMethods = {"gpm", "finetune", "ewc", "agem", "replay", "joint"};

GpmOptions gpm_options(const core::Config& table) {
  GpmOptions o;
  o.threshold = table.numbers("threshold", o.threshold, {.min = 0, .max = 1, .open_min = true});
  o.threshold_step = table.number("threshold_step", o.threshold_step, Range::at_least(0));
  o.samples = table.integer("samples", o.samples, Range::at_least(1));
  o.bias = table.choice("bias", o.bias, {"augment", "freeze", "free"});
  o.project = table.choice("project", o.project, {"auto", "gradient", "update"});
  o.first_task_rule = table.choice("first_task_rule", o.first_task_rule, {"paper", "authors"});
  o.unprotected = table.choice("unprotected", o.unprotected, {"refuse", "allow"});
  o.heads = table.texts("heads", o.heads);
  return o;
}

}  // namespace

ContinualOptions continual_options(const core::Config& table) {
  ContinualOptions o;
  o.method = table.choice("method", o.method, kMethods);
  o.norm_statistics = table.choice("norm_statistics", o.norm_statistics, {"per_task", "batch"});
  if (o.method == "gpm") o.gpm = gpm_options(table);
  if (o.method == "ewc") {
    o.ewc_lambda = table.number("lambda", o.ewc_lambda, Range::at_least(0));
    o.fisher_samples = table.integer("fisher_samples", o.fisher_samples, Range::at_least(1));
  }
  if (o.method == "agem" || o.method == "replay") {
    o.memory = table.integer("memory", o.memory, Range::at_least(1));
    o.memory_batch = table.integer("memory_batch", o.memory_batch, Range::at_least(0));
  }
  return o;
}

void check(const ContinualOptions& o) {
  if (std::find(kMethods.begin(), kMethods.end(), o.method) == kMethods.end())
    throw InputError("unknown method of train.continual \"{}\"; there are {}", o.method,
                     fmt::join(kMethods, ", "));
  if (o.norm_statistics != "per_task" && o.norm_statistics != "batch")
    throw InputError("train.continual.norm_statistics must be per_task or batch, got \"{}\"",
                     o.norm_statistics);
  if (!(o.ewc_lambda >= 0))
    throw InputError("train.continual.lambda must be at least 0, got {}", o.ewc_lambda);
  for (const auto& [key, value, least] :
       {std::tuple{"fisher_samples", o.fisher_samples, int64_t{1}},
        std::tuple{"memory", o.memory, int64_t{1}}, std::tuple{"memory_batch", o.memory_batch, int64_t{0}}})
    if (value < least) throw InputError("train.continual.{} must be at least {}, got {}", key, least, value);
  check(o.gpm);
}

}  // namespace lathe::train::continual
