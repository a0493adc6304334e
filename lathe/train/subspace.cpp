#include "lathe/train/subspace.h"

#include <torch/torch.h>

#include <cmath>
#include <map>
#include <numeric>

#include "lathe/core/error.h"
#include "lathe/core/glob.h"
#include "lathe/nn/batch_norm.h"

namespace lathe::train {
namespace {

using core::Range;

const std::map<std::string, SubspaceKind> kKinds = {
    {"curve", SubspaceKind::curve}, {"line", SubspaceKind::line}, {"simplex", SubspaceKind::simplex}};

int64_t default_endpoints(SubspaceKind kind) {
  return kind == SubspaceKind::line ? 2 : 3;
}

std::string module_of(const std::string& parameter) {
  const size_t dot = parameter.rfind('.');
  return dot == std::string::npos ? "" : parameter.substr(0, dot);
}

void require_same_parameters(const torch::nn::Module& first, const torch::nn::Module& other, int64_t i) {
  const auto a = first.named_parameters(), b = other.named_parameters();
  for (size_t p = 0; p < std::max(a.size(), b.size()); ++p) {
    const auto describe = [p](const auto& list) {
      return p < list.size() ? fmt::format("{} {}", list[p].key(), c10::str(list[p].value().sizes()))
                             : "nothing";
    };
    if (describe(a) != describe(b))
      throw InputError("endpoints differ in their parameters: endpoint 0 has {}, endpoint {} has {}",
                       describe(a), i, describe(b));
  }
}

}  // namespace

SubspaceOptions subspace_options(const core::Config& subspace) {
  SubspaceOptions o;
  o.kind = kKinds.at(subspace.choice("kind", "line", {"line", "curve", "simplex"}));
  o.endpoints = subspace.integer("endpoints", default_endpoints(o.kind), Range::at_least(1));
  if (o.kind != SubspaceKind::simplex && o.endpoints != default_endpoints(o.kind))
    subspace.fail("endpoints", fmt::format("of a {} must be {}, got {}", to_string(o.kind),
                                           default_endpoints(o.kind), o.endpoints));
  o.beta = subspace.number("beta", o.beta, Range::at_least(0));
  o.per_layer = subspace.flag("per_layer", o.per_layer);
  o.samples = subspace.integer("samples", o.samples, Range::at_least(1));
  o.exclude = subspace.texts("exclude", std::vector<std::string>());
  return o;
}

void check(const SubspaceOptions& o) {
  const bool fits =
      o.kind == SubspaceKind::simplex ? o.endpoints >= 1 : o.endpoints == default_endpoints(o.kind);
  if (!fits)
    throw InputError(
        "a {} has {} endpoints, got {}", to_string(o.kind),
        o.kind == SubspaceKind::simplex ? "1 or more" : std::to_string(default_endpoints(o.kind)),
        o.endpoints);
  if (!(o.beta >= 0)) throw InputError("beta must be at least 0, got {}", o.beta);
  if (o.samples < 1) throw InputError("samples must be at least 1, got {}", o.samples);
}

std::string to_string(SubspaceKind kind) {
  for (const auto& [name, value] : kKinds)
    if (value == kind) return name;
  return "?";
}

std::vector<double> line_point(double alpha) {
  return {1 - alpha, alpha};
}

std::vector<double> curve_point(double alpha) {
  return {(1 - alpha) * (1 - alpha), alpha * alpha, 2 * alpha * (1 - alpha)};
}

Subspace::Subspace(const Make& make, SubspaceOptions options) : make_(make), options_(std::move(options)) {
  check(options_);
  module_ = make_(0);
  std::map<std::string, size_t> layers;
  for (const auto& item : module_->named_parameters()) {
    Weight weight{.name = item.key(), .parameter = item.value()};
    const bool shared = !item.value().is_floating_point() ||
                        std::any_of(options_.exclude.begin(), options_.exclude.end(),
                                    [&](const std::string& glob) { return core::matches(item.key(), glob); });
    if (!shared)
      weight.endpoints.push_back(item.value().detach().clone(at::MemoryFormat::Preserve).requires_grad_());
    weight.layer =
        layers.emplace(options_.per_layer ? module_of(item.key()) : "", layers.size()).first->second;
    weights_.push_back(std::move(weight));
  }
  for (int64_t i = 1; i < options_.endpoints; ++i) {
    const auto other = make_(i);
    require_same_parameters(*module_, *other, i);
    const auto values = other->named_parameters();
    for (size_t p = 0; p < weights_.size(); ++p)
      if (!weights_[p].endpoints.empty())
        weights_[p].endpoints.push_back(values[p].value().detach().requires_grad_());
  }
  coefficients_.resize(layers.size());
  set_midpoint();
}

std::vector<torch::Tensor> Subspace::parameters() const {
  std::vector<torch::Tensor> all;
  for (size_t i = 0; i < static_cast<size_t>(options_.endpoints); ++i)
    for (const Weight& weight : weights_)
      if (!weight.endpoints.empty()) all.push_back(weight.endpoints[i]);
  for (const Weight& weight : weights_)
    if (weight.endpoints.empty()) all.push_back(weight.parameter);
  return all;
}

std::vector<double> Subspace::random_point(core::Random& random) const {
  if (options_.kind == SubspaceKind::line) return line_point(random.uniform());
  if (options_.kind == SubspaceKind::curve) return curve_point(random.uniform());
  std::vector<double> c;
  for (int64_t i = 0; i < options_.endpoints; ++i) c.push_back(-std::log1p(-random.uniform()));
  const double sum = std::accumulate(c.begin(), c.end(), 0.0);
  for (double& value : c) value /= sum;
  return c;
}

std::vector<double> Subspace::midpoint() const {
  if (options_.kind == SubspaceKind::curve) return curve_point(0.5);
  return std::vector<double>(static_cast<size_t>(options_.endpoints),
                             1.0 / static_cast<double>(options_.endpoints));
}

void Subspace::draw(core::Random& random) {
  for (auto& layer : coefficients_) layer = random_point(random);
  if (options_.endpoints > 1) {
    pair_[0] = random.below(options_.endpoints);
    pair_[1] = (pair_[0] + 1 + random.below(options_.endpoints - 1)) % options_.endpoints;
  }
  mix();
}

void Subspace::set_point(const std::vector<double>& coefficients) {
  if (static_cast<int64_t>(coefficients.size()) != options_.endpoints)
    throw InputError("a point of this subspace has {} coefficients, got {}", options_.endpoints,
                     coefficients.size());
  for (auto& layer : coefficients_) layer = coefficients;
  mix();
}

void Subspace::set_midpoint() {
  set_point(midpoint());
}

void Subspace::mix() {
  const torch::NoGradGuard no_grad;
  for (Weight& weight : weights_) {
    if (weight.endpoints.empty()) continue;
    const std::vector<double>& c = coefficients_[weight.layer];
    torch::Tensor mixed = weight.parameter.detach();
    torch::mul_out(mixed, weight.endpoints[0], c10::scalar_to_tensor(c[0]));
    for (size_t i = 1; i < c.size(); ++i) mixed.add_(weight.endpoints[i], c[i]);
  }
}

double Subspace::pull_gradients() {
  const torch::NoGradGuard no_grad;
  for (Weight& weight : weights_) {
    const torch::Tensor& gradient = weight.parameter.grad();
    for (size_t i = 0; i < weight.endpoints.size(); ++i) {
      torch::Tensor& pulled = weight.endpoints[i].mutable_grad();
      if (gradient.defined())
        pulled = gradient * coefficients_[weight.layer][i];
      else
        pulled.reset();
    }
  }
  if (options_.endpoints < 2) return 0;
  const Products p = products(pair_[0], pair_[1]);
  if (options_.beta > 0) add_regulariser(p);
  return p.jk * p.jk / (p.jj * p.kk);
}

// With a = ω_j and b = ω_k: ∂cos²/∂a = 2 (a·b)/(‖a‖²‖b‖²) (b − (a·b)/‖a‖² a).
void Subspace::add_regulariser(const Products& p) {
  if (p.jj == 0 || p.kk == 0) return;
  const double outer = 2 * options_.beta * p.jk / (p.jj * p.kk);
  for (Weight& weight : weights_) {
    if (!weight.regularised()) continue;
    const torch::Tensor &a = weight.endpoints[static_cast<size_t>(pair_[0])],
                        &b = weight.endpoints[static_cast<size_t>(pair_[1])];
    const auto add = [outer](const torch::Tensor& to, const torch::Tensor& other, double share) {
      torch::Tensor& gradient = to.mutable_grad();
      if (!gradient.defined()) gradient = torch::zeros_like(to);
      gradient.add_(other.detach(), outer).sub_(to.detach(), outer * share);
    };
    add(a, b, p.jk / p.jj);
    add(b, a, p.jk / p.kk);
  }
}

Subspace::Products Subspace::products(int64_t j, int64_t k) const {
  const torch::NoGradGuard no_grad;
  Products p;
  for (const Weight& weight : weights_) {
    if (!weight.regularised()) continue;
    const auto flat = [](const torch::Tensor& tensor) { return tensor.reshape(-1); };
    const torch::Tensor a = flat(weight.endpoints[static_cast<size_t>(j)]),
                        b = flat(weight.endpoints[static_cast<size_t>(k)]);
    p.jj += a.dot(a).item<double>();
    p.kk += b.dot(b).item<double>();
    p.jk += a.dot(b).item<double>();
  }
  return p;
}

double Subspace::cosine(int64_t j, int64_t k) const {
  const Products p = products(j, k);
  return p.jk / std::sqrt(p.jj * p.kk);
}

double Subspace::distance(int64_t j, int64_t k) const {
  const Products p = products(j, k);
  return std::sqrt(std::max(0.0, p.jj + p.kk - 2 * p.jk));
}

std::shared_ptr<torch::nn::Module> Subspace::point(const std::vector<double>& coefficients,
                                                   const Feed& feed) {
  if (!feed && nn::has_batch_norm(*module_))
    throw InputError(
        "a point of a network with batch norm needs training examples: its running statistics mix all points "
        "of the "
        "subspace");
  const auto before = coefficients_;
  set_point(coefficients);
  const auto copy = make_(0);
  {
    const torch::NoGradGuard no_grad;
    const auto to = copy->parameters(), from = module_->parameters();
    for (size_t i = 0; i < to.size(); ++i) to[i].copy_(from[i]);
    const auto own = module_->named_buffers();
    for (auto& buffer : copy->named_buffers())
      if (const torch::Tensor* value = own.find(buffer.key())) buffer.value().copy_(*value);
  }
  coefficients_ = before;
  mix();
  if (feed) nn::recompute_batch_norm(*copy, [&] { feed(*copy); });
  return copy;
}

void Subspace::save(torch::serialize::OutputArchive& archive) const {
  archive.write("kind", c10::IValue(to_string(options_.kind)));
  archive.write("endpoints", c10::IValue(options_.endpoints));
  for (const Weight& weight : weights_) {
    if (weight.endpoints.empty()) archive.write("shared." + weight.name, weight.parameter);
    for (size_t i = 0; i < weight.endpoints.size(); ++i)
      archive.write(fmt::format("endpoint.{}.{}", i, weight.name), weight.endpoints[i]);
  }
}

void Subspace::load(torch::serialize::InputArchive& archive) {
  c10::IValue kind, endpoints;
  archive.read("kind", kind);
  archive.read("endpoints", endpoints);
  if (kind.toStringRef() != to_string(options_.kind) || endpoints.toInt() != options_.endpoints)
    throw InputError("the archive holds a {} of {} endpoints, not a {} of {}", kind.toStringRef(),
                     endpoints.toInt(), to_string(options_.kind), options_.endpoints);
  const torch::NoGradGuard no_grad;
  const auto read = [&](const std::string& key, torch::Tensor to) {
    torch::Tensor value;
    archive.read(key, value);
    if (value.sizes() != to.sizes())
      throw InputError("{} has shape {} in the archive, not {}", key, c10::str(value.sizes()),
                       c10::str(to.sizes()));
    to.copy_(value);
  };
  for (Weight& weight : weights_) {
    if (weight.endpoints.empty()) read("shared." + weight.name, weight.parameter);
    for (size_t i = 0; i < weight.endpoints.size(); ++i)
      read(fmt::format("endpoint.{}.{}", i, weight.name), weight.endpoints[i]);
  }
  mix();
}

}  // namespace lathe::train
