#include "lathe/pipeline/predict.h"

#include <torch/torch.h>

namespace lathe::pipeline {

std::vector<Prediction> predict(nn::Classifier& model, const data::Inputs& inputs,
                                const evaluate::conformal::Conformal* sets) {
  return predictions_of(nn::predict(model, inputs.values), inputs.names, model.schema().classes, sets);
}

std::vector<Prediction> predictions_of(const torch::Tensor& logits, const std::vector<std::string>& names,
                                       const std::vector<std::string>& classes,
                                       const evaluate::conformal::Conformal* sets) {
  const torch::Tensor probabilities = logits.to(torch::kFloat64).softmax(1).contiguous();
  std::vector<Prediction> predictions;
  for (int64_t i = 0; i < probabilities.size(0); ++i) {
    const double* row = probabilities[i].data_ptr<double>();
    std::vector<double> values(row, row + classes.size());
    const auto best = static_cast<size_t>(std::max_element(values.begin(), values.end()) - values.begin());
    predictions.push_back({.input = names.at(static_cast<size_t>(i)),
                           .label = classes[best],
                           .probability = values[best],
                           .probabilities = std::move(values)});
  }
  if (sets) {
    const auto [offsets, labels] = sets->predict({.logits = logits});
    for (size_t i = 0; i < predictions.size(); ++i) {
      auto& set = predictions[i].set.emplace();
      for (int64_t j = offsets.data_ptr<int64_t>()[i]; j < offsets.data_ptr<int64_t>()[i + 1]; ++j)
        set.push_back(classes[static_cast<size_t>(labels.data_ptr<int64_t>()[j])]);
    }
  }
  return predictions;
}

}  // namespace lathe::pipeline
