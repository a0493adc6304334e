#pragma once
#include <torch/csrc/jit/api/module.h>

#include <optional>

#include "lathe/core/config.h"
#include "lathe/data/dataset.h"
#include "lathe/nn/input_layers.h"
#include "lathe/nn/model.h"

namespace lathe::nn {

// Calibrated logits: weights · z + biases, element by element.
struct OutputScaling {
  torch::Tensor weights, biases;  // float32 [num_classes], or [1]
};

// Stored inputs -> input layer -> body -> output scaling, where there is one -> logits [N, num_classes].
class Classifier : public FeatureModel {
 public:
  Classifier(data::Schema schema, std::string architecture, std::shared_ptr<InputLayer> input,
             std::shared_ptr<Model> body);
  torch::Tensor forward(torch::Tensor inputs) override;
  // The body's features and last layer. Throw InputError for a body that has none known: TorchScript, a bag
  // of words.
  torch::Tensor features(torch::Tensor inputs) override;
  torch::nn::LinearImpl& head() override;
  void initialize(core::Seed seed) override { body_->initialize(seed); }
  // Takes the input layer's numbers (means, deviations) from the training examples.
  void fit_inputs(const torch::Tensor& training_inputs) { input_->fit(training_inputs); }
  // Part of the model from then on, saved with it; throws InputError for other shapes.
  void scale_outputs(const OutputScaling& scaling);
  std::optional<OutputScaling> output_scaling() const;
  const data::Schema& schema() const { return schema_; }
  Model& body() { return *body_; }
  const std::string& architecture() const {
    return architecture_;
  }  // TOML that build() makes the same model from

 private:
  data::Schema schema_;
  std::string architecture_;
  std::shared_ptr<InputLayer> input_;
  std::shared_ptr<Model> body_;
  torch::Tensor output_weights_, output_biases_;  // buffers; undefined without scaling
};

// The classifier that a [model] table asks for, weights as published, drawn from `seed`:
//   kind = "mlp"     hidden = [256, 256], dropout = 0
//   kind = "cnn"     channels = [16, 32, 64, 64, 128, 128], pool_every = 2, stem_channels = 0, dropout = 0
//   kind = "resnet"  depth = 20 (6n + 2, or 18, 34), width = 0 (as published)
// and, for texts,
//   kind = "bag-of-words"   ngrams = 1, buckets = 65536, values = "presence" (or "counts")
//   kind = "embedding-bag"  width = 64, ngrams = 2, buckets = 16384, dropout = 0
//   kind = "gru"            width = 64, hidden = 64, bidirectional = true, pooling = "max" (or "last"),
//   dropout
//                           = 0
//   kind = "transformer"    width = 64, layers = 2, heads = 4, feed_forward = 128, positions = "sine" (or
//                           "learned"), dropout = 0
// and, for all,
//   kind = "torchscript"  path = "model.pt", pixels = "unit" (what the module wants: "unit" [0, 1],
//   "standardized", "raw" 0..255)
// `script` stands for the file at `path` where the module is at hand. Weights are channels-last. Throws
// InputError when the kind cannot take such inputs.
std::shared_ptr<Classifier> build(const core::Config& model, const data::Schema& schema, core::Seed seed,
                                  const std::optional<torch::jit::Module>& script = std::nullopt);

// At least so many weights has what build() would make of this description; 0 where nobody knows.
double least_weights(const core::Config& model, const data::Schema& schema);

}  // namespace lathe::nn
