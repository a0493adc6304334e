#pragma once
#include <torch/nn/module.h>

#include <map>
#include <string>
#include <vector>

#include "lathe/core/config.h"
#include "lathe/optim/composed_step.h"
#include "lathe/optim/gradient_vaccine.h"

namespace lathe::optim {

enum class MultitaskMethod { sum, mean, pcgrad, gradvac };

// What counts as one component of the shared parameters, with φ̂ of its own.
enum class ComponentKind {
  whole_model,
  layer,  // the tensors of one module; the paper's best, §4.1
  tensor
};

struct GradVacOptions {
  MultitaskMethod method = MultitaskMethod::gradvac;
  double beta = 0.01;                 // paper, §4.1
  std::optional<double> target = {};  // a fixed similarity for all pairs instead of their moving averages
  ComponentKind components = ComponentKind::layer;
  // Components of one's own in their place: the globs of each one's parameters, `*` for any text. Shared
  // parameters of no group are one component together, "rest".
  std::map<std::string, std::vector<std::string>> groups = {};
  TaskReduction reduction = TaskReduction::sum;
  // Processes: true: every task's gradient is summed over them before the surgery, tasks × parameters numbers
  // on the wire; false: each operates on its own, an approximation, as many numbers as ever.
  bool global = true;
  std::vector<std::string> treated = {};  // tasks whose gradients are changed; empty: all
  std::vector<std::string> heads = {};    // parameter names, `*` for any text, that belong to one task each
  // Half the memory for the tasks' gradients, with 8 bits of precision. On the wire they are float32.
  bool store_bfloat16 = false;
  uint64_t seed = 0;  // of the order of the tasks
};
GradVacOptions grad_vac_options(const core::Config& multitask);  // reads an [optim.multitask] table

// Slot 3 of the composed step for several tasks: Evaluation::task names a micro-batch's, micro-batches of one
// task are averaged, and the tasks' gradients of the shared parameters are combined by vaccinate(). Heads
// keep the sum of what their tasks gave them. A task that a step lacks waits, and so do its averages. Reports
// "trigger_rate", "task_cosine" (mean φ), "task_target" (mean φ̂) and "norm_ratio", ‖combined‖ / ‖sum‖.
//
// Throws InputError for fewer than two tasks, unknown ones, options out of range, globs that name nothing,
// parameters in two groups; in step() for a micro-batch of an unknown task.
class GradVac : public CombineRule {
 public:
  GradVac(const torch::nn::Module& module, std::vector<std::string> tasks, GradVacOptions options);
  void replica(const GradientSource& source, int64_t i, const Evaluation& evaluation) override;
  std::vector<torch::Tensor> packet(const GradientSource& source) override;
  void combine(const GradientSource& source, StepReport& report) override;
  void save(torch::serialize::OutputArchive& archive) const override;  // φ̂ by task name
  void load(torch::serialize::InputArchive& archive) override;

  const std::vector<std::string>& tasks() const { return tasks_; }
  // Columns of the shared parameters; in the order of each one's first parameter in the module.
  const std::vector<Range>& components() const { return components_; }
  const std::vector<std::string>& component_names() const { return component_names_; }
  std::vector<torch::Tensor> shared_parameters() const;        // in the order of the columns
  const torch::Tensor& averages() const { return averages_; }  // φ̂, float64 [T, T, K]

 private:
  struct Shared {
    torch::Tensor parameter;
    int64_t column = 0;
  };
  VaccineResult surgery(const torch::Tensor& rows, const torch::Tensor& counts, torch::Tensor& averages,
                        int64_t step) const;
  void write(const torch::Tensor& gradient);

  GradVacOptions options_;
  std::vector<std::string> tasks_;
  std::vector<int64_t> treated_;
  std::vector<Shared> shared_;
  std::vector<torch::Tensor> heads_;
  std::vector<Range> components_;
  std::vector<std::string> component_names_;
  torch::Tensor averages_;

  torch::Tensor rows_;                    // [T, P]: sums of the tasks' gradients in this step
  torch::Tensor counts_;                  // float64 [T]: their micro-batches
  std::vector<torch::Tensor> head_sums_;  // of each head's gradients
  torch::Tensor head_counts_;             // float64 [heads]: micro-batches that gave it one
  torch::Tensor local_averages_;
  std::optional<VaccineResult> local_;
};

}  // namespace lathe::optim
