#include "lathe/nn/input_layers.h"

#include <torch/torch.h>

namespace lathe::nn {

PixelNormalization::PixelNormalization(std::vector<int64_t> shape) : shape_(std::move(shape)) {
  mean_ = register_buffer("mean", torch::zeros({1, shape_.at(0), 1, 1}));
  deviation_ = register_buffer("deviation", torch::full({1, shape_.at(0), 1, 1}, 255.0));
}

torch::Tensor PixelNormalization::forward(torch::Tensor images) {
  return images.to(torch::kFloat32).sub(mean_).div(deviation_).contiguous(at::MemoryFormat::ChannelsLast);
}

void PixelNormalization::fit(const torch::Tensor& training_images) {
  const int64_t channels = shape_[0];
  for (int64_t c = 0; c < channels; ++c) {
    // From the histogram of grey values: exact, and without a float copy of the images.
    const torch::Tensor channel = training_images.select(1, c);
    torch::Tensor mean, variance;
    if (channel.scalar_type() == torch::kUInt8) {
      const torch::Tensor counts = torch::bincount(channel.reshape({-1}), {}, 256).to(torch::kFloat64);
      const torch::Tensor values = torch::arange(256, counts.options());
      mean = (counts * values).sum() / counts.sum();
      variance = (counts * (values - mean).square()).sum() / counts.sum();
    } else {
      mean = channel.to(torch::kFloat64).mean();
      variance = channel.to(torch::kFloat64).var(/*unbiased=*/false);
    }
    mean_[0][c].fill_(mean.item<double>());
    deviation_[0][c].fill_(std::max(std::sqrt(variance.item<double>()), 1e-3));
  }
}

torch::Tensor FixedPixelScale::forward(torch::Tensor images) {
  return images.to(torch::kFloat32).div(divisor_).contiguous(at::MemoryFormat::ChannelsLast);
}

TableEncoding::TableEncoding(const std::vector<data::Column>& columns) {
  std::vector<int64_t> numbers, categories;
  std::vector<float> values;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (!columns[i].categorical()) numbers.push_back(static_cast<int64_t>(i));
    for (size_t v = 0; v < columns[i].values.size(); ++v) {
      categories.push_back(static_cast<int64_t>(i));
      values.push_back(static_cast<float>(v));
    }
  }
  const auto count = static_cast<int64_t>(numbers.size());
  number_columns_ = register_buffer("number_columns", torch::tensor(numbers, torch::kInt64));
  mean_ = register_buffer("mean", torch::zeros({count}));
  deviation_ = register_buffer("deviation", torch::ones({count}));
  category_columns_ = register_buffer("category_columns", torch::tensor(categories, torch::kInt64));
  category_values_ = register_buffer("category_values", torch::tensor(values, torch::kFloat32));
}

torch::Tensor TableEncoding::forward(torch::Tensor table) {
  table = table.to(torch::kFloat32);
  const torch::Tensor numbers = table.index_select(1, number_columns_);
  const torch::Tensor missing = numbers.isnan();
  const torch::Tensor standard = ((numbers - mean_) / deviation_).masked_fill(missing, 0);
  const torch::Tensor one_hot = table.index_select(1, category_columns_).eq(category_values_);
  return torch::cat({standard, missing.to(torch::kFloat32), one_hot.to(torch::kFloat32)}, 1);
}

void TableEncoding::fit(const torch::Tensor& training_table) {
  const torch::Tensor numbers = training_table.index_select(1, number_columns_).to(torch::kFloat64);
  const torch::Tensor present = numbers.isnan().logical_not();
  const torch::Tensor count = present.sum(0).clamp_min(1);
  const torch::Tensor mean = numbers.nansum(0) / count;
  const torch::Tensor variance = (numbers - mean).square().nansum(0) / count;
  mean_.copy_(mean);
  deviation_.copy_(torch::where(variance > 1e-12, variance.sqrt(), torch::ones_like(variance)));
}

std::vector<int64_t> TableEncoding::output_shape() const {
  return {2 * number_columns_.size(0) + category_columns_.size(0)};
}

std::shared_ptr<InputLayer> make_input_layer(const data::Schema& schema) {
  if (schema.text()) return std::make_shared<TokenRows>(schema.shape);
  if (schema.table()) return std::make_shared<TableEncoding>(schema.columns);
  return std::make_shared<PixelNormalization>(schema.shape);
}

}  // namespace lathe::nn
