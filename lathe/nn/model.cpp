#include "lathe/nn/model.h"

#include <ATen/record_function.h>
#include <torch/torch.h>

#include "lathe/data/text_encoding.h"
#include "lathe/nn/classifier.h"

namespace lathe::nn {
namespace {

// Only the operators that do the arithmetic; everything else (linear, conv2d, matmul) ends in one of them.
// Inputs are seen when a call begins, outputs when it ends.
struct Call : at::ObserverContext {
  int64_t flops_per_output = 0;
};

std::unique_ptr<at::ObserverContext> begin_call(const at::RecordFunction& function) {
  auto call = std::make_unique<Call>();
  const std::string name = function.name();
  if (name == "aten::convolution") {  // weight [out, in / groups, …]; transposed [in, out / groups, …]
    const torch::Tensor weight = function.inputs()[1].toTensor();
    const bool transposed = function.inputs()[6].toBool();
    call->flops_per_output = 2 * weight.numel() / weight.size(transposed ? 1 : 0);
  } else if (name == "aten::addmm" || name == "aten::baddbmm") {
    call->flops_per_output = 2 * function.inputs()[1].toTensor().size(-1);
  } else if (name == "aten::mm" || name == "aten::bmm") {
    call->flops_per_output = 2 * function.inputs()[0].toTensor().size(-1);
  }
  return call;
}

thread_local int64_t* counted_flops = nullptr;

void end_call(const at::RecordFunction& function, at::ObserverContext* context) {
  const int64_t flops = static_cast<Call*>(context)->flops_per_output;
  if (flops > 0 && counted_flops) *counted_flops += flops * function.outputs()[0].toTensor().numel();
}

class CountFlops {
 public:
  explicit CountFlops(int64_t& flops)
      : handle_(at::addThreadLocalCallback(at::RecordFunctionCallback(begin_call, end_call)
                                               .needsInputs(true)
                                               .needsOutputs(true)
                                               .scopes({at::RecordScope::FUNCTION}))) {
    counted_flops = &flops;
  }
  ~CountFlops() {
    counted_flops = nullptr;
    at::removeCallback(handle_);
  }

 private:
  at::CallbackHandle handle_;
};

}  // namespace

Cost cost(Model& model, const torch::Tensor& example) {
  Cost cost;
  for (const torch::Tensor& parameter : model.parameters()) cost.parameters += parameter.numel();
  const CountFlops count(cost.flops);
  const EvaluationMode evaluation(model);
  const torch::NoGradGuard no_grad;
  model.forward(example);
  return cost;
}

BufferSnapshot::BufferSnapshot(const torch::nn::Module& module) : buffers_(module.buffers()) {
  for (const torch::Tensor& buffer : buffers_) saved_.push_back(buffer.clone());
}

void BufferSnapshot::restore() const {
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < buffers_.size(); ++i) buffers_[i].copy_(saved_[i]);
}

EvaluationMode::EvaluationMode(torch::nn::Module& module) : module_(module), training_(module.is_training()) {
  for (const auto& part : module.modules(/*include_self=*/false))
    parts_.emplace_back(part, part->is_training());
  module.eval();
}

EvaluationMode::~EvaluationMode() {
  module_.train(training_);
  for (const auto& [part, training] : parts_) part->train(training);
}

namespace {

// In order of length, each batch without the padding that all of it has.
torch::Tensor predict_texts(Classifier& model, const torch::Tensor& rows, int64_t batch_size) {
  const auto fields = static_cast<int64_t>(model.schema().fields.size());
  const torch::Tensor order = std::get<1>(torch::tensor(data::text_lengths(rows, fields), torch::kInt64)
                                              .sort(/*stable=*/true, 0, /*descending=*/false));
  const torch::Device device = device_of(model);
  std::vector<torch::Tensor> outputs;
  for (const torch::Tensor& batch : order.split(batch_size)) {
    const torch::Tensor inputs = data::trim_padding(rows.index_select(0, batch), fields);
    outputs.push_back(model.forward(inputs.to(device)).cpu());
  }
  return torch::cat(outputs).index_select(0, order.argsort());
}

}  // namespace

torch::Tensor predict(Model& model, const torch::Tensor& inputs, int64_t batch_size) {
  if (inputs.size(0) == 0) throw std::logic_error("predict: no inputs");
  const EvaluationMode evaluation(model);
  const torch::NoGradGuard no_grad;
  if (auto* classifier = dynamic_cast<Classifier*>(&model); classifier && classifier->schema().text())
    return predict_texts(*classifier, inputs, batch_size);
  const torch::Device device = device_of(model);
  std::vector<torch::Tensor> outputs;
  for (int64_t begin = 0; begin < inputs.size(0); begin += batch_size) {
    const int64_t end = std::min(begin + batch_size, inputs.size(0));
    outputs.push_back(model.forward(inputs.slice(0, begin, end).to(device)).cpu());
  }
  return torch::cat(outputs);
}

torch::Device device_of(const torch::nn::Module& module) {
  for (const torch::Tensor& parameter : module.parameters()) return parameter.device();
  for (const torch::Tensor& buffer : module.buffers()) return buffer.device();
  return torch::kCPU;
}

}  // namespace lathe::nn
