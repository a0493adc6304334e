#include "lathe/pipeline/opinion_predictor.h"

#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <numeric>

#include "lathe/core/error.h"
#include "lathe/data/text_encoding.h"

namespace lathe::pipeline {

void check_opinion_model(const data::Schema& schema, const data::Annotations& annotations) {
  if (!schema.text() || schema.fields.size() != 1)
    throw InputError("the model must take one text; items of an annotation table are texts");
  if (annotations.texts.empty())
    throw InputError(
        "the annotation table has no texts for the model to read; a column of the items' file "
        "must hold them");
  const auto& classes = annotations.scale.classes;
  if (!std::is_permutation(classes.begin(), classes.end(), schema.classes.begin(), schema.classes.end()))
    throw InputError("the labels of the annotations are {}, the model's classes {}; they must be the same",
                     fmt::join(classes, ", "), fmt::join(schema.classes, ", "));
}

evaluate::OpinionPredictions predict_opinions(nn::Classifier& model, const data::Annotations& annotations) {
  const data::Schema& schema = model.schema();
  check_opinion_model(schema, annotations);
  std::vector<int64_t> of_model;
  for (const std::string& name : annotations.scale.classes)
    of_model.push_back(std::find(schema.classes.begin(), schema.classes.end(), name) -
                       schema.classes.begin());
  const torch::Tensor logits = nn::predict(model, schema.encoding->encode({annotations.texts}));
  const torch::Tensor probabilities = logits.softmax(1)
                                          .index_select(1, torch::tensor(of_model, torch::kInt64))
                                          .to(torch::kFloat)
                                          .contiguous();
  const float* of_items = probabilities.data_ptr<float>();
  evaluate::OpinionPredictions result;
  result.num_classes = annotations.scale.num_classes();
  result.rows.resize(static_cast<size_t>(annotations.size()));
  std::iota(result.rows.begin(), result.rows.end(), 0);
  result.probabilities.reserve(result.rows.size() * static_cast<size_t>(result.num_classes));
  for (const int32_t item : annotations.item) {
    const float* begin = of_items + item * result.num_classes;
    result.probabilities.insert(result.probabilities.end(), begin, begin + result.num_classes);
  }
  return result;
}

}  // namespace lathe::pipeline
