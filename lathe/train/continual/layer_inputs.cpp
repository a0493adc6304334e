#include <ATen/record_function.h>
#include <torch/torch.h>

#include <exception>
#include <string_view>

#include "lathe/train/continual/layers.h"

namespace lathe::train::continual {
namespace {

constexpr int64_t kRowValues = int64_t{1} << 22;  // shown at once

struct Watch {
  const std::vector<Layer>& layers;
  const InputVisitor& visit;
  std::exception_ptr error;
};

// libtorch's callbacks are plain functions that must not throw.
thread_local Watch* watch = nullptr;

bool same_memory(const torch::Tensor& a, const torch::Tensor& b) {
  return a.data_ptr() == b.data_ptr() && a.numel() == b.numel();
}

// The matrix products of a linear layer are given its weight transposed, a view of the same memory.
void show_vectors(const torch::Tensor& input, const torch::Tensor& transposed_weight) {
  for (size_t i = 0; i < watch->layers.size(); ++i) {
    const torch::Tensor& weight = watch->layers[i].weight;
    if (weight.dim() == 2 && same_memory(weight, transposed_weight) &&
        weight.sizes() == transposed_weight.t().sizes())
      watch->visit(i, input.detach().unsqueeze(0));
  }
}

struct Geometry {
  std::vector<int64_t> kernel, stride, padding, dilation;
  int64_t groups = 1;
};

void show_patches(size_t layer, const torch::Tensor& images, const Geometry& g) {
  const int64_t n = images.size(0);
  const int64_t patch = images.size(1) * g.kernel[0] * g.kernel[1];
  const int64_t positions = images.size(2) * images.size(3) / (g.stride[0] * g.stride[1]) + 1;
  const int64_t at_once = std::max<int64_t>(1, kRowValues / (patch * positions));
  for (int64_t begin = 0; begin < n; begin += at_once) {
    const torch::Tensor some = images.slice(0, begin, std::min(n, begin + at_once));
    const torch::Tensor columns = torch::im2col(some, g.kernel, g.dilation, g.padding, g.stride);
    watch->visit(layer, columns.view({columns.size(0), g.groups, patch / g.groups, columns.size(2)})
                            .permute({1, 0, 3, 2})
                            .reshape({g.groups, -1, patch / g.groups}));
  }
}

// aten::convolution(input, weight, bias, stride, padding, dilation, transposed, output_padding, groups)
void show_convolution(c10::ArrayRef<const c10::IValue> arguments) {
  const torch::Tensor weight = arguments[1].toTensor();
  if (arguments[6].toBool()) return;
  for (size_t i = 0; i < watch->layers.size(); ++i)
    if (watch->layers[i].weight.sizes() == weight.sizes() && same_memory(watch->layers[i].weight, weight))
      show_patches(i, arguments[0].toTensor().detach(),
                   {.kernel = {weight.size(2), weight.size(3)},
                    .stride = arguments[3].toIntVector(),
                    .padding = arguments[4].toIntVector(),
                    .dilation = arguments[5].toIntVector(),
                    .groups = arguments[8].toInt()});
}

std::unique_ptr<at::ObserverContext> begin_call(const at::RecordFunction& function) {
  if (!watch || watch->error) return nullptr;
  const std::string_view name = function.name();
  const auto inputs = function.inputs();
  const at::RecordFunctionGuard no_recursion(false);
  const torch::NoGradGuard no_grad;
  try {
    if (name == "aten::convolution") show_convolution(inputs);
    if (name == "aten::mm") show_vectors(inputs[0].toTensor(), inputs[1].toTensor());
    if (name == "aten::addmm") show_vectors(inputs[1].toTensor(), inputs[2].toTensor());
  } catch (...) {
    watch->error = std::current_exception();
  }
  return nullptr;
}

class Watching {
 public:
  explicit Watching(Watch& what)
      : handle_(at::addThreadLocalCallback(
            at::RecordFunctionCallback(begin_call).needsInputs(true).scopes({at::RecordScope::FUNCTION}))) {
    watch = &what;
  }
  ~Watching() {
    watch = nullptr;
    at::removeCallback(handle_);
  }
  Watching(const Watching&) = delete;
  Watching& operator=(const Watching&) = delete;

 private:
  at::CallbackHandle handle_;
};

}  // namespace

void for_each_input(const std::vector<Layer>& layers, const std::function<void()>& forward,
                    const InputVisitor& visit) {
  Watch what{layers, visit, nullptr};
  {
    const Watching watching(what);
    forward();
  }
  if (what.error) std::rethrow_exception(what.error);
}

}  // namespace lathe::train::continual
