#pragma once
#include <torch/csrc/jit/api/module.h>

#include <filesystem>

#include "lathe/nn/model.h"

namespace lathe::nn {

// A TorchScript module, made by Python's torch.jit.script or torch.jit.trace, as a Model: its parameters and
// buffers are this module's (shared, so an optimizer trains them), train() and eval() reach it, forward calls
// it. A traced module keeps the mode that it was traced in: script it instead if it has dropout or batch norm
// to train.
class ScriptModel : public Model {
 public:
  explicit ScriptModel(
      const std::filesystem::path& file);  // throws InputError: not found, not a TorchScript archive
  explicit ScriptModel(torch::jit::Module module);
  torch::Tensor forward(
      torch::Tensor inputs) override;  // throws InputError when the module rejects the inputs
  void train(bool on = true) override;
  const torch::jit::Module& module() const { return module_; }

 private:
  torch::jit::Module module_;
};

// torch::jit::load with a clear InputError; extra files by name come back filled.
torch::jit::Module load_script(const std::filesystem::path& file,
                               std::unordered_map<std::string, std::string>& extra_files);

}  // namespace lathe::nn
