#pragma once
#include <functional>
#include <map>

#include "lathe/optim/optimizer.h"
#include "lathe/train/continual/basis.h"
#include "lathe/train/continual/gradient_factors.h"
#include "lathe/train/continual/layers.h"

namespace lathe::train::continual {

// Gradient projection memory: learn tasks one after another, keep no examples. Saha, Garg & Roy, ICLR 2021
// (arXiv 2103.09762).
//
// A layer's output for an input x changes only by the part of its weights' change that acts on x. After each
// task the memory takes an orthonormal basis M [d, k] of most of what every layer has seen (basis.h), and
// from then on steps are orthogonal to it:
//   g ← g − (g M) Mᵀ           g [out, d], of a convolution [out, in · kernel], of each group with its own M
// so that old tasks' outputs stay where they are. What is left out of M, 1 − threshold of the energy, is the
// freedom to learn and the room to forget.
struct GpmOptions {
  // ε of all layers, or one for each in the order of layers(). Paper, table 4: CIFAR-100 0.97, permuted MNIST
  // 0.95 for the first layer and 0.99 for the others, five sets 0.965.
  std::vector<double> threshold = {0.97};
  double threshold_step = 0.003;  // added after each task, up to 1; authors' code: CIFAR-100; others 0
  int64_t samples = 300;          // training examples that a basis is taken from; authors' code
  // augment: a constant input 1 is protected with the layer's, so weight and bias are kept together, exactly;
  // freeze: biases rest after the first task; free: biases learn on, and outputs move with them.
  std::string bias = "augment";
  // gradient: gradients alone; update: the optimizer's step as well; auto: as the optimizer needs.
  std::string project = "auto";
  std::string first_task_rule = "paper";  // paper, authors (FirstTaskRule)
  std::string unprotected = "refuse";     // allow: modules that are neither layers nor norms learn on
  std::vector<std::string> heads = {};    // modules that belong to one task each, `*` for any text
};
void check(const GpmOptions& options);  // throws InputError naming key, value and range

struct LayerMemory {
  int64_t inputs = 0;   // d, of all groups
  int64_t vectors = 0;  // k, likewise
  double energy = 0;    // the share of the last task's inputs in the span of M
  int64_t bytes = 0;    // of M
  double capacity() const { return 1 - static_cast<double>(vectors) / static_cast<double>(inputs); }
};

// Slot 4 of the composed step. In the first task it does nothing. Afterwards gradients of protected layers
// are projected, and those of norms (of biases: "freeze") are taken away, so that no decay moves them either.
// Momentum from before a boundary would undo this: begin each task with a new optimizer.
//
// The order of layers and thresholds is that of the module's parts. Throws InputError for options out of
// range, thresholds that are not one or one a layer, and parameters that nothing protects (embeddings,
// recurrent and transposed layers, TorchScript) unless those are allowed.
class GradientProjectionMemory : public optim::GradientTransform {
 public:
  GradientProjectionMemory(torch::nn::Module& module, GpmOptions options);
  void apply(const std::vector<torch::Tensor>& parameters, optim::StepReport& report) override;
  // Between forward and backward, where the gradient that apply() will see is this loss's alone: of linear
  // layers that saw few rows x the inputs are projected in place of the gradient,
  //   (δᵀ x) (I − M Mᵀ) = δᵀ (x − (x M) Mᵀ)
  // which is the same and takes less. Nothing changes without this call.
  void watch(const torch::Tensor& loss);

  // Runs the callable (training examples of the task that ended, through the module) in evaluation mode
  // without gradients, and takes up what the layers saw. Returns warnings: layers without room left. Throws
  // InputError where a layer saw nothing, Error where an input is not finite; the memory is then as before.
  std::vector<std::string> end_task(const std::function<void()>& forward_samples);

  int64_t tasks() const { return tasks_; }
  const std::vector<Layer>& layers() const { return layers_.layers; }
  // M of a layer's group, float32 [d, k]; d has one more row, of the bias, with "augment". Throws InputError.
  torch::Tensor basis(const std::string& layer, int64_t group = 0) const;
  std::map<std::string, LayerMemory> summary() const;
  void save(torch::serialize::OutputArchive& archive) const override;
  void load(torch::serialize::InputArchive& archive) override;

  // Removes from the step that parameters took since `before` what old tasks would notice.
  std::vector<torch::Tensor> protected_values() const;
  void project_update(const std::vector<torch::Tensor>& before) const;

 private:
  bool augmented(const Layer& layer) const { return layer.bias.defined() && options_.bias == "augment"; }
  int64_t rows(const Layer& layer) const { return layer.inputs() + (augmented(layer) ? 1 : 0); }
  double threshold(size_t layer) const;
  std::vector<torch::Tensor> grams(const std::function<void()>& forward_samples) const;
  void project(size_t layer, const torch::Tensor& weight, const torch::Tensor& bias) const;
  bool fewer_operations(size_t layer, int64_t rows) const;
  void project_inputs(size_t layer, const GradientFactors& factors) const;

  struct Group {
    explicit Group(torch::Tensor basis);
    void project(torch::Tensor rows) const;  // rows ← rows − (rows M) Mᵀ = (rows N) Nᵀ, in place
    torch::Tensor basis;                     // M, float32 [d, k]
    torch::Tensor complement;                // N [d, d − k] where that is cheaper
    int64_t width() const { return complement.defined() ? complement.size(1) : basis.size(1); }
  };
  struct Memory {
    std::vector<Group> groups;
    double energy = 0;
  };
  torch::nn::Module& module_;
  GpmOptions options_;
  Layers layers_;
  std::vector<Memory> memory_;  // of each layer
  int64_t tasks_ = 0;
  FactorWatch factors_;
};

// Slot 6: projects the step that the optimizer took. Adam's scaling, and weight decay, leave the subspace
// that projected gradients lie in.
class ProjectedUpdate : public optim::UpdateRule {
 public:
  explicit ProjectedUpdate(std::shared_ptr<GradientProjectionMemory> memory) : memory_(std::move(memory)) {}
  void step(torch::optim::Optimizer& base) override;

 private:
  std::shared_ptr<GradientProjectionMemory> memory_;
};

// The slots that a memory fills beside this optimizer: project = "auto" adds a ProjectedUpdate unless it is
// SGD without weight decay.
optim::StepSlots step_slots(std::shared_ptr<GradientProjectionMemory> memory, const std::string& project,
                            const optim::OptimizerOptions& optim);

}  // namespace lathe::train::continual
