#include "lathe/optim/grad_vac.h"

#include <fmt/ranges.h>
#include <torch/torch.h>

#include <map>
#include <numeric>

#include "lathe/core/error.h"
#include "lathe/core/glob.h"

namespace lathe::optim {
namespace {

constexpr const char* kRest = "rest";

using Named = std::pair<std::string, torch::Tensor>;

std::string component_of(const std::string& parameter, ComponentKind kind) {
  if (kind == ComponentKind::whole_model) return "model";
  const size_t dot = parameter.rfind('.');
  return kind == ComponentKind::tensor || dot == std::string::npos ? parameter : parameter.substr(0, dot);
}

bool matches_any(const std::string& name, const std::vector<std::string>& globs) {
  return std::any_of(globs.begin(), globs.end(),
                     [&](const std::string& glob) { return core::matches(name, glob); });
}

// Those that match none of the parameters, as an error names them.
std::vector<std::string> idle(const std::string& key, const std::vector<std::string>& globs,
                              const std::vector<Named>& parameters) {
  std::vector<std::string> found;
  for (const std::string& glob : globs)
    if (std::none_of(parameters.begin(), parameters.end(),
                     [&](const Named& parameter) { return core::matches(parameter.first, glob); }))
      found.push_back(fmt::format("{} = '{}'", key, glob));
  return found;
}

void require_none(const char* what, const std::vector<std::string>& found) {
  if (!found.empty()) throw InputError("{}{}", what, fmt::join(found, ", "));
}

// The component of each of the shared parameters.
std::vector<std::string> components_of(const std::vector<Named>& shared, const GradVacOptions& options) {
  std::vector<std::string> components, unused, twice;
  for (const auto& [group, globs] : options.groups) {
    if (globs.empty()) unused.push_back(group + " = []");
    for (std::string& glob : idle(group, globs, shared)) unused.push_back(std::move(glob));
  }
  require_none("no shared parameter's name matches groups: ", unused);
  for (const auto& [parameter, tensor] : shared) {
    std::vector<std::string> groups;
    for (const auto& [group, globs] : options.groups)
      if (matches_any(parameter, globs)) groups.push_back(group);
    if (groups.size() > 1) twice.push_back(fmt::format("{} ({})", parameter, fmt::join(groups, " and ")));
    if (options.groups.empty())
      components.push_back(component_of(parameter, options.components));
    else
      components.push_back(groups.empty() ? kRest : groups.front());
  }
  require_none("parameters in more than one group: ", twice);
  return components;
}

int64_t index_of(const std::vector<std::string>& tasks, const std::string& task) {
  const auto found = std::find(tasks.begin(), tasks.end(), task);
  if (found == tasks.end()) throw InputError("there is no task '{}' among {}", task, fmt::join(tasks, ", "));
  return found - tasks.begin();
}

bool surgical(const GradVacOptions& options) {
  return options.method == MultitaskMethod::gradvac || options.method == MultitaskMethod::pcgrad;
}

}  // namespace

GradVacOptions grad_vac_options(const core::Config& multitask) {
  static const std::map<std::string, MultitaskMethod> kMethods = {{"gradvac", MultitaskMethod::gradvac},
                                                                  {"mean", MultitaskMethod::mean},
                                                                  {"pcgrad", MultitaskMethod::pcgrad},
                                                                  {"sum", MultitaskMethod::sum}};
  static const std::map<std::string, ComponentKind> kComponents = {
      {"layer", ComponentKind::layer},
      {"tensor", ComponentKind::tensor},
      {"whole_model", ComponentKind::whole_model}};
  GradVacOptions o;
  o.method = kMethods.at(multitask.choice("method", "gradvac", {"gradvac", "mean", "pcgrad", "sum"}));
  const core::Config groups = multitask.section("groups");
  for (const std::string& name : groups.keys()) o.groups[name] = groups.texts(name);
  if (o.groups.empty())
    o.components =
        kComponents.at(multitask.choice("components", "layer", {"layer", "tensor", "whole_model"}));
  else if (multitask.has("components"))
    multitask.fail("components", "and optim.multitask.groups both say what the components are; keep one");
  if (o.method == MultitaskMethod::gradvac) {
    o.beta = multitask.number("beta", o.beta, core::Range::unit());
    if (multitask.has("target"))
      o.target =
          multitask.number("target", std::nullopt, {.min = -1, .max = 1, .open_min = true, .open_max = true});
  }
  o.reduction = multitask.choice("reduction", o.method == MultitaskMethod::mean ? "mean" : "sum",
                                 {"mean", "sum"}) == "mean"
                    ? TaskReduction::mean
                    : TaskReduction::sum;
  o.global = multitask.choice("surgery", "global", {"global", "local"}) == "global";
  o.treated = multitask.texts("treated", o.treated);
  o.heads = multitask.texts("heads", o.heads);
  o.store_bfloat16 = multitask.flag("store_bfloat16", o.store_bfloat16);
  return o;
}

GradVac::GradVac(const torch::nn::Module& module, std::vector<std::string> tasks, GradVacOptions options)
    : options_(std::move(options)), tasks_(std::move(tasks)) {
  const auto num_tasks = static_cast<int64_t>(tasks_.size());
  if (num_tasks < 2) throw InputError("multi-task training needs two tasks or more, got {}", num_tasks);
  if (options_.method == MultitaskMethod::pcgrad) options_.target = 0.0;
  if (options_.method == MultitaskMethod::mean) options_.reduction = TaskReduction::mean;
  for (const std::string& task : options_.treated) treated_.push_back(index_of(tasks_, task));
  check(VaccineOptions{.beta = options_.beta, .target = options_.target}, num_tasks);

  std::vector<Named> parameters, shared;
  for (const auto& item : module.named_parameters()) {
    parameters.emplace_back(item.key(), item.value());
    if (matches_any(item.key(), options_.heads))
      heads_.push_back(item.value());
    else
      shared.push_back(parameters.back());
  }
  require_none("no parameter's name matches ", idle("heads", options_.heads, parameters));
  if (shared.empty()) throw InputError("all parameters are heads; there is nothing that tasks share");
  const std::vector<std::string> component = components_of(shared, options_);
  for (const std::string& name : component)
    if (std::find(component_names_.begin(), component_names_.end(), name) == component_names_.end())
      component_names_.push_back(name);
  int64_t column = 0;
  for (const std::string& name : component_names_) {
    components_.push_back({column, column});
    for (size_t i = 0; i < shared.size(); ++i)
      if (component[i] == name) {
        shared_.push_back({shared[i].second, column});
        column += shared[i].second.numel();
      }
    components_.back().end = column;
  }
  averages_ = torch::zeros({num_tasks, num_tasks, static_cast<int64_t>(components_.size())}, torch::kFloat64);
}

std::vector<torch::Tensor> GradVac::shared_parameters() const {
  std::vector<torch::Tensor> parameters;
  for (const Shared& shared : shared_) parameters.push_back(shared.parameter);
  return parameters;
}

void GradVac::replica(const GradientSource&, int64_t i, const Evaluation& evaluation) {
  const torch::NoGradGuard no_grad;
  const int64_t task = index_of(tasks_, evaluation.task);
  const auto num_tasks = static_cast<int64_t>(tasks_.size());
  if (i == 0) {
    if (!rows_.defined() || (options_.store_bfloat16 && rows_.scalar_type() != torch::kBFloat16))
      rows_ = torch::empty({num_tasks, components_.back().end},
                           options_.store_bfloat16 ? shared_[0].parameter.options().dtype(torch::kBFloat16)
                                                   : shared_[0].parameter.options());
    counts_ = torch::zeros({num_tasks}, torch::kFloat64);
    head_sums_.clear();
    for (const torch::Tensor& head : heads_) head_sums_.push_back(torch::zeros_like(head));
    head_counts_ = torch::zeros({static_cast<int64_t>(heads_.size())}, torch::kFloat64);
  }
  const bool first = counts_[task].item<double>() == 0;
  for (const Shared& shared : shared_) {
    torch::Tensor part = rows_[task].narrow(0, shared.column, shared.parameter.numel());
    const torch::Tensor& gradient = shared.parameter.grad();
    if (first && gradient.defined())
      part.copy_(gradient.reshape(-1));
    else if (gradient.defined())
      part.add_(gradient.reshape(-1));
    else if (first)
      part.zero_();
  }
  counts_[task] += 1;
  for (size_t h = 0; h < heads_.size(); ++h)
    if (const torch::Tensor& gradient = heads_[h].grad(); gradient.defined()) {
      head_sums_[h] += gradient;
      head_counts_[static_cast<int64_t>(h)] += 1;
    }
}

// Rows become means over the tasks' micro-batches.
VaccineResult GradVac::surgery(const torch::Tensor& rows, const torch::Tensor& counts,
                               torch::Tensor& averages, int64_t step) const {
  if (counts.gt(1).any().item<bool>()) rows.div_(counts.clamp_min(1).to(rows.options()).unsqueeze(1));
  std::vector<bool> present;
  for (int64_t i = 0; i < counts.numel(); ++i) present.push_back(counts[i].item<double>() > 0);
  VaccineOptions options{
      .beta = options_.beta, .target = options_.target, .reduction = options_.reduction, .treated = treated_};
  if (!surgical(options_)) options.target = -0.999999;  // no cosine is below it
  core::Random random = core::Seed(options_.seed).stream(static_cast<uint64_t>(step)).random();
  return vaccinate(rows, components_, averages, options, random, present);
}

std::vector<torch::Tensor> GradVac::packet(const GradientSource& source) {
  for (int64_t task = 0; task < counts_.numel(); ++task)
    if (counts_[task].item<double>() == 0) rows_[task].zero_();
  std::vector<torch::Tensor> packet = head_sums_;
  packet.push_back(head_counts_);
  if (options_.global) {
    if (source.processes() > 1) rows_ = rows_.to(shared_[0].parameter.scalar_type());
    packet.push_back(rows_);
    packet.push_back(counts_);
    return packet;
  }
  local_averages_ = averages_.clone();
  local_ = surgery(rows_, counts_, local_averages_, source.step());
  packet.push_back(local_->gradient);
  packet.push_back(local_averages_);
  return packet;
}

void GradVac::write(const torch::Tensor& gradient) {
  for (const Shared& shared : shared_) {
    const torch::Tensor part =
        gradient.narrow(0, shared.column, shared.parameter.numel()).view(shared.parameter.sizes());
    torch::Tensor& into = shared.parameter.mutable_grad();
    if (into.defined())
      into.copy_(part);
    else
      into = part.clone();
  }
  for (size_t h = 0; h < heads_.size(); ++h) {
    const double count = head_counts_[static_cast<int64_t>(h)].item<double>();
    torch::Tensor& into = heads_[h].mutable_grad();
    if (count > 0)
      into = head_sums_[h] / count;
    else
      into.reset();
  }
}

void GradVac::combine(const GradientSource& source, StepReport& report) {
  const torch::NoGradGuard no_grad;
  VaccineResult result;
  if (options_.global) {
    result = surgery(rows_, counts_, averages_, source.step());
  } else {
    result = *std::exchange(local_, std::nullopt);
    result.gradient.div_(source.processes());
    averages_.copy_(local_averages_.div_(source.processes()));
  }
  write(result.gradient);
  const double scale = options_.reduction == TaskReduction::mean ? counts_.gt(0).sum().item<double>() : 1;
  report.metrics["trigger_rate"] =
      result.pairs > 0 ? static_cast<double>(result.triggered) / static_cast<double>(result.pairs) : 0;
  report.metrics["task_cosine"] = result.mean_cosine;
  if (options_.method == MultitaskMethod::gradvac) {
    const auto num_tasks = static_cast<double>(tasks_.size());
    report.metrics["task_target"] =
        options_.target.value_or(averages_.sum().item<double>() /
                                 (num_tasks * (num_tasks - 1) * static_cast<double>(components_.size())));
  }
  report.metrics["norm_ratio"] =
      result.sum_norm > 0 ? scale * result.gradient.norm().item<double>() / result.sum_norm : 1;
}

void GradVac::save(torch::serialize::OutputArchive& archive) const {
  archive.write("tasks", c10::IValue(fmt::format("{}", fmt::join(tasks_, "\n"))));
  archive.write("averages", averages_, /*is_buffer=*/true);
}

// Tasks come and go: what is known of a pair that is still there is kept.
void GradVac::load(torch::serialize::InputArchive& archive) {
  c10::IValue names;
  torch::Tensor averages;
  archive.read("tasks", names);
  archive.read("averages", averages, /*is_buffer=*/true);
  std::vector<std::string> tasks;
  std::istringstream lines(names.toStringRef());
  for (std::string line; std::getline(lines, line);) tasks.push_back(line);
  const auto count = static_cast<int64_t>(tasks.size());
  if (averages.sizes() != torch::IntArrayRef({count, count, averages_.size(2)}))
    throw InputError("the saved similarities of tasks are of another model: {} for {} components",
                     c10::str(averages.sizes()), averages_.size(2));
  for (size_t i = 0; i < tasks_.size(); ++i)
    for (size_t j = 0; j < tasks_.size(); ++j) {
      const auto from = std::find(tasks.begin(), tasks.end(), tasks_[i]),
                 to = std::find(tasks.begin(), tasks.end(), tasks_[j]);
      if (from != tasks.end() && to != tasks.end())
        averages_[static_cast<int64_t>(i)][static_cast<int64_t>(j)].copy_(
            averages[from - tasks.begin()][to - tasks.begin()]);
    }
}

}  // namespace lathe::optim
