#pragma once
#include <Halide.h>

#include <functional>
#include <map>
#include <mutex>
#include <set>

#include "lathe/compile/codegen/kernel.h"
#include "lathe/compile/kernel_cache.h"

namespace lathe::compile::codegen {

// The element of a value at coordinates, outermost axis first. A dense value has one per axis of its shape; a
// blocked one n, block of channels, y, x, lane.
using Coordinates = std::vector<Halide::Expr>;
using Access = std::function<Halide::Expr(const Coordinates&)>;

// Halide moves what it calls Stack to its own heap when it is larger than 16 KiB; what it calls Register
// stays where kernels want it.
constexpr Halide::MemoryType kOnStack = Halide::MemoryType::Register;

class CodeCache {
 public:
  explicit CodeCache(std::filesystem::path directory = {}) : disk_(std::move(directory)) {}
  std::shared_ptr<const Code> get(
      const std::string& key,
      const std::function<void(const std::string& symbol, const std::string& file)>& make);
  int num_found() const { return num_found_; }  // on disk

 private:
  std::mutex mutex_;
  KernelCache disk_;
  int num_found_ = 0;
  std::map<std::string, std::shared_ptr<const Code>> codes_;
};

// Of this program's code generator: its sources' hash. Made by CMakeLists.txt.
std::string_view generator_version();

Halide::Type halide_type(DType);
Halide::Target halide_target(const Target&);

// The whole of a value as its storage lies; what lies in its border has negative coordinates, or ones beyond
// the extents. Without border: the part that kernels write.
Argument whole(const Graph&, ValueId);
Argument interior(const Graph&, ValueId);
Argument dense(Argument::Place, int index, DType, const Shape&);

// Builds one kernel: hands out its inputs, then compiles it.
class Builder {
 public:
  Builder(const Graph& graph, const Target& target, CodeCache& cache, Implementation& implementation)
      : graph_(graph), target_(target), cache_(cache), implementation_(implementation) {}

  const Graph& graph() const { return graph_; }
  const Target& target() const { return target_; }
  int lanes() const { return target_.vector_floats(); }

  // A constant of one element becomes a literal.
  Access input(ValueId value);
  Access view(const Argument& argument);
  // Adds the tensor to the implementation's parameters.
  Access parameter(const torch::Tensor& tensor);
  // Likewise, for schedules that prefetch it; coordinates innermost first.
  Halide::ImageParam parameter_image(const torch::Tensor& tensor);

  struct Output {
    int split_dim = -1, granule = 1;
    double flops = 0;
  };
  // `key` says all that the arguments' shapes do not: what is computed and how it is scheduled.
  void finish(const std::string& key, std::vector<Halide::Func> outputs, std::vector<Argument> arguments,
              const Output& options);

 private:
  Halide::ImageParam image(const Argument& argument);

  const Graph& graph_;
  const Target& target_;
  CodeCache& cache_;
  Implementation& implementation_;
  std::vector<Halide::ImageParam> params_;
  std::vector<Argument> arguments_;
  std::map<ValueId, size_t> known_;
};

int64_t add_scratch(Implementation&, int64_t bytes);  // its index
double bytes_of(const Argument&);

}  // namespace lathe::compile::codegen
