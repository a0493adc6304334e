#include "lathe/optim/sam.h"

#include <torch/torch.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/optim/gradients.h"

namespace lathe::optim {
namespace {

double item(const torch::Tensor& scalar) {
  return scalar.item<double>();
}

// ‖·‖_q of all tensors together.
double norm_of(const std::vector<torch::Tensor>& tensors, double q) {
  if (std::isinf(q)) return item(torch::stack(torch::_foreach_norm(tensors, q)).max());
  if (q == 2) return item(torch::stack(torch::_foreach_norm(tensors, 2)).norm());
  return std::pow(item(torch::stack(torch::_foreach_norm(tensors, q)).pow(q).sum()), 1 / q);
}

// scale · tensors
struct Direction {
  std::vector<torch::Tensor> tensors;
  double scale = 1;
};

// The unit vector (‖·‖_p = 1) with the largest product with `gradients`.
Direction steepest_direction(std::vector<torch::Tensor> gradients, double norm, const SamOptions& o) {
  if (o.p == 2) return {std::move(gradients), 1 / (norm + o.eps)};
  Direction direction;
  if (o.p == 1) {  // all on the largest coordinate, shared by equals
    double ties = 0;
    for (const torch::Tensor& g : gradients) {
      direction.tensors.push_back(g.sign() * g.abs().eq(norm));
      ties += item(direction.tensors.back().abs().sum());
    }
    direction.scale = 1 / ties;
    return direction;
  }
  const double q = std::isinf(o.p) ? 1 : o.p / (o.p - 1);
  for (const torch::Tensor& g : gradients)
    direction.tensors.push_back(q == 1 ? g.sign() : g.sign() * (g.abs() / (norm + o.eps)).pow(q - 1));
  return direction;
}

bool plain_step(const GradientSource& source, const SamOptions& o) {
  const bool no_radius =
      o.rho == 0 && std::all_of(o.group_rho.begin(), o.group_rho.end(), [](double rho) { return rho == 0; });
  return no_radius || source.step() % o.every != 0 || source.progress() < o.start;
}

// Back to w even if the second pass throws.
class RestoreOnExit {
 public:
  explicit RestoreOnExit(AscentPoint& ascent) : ascent_(ascent) {}
  ~RestoreOnExit() { ascent_.restore(); }
  RestoreOnExit(const RestoreOnExit&) = delete;
  RestoreOnExit& operator=(const RestoreOnExit&) = delete;

