#include "lathe/train/invariance/invariant_training.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"
#include "lathe/core/json.h"

namespace lathe::train::invariance {
namespace {

using Json = nlohmann::json;

constexpr double kLeastSpread = 0.1;
constexpr int64_t kMostCollapsedSteps = 200;

nn::FeatureModel& with_features(nn::Model& model) {
  auto* features = dynamic_cast<nn::FeatureModel*>(&model);
  if (!features)
    throw InputError(
        "train.groups needs a model that shows its features apart from its last layer (mlp, cnn, resnet)");
  return *features;
}

// The parts that a column of a table gives.
Groups groups_from_column(const data::Dataset& train, const char* key, const std::string& name) {
  const auto& columns = train.schema.columns;
  for (size_t i = 0; i < columns.size(); ++i)
    if (columns[i].name == name)
      return groups_from_values(train.inputs.select(1, static_cast<int64_t>(i)), train.targets,
                                train.schema.num_classes(), name);
  throw InputError("train.groups.{} = \"column:{}\": {}", key, name,
                   columns.empty() ? "images have no columns" : "there is no such column");
}

// Entropy of the mean prediction, each class in the batch weighted alike, over its largest value; 1 where a
// batch of one class cannot tell. A loop: its few numbers would take twenty small operations.
double spread(const torch::Tensor& probabilities, const torch::Tensor& targets) {
  const torch::Tensor rows = probabilities.detach().to(torch::kCPU, torch::kFloat64);
  const torch::Tensor classes = targets.cpu();
  const auto p = rows.accessor<double, 2>();
  const auto y = classes.accessor<int64_t, 1>();
  const auto num_classes = static_cast<size_t>(p.size(1));
  std::vector<double> counts(num_classes), mean(num_classes);
  for (int64_t i = 0; i < y.size(0); ++i) ++counts[static_cast<size_t>(y[i])];
  const auto present =
      static_cast<double>(num_classes) - static_cast<double>(std::count(counts.begin(), counts.end(), 0));
  if (present < 2) return 1;
  for (int64_t i = 0; i < y.size(0); ++i)
    for (size_t k = 0; k < num_classes; ++k)
      mean[k] += p[i][static_cast<int64_t>(k)] / (present * counts[static_cast<size_t>(y[i])]);
  double entropy = 0;
  for (double m : mean) entropy -= m * std::log(std::max(m, 1e-30));
  return entropy / std::log(present);
}

}  // namespace

InvariantTraining::InvariantTraining(InvarianceOptions options, core::Seed seed, std::optional<Groups> groups)
    : options_(std::move(options)), seed_(seed), groups_(std::move(groups)) {
  check(options_);
  if (!groups_ && options_.column.empty() && options_.start_epoch == 0)
    throw InputError(
        "train.groups.start_epoch must be at least 1 where groups are inferred: an untrained model has "
        "nothing "
        "to infer them from");
}

void InvariantTraining::begin(nn::Model& model, const data::Dataset& train, int64_t steps_per_epoch) {
  with_features(model);
  if (train.targets.scalar_type() != torch::kInt64 || train.targets.dim() != 1 ||
      train.schema.num_classes() < 2)
    throw InputError(
        "train.groups needs one class of at least two for each example; regression and multi-label targets "
        "are "
        "not supported");
  model_ = &model;
  train_ = &train;
  num_classes_ = train.schema.num_classes();
  start_step_ = options_.start_epoch * steps_per_epoch;
  ramp_steps_ = options_.ramp_epochs * steps_per_epoch;
  if (!groups_ && !options_.column.empty()) groups_ = groups_from_column(train, "groups", options_.column);
  if (!options_.compare.empty()) compared_ = groups_from_column(train, "compare", options_.compare);
  if (groups_) use(*groups_);
}

void InvariantTraining::use(Groups groups) {
  if (groups.assignment.scalar_type() != torch::kUInt8 || groups.assignment.dim() != 1 ||
      groups.assignment.size(0) != train_->size() ||
      groups.per_class.size() != static_cast<size_t>(num_classes_) || groups.num_parts < 2 ||
      groups.assignment.max().item<int64_t>() >= groups.num_parts)
    throw InputError(
        "the groups do not fit the data: {} assignments, {} classes and {} parts for {} examples of {} "
        "classes",
        groups.assignment.numel(), groups.per_class.size(), groups.num_parts, train_->size(), num_classes_);
  groups_ = std::move(groups);
  const torch::Tensor sizes = groups_->sizes();
  dro_.emplace(options_.class_conditional ? sizes : sizes.sum(0, /*keepdim=*/true), options_.group_dro);
}

void InvariantTraining::infer() {
  const torch::NoGradGuard no_grad;
  const nn::EvaluationMode evaluation(*model_);
  nn::FeatureModel& model = with_features(*model_);
  const torch::Device device = nn::device_of(model);
  constexpr int64_t kBatch = 200;
  std::vector<torch::Tensor> features, logits;
  for (int64_t begin = 0; begin < train_->size(); begin += kBatch) {
    features.push_back(model.features(train_->inputs.slice(0, begin, begin + kBatch).to(device)).flatten(1));
    logits.push_back(model.head().forward(features.back()));
  }
  const at::AutoGradMode with_grad(true);
  use(infer_groups(torch::cat(features), torch::cat(logits), train_->targets, options_.inference,
                   seed_.stream("groups")));
}

void InvariantTraining::before_step(int64_t step) {
  step_ = step;
  seen_ = {};
  pass_ = optim::Pass::first;
  if (started() && !groups_) infer();
}

optim::Evaluation InvariantTraining::evaluate(optim::GradientSource& source, int64_t replica,
                                              optim::Pass pass) {
  if (options_.method == "group_dro" && source.processes() > 1)
    throw InputError("train.groups.method = \"group_dro\" keeps its weights in one process, there are {}",
                     source.processes());
  pass_ = pass;
  return source.evaluate(replica, pass);
}

double InvariantTraining::weight() const {
  return ramped(options_.weight, step_, start_step_, ramp_steps_);
}

optim::Objective InvariantTraining::objective() {
  return [this](nn::Model& model, const data::Batch& batch) { return loss(model, batch); };
}

torch::Tensor InvariantTraining::loss(nn::Model& any_model, const data::Batch& batch) {
  nn::FeatureModel& model = with_features(any_model);
  const torch::Tensor features = model.features(batch.inputs);
  const torch::Tensor logits = model.head().forward(features);
  torch::Tensor l2;
  if (options_.l2 > 0) {
    for (const torch::Tensor& parameter : model.parameters())
      l2 = l2.defined() ? l2 + parameter.square().sum() : parameter.square().sum();
    l2 = l2 * (options_.l2 / 2);
  }
  if (!started()) {
    const torch::Tensor plain = torch::cross_entropy_loss(logits, batch.targets);
    return l2.defined() ? plain + l2 : plain;
  }

  groups_->assignment = groups_->assignment.to(batch.indices.device());
  const torch::Tensor parts = groups_->assignment.index_select(0, batch.indices).to(torch::kInt64);
  torch::Tensor total = cross_entropy(logits, batch.targets, parts);
  torch::Tensor seen_logits = logits;
  if (options_.features_only) {
    const auto& head = model.head();
    seen_logits = torch::linear(features, head.weight.detach(),
                                head.bias.defined() ? head.bias.detach() : torch::Tensor());
  }
  const double lambda = weight();
  const torch::Tensor probabilities = torch::softmax(seen_logits, 1);
  const std::optional<Penalty> p = penalty(features, seen_logits, probabilities, batch.targets, parts);
  if (p && lambda > 0) total = total + lambda * p->value;
  if (l2.defined()) total = total + l2;
  if ((options_.method == "irm_v1" || options_.method == "rex") && lambda > 1) total = total / lambda;
  if (pass_ == optim::Pass::first) watch(probabilities, batch.targets, p);
  return total;
}

Parts InvariantTraining::parts_of_batch(const torch::Tensor& targets, const torch::Tensor& parts) const {
  return options_.class_conditional ? parts_of(targets, parts, num_classes_, groups_->num_parts)
                                    : parts_of(parts, groups_->num_parts);
}

// In place of the plain cross-entropy.
torch::Tensor InvariantTraining::cross_entropy(const torch::Tensor& logits, const torch::Tensor& targets,
                                               const torch::Tensor& parts) {
  const bool grouped = options_.method == "group_dro" || options_.method == "reweight";
  if (!grouped && !options_.balance) return torch::cross_entropy_loss(logits, targets);
  const torch::Tensor losses = torch::cross_entropy_loss(logits, targets, {}, at::Reduction::None);
  if (options_.method == "reweight") return reweighted_mean(losses, parts, weight());
  if (options_.method != "group_dro") return balanced_mean(losses, parts, groups_->num_parts);
  const GroupDro::Step step = dro_->step(losses, parts_of_batch(targets, parts), weight());
  if (pass_ == optim::Pass::first)
    seen_.exponents = seen_.exponents.defined() ? seen_.exponents + step.exponents : step.exponents;
  return step.loss;
}

std::optional<Penalty> InvariantTraining::penalty(const torch::Tensor& features, const torch::Tensor& logits,
                                                  const torch::Tensor& probabilities,
                                                  const torch::Tensor& targets,
                                                  const torch::Tensor& parts) const {
  if (options_.method == "group_dro" || options_.method == "reweight") return std::nullopt;
  const Parts cells = parts_of_batch(targets, parts);
  if (options_.method == "irm_v1") return irm_penalty(logits, targets, cells, options_.irm);
  if (options_.method == "rex")
    return rex_penalty(torch::cross_entropy_loss(logits, targets, {}, at::Reduction::None), cells);
  if (options_.method == "cmmd") return mmd_penalty(features, cells);
  return pgi_penalty(probabilities, cells, options_.reduction == "sum" ? Reduction::sum : Reduction::mean);
}

void InvariantTraining::watch(const torch::Tensor& probabilities, const torch::Tensor& targets,
                              const std::optional<Penalty>& p) {
  ++seen_.evaluations;
  if (p) {
    seen_.penalty += p->value.item<double>();
    seen_.active_classes += p->active.item<double>();
  }
  seen_.least_spread = std::min(seen_.least_spread, spread(probabilities, targets));
}

void InvariantTraining::after_step(optim::StepReport& report) {
  if (!started() || seen_.evaluations == 0) return;
  const auto evaluations = static_cast<double>(seen_.evaluations);
  report.metrics["invariance.weight"] = weight();
  if (options_.method != "group_dro" && options_.method != "reweight") {
    report.metrics["invariance.penalty"] = seen_.penalty / evaluations;
    report.metrics["invariance.active_classes"] = seen_.active_classes / evaluations;
  }
  if (report.skipped) return;
  if (seen_.exponents.defined()) dro_->update(seen_.exponents / evaluations);
  collapsed_steps_ = seen_.least_spread < kLeastSpread ? collapsed_steps_ + 1 : 0;
  if (collapsed_steps_ >= kMostCollapsedSteps)
    throw Error(
        "predictions have collapsed: for {} steps the mean prediction had less than a tenth of the largest "
        "entropy (at step {}); lower train.groups.weight = {:g}",
        kMostCollapsedSteps, step_, options_.weight);
}

void InvariantTraining::save(torch::serialize::OutputArchive& archive) const {
  Json state = {{"step", step_}, {"collapsed_steps", collapsed_steps_}, {"has_groups", groups_.has_value()}};
  if (groups_) {
    state["num_parts"] = groups_->num_parts;
    for (const ClassGroups& c : groups_->per_class) {
      Json losses = Json::array();
      for (double loss : c.losses) losses.push_back(std::isnan(loss) ? Json() : Json(loss));
      state["per_class"].push_back(
          {{"sizes", c.sizes}, {"losses", losses}, {"swapped", c.swapped}, {"left_whole", c.left_whole}});
    }
    archive.write("assignment", groups_->assignment.cpu(), /*is_buffer=*/true);
    archive.write("group_weights", dro_->weights(), /*is_buffer=*/true);
  }
  archive.write("state", c10::IValue(state.dump()));
}

void InvariantTraining::load(torch::serialize::InputArchive& archive) {
  c10::IValue text;
  archive.read("state", text);
  const Json state = core::parse_json(text.toStringRef(), "the state of train.groups", "start over");
  const int64_t step = state.at("step"), collapsed_steps = state.at("collapsed_steps");
  if (step < 0 || collapsed_steps < 0) throw Error("the state of train.groups has a negative count");
  if (state.at("has_groups").get<bool>()) {
    Groups groups;
    groups.num_parts = state.at("num_parts");
    for (const Json& c : state.at("per_class")) {
      ClassGroups& of_class = groups.per_class.emplace_back();
      of_class.sizes = c.at("sizes").get<std::vector<int64_t>>();
      for (const Json& loss : c.at("losses"))
        of_class.losses.push_back(loss.is_null() ? NAN : loss.get<double>());
      of_class.swapped = c.at("swapped");
      of_class.left_whole = c.at("left_whole");
      if (of_class.sizes.size() != static_cast<size_t>(groups.num_parts))
        throw Error("the state of train.groups lacks the sizes of a part");
    }
    torch::Tensor weights;
    archive.read("assignment", groups.assignment, /*is_buffer=*/true);
    archive.read("group_weights", weights, /*is_buffer=*/true);
    use(std::move(groups));
    dro_->set_weights(weights);
  }
  step_ = step;
  collapsed_steps_ = collapsed_steps;
}

}  // namespace lathe::train::invariance
