#include "lathe/train/continual/gradient_projection_memory.h"

#include <torch/torch.h>

#include <algorithm>

#include "lathe/core/error.h"
#include "lathe/nn/model.h"

namespace lathe::train::continual {
namespace {

void require_one_of(const char* key, const std::string& value, const std::vector<std::string>& values) {
  if (std::find(values.begin(), values.end(), value) == values.end())
    throw InputError("train.continual.{} must be one of {}, got \"{}\"", key, fmt::join(values, ", "), value);
}

std::string names_of(const std::vector<Layer>& layers) {
  std::vector<std::string> names;
  for (const Layer& layer : layers) names.push_back(layer.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

// N [d, d − k] with M Mᵀ + N Nᵀ = I.
torch::Tensor complement_of(const torch::Tensor& basis) {
  const torch::Tensor all = std::get<0>(torch::linalg_qr(basis.to(torch::kFloat64), "complete"));
  return all.narrow(1, basis.size(1), basis.size(0) - basis.size(1)).to(basis.scalar_type()).contiguous();
}

torch::Tensor with_ones(const torch::Tensor& rows) {
  return torch::cat({rows, torch::ones({rows.size(0), rows.size(1), 1}, rows.options())}, 2);
}

std::string entry(size_t layer, size_t group) {
  return fmt::format("basis{}_{}", layer, group);
}

}  // namespace

GradientProjectionMemory::Group::Group(torch::Tensor vectors) : basis(std::move(vectors)) {
  if (2 * basis.size(1) > basis.size(0)) complement = complement_of(basis);
}

// A full basis leaves nothing, not even rounding: its complement has no columns.
void GradientProjectionMemory::Group::project(torch::Tensor rows) const {
  if (complement.defined())
    rows.copy_(rows.mm(complement).mm(complement.t()));
  else if (basis.size(1) > 0)
    rows.addmm_(rows.mm(basis), basis.t(), 1, -1);
}

void check(const GpmOptions& o) {
  if (o.threshold.empty()) throw InputError("train.continual.threshold needs at least one number");
  for (double threshold : o.threshold)
    if (!(threshold > 0 && threshold <= 1))
      throw InputError("train.continual.threshold must be in (0, 1], got {}", threshold);
  if (!(o.threshold_step >= 0))
    throw InputError("train.continual.threshold_step must be at least 0, got {}", o.threshold_step);
  if (o.samples < 1) throw InputError("train.continual.samples must be at least 1, got {}", o.samples);
  require_one_of("bias", o.bias, {"augment", "freeze", "free"});
  require_one_of("project", o.project, {"auto", "gradient", "update"});
  require_one_of("first_task_rule", o.first_task_rule, {"paper", "authors"});
  require_one_of("unprotected", o.unprotected, {"refuse", "allow"});
}

GradientProjectionMemory::GradientProjectionMemory(torch::nn::Module& module, GpmOptions options)
    : module_(module), options_(std::move(options)), layers_(find_layers(module, options_.heads)) {
  check(options_);
  if (layers_.layers.empty())
    throw InputError("the model has no linear layer and no 2-D convolution to protect");
  if (!layers_.others.empty() && options_.unprotected == "refuse")
    throw InputError(
        "gradient projection cannot protect {}; name them in train.continual.heads if they belong to one "
        "task each, or let them forget with train.continual.unprotected = \"allow\"",
        fmt::join(layers_.others, ", "));
  if (options_.threshold.size() != 1 && options_.threshold.size() != layers_.layers.size())
    throw InputError("train.continual.threshold needs 1 number or {}, one for each of {}; got {}",
                     layers_.layers.size(), names_of(layers_.layers), options_.threshold.size());
  for (const Layer& layer : layers_.layers) {
    const torch::Tensor none = torch::empty({rows(layer), 0}, layer.weight.options().requires_grad(false));
    memory_.push_back({std::vector<Group>(static_cast<size_t>(layer.groups), Group(none)), 0});
  }
}

double GradientProjectionMemory::threshold(size_t layer) const {
  const double first = options_.threshold.size() == 1 ? options_.threshold[0] : options_.threshold[layer];
  return std::min(1.0, first + options_.threshold_step * static_cast<double>(tasks_));
}

// weight: a tensor like the layer's weight; bias: like its bias, undefined where that is not protected.
void GradientProjectionMemory::project(size_t i, const torch::Tensor& weight,
                                       const torch::Tensor& bias) const {
  const Layer& layer = layers_.layers[i];
  torch::Tensor rows = weight.reshape({layer.groups, weight.size(0) / layer.groups, layer.inputs()});
  if (bias.defined()) rows = torch::cat({rows, bias.view({layer.groups, -1, 1})}, 2);
  for (int64_t g = 0; g < layer.groups; ++g) memory_[i].groups[static_cast<size_t>(g)].project(rows[g]);
  if (rows.data_ptr() == weight.data_ptr()) return;
  weight.copy_(rows.narrow(2, 0, layer.inputs()).reshape(weight.sizes()));
  if (bias.defined()) bias.copy_(rows.select(2, layer.inputs()).flatten());
}

// Multiplications: 2 m d w + m d out for m rows through their inputs, 2 out d w through the gradient.
bool GradientProjectionMemory::fewer_operations(size_t i, int64_t rows) const {
  const int64_t outputs = layers_.layers[i].weight.size(0), width = memory_[i].groups[0].width();
  return rows * (2 * width + outputs) < 2 * outputs * width;
}

void GradientProjectionMemory::project_inputs(size_t i, const GradientFactors& factors) const {
  const Layer& layer = layers_.layers[i];
  torch::Tensor rows = augmented(layer) ? with_ones(factors.inputs.unsqueeze(0))[0] : factors.inputs.clone();
  memory_[i].groups[0].project(rows);
  torch::Tensor gradient = layer.weight.grad();
  torch::mm_out(gradient, factors.deltas.t(), rows.narrow(1, 0, layer.inputs()));
  if (augmented(layer)) layer.bias.grad().copy_(factors.deltas.t().mv(rows.select(1, layer.inputs())));
}

void GradientProjectionMemory::watch(const torch::Tensor& loss) {
  if (tasks_ > 0) factors_.begin(loss, layers_.layers);
}

void GradientProjectionMemory::apply(const std::vector<torch::Tensor>&, optim::StepReport&) {
  if (tasks_ == 0) return;
  const torch::NoGradGuard no_grad;
  for (const torch::Tensor& norm : layers_.norms) norm.mutable_grad().reset();
  for (size_t i = 0; i < layers_.layers.size(); ++i) {
    const Layer& layer = layers_.layers[i];
    if (layer.bias.defined() && options_.bias == "freeze") layer.bias.mutable_grad().reset();
    if (!layer.weight.grad().defined()) continue;
    const auto factors = factors_.take(i);
    if (factors && fewer_operations(i, factors->inputs.size(0)))
      project_inputs(i, *factors);
    else
      project(i, layer.weight.grad(), augmented(layer) ? layer.bias.grad() : torch::Tensor());
  }
}

std::vector<torch::Tensor> GradientProjectionMemory::protected_values() const {
  std::vector<torch::Tensor> values;
  for (const Layer& layer : layers_.layers) {
    values.push_back(layer.weight.detach().clone());
    if (augmented(layer)) values.push_back(layer.bias.detach().clone());
  }
  return values;
}

void GradientProjectionMemory::project_update(const std::vector<torch::Tensor>& before) const {
  const torch::NoGradGuard no_grad;
  auto old = before.begin();
  for (size_t i = 0; i < layers_.layers.size(); ++i) {
    const Layer& layer = layers_.layers[i];
    const torch::Tensor old_weight = *old++, old_bias = augmented(layer) ? *old++ : torch::Tensor();
    const torch::Tensor weight = layer.weight - old_weight;
    const torch::Tensor bias = old_bias.defined() ? layer.bias - old_bias : torch::Tensor();
    project(i, weight, bias);
    layer.weight.detach().copy_(old_weight + weight);
    if (bias.defined()) layer.bias.detach().copy_(old_bias + bias);
  }
}

// Of each layer, float64 [groups, d, d].
std::vector<torch::Tensor> GradientProjectionMemory::grams(
    const std::function<void()>& forward_samples) const {
  std::vector<torch::Tensor> grams(layers_.layers.size());
  const nn::EvaluationMode evaluation(module_);
  const torch::NoGradGuard no_grad;
  for_each_input(layers_.layers, forward_samples, [&](size_t i, const torch::Tensor& inputs) {
    const torch::Tensor wide = inputs.to(torch::kFloat64);
    const torch::Tensor rows = augmented(layers_.layers[i]) ? with_ones(wide) : wide;
    const torch::Tensor gram = rows.transpose(1, 2).bmm(rows);
    if (grams[i].defined())
      grams[i].add_(gram);
    else
      grams[i] = gram;
  });
  for (size_t i = 0; i < grams.size(); ++i) {
    if (!grams[i].defined())
      throw InputError("layer {} saw no input while the samples passed through the model",
                       layers_.layers[i].name);
    if (!torch::isfinite(grams[i]).all().item<bool>())
      throw Error("layer {} saw an input that is not finite; the memory is as before",
                  layers_.layers[i].name);
  }
  return grams;
}

std::vector<std::string> GradientProjectionMemory::end_task(const std::function<void()>& forward_samples) {
  const std::vector<torch::Tensor> all_grams = grams(forward_samples);
  const auto rule = options_.first_task_rule == "authors" ? FirstTaskRule::authors : FirstTaskRule::paper;
  std::vector<Memory> next;
  std::vector<std::string> full;
  for (size_t i = 0; i < layers_.layers.size(); ++i) {
    Memory memory;
    bool had_room = false, has_room = false;
    double total = 0, held = 0;
    for (int64_t g = 0; g < layers_.layers[i].groups; ++g) {
      const torch::Tensor gram = all_grams[i][g], &old = memory_[i].groups[static_cast<size_t>(g)].basis;
      const Basis basis = tasks_ == 0 ? first_basis(gram, threshold(i), rule)
                                      : extend_basis(old.to(torch::kFloat64), gram, threshold(i));
      memory.groups.emplace_back(basis.vectors.to(old.scalar_type()));
      total += gram.trace().item<double>();
      held += basis.energy * gram.trace().item<double>();
      had_room |= old.size(1) < old.size(0);
      has_room |= basis.vectors.size(1) < basis.vectors.size(0);
    }
    memory.energy = total > 0 ? held / total : 1;
    if (had_room && !has_room) full.push_back(layers_.layers[i].name);
    next.push_back(std::move(memory));
  }
  memory_ = std::move(next);
  ++tasks_;
  if (full.empty()) return {};
  return {
      fmt::format("no room left after task {} in {}: they learn nothing more; lower "
                  "train.continual.threshold, or make them wider",
                  tasks_, fmt::join(full, ", "))};
}

torch::Tensor GradientProjectionMemory::basis(const std::string& name, int64_t group) const {
  for (size_t i = 0; i < layers_.layers.size(); ++i)
    if (layers_.layers[i].name == name && group >= 0 && group < layers_.layers[i].groups)
      return memory_[i].groups[static_cast<size_t>(group)].basis;
  throw InputError("no protected layer is called \"{}\" and has a group {}; there are {}", name, group,
                   names_of(layers_.layers));
}

std::map<std::string, LayerMemory> GradientProjectionMemory::summary() const {
  std::map<std::string, LayerMemory> summary;
  for (size_t i = 0; i < layers_.layers.size(); ++i) {
    LayerMemory& layer = summary[layers_.layers[i].name];
    layer.energy = memory_[i].energy;
    for (const Group& group : memory_[i].groups) {
      layer.inputs += group.basis.size(0);
      layer.vectors += group.basis.size(1);
      layer.bytes += group.basis.numel() * group.basis.element_size();
    }
  }
  return summary;
}

void GradientProjectionMemory::save(torch::serialize::OutputArchive& archive) const {
  archive.write("tasks", c10::IValue(tasks_));
  for (size_t i = 0; i < memory_.size(); ++i) {
    archive.write("energy" + std::to_string(i), c10::IValue(memory_[i].energy));
    for (size_t g = 0; g < memory_[i].groups.size(); ++g)
      archive.write(entry(i, g), memory_[i].groups[g].basis);
  }
}

void GradientProjectionMemory::load(torch::serialize::InputArchive& archive) {
  c10::IValue tasks;
  archive.read("tasks", tasks);
  std::vector<Memory> memory = memory_;
  for (size_t i = 0; i < memory.size(); ++i) {
    c10::IValue energy;
    archive.read("energy" + std::to_string(i), energy);
    memory[i].energy = energy.toDouble();
    for (size_t g = 0; g < memory[i].groups.size(); ++g) {
      torch::Tensor basis;
      archive.read(entry(i, g), basis);
      const torch::Tensor own = memory[i].groups[g].basis;
      if (basis.dim() != 2 || basis.size(0) != own.size(0) || basis.size(1) > basis.size(0))
        throw Error("the memory of {} has another shape than the layer", layers_.layers[i].name);
      memory[i].groups[g] = Group(basis.to(own.options()));
    }
  }
  memory_ = std::move(memory);
  tasks_ = tasks.toInt();
}

void ProjectedUpdate::step(torch::optim::Optimizer& base) {
  if (memory_->tasks() == 0) {
    base.step();
    return;
  }
  const std::vector<torch::Tensor> before = memory_->protected_values();
  base.step();
  memory_->project_update(before);
}

optim::StepSlots step_slots(std::shared_ptr<GradientProjectionMemory> memory, const std::string& project,
                            const optim::OptimizerOptions& optim) {
  require_one_of("project", project, {"auto", "gradient", "update"});
  const bool stays_inside = optim.kind == "sgd" && optim.weight_decay == 0;
  optim::StepSlots slots;
  if (project == "update" || (project == "auto" && !stays_inside))
    slots.update = std::make_shared<ProjectedUpdate>(memory);
  slots.transforms.push_back(std::move(memory));
  return slots;
}

}  // namespace lathe::train::continual
