#include "lathe/train/continual/continual_method.h"

#include "lathe/train/continual/average_gem.h"
#include "lathe/train/continual/ewc.h"
#include "lathe/train/continual/replay.h"

namespace lathe::train::continual {
namespace {

// Heads of single tasks are left out: nobody but their task's examples meets them.
GpmOptions with_heads(GpmOptions options, const nn::Model& model) {
  for (const std::string& name : head_names(model)) options.heads.push_back(name);
  return options;
}

class Gpm : public ContinualMethod {
 public:
  Gpm(nn::Model& model, const GpmOptions& options, optim::OptimizerOptions optim, double label_smoothing)
      : options_(options),
        optim_(std::move(optim)),
        loss_(optim::cross_entropy(label_smoothing)),
        memory_(std::make_shared<GradientProjectionMemory>(model, with_heads(options, model))) {}
  optim::StepSlots slots() override { return step_slots(memory_, options_.project, optim_); }
  // The gradient of several micro-batches is that of no single loss.
  optim::Evaluation evaluate(optim::GradientSource& source, int64_t replica, optim::Pass pass) override {
    single_ = source.replicas() == 1;
    return ContinualMethod::evaluate(source, replica, pass);
  }
  optim::Objective objective() override {
    return [this](nn::Model& model, const data::Batch& batch) {
      torch::Tensor loss = loss_(model, batch);
      if (single_) memory_->watch(loss);
      return loss;
    };
  }
  std::vector<std::string> end_task(const Task&, const Forward& forward) override {
    return memory_->end_task([&] { forward(options_.samples); });
  }
  int64_t memory_bytes() const override {
    int64_t bytes = 0;
    for (const auto& [name, layer] : memory_->summary()) bytes += layer.bytes;
    return bytes;
  }
  std::map<std::string, LayerMemory> summary() const override { return memory_->summary(); }
  void save(torch::serialize::OutputArchive& archive) const override { memory_->save(archive); }
  void load(torch::serialize::InputArchive& archive) override { memory_->load(archive); }

 private:
  GpmOptions options_;
  optim::OptimizerOptions optim_;
  optim::Objective loss_;
  std::shared_ptr<GradientProjectionMemory> memory_;
  bool single_ = false;
};

}  // namespace

std::shared_ptr<ContinualMethod> make_method(nn::Model& model, const ContinualOptions& o,
                                             const optim::OptimizerOptions& optim, double label_smoothing,
                                             core::Seed seed) {
  check(o);
  if (o.method == "gpm") return std::make_shared<Gpm>(model, o.gpm, optim, label_smoothing);
  if (o.method == "ewc")
    return std::make_shared<Ewc>(model, EwcOptions{o.ewc_lambda, o.fisher_samples}, seed);
  const RecallOptions recall{o.memory, o.memory_batch, label_smoothing};
  if (o.method == "agem") return std::make_shared<AverageGem>(model, recall, seed);
  if (o.method == "replay") return std::make_shared<Replay>(recall, seed);
  return std::make_shared<ContinualMethod>();
}

}  // namespace lathe::train::continual
