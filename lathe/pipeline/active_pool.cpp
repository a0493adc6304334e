#include "lathe/pipeline/active_pool.h"

#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/train/active_learning.h"

namespace lathe::pipeline {
double dropout_of(const nn::Classifier& model) {
  const core::Config table = core::Config::parse(model.architecture(), "the model's description");
  const double rate = table.number("dropout", 0);
  if (!(rate > 0))
    throw InputError(
        "acquisition bald needs a model with dropout ([model] dropout = 0.5): its members are what dropout "
        "leaves; or take entropy, margin, least-confidence or expected-loss");
  return rate;
}

evaluate::active::Pool active_pool(nn::Classifier& model, const data::Dataset& examples,
                                   evaluate::active::Acquisition acquisition, core::Seed seed,
                                   int64_t num_members) {
  evaluate::active::Pool pool;
  for (int64_t i = 0; i < examples.size(); ++i) pool.ids.push_back(std::to_string(i));
  pool = evaluate::active::with_probabilities(
      std::move(pool), nn::predict(model, examples.inputs).to(torch::kFloat64).softmax(1),
      model.schema().classes);
  if (acquisition == evaluate::active::Acquisition::kBald)
    pool.members = train::dropout_members(model, examples.inputs, num_members, dropout_of(model), seed);
  return pool;
}

std::vector<int64_t> labels_of(const data::Dataset& examples) {
  const torch::Tensor targets = examples.targets.to(torch::kCPU).contiguous();
  return {targets.data_ptr<int64_t>(), targets.data_ptr<int64_t>() + targets.numel()};
}

}  // namespace lathe::pipeline
