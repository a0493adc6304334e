#pragma once
#include <memory>

#include "lathe/data/dataset.h"
#include "lathe/nn/model.h"

namespace lathe::nn {

// The first layer of a classifier: from inputs as they are stored to what the body computes on. Its numbers
// come from the training examples and live in buffers, so they are part of the saved model.
class InputLayer : public Model {
 public:
  virtual void fit(const torch::Tensor& training_inputs) = 0;
  virtual std::vector<int64_t> output_shape() const = 0;  // of one example
};

// uint8 or float images [N, C, H, W] in 0..255 -> float32, (x − mean_c) / deviation_c, channels last.
// mean and deviation are per channel over the training images; before fit(): 0 and 255, which is [0, 1].
class PixelNormalization : public InputLayer {
 public:
  explicit PixelNormalization(std::vector<int64_t> shape);
  torch::Tensor forward(torch::Tensor images) override;
  void fit(const torch::Tensor& training_images) override;
  std::vector<int64_t> output_shape() const override { return shape_; }

 private:
  std::vector<int64_t> shape_;
  torch::Tensor mean_, deviation_;  // [1, C, 1, 1]
};

// Images [N, C, H, W] in 0..255 -> float32, divided by a fixed number; nothing to fit.
class FixedPixelScale : public InputLayer {
 public:
  FixedPixelScale(std::vector<int64_t> shape, double divisor) : shape_(std::move(shape)), divisor_(divisor) {}
  torch::Tensor forward(torch::Tensor images) override;
  void fit(const torch::Tensor&) override {}
  std::vector<int64_t> output_shape() const override { return shape_; }

 private:
  std::vector<int64_t> shape_;
  double divisor_;
};

// float32 tables [N, F] -> [N, E]: numbers standardised, a missing one (NaN) becomes 0, the mean, and sets
// its column's indicator; categories one-hot, an unknown or missing one (-1) all zeros. E = 2 · number
// columns + Σ values of the categorical columns.
class TableEncoding : public InputLayer {
 public:
  explicit TableEncoding(const std::vector<data::Column>& columns);
  torch::Tensor forward(torch::Tensor table) override;
  void fit(const torch::Tensor& training_table) override;
  std::vector<int64_t> output_shape() const override;

 private:
  torch::Tensor number_columns_;                      // int64 [A]
  torch::Tensor mean_, deviation_;                    // [A]
  torch::Tensor category_columns_, category_values_;  // int64 [B], float [B]: one entry per (column, value)
};

// Numbers of tokens, int64 [N, num_tokens], as they are; nothing to fit.
class TokenRows : public InputLayer {
 public:
  explicit TokenRows(std::vector<int64_t> shape) : shape_(std::move(shape)) {}
  torch::Tensor forward(torch::Tensor rows) override { return rows; }
  void fit(const torch::Tensor&) override {}
  std::vector<int64_t> output_shape() const override { return shape_; }

 private:
  std::vector<int64_t> shape_;
};

std::shared_ptr<InputLayer> make_input_layer(const data::Schema& schema);

}  // namespace lathe::nn
