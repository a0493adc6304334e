#include "lathe/train/continual/layers.h"

#include <torch/torch.h>

#include <algorithm>
#include <set>

#include "lathe/core/error.h"
#include "lathe/core/glob.h"

namespace lathe::train::continual {
namespace {

bool is_norm(const torch::nn::Module& module) {
  using namespace torch::nn;
  return module.as<BatchNorm1d>() || module.as<BatchNorm2d>() || module.as<BatchNorm3d>() ||
         module.as<LayerNorm>() || module.as<GroupNorm>() || module.as<InstanceNorm1d>() ||
         module.as<InstanceNorm2d>() || module.as<InstanceNorm3d>();
}

// Not those below a module that is left out.
bool left_out_of(const std::string& name, const std::vector<std::string>& patterns,
                 std::set<std::string>& used) {
  bool found = false;
  for (const std::string& pattern : patterns)
    if (core::matches(name, pattern) || core::matches(name, pattern + ".*")) {
      used.insert(pattern);
      found = true;
    }
  return found;
}

}  // namespace

Layers find_layers(const torch::nn::Module& module, const std::vector<std::string>& left_out) {
  Layers found;
  std::set<std::string> used;
  std::set<const torch::nn::Module*> seen;
  const auto add = [&](const std::string& name, const torch::nn::Module& part) {
    if (left_out_of(name, left_out, used) || !seen.insert(&part).second) return;
    const auto parameters = part.parameters(/*recurse=*/false);
    if (parameters.empty()) return;
    if (const auto* linear = part.as<torch::nn::Linear>())
      found.layers.push_back({name, linear->weight, linear->bias});
    else if (const auto* convolution = part.as<torch::nn::Conv2d>())
      found.layers.push_back({name, convolution->weight, convolution->bias, convolution->options.groups()});
    else if (is_norm(part))
      found.norms.insert(found.norms.end(), parameters.begin(), parameters.end());
    else
      found.others.push_back(fmt::format("{} ({})", name, part.name()));
  };
  add("", module);
  for (const auto& entry : module.named_modules("", /*include_self=*/false)) add(entry.key(), *entry.value());
  for (const std::string& pattern : left_out)
    if (used.count(pattern) == 0) throw InputError("\"{}\" names no part of the model", pattern);
  return found;
}

}  // namespace lathe::train::continual
