#include "lathe/evaluate/conformal/config.h"

#include <cmath>

namespace lathe::evaluate::conformal {

using core::Range;

Options conformal_options(const core::Config& table, const Options& defaults) {
  Options o = defaults;
  o.alpha = table.number("alpha", o.alpha, {.min = 0, .max = 1, .open_min = true, .open_max = true});
  o.method =
      parse_method(table.choice("method", to_string(o.method), {"raps", "aps", "lac", "topk", "naive"}));
  o.tune = parse_tune(table.choice("tune", "size", {"size", "adaptiveness", "none"}));
  o.randomized = parse_randomized(
      table.choice("randomized", to_string(o.randomized), {"yes", "no", "calibration-only"}));
  o.condition =
      parse_condition(table.choice("condition", to_string(o.condition), {"none", "class", "cluster"}));
  o.allow_empty = table.flag("allow_empty", o.allow_empty);
  if (const auto k_reg = table.number_or_auto("k_reg", Range::at_least(0))) {
    if (*k_reg != std::floor(*k_reg))
      table.fail("k_reg", fmt::format("must be a whole number, got {}", *k_reg));
    o.k_reg = static_cast<int64_t>(*k_reg);
  }
  o.lambda = table.number_or_auto("lambda", Range::at_least(0));
  if (o.tune == Tune::kNone && o.method == Method::kRaps && !(o.k_reg && o.lambda))
    table.fail("tune", "= \"none\" needs k_reg and lambda");
  if (o.condition != Condition::kNone && o.method == Method::kNaive)
    table.fail("condition", "does not go with method = \"naive\", which does not calibrate");
  return o;
}

}  // namespace lathe::evaluate::conformal
