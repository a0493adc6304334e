#include "lathe/train/invariance/options.h"

#include <algorithm>
#include <map>

#include "lathe/core/error.h"

namespace lathe::train::invariance {
namespace {

using core::Range;

const std::vector<std::string> kMethods = {"pgi", "irm_v1", "rex", "group_dro", "reweight", "cmmd"};
constexpr const char* kColumn = "column:";

// NAME of "column:NAME"; empty for other text.
std::string column_in(const std::string& text) {
  return text.rfind(kColumn, 0) == 0 ? text.substr(std::string(kColumn).size()) : "";
}

bool one_of(const std::string& value, const std::vector<std::string>& values) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

GroupInferenceOptions inference_options(const core::Config& table, const std::string& method) {
  GroupInferenceOptions o = published_inference(method);
  if (method == "loss") return o;
  if (method == "pgi") {
    o.temperature = table.number("temperature", o.temperature, Range::positive());
    o.penalty = table.number("penalty", o.penalty, Range::at_least(0));
    o.batch = table.integer("batch", o.batch, Range::at_least(2));
  }
  o.lr = table.number("lr", o.lr, Range::positive());
  o.iterations = table.integer("iterations", o.iterations, Range::at_least(1));
  return o;
}

}  // namespace

InvarianceOptions published(const std::string& method) {
  if (!one_of(method, kMethods))
    throw InputError("unknown method of train.groups \"{}\"; there are {}", method,
                     fmt::join(kMethods, ", "));
  InvarianceOptions o;
  o.method = method;
  o.class_conditional = method == "pgi" || method == "cmmd";
  o.features_only = method == "pgi";
  if (method == "group_dro") o.ramp_epochs = 0;
  return o;
}

InvarianceOptions invariance_options(const core::Config& groups) {
  InvarianceOptions o = published(groups.choice("method", "pgi", kMethods));
  const std::string source = groups.text("groups", "infer");
  o.column = column_in(source);
  if (source != "infer" && o.column.empty())
    groups.fail("groups", fmt::format("must be \"infer\" or \"column:NAME\", got \"{}\"", source));
  o.weight = groups.number("weight", o.weight, Range::at_least(0));
  o.ramp_epochs = groups.integer("ramp_epochs", o.ramp_epochs, Range::at_least(0));
  o.start_epoch = groups.integer("start_epoch", o.start_epoch, Range::at_least(o.column.empty() ? 1 : 0));
  o.l2 = groups.number("l2", o.l2, Range::at_least(0));
  if (o.method != "reweight") o.class_conditional = groups.flag("class_conditional", o.class_conditional);
  if (o.method != "reweight" && o.method != "group_dro") {
    o.balance = groups.flag("balance", o.balance);
    o.features_only = groups.flag("features_only", o.features_only);
  }
  if (o.method == "pgi") o.reduction = groups.choice("reduction", o.reduction, {"sum", "mean"});
  if (o.method == "irm_v1") {
    if (groups.choice("dummy", "vector", {"vector", "scalar"}) == "scalar") o.irm.scale = DummyScale::scalar;
    if (groups.choice("norm", "squared", {"squared", "halves"}) == "halves") o.irm.norm = SquaredNorm::halves;
  }
  if (o.method == "group_dro") {
    if (groups.choice("risk", "relative", {"relative", "absolute"}) == "absolute")
      o.group_dro.risk = RiskScale::absolute;
    o.group_dro.adjustment = groups.number("adjustment", 0, Range::at_least(0));
  }
  if (!o.column.empty()) return o;
  o.inference =
      inference_options(groups.section("inference"), groups.choice("infer", "pgi", {"pgi", "eiil", "loss"}));
  const std::string other = groups.text("compare", "");
  o.compare = column_in(other);
  if (!other.empty() && o.compare.empty())
    groups.fail("compare", fmt::format("must be \"column:NAME\", got \"{}\"", other));
  return o;
}

void check(const InvarianceOptions& o) {
  published(o.method);
  published_inference(o.inference.method);
  if (!(o.weight >= 0)) throw InputError("train.groups.weight must be at least 0, got {}", o.weight);
  if (!(o.l2 >= 0)) throw InputError("train.groups.l2 must be at least 0, got {}", o.l2);
  if (o.ramp_epochs < 0)
    throw InputError("train.groups.ramp_epochs must be at least 0, got {}", o.ramp_epochs);
  if (o.start_epoch < 0)
    throw InputError("train.groups.start_epoch must be at least 0, got {}", o.start_epoch);
  if (!one_of(o.reduction, {"sum", "mean"}))
    throw InputError("train.groups.reduction must be \"sum\" or \"mean\", got \"{}\"", o.reduction);
}

double ramped(double weight, int64_t step, int64_t start_step, int64_t ramp_steps) {
  if (step < start_step) return 0;
  if (ramp_steps <= 0) return weight;
  return weight * std::min(1.0, static_cast<double>(step - start_step + 1) / static_cast<double>(ramp_steps));
}

}  // namespace lathe::train::invariance
