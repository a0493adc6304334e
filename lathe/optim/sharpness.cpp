#include "lathe/optim/sharpness.h"

#include <torch/torch.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/core/progress.h"
#include "lathe/math/lanczos.h"
#include "lathe/nn/hessian.h"
#include "lathe/nn/initialization.h"
#include "lathe/optim/sam.h"

namespace lathe::optim {
namespace {

using Tensors = std::vector<torch::Tensor>;

Tensors trained_parameters(const nn::Model& model) {
  Tensors parameters;
  for (const torch::Tensor& parameter : model.parameters())
    if (parameter.requires_grad()) parameters.push_back(parameter);
  if (parameters.empty()) throw InputError("sharpness needs a model with parameters that are trained");
  return parameters;
}

// Where w and its gradients were; they are there again when this dies.
class Origin {
 public:
  explicit Origin(Tensors parameters) : parameters_(std::move(parameters)) {
    for (const torch::Tensor& parameter : parameters_) {
      weights_.push_back(parameter.detach().clone());
      gradients_.push_back(parameter.grad());
    }
  }
  ~Origin() {
    restore();
    for (size_t i = 0; i < parameters_.size(); ++i) parameters_[i].mutable_grad() = gradients_[i];
  }
  Origin(const Origin&) = delete;
  Origin& operator=(const Origin&) = delete;

  const Tensors& parameters() const { return parameters_; }
  const Tensors& weights() const { return weights_; }
  void move(const torch::Tensor& displacement) {
    const torch::NoGradGuard no_grad;
    const Tensors parts = nn::unflatten(displacement, parameters_);
    for (size_t i = 0; i < parameters_.size(); ++i) parameters_[i].copy_(weights_[i] + parts[i]);
  }
  void restore() {
    const torch::NoGradGuard no_grad;
    for (size_t i = 0; i < parameters_.size(); ++i) parameters_[i].copy_(weights_[i]);
  }

 private:
  Tensors parameters_, weights_, gradients_;
};

torch::Tensor to_torch(const Eigen::VectorXd& vector) {
  return torch::from_blob(const_cast<double*>(vector.data()), {vector.size()}, torch::kFloat64).clone();
}

Eigen::VectorXd to_eigen(const torch::Tensor& vector) {
  const torch::Tensor cpu = vector.cpu().contiguous();
  return Eigen::Map<const Eigen::VectorXd>(cpu.data_ptr<double>(), cpu.numel());
}

class Measurement {
 public:
  Measurement(nn::Model& model, const data::Dataset& dataset, const SharpnessOptions& options,
              core::Seed seed, const Objective& objective, const core::StopToken& stop)
      : model_(model),
        options_(options),
        seed_(seed),
        objective_(objective),
        stop_(stop),
        evaluation_(model),
        statistics_(model),
        device_(nn::device_of(model)),
        origin_(trained_parameters(model)) {
    // Sources may be sorted by class; micro-batches must not be.
    const std::vector<int64_t> order = seed.stream("examples").random().permutation(dataset.size());
    dataset_ = dataset.select(torch::tensor(order, torch::kInt64));
    all_ = mean_loss(0, dataset.size());
  }

  SharpnessReport report();

 private:
  nn::MeanLoss mean_loss(int64_t begin, int64_t end) const;
  std::vector<int64_t> micro_batches() const;
  std::vector<AscentSharpness> ascent(int64_t micro_batch);
  double one_step(const nn::MeanLoss& loss, const torch::Tensor& gradient, double rho);
  double projected(const nn::MeanLoss& loss, const torch::Tensor& gradient, double rho);
  std::vector<AverageSharpness> average(double loss_at_w);
  Spectrum spectrum();
  LossSlice slice();
  torch::Tensor gaussian(core::Seed seed) const;
  torch::Tensor filter_normalized_direction(core::Seed seed) const;

