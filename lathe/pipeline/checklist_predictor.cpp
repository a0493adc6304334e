#include "lathe/pipeline/checklist_predictor.h"

#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>

#include "lathe/core/error.h"
#include "lathe/data/text_encoding.h"

namespace lathe::pipeline {
namespace {

using evaluate::checklist::Example;
using evaluate::checklist::Prediction;
using evaluate::checklist::Suite;

}  // namespace

void check_fits(const Suite& suite, const data::Schema& schema) {
  if (!schema.text()) throw InputError("the model takes no texts; behavioural tests are about texts");
  if (schema.fields.size() != suite.fields.size())
    throw InputError("the suite {} has inputs of {} texts, the model's are of {}", suite.name,
                     suite.fields.size(), schema.fields.size());
  if (!std::is_permutation(suite.classes.begin(), suite.classes.end(), schema.classes.begin(),
                           schema.classes.end()))
    throw InputError("the classes of the suite {} are {}, the model's are {}; they must be the same",
                     suite.name, fmt::join(suite.classes, ", "), fmt::join(schema.classes, ", "));
}

evaluate::checklist::Predictor classifier_predictor(std::shared_ptr<nn::Classifier> model,
                                                    const Suite& suite) {
  const data::Schema& schema = model->schema();
  check_fits(suite, schema);
  std::vector<int64_t> of_model;
  for (const std::string& name : suite.classes)
    of_model.push_back(std::find(schema.classes.begin(), schema.classes.end(), name) -
                       schema.classes.begin());
  const torch::Tensor columns = torch::tensor(of_model, torch::kInt64);
  const size_t num_fields = suite.fields.size();
  return [model = std::move(model), columns, num_fields](const std::vector<Example>& examples) {
    std::vector<Prediction> predictions(examples.size());
    if (examples.empty()) return predictions;
    std::vector<std::vector<std::string>> texts(num_fields);
    for (const Example& example : examples)
      for (size_t field = 0; field < num_fields; ++field) texts[field].push_back(example.at(field));
    const torch::Tensor logits = nn::predict(*model, model->schema().encoding->encode(texts));
    const torch::Tensor probabilities = logits.softmax(1).index_select(1, columns).contiguous();
    const torch::Tensor labels = probabilities.argmax(1);
    const float* row = probabilities.data_ptr<float>();
    for (size_t i = 0; i < predictions.size(); ++i, row += columns.numel()) {
      predictions[i].label = labels.data_ptr<int64_t>()[i];
      predictions[i].confidence.assign(row, row + columns.numel());
    }
    return predictions;
  };
}

}  // namespace lathe::pipeline
