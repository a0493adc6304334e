#include "lathe/nn/script_model.h"

#include <torch/script.h>
#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/core/printable.h"

namespace lathe::nn {
namespace {

std::string first_line(const std::string& text) {
  constexpr size_t kLongest = 200;
  return core::printable(text.substr(0, std::min(text.find('\n'), kLongest)));
}

// The same tree of names as a torch::nn::Module, sharing the tensors.
void mirror(const torch::jit::Module& from, torch::nn::Module& to) {
  for (const auto& parameter : from.named_parameters(/*recurse=*/false))
    to.register_parameter(parameter.name, parameter.value, parameter.value.requires_grad());
  for (const auto& buffer : from.named_buffers(/*recurse=*/false))
    to.register_buffer(buffer.name, buffer.value);
  for (const auto& child : from.named_children())
    mirror(child.value, *to.register_module(child.name, std::make_shared<torch::nn::Module>()));
}

}  // namespace

torch::jit::Module load_script(const std::filesystem::path& file,
                               std::unordered_map<std::string, std::string>& extra_files) {
  if (!std::filesystem::is_regular_file(file))
    throw InputError("{}: no such file; expected a TorchScript archive", file.string());
  try {
    return torch::jit::load(file.string(), torch::kCPU, extra_files);
  } catch (const std::exception& error) {
    throw InputError("{} is not a readable TorchScript archive: {}", file.string(), first_line(error.what()));
  }
}

ScriptModel::ScriptModel(const std::filesystem::path& file)
    : ScriptModel([&] {
        std::unordered_map<std::string, std::string> none;
        return load_script(file, none);
      }()) {}

ScriptModel::ScriptModel(torch::jit::Module module) : module_(std::move(module)) {
  mirror(module_, *this);
  train(true);
}

torch::Tensor ScriptModel::forward(torch::Tensor inputs) {
  try {
    return module_.forward({std::move(inputs)}).toTensor();
  } catch (const std::exception& error) {
    throw InputError("the TorchScript module failed on inputs of this shape: {}", first_line(error.what()));
  }
}

void ScriptModel::train(bool on) {
  torch::nn::Module::train(on);
  module_.train(on);
}

}  // namespace lathe::nn
