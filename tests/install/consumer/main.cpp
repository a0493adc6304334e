#include <lathe/nn/archive.h>

#include <iostream>

int main() {
  const lathe::data::Schema schema{
      .shape = {1, 28, 28}, .columns = {}, .target = "", .classes = {"cat", "dog"}};
  const auto config = lathe::core::Config::parse("kind = 'cnn'\nchannels = [4, 8]\n");
  lathe::nn::save(*lathe::nn::build(config, schema, lathe::core::Seed(0)), "model.pt");
  const auto model = lathe::nn::load("model.pt");
  const auto logits = lathe::nn::predict(*model, torch::zeros({3, 1, 28, 28}, torch::kUInt8));
  std::cout << logits.sizes() << "\n";
}
