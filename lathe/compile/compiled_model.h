#pragma once
#include <torch/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "lathe/compile/graph.h"

struct lathe_module;
struct lathe_session;

namespace lathe::compile {

struct OperationProfile {
  std::string kernel, source;
  double seconds = 0;  // median over runs
  double flops = 0, bytes = 0;
};

// A compiled module in this process, with one session. Not to be shared by threads.
class CompiledModel {
 public:
  // Throws InputError with the runtime's message.
  explicit CompiledModel(const std::filesystem::path& directory, int num_threads = 1);

  struct Port {
    std::string name;
    Type type;
  };
  const std::vector<Port>& inputs() const { return inputs_; }
  const std::vector<Port>& outputs() const { return outputs_; }
  // Throws InputError that names the input, its type and what was given.
  std::vector<torch::Tensor> operator()(const std::vector<torch::Tensor>& inputs);
  void set_input(size_t index, const torch::Tensor& value);
  void run();  // on the inputs as they are
  torch::Tensor output(size_t index) const;
  std::vector<OperationProfile> profile(int runs);
  int64_t arena_bytes() const;
  // What an operation writes when the network runs on the inputs as they are; axes as its kernel sees them.
  std::vector<torch::Tensor> written_by(size_t operation);

 private:
  std::shared_ptr<lathe_module> module_;
  std::shared_ptr<lathe_session> session_;
  std::vector<Port> inputs_, outputs_;
};

}  // namespace lathe::compile
