#include "lathe/nn/resnet.h"

#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/nn/initialization.h"

namespace lathe::nn {

ResidualBlock::ResidualBlock(int64_t in_channels, int64_t out_channels, int64_t stride, Shortcut shortcut)
    : stride_(stride), new_channels_(out_channels - in_channels) {
  first_ = register_module("first",
                           std::make_shared<Convolution>(ConvolutionOptions{
                               .in_channels = in_channels, .out_channels = out_channels, .stride = stride}));
  second_ = register_module("second",
                            std::make_shared<Convolution>(ConvolutionOptions{
                                .in_channels = out_channels, .out_channels = out_channels, .relu = false}));
  if (shortcut == Shortcut::projection && (stride != 1 || new_channels_ != 0))
    projection_ = register_module(
        "projection", std::make_shared<Convolution>(ConvolutionOptions{.in_channels = in_channels,
                                                                       .out_channels = out_channels,
                                                                       .kernel = 1,
                                                                       .stride = stride,
                                                                       .relu = false}));
}

torch::Tensor ResidualBlock::forward(torch::Tensor x) {
  torch::Tensor residual = second_->forward(first_->forward(x));
  if (projection_) {
    x = projection_->forward(x);
  } else {
    if (stride_ > 1) x = x.slice(2, 0, c10::nullopt, stride_).slice(3, 0, c10::nullopt, stride_);
    if (new_channels_ > 0)
      x = torch::constant_pad_nd(x, {0, 0, 0, 0, new_channels_ / 2, new_channels_ - new_channels_ / 2}, 0);
  }
  return residual.add_(x).relu_();
}

void ResidualBlock::initialize(core::Seed seed) {
  first_->initialize(seed.stream("first"));
  second_->initialize(seed.stream("second"));
  if (projection_) projection_->initialize(seed.stream("projection"));
}

namespace {

bool large_images(const ResNetOptions& options) {
  return options.depth == 18 || options.depth == 34;
}

int64_t first_width(const ResNetOptions& options) {
  return options.width > 0 ? options.width : large_images(options) ? 64 : 16;
}

}  // namespace

// As if the channels never grew: depth − 2 convolutions of the first stage's width.
double least_weights(const ResNetOptions& options) {
  const auto width = static_cast<double>(first_width(options));
  return 9 * width *
         (static_cast<double>(options.in_channels) + static_cast<double>(options.depth - 2) * width);
}

ResNet::ResNet(const ResNetOptions& options) {
  large_images_ = large_images(options);
  if (!large_images_ && (options.depth < 8 || options.depth % 6 != 2))
    throw InputError("model.depth of a resnet must be 18, 34 or 6n + 2 (20, 32, 44, 56, 110), got {}",
                     options.depth);
  std::vector<int64_t> blocks(3, (options.depth - 2) / 6);
  if (options.depth == 18) blocks = {2, 2, 2, 2};
  if (options.depth == 34) blocks = {3, 4, 6, 3};

  int64_t channels = first_width(options);
  stem_ = register_module("stem",
                          std::make_shared<Convolution>(ConvolutionOptions{.in_channels = options.in_channels,
                                                                           .out_channels = channels,
                                                                           .kernel = large_images_ ? 7 : 3,
                                                                           .stride = large_images_ ? 2 : 1}));
  const auto shortcut =
      large_images_ ? ResidualBlock::Shortcut::projection : ResidualBlock::Shortcut::zero_padding;
  for (size_t stage = 0; stage < blocks.size(); ++stage)
    for (int64_t i = 0; i < blocks[stage]; ++i) {
      const int64_t stride = stage > 0 && i == 0 ? 2 : 1;
      blocks_.push_back(
          register_module("block" + std::to_string(blocks_.size()),
                          std::make_shared<ResidualBlock>(channels, channels * stride, stride, shortcut)));
      channels *= stride;
    }
  head_ = register_module("head", torch::nn::Linear(channels, options.num_classes));
}

torch::Tensor ResNet::features(torch::Tensor x) {
  x = stem_->forward(x);
  if (large_images_) x = torch::max_pool2d(x, 3, 2, 1);
  for (const auto& block : blocks_) x = block->forward(x);
  return x.mean({2, 3});
}

void ResNet::initialize(core::Seed seed) {
  stem_->initialize(seed.stream("stem"));
  for (size_t i = 0; i < blocks_.size(); ++i) blocks_[i]->initialize(seed.stream(i));
  uniform_fan_in(head_->weight, seed.stream("head"));
  const torch::NoGradGuard no_grad;
  head_->bias.zero_();
}

}  // namespace lathe::nn
