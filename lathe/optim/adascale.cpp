#include "lathe/optim/adascale.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"

namespace lathe::optim {
namespace {

constexpr double kLeastVariance = 1e-6;
constexpr int64_t kAdamWarmUp = 5;

GradientMoments clamped(GradientMoments moments) {
  moments.squared_mean = std::max(moments.squared_mean, 0.0);
  moments.variance = std::max(moments.variance, kLeastVariance * moments.squared_mean);
  return moments;
}

std::vector<double> doubles(const torch::Tensor& tensor) {
  const torch::Tensor cpu = tensor.cpu().contiguous();
  return {cpu.data_ptr<double>(), cpu.data_ptr<double>() + cpu.numel()};
}

torch::Tensor to_tensor(const std::vector<GradientMoments>& moments) {
  std::vector<double> values;
  for (const GradientMoments& m : moments) values.insert(values.end(), {m.variance, m.squared_mean});
  return torch::tensor(values, torch::kFloat64);
}

// libtorch 1.13 names the state of a parameter by its printed address, 2.x by the address.
template <typename States>
auto find_state(States& states, const torch::Tensor& parameter) {
  if constexpr (std::is_same_v<typename States::key_type, std::string>)
    return states.find(fmt::format("{}", fmt::ptr(parameter.unsafeGetTensorImpl())));
  else
    return states.find(parameter.unsafeGetTensorImpl());
}

template <typename State, typename Options>
torch::Tensor adam_denominator(torch::optim::Optimizer& optimizer, const torch::Tensor& parameter) {
  auto& states = optimizer.state();
  const auto found = find_state(states, parameter);
  if (found == states.end()) return {};
  const auto& state = static_cast<const State&>(*found->second);
  if (state.step() < kAdamWarmUp) return {};
  const auto& options = static_cast<const Options&>(optimizer.param_groups().front().options());
  const double correction = 1 - std::pow(std::get<1>(options.betas()), static_cast<double>(state.step()));
  return (state.exp_avg_sq() / correction).sqrt_().add_(options.eps());
}

// Every process put its numbers where its rank is; all see the same and so fail alike.
void check_alike(const std::vector<double>& numbers, const std::string& what) {
  for (size_t rank = 1; rank < numbers.size(); ++rank)
    if (numbers[rank] != numbers[0])
      throw InputError("AdaScale needs the same {} on every process: rank 0 has {}, rank {} has {}", what,
                       numbers[0], rank, numbers[rank]);
}

}  // namespace

GradientMoments replica_moments(double sum_of_squared_norms, double squared_norm_of_mean, int64_t replicas,
                                double scale) {
  const auto n = static_cast<double>(replicas);
  const double variance = scale / (n - 1) * (sum_of_squared_norms / n - squared_norm_of_mean);
  return {variance, squared_norm_of_mean - variance / scale};
}

GradientMoments consecutive_moments(double squared_norm_a, double squared_norm_b, double squared_norm_of_mean,
                                    double scale) {
  const double local = (squared_norm_a + squared_norm_b) / 2;
  return {2 * scale * (local - squared_norm_of_mean), 2 * squared_norm_of_mean - local};
}

double gain(const GradientMoments& moments, double scale) {
  const auto [variance, squared_mean] = clamped(moments);
  if (variance == 0 && squared_mean == 0) return 1;
  return (variance + squared_mean) / (variance / scale + squared_mean);
}

AdaScaleOptions adascale_options(const core::Config& adascale, bool sgd) {
  using core::Range;
  AdaScaleOptions o;
  o.scale = adascale.number_or_auto("scale", Range::at_least(1)).value_or(0);
  o.smoothing = adascale.number_or_auto("smoothing", {.min = 0, .max = 1, .open_max = true}).value_or(-1);
  o.average = adascale.choice("average", "debias", {"debias", "plain"}) == "plain" ? MomentAverage::plain
                                                                                   : MomentAverage::debias;
  o.estimator = adascale.choice("estimator", "replicas", {"replicas", "difference"}) == "difference"
                    ? MomentEstimator::difference
                    : MomentEstimator::replicas;
  o.power = adascale.number("power", sgd ? 1 : 0.5, {.min = 0, .max = 1, .open_min = true});
  o.clamp_before_average = adascale.flag("clamp_before_average", false);
  return o;
}

void check(const AdaScaleOptions& o) {
  if (!(o.scale == 0 || o.scale >= 1))
    throw InputError("optim.adascale.scale must be auto or a number at least 1, got {}", o.scale);
  if (!(o.smoothing < 1)) throw InputError("optim.adascale.smoothing must be in [0, 1), got {}", o.smoothing);
  if (!(o.power > 0 && o.power <= 1))
    throw InputError("optim.adascale.power must be in (0, 1], got {}", o.power);
}

Preconditioner adam_preconditioner(torch::optim::Optimizer& optimizer) {
  using namespace torch::optim;
  if (dynamic_cast<Adam*>(&optimizer))
    return
        [&](const torch::Tensor& p) { return adam_denominator<AdamParamState, AdamOptions>(optimizer, p); };
  if (dynamic_cast<AdamW*>(&optimizer))
    return
        [&](const torch::Tensor& p) { return adam_denominator<AdamWParamState, AdamWOptions>(optimizer, p); };
  return {};
}

AdaScale::AdaScale(ParameterGroups groups, AdaScaleOptions options, Preconditioner preconditioner)
    : groups_(std::move(groups)),
      options_(options),
      preconditioner_(std::move(preconditioner)),
      scale_(options.scale > 0 ? options.scale : 1),
      averages_(groups_.size()) {
  check(options_);
}

GradientMoments AdaScale::moments(size_t group) const {
  return clamped(averages_.at(group));
}

GradientMoments AdaScale::moments() const {
  GradientMoments total;
  for (const GradientMoments& group : averages_) {
    total.variance += group.variance;
    total.squared_mean += group.squared_mean;
  }
  return clamped(total);
}

double AdaScale::gain_at(double scale) const {
  return optim::gain(moments(), scale);
}

double AdaScale::noise_scale() const {
  const auto [variance, squared_mean] = moments();
  return variance / squared_mean;
}

void AdaScale::set_scale(double scale) {
  options_.scale = scale_ = scale;
  check(options_);
}

double AdaScale::factor(size_t group, double) const {
  return std::pow(gain(group), options_.power);
}

std::vector<torch::Tensor> AdaScale::gradients() const {
  std::vector<torch::Tensor> all;
  for (const auto& group : groups_)
    for (const torch::Tensor& parameter : group) all.push_back(parameter.grad());
  return all;
}

bool AdaScale::preconditioned() const {
  if (!preconditioner_) return true;
  for (const auto& group : groups_)
    for (const torch::Tensor& parameter : group)
      if (parameter.grad().defined() && !preconditioner_(parameter).defined()) return false;
  return true;
}

torch::Tensor AdaScale::squared_norms(const std::vector<torch::Tensor>& gradients) const {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> norms;
  size_t i = 0;
  for (const auto& group : groups_) {
    std::vector<torch::Tensor> present;
    for (const torch::Tensor& parameter : group) {
      const torch::Tensor& gradient = gradients.at(i++);
      if (!gradient.defined()) continue;
      const torch::Tensor denominator = preconditioner_ ? preconditioner_(parameter) : torch::Tensor();
      present.push_back(denominator.defined() ? gradient / denominator : gradient);
    }
    norms.push_back(squared_norm(present));
  }
  return torch::stack(norms);
}

void AdaScale::replica(const GradientSource&, int64_t i, const Evaluation& evaluation) {
  if (i == 0) {
    discard_step();
    samples_ = evaluation.samples;
  } else if (evaluation.samples != samples_) {
    throw InputError("AdaScale needs micro-batches of equal size, got {} and {} examples", samples_,
                     evaluation.samples);
  }
  add_replica(gradients());
}

void AdaScale::add_replica(const std::vector<torch::Tensor>& gradients) {
  const torch::Tensor norms = squared_norms(gradients);
  squares_ = squares_.defined() ? squares_ + norms : norms;
}

torch::Tensor AdaScale::sums(const GradientSource& source) const {
  if (source.processes() == 1) return squares_;
  std::vector<double> of_ranks(2 * static_cast<size_t>(source.processes()), 0);
  of_ranks[2 * static_cast<size_t>(source.rank())] = options_.scale;
  of_ranks[2 * static_cast<size_t>(source.rank()) + 1] = static_cast<double>(source.local_replicas());
  return torch::cat({squares_, torch::tensor(of_ranks, squares_.options())});
}

void AdaScale::mean(const GradientSource& source, const torch::Tensor& sums, StepReport& report) {
  const auto num_groups = static_cast<int64_t>(groups_.size());
  if (source.processes() > 1) {
    const std::vector<double> of_ranks = doubles(sums.narrow(0, num_groups, 2 * source.processes()));
    std::vector<double> scales, replicas;
    for (size_t i = 0; i < of_ranks.size(); i += 2) {
      scales.push_back(of_ranks[i]);
      replicas.push_back(of_ranks[i + 1]);
    }
    check_alike(scales, "scale (0: auto)");
    check_alike(replicas, "number of micro-batches");
  }
  if (options_.scale == 0) scale_ = static_cast<double>(source.replicas());
  discard_step();
  if (preconditioned()) {
    if (source.replicas() > 1)
      estimate_from_replicas(sums.narrow(0, 0, num_groups), source.replicas());
    else if (options_.estimator == MomentEstimator::difference)
      estimate_from_difference();
    else if (scale_ > 1)
      throw InputError(
          "optim.adascale.scale = {} needs several micro-batches in a step to measure their variance: set "
          "train.micro_batch to a part of the batch, or optim.adascale.estimator = \"difference\", or "
          "optim.adascale.scale = 1",
          scale_);
  }
  const GradientMoments total = moments();
  report.metrics["gain"] = gain();
  report.metrics["variance"] = total.variance;
  report.metrics["squared_mean"] = total.squared_mean;
  if (total.squared_mean > 0) report.metrics["noise_scale"] = noise_scale();
}

void AdaScale::estimate_from_replicas(const torch::Tensor& squares, int64_t replicas) {
  if (biased_) forget();
  biased_ = false;
  const std::vector<double> sums = doubles(squares), of_mean = doubles(squared_norms(gradients()));
  std::vector<GradientMoments> now;
  for (size_t g = 0; g < groups_.size(); ++g)
    now.push_back(replica_moments(sums[g], of_mean[g], replicas, scale_));
  average(now, std::max(0.0, 1 - static_cast<double>(replicas) / 1000));
}

void AdaScale::estimate_from_difference() {
  const torch::NoGradGuard no_grad;
  const std::vector<torch::Tensor> last = std::move(previous_), present = gradients();
  previous_.clear();
  for (const torch::Tensor& gradient : present)
    previous_.push_back(gradient.defined() ? gradient.clone() : torch::Tensor());
  if (last.empty()) return;
  std::vector<torch::Tensor> means;
  for (size_t i = 0; i < present.size(); ++i)
    means.push_back(present[i].defined() && last[i].defined() ? (present[i] + last[i]) / 2 : torch::Tensor());
  const std::vector<double> a = doubles(squared_norms(last)), b = doubles(squared_norms(present)),
                            of_mean = doubles(squared_norms(means));
  std::vector<GradientMoments> now;
  for (size_t g = 0; g < groups_.size(); ++g)
    now.push_back(consecutive_moments(a[g], b[g], of_mean[g], scale_));
  biased_ = true;
  average(now, std::pow(0.999, scale_));
}

void AdaScale::average(const std::vector<GradientMoments>& now, double smoothing) {
  const double theta = options_.smoothing >= 0 ? options_.smoothing : smoothing;
  ++count_;
  weight_ = theta * weight_ + (1 - theta);
  const double rate = options_.average == MomentAverage::debias
                          ? (1 - theta) / weight_
                          : std::max(1 - theta, 1 / static_cast<double>(count_));
  for (size_t g = 0; g < now.size(); ++g) {
    GradientMoments moments = now[g];
    if (options_.clamp_before_average) {
      moments.variance = std::max(moments.variance, 1e-6);
      moments.squared_mean = std::max(moments.squared_mean, 0.0);
    }
    averages_[g].variance += rate * (moments.variance - averages_[g].variance);
    averages_[g].squared_mean += rate * (moments.squared_mean - averages_[g].squared_mean);
  }
}

void AdaScale::forget() {
  averages_.assign(groups_.size(), {});
  weight_ = 0;
  count_ = 0;
  previous_.clear();
}

void AdaScale::save(torch::serialize::OutputArchive& archive) const {
  archive.write("scale", c10::IValue(scale_));
  archive.write("averages", to_tensor(averages_), /*is_buffer=*/true);
  archive.write("weight", c10::IValue(weight_));
  archive.write("count", c10::IValue(count_));
  archive.write("biased", c10::IValue(biased_));
  archive.write("num_previous", c10::IValue(static_cast<int64_t>(previous_.size())));
  for (size_t i = 0; i < previous_.size(); ++i)
    if (previous_[i].defined())
      archive.write("previous" + std::to_string(i), previous_[i], /*is_buffer=*/true);
}

void AdaScale::load(torch::serialize::InputArchive& archive) {
  const auto read = [&](const std::string& name) {
    c10::IValue value;
    archive.read(name, value);
    return value;
  };
  torch::Tensor averages;
  archive.read("averages", averages, /*is_buffer=*/true);
  if (averages.numel() != 2 * static_cast<int64_t>(groups_.size()))
    throw InputError("the saved AdaScale has {} parameter groups, this one {}", averages.numel() / 2,
                     groups_.size());
  const std::vector<double> values = doubles(averages);
  for (size_t g = 0; g < groups_.size(); ++g) averages_[g] = {values[2 * g], values[2 * g + 1]};
  if (options_.scale == 0) scale_ = read("scale").toDouble();
  weight_ = read("weight").toDouble();
  count_ = read("count").toInt();
  biased_ = read("biased").toBool();
  previous_.assign(static_cast<size_t>(read("num_previous").toInt()), {});
  for (size_t i = 0; i < previous_.size(); ++i)
    archive.try_read("previous" + std::to_string(i), previous_[i], /*is_buffer=*/true);
}

}  // namespace lathe::optim
