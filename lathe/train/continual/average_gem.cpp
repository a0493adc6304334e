#include "lathe/train/continual/average_gem.h"

#include <torch/torch.h>

#include "lathe/train/continual/transform_function.h"

namespace lathe::train::continual {

optim::StepSlots AverageGem::slots() {
  optim::StepSlots slots;
  slots.transforms.push_back(std::make_shared<TransformFunction>(
      [this](const std::vector<torch::Tensor>& parameters, optim::StepReport& report) {
        project(parameters, report);
      }));
  return slots;
}

optim::Evaluation AverageGem::evaluate(optim::GradientSource& source, int64_t replica, optim::Pass pass) {
  const optim::Evaluation evaluation = source.evaluate(replica, pass);
  batch_size_ = evaluation.samples * source.replicas();
  return evaluation;
}

// Leaves no gradient behind.
std::vector<torch::Tensor> AverageGem::reference_gradient(
    const std::vector<torch::Tensor>& parameters) const {
  const MixedBatch old =
      memory_.draw(options_.batch > 0 ? options_.batch : batch_size_,
                   seed_.stream(static_cast<uint64_t>(task_)).stream(static_cast<uint64_t>(step_)));
  const torch::Device device = nn::device_of(model_);
  const nn::FrozenStatistics frozen(model_);
  const torch::AutoGradMode grad(true);
  mixed_loss(model_, {old.inputs.to(device), old.targets.to(device), old.tasks.to(device)},
             options_.label_smoothing)
      .backward();
  std::vector<torch::Tensor> reference;
  for (const torch::Tensor& parameter : parameters) {
    reference.push_back(parameter.grad());
    parameter.mutable_grad().reset();
  }
  return reference;
}

void AverageGem::project(const std::vector<torch::Tensor>& parameters, optim::StepReport& report) {
  if (memory_.size() == 0) return;
  std::vector<torch::Tensor> gradients;
  for (const torch::Tensor& parameter : parameters) {
    gradients.push_back(parameter.grad());
    parameter.mutable_grad().reset();
  }
  const std::vector<torch::Tensor> reference = reference_gradient(parameters);
  ++report.evaluations;
  const torch::NoGradGuard no_grad;
  double product = 0, squared_norm = 0;
  for (size_t i = 0; i < parameters.size(); ++i) {
    parameters[i].mutable_grad() = gradients[i];
    if (!reference[i].defined()) continue;
    squared_norm += reference[i].square().sum().item<double>();
    if (gradients[i].defined()) product += (gradients[i] * reference[i]).sum().item<double>();
  }
  const bool contradicts = product < 0 && squared_norm > 0;
  report.metrics["agem.projected"] = contradicts ? 1 : 0;
  if (!contradicts) return;
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (!reference[i].defined()) continue;
    const torch::Tensor correction = reference[i] * (-product / squared_norm);
    torch::Tensor& gradient = parameters[i].mutable_grad();
    gradient = gradient.defined() ? gradient.add_(correction) : correction;
  }
}

std::vector<std::string> AverageGem::end_task(const Task& task, const Forward&) {
  memory_.add(task.train, task_);
  return {};
}

}  // namespace lathe::train::continual