  nn::Model& model_;
  const SharpnessOptions& options_;
  core::Seed seed_;
  const Objective& objective_;
  const core::StopToken& stop_;
  nn::EvaluationMode evaluation_;
  nn::FrozenStatistics statistics_;
  torch::Device device_;
  Origin origin_;
  data::Dataset dataset_;
  nn::MeanLoss all_;
};

// Of examples begin … end − 1.
nn::MeanLoss Measurement::mean_loss(int64_t begin, int64_t end) const {
  nn::MeanLoss loss;
  for (int64_t at = begin; at < end; at += options_.batch_size)
    loss.batch_sizes.push_back(std::min(options_.batch_size, end - at));
  loss.batch_loss = [this, begin, end](int64_t batch) {
    stop_.check("measuring sharpness");
    const int64_t from = begin + batch * options_.batch_size;
    const int64_t to = std::min(from + options_.batch_size, end);
    return objective_(
        model_, {dataset_.inputs.slice(0, from, to).to(device_),
                 dataset_.targets.slice(0, from, to).to(device_), torch::arange(from, to, torch::kInt64)});
  };
  return loss;
}

std::vector<int64_t> Measurement::micro_batches() const {
  std::vector<int64_t> sizes = {dataset_.size()};
  for (int64_t m : options_.micro_batches)
    if (m < dataset_.size() && std::find(sizes.begin(), sizes.end(), m) == sizes.end()) sizes.push_back(m);
  return sizes;
}

double Measurement::one_step(const nn::MeanLoss& loss, const torch::Tensor& gradient, double rho) {
  const Tensors& parameters = origin_.parameters();
  const Tensors gradients = nn::unflatten(gradient, parameters);
  for (size_t i = 0; i < parameters.size(); ++i) parameters[i].mutable_grad() = gradients[i];
  AscentPoint({parameters}, {.rho = rho}).move();
  const double there = nn::value(loss);
  origin_.restore();
  return there;
}

double Measurement::projected(const nn::MeanLoss& loss, const torch::Tensor& gradient, double rho) {
  torch::Tensor epsilon = torch::zeros_like(gradient), ascent = gradient;
  double largest = -INFINITY;
  for (int64_t step = 1; step <= options_.ascent_steps; ++step) {
    const double norm = ascent.norm().item<double>();
    if (norm > 0) epsilon += rho / norm * ascent;
    epsilon *= std::min(1.0, rho / std::max(rho, epsilon.norm().item<double>()));
    origin_.move(epsilon);
    if (step == options_.ascent_steps) {
      largest = std::max(largest, nn::value(loss));
    } else {
      const nn::ValueAndGradient there = nn::value_and_gradient(loss, origin_.parameters());
      largest = std::max(largest, there.value);
      ascent = there.gradient;
    }
  }
  origin_.restore();
  return largest;
}

std::vector<AscentSharpness> Measurement::ascent(int64_t micro_batch) {
  std::vector<AscentSharpness> results;
  for (double rho : options_.rho) results.push_back({.micro_batch = micro_batch, .rho = rho});
  const int64_t n = dataset_.size(), num_batches = (n + micro_batch - 1) / micro_batch;
  core::Progress bar(fmt::format("ascent, m = {}", micro_batch),
                     num_batches * static_cast<int64_t>(results.size()), "ascents");
  int64_t done = 0;
  for (int64_t begin = 0; begin < n; begin += micro_batch) {
    const int64_t end = std::min(begin + micro_batch, n);
    const nn::MeanLoss loss = mean_loss(begin, end);
    const auto [value, gradient] = nn::value_and_gradient(loss, origin_.parameters());
    if (!std::isfinite(value) || !std::isfinite(gradient.norm().item<double>()))
      throw Error("sharpness needs a finite loss and gradient at the model's weights; the loss is {}", value);
    const double share = static_cast<double>(end - begin) / static_cast<double>(n);
    for (AscentSharpness& result : results) {
      result.one_step += share * (one_step(loss, gradient, result.rho) - value);
      result.projected += share * (projected(loss, gradient, result.rho) - value);
      bar.update(++done);
    }
  }
  return results;
}

torch::Tensor Measurement::gaussian(core::Seed seed) const {
  Tensors parts;
  for (size_t i = 0; i < origin_.weights().size(); ++i) {
    const torch::Tensor& weight = origin_.weights()[i];
    parts.push_back(
        torch::randn(weight.sizes(), nn::generator(seed.stream(i)), torch::kFloat64).to(weight.device()));
  }
  return nn::flatten(parts);
}

std::vector<AverageSharpness> Measurement::average(double loss_at_w) {
  std::vector<AverageSharpness> results;
  if (options_.draws == 0) return results;
  core::Progress bar("random directions", options_.draws * static_cast<int64_t>(options_.rho.size()),
                     "draws");
  std::vector<std::vector<double>> rises(options_.rho.size());
  int64_t done = 0;
  for (int64_t draw = 0; draw < options_.draws; ++draw) {
    const torch::Tensor normal = gaussian(seed_.stream("average").stream(static_cast<uint64_t>(draw)));
    for (size_t r = 0; r < rises.size(); ++r) {
      const torch::Tensor epsilon = options_.rho[r] / std::sqrt(normal.numel()) * normal;
      origin_.move(epsilon);
      const double forth = nn::value(all_);
      origin_.move(-epsilon);
      rises[r].push_back(0.5 * (forth + nn::value(all_)) - loss_at_w);
      bar.update(++done);
    }
  }
  origin_.restore();
  for (size_t r = 0; r < rises.size(); ++r) {
    const torch::Tensor values = torch::tensor(rises[r], torch::kFloat64);
    results.push_back(
        {.rho = options_.rho[r],
         .sigma = options_.rho[r] / std::sqrt(nn::flatten(origin_.weights()).numel()),
         .mean = values.mean().item<double>(),
         .standard_error = values.std().item<double>() / std::sqrt(static_cast<double>(options_.draws))});
  }
  return results;
}

Spectrum Measurement::spectrum() {
  const int64_t dimension = nn::flatten(origin_.weights()).numel();
  const math::LanczosOptions lanczos{.num_eigenvalues = std::min(options_.eigenvalues, dimension),
                                     .seed = seed_.stream("lanczos")};
  if (lanczos.num_eigenvalues == 0) return {};
  core::Progress bar("Hessian", lanczos.max_iterations, "products at most");
  int64_t done = 0;
  const auto multiply = [&](const Eigen::VectorXd& vector) {
    const torch::Tensor product =
        nn::hessian_vector_product(all_, origin_.parameters(), to_torch(vector).to(device_));
    bar.update(++done);
    return to_eigen(product);
  };
  const math::LanczosResult result = math::lanczos(multiply, dimension, lanczos);
  return {.values = result.values,
          .residuals = result.residuals,
          .products = result.iterations,
          .converged = result.converged};
}

torch::Tensor Measurement::filter_normalized_direction(core::Seed seed) const {
  Tensors parts = nn::unflatten(gaussian(seed), origin_.weights());
  for (size_t i = 0; i < parts.size(); ++i) {
    const torch::Tensor& weight = origin_.weights()[i];
    if (weight.dim() < 2) {
      parts[i].zero_();
      continue;
    }
    const torch::Tensor filters = parts[i].flatten(1);
    const torch::Tensor scale = weight.flatten(1).norm(2, 1, true) / filters.norm(2, 1, true);
    parts[i] = (filters * scale).view(weight.sizes());
  }
  return nn::flatten(parts);
}

LossSlice Measurement::slice() {
  LossSlice slice;
  if (options_.slice == 0) return slice;
  const int64_t half = options_.slice / 2;
  for (int64_t i = -half; i <= half; ++i)
    slice.coordinates.push_back(half == 0 ? 0.0 : static_cast<double>(i) / static_cast<double>(half));
  const torch::Tensor first = filter_normalized_direction(seed_.stream("slice").stream(0)),
                      second = filter_normalized_direction(seed_.stream("slice").stream(1));
  core::Progress bar("loss slice", options_.slice * options_.slice, "points");
  int64_t done = 0;
  for (double b : slice.coordinates) {
    slice.losses.emplace_back();
    for (double a : slice.coordinates) {
      origin_.move(a * first + b * second);
      slice.losses.back().push_back(nn::value(all_));
      bar.update(++done);
    }
  }
  origin_.restore();
  return slice;
}

SharpnessReport Measurement::report() {
  SharpnessReport report;
  const torch::Tensor weights = nn::flatten(origin_.weights());
  report.examples = dataset_.size();
  report.parameters = weights.numel();
  report.weight_norm2 = weights.square().sum().item<double>();
  report.loss = nn::value(all_);
  if (!std::isfinite(report.loss))
    throw Error("sharpness needs a finite loss at the model's weights, got {}", report.loss);
  for (int64_t micro_batch : micro_batches())
    for (const AscentSharpness& result : ascent(micro_batch)) report.ascent.push_back(result);
  for (size_t r = 0; r < options_.rho.size(); ++r) {
    const double max_loss = report.loss + report.ascent[r].projected;
    const double complexity = bound_complexity(report.weight_norm2, options_.rho[r], report.parameters,
                                               report.examples, options_.delta);
    report.bounds.push_back({.rho = options_.rho[r],
                             .delta = options_.delta,
                             .max_loss = max_loss,
                             .complexity = complexity,
                             .bound = max_loss + complexity});
  }
  report.average = average(report.loss);
  report.spectrum = spectrum();
  report.slice = slice();
  return report;
}

void check(const SharpnessOptions& o, const data::Dataset& dataset) {
  for (double rho : o.rho)
    if (!(rho > 0 && std::isfinite(rho))) throw InputError("rho must be positive, got {}", rho);
  for (int64_t m : o.micro_batches)
    if (m < 1) throw InputError("m must be at least 1, got {}", m);
  if (o.ascent_steps < 1) throw InputError("ascent_steps must be at least 1, got {}", o.ascent_steps);
  if (o.draws < 0 || o.draws == 1)
    throw InputError("draws must be at least 2, for a standard error, or 0 for none, got {}", o.draws);
  if (o.eigenvalues < 0) throw InputError("eigenvalues must be at least 0, got {}", o.eigenvalues);
  if (o.slice < 0 || (o.slice > 0 && o.slice % 2 == 0))
    throw InputError("slice must be odd, so that its middle is the model, or 0 for none, got {}", o.slice);
  if (!(o.delta > 0 && o.delta < 1)) throw InputError("delta must be in (0, 1), got {}", o.delta);
  if (o.batch_size < 1) throw InputError("batch_size must be at least 1, got {}", o.batch_size);
  if (dataset.size() < 2) throw InputError("sharpness needs at least 2 examples, got {}", dataset.size());
}

}  // namespace

double bound_complexity(double weight_norm2, double rho, int64_t parameters, int64_t examples, double delta) {
  const auto k = static_cast<double>(parameters), n = static_cast<double>(examples);
  const double spread = 1 + std::sqrt(std::log(n) / k);
  const double divergence = k * std::log1p(weight_norm2 / (rho * rho) * spread * spread);
  return std::sqrt((divergence + 4 * std::log(n / delta)) / (n - 1));
}

SharpnessReport sharpness(nn::Model& model, const data::Dataset& dataset, const SharpnessOptions& options,
                          core::Seed seed, const Objective& objective, const core::StopToken& stop) {
  check(options, dataset);
  return Measurement(model, dataset, options, seed, objective, stop).report();
}

}  // namespace lathe::optim