 private:
  AscentPoint& ascent_;
};

}  // namespace

void check(const SamOptions& o) {
  if (!(o.rho >= 0)) throw InputError("optim.sam.rho must be at least 0, got {}", o.rho);
  if (!(o.p >= 1)) throw InputError("optim.sam.p must be at least 1, got {}", o.p);
  if (!(o.eta >= 0)) throw InputError("optim.sam.eta must be at least 0, got {}", o.eta);
  if (o.every < 1) throw InputError("optim.sam.every must be at least 1, got {}", o.every);
  if (!(o.start >= 0 && o.start < 1)) throw InputError("optim.sam.start must be in [0, 1), got {}", o.start);
  for (double rho : o.group_rho)
    if (!(rho >= 0)) throw InputError("optim.sam.group_rho must be at least 0, got {}", rho);
}

SamOptions sam_options(const core::Config& sam, double weight_decay) {
  using core::Range;
  SamOptions o;
  o.rho = sam.number("rho", o.rho, Range::at_least(0));
  o.p = sam.number("p", o.p, Range::at_least(1));
  o.adaptive = sam.flag("adaptive", o.adaptive);
  o.eta = sam.number("eta", o.eta, Range::at_least(0));
  o.ascent_weight_decay = sam.flag("ascent_weight_decay", false) ? weight_decay : 0;
  o.sync_perturbation = sam.flag("sync_perturbation", o.sync_perturbation);
  o.every = sam.integer("every", o.every, Range::at_least(1));
  o.start = sam.number("start", o.start, {.min = 0, .max = 1, .open_max = true});
  return o;
}

AscentPoint::AscentPoint(ParameterGroups groups, SamOptions options) : options_(std::move(options)) {
  check(options_);
  if (!options_.group_rho.empty() && options_.group_rho.size() != groups.size())
    throw InputError("optim.sam.group_rho needs one number for each of {} parameter groups, got {}",
                     groups.size(), options_.group_rho.size());
  for (size_t g = 0; g < groups.size(); ++g)
    for (const torch::Tensor& parameter : groups[g]) {
      parameters_.push_back(parameter);
      rho_.push_back(options_.group_rho.empty() ? options_.rho : options_.group_rho[g]);
    }
  scratch_.resize(parameters_.size());
}

bool AscentPoint::move() {
  const torch::NoGradGuard no_grad;
  moved_.clear();
  std::vector<torch::Tensor> gradients, weights, scales;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (!parameters_[i].grad().defined()) continue;
    require_dense(parameters_[i]);
    moved_.push_back(i);
    weights.push_back(parameters_[i].detach());
    gradients.push_back(parameters_[i].grad());
  }
  if (gradients.empty()) throw InputError("SAM needs gradients; the closure must call backward()");
  if (options_.ascent_weight_decay > 0)
    gradients = torch::_foreach_add(gradients, weights, options_.ascent_weight_decay);
  if (options_.adaptive) {
    scales = torch::_foreach_abs(weights);
    if (options_.eta > 0) torch::_foreach_add_(scales, options_.eta);
    gradients = torch::_foreach_mul(gradients, scales);
  }
  const double q = options_.p == 1 ? INFINITY : std::isinf(options_.p) ? 1 : options_.p / (options_.p - 1);
  const double norm = norm_of(gradients, q);
  if (norm == 0 || !std::isfinite(norm)) {
    moved_.clear();
    return false;
  }
  const Direction direction = steepest_direction(std::move(gradients), norm, options_);
  if (options_.adaptive) torch::_foreach_mul_(direction.tensors, scales);
  for (size_t k = 0; k < moved_.size(); ++k) {
    torch::Tensor& old = scratch_[moved_[k]];
    if (old.defined())
      old.copy_(weights[k]);
    else
      old = weights[k].clone();
    weights[k].add_(direction.tensors[k], rho_[moved_[k]] * direction.scale);
  }
  return true;
}

void AscentPoint::restore() {
  const torch::NoGradGuard no_grad;
  for (size_t i : moved_) parameters_[i].detach().copy_(scratch_[i]);
  moved_.clear();
}

Sam::Sam(ParameterGroups groups, SamOptions options)
    : options_(options), ascent_(groups, std::move(options)) {
  for (const auto& group : groups) parameters_.insert(parameters_.end(), group.begin(), group.end());
}

Evaluation Sam::compute(GradientSource& source, int64_t replica) {
  Evaluation first = source.evaluate(replica, Pass::first);
  if (plain_step(source, options_)) return first;
  if (options_.sync_perturbation && source.processes() > 1) {
    if (source.replicas() != source.local_replicas() * source.processes())
      throw InputError(
          "optim.sam.sync_perturbation needs as many micro-batches on every process: {} of {} are here",
          source.local_replicas(), source.replicas());
    const std::vector<torch::Tensor> gradients = gradients_of(parameters_);
    source.all_reduce_sum(gradients);  // their scale drops out of ε̂
    ++first.collectives;
  }
  if (!ascent_.move()) return first;
  const RestoreOnExit restore(ascent_);
  const Evaluation second = source.evaluate(replica, Pass::repeat);
  first.evaluations += second.evaluations;
  if (!std::isfinite(second.loss)) first.loss = second.loss;  // so that the step is skipped
  return first;
}

StandaloneSam::StandaloneSam(torch::optim::Optimizer& base, SamOptions options)
    : base_(base), options_(options), ascent_(parameter_groups(base), std::move(options)) {
  if (options_.every != 1 || options_.start != 0 || options_.sync_perturbation)
    throw InputError(
        "every, start and sync_perturbation belong to a Trainer; StandaloneSam takes none of them");
}

torch::Tensor StandaloneSam::step(const std::function<torch::Tensor()>& closure) {
  const torch::Tensor loss = [&] {
    const torch::AutoGradMode grad(true);
    return closure();
  }();
  if (options_.rho > 0 && ascent_.move()) {
    const RestoreOnExit restore(ascent_);
    const torch::AutoGradMode grad(true);
    closure();
  }
  base_.step();
  return loss;
}

void StandaloneSam::first_step() {
  ascent_.move();
}

void StandaloneSam::second_step() {
  ascent_.restore();
  base_.step();
}

}  // namespace lathe::optim
