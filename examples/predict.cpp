// Classifies pictures with a bundle's model:  predict fashion-mnist.bundle shoe.png bag.png
#include <torch/torch.h>

#include <cstdio>

#include "lathe/core/error.h"
#include "lathe/data/inputs.h"
#include "lathe/nn/archive.h"

int main(int argc, char** argv) try {
  if (argc < 3) throw lathe::InputError("usage: {} BUNDLE FILES…", argv[0]);
  const auto model = lathe::nn::load(std::filesystem::path(argv[1]) / "model.pt");
  const auto inputs = lathe::data::read_inputs({argv + 2, argv + argc}, model->schema());
  const auto [probability, label] = lathe::nn::predict(*model, inputs.values).softmax(1).max(1);
  for (size_t i = 0; i < inputs.names.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    const auto& name = model->schema().classes.at(static_cast<size_t>(label[row].item<int64_t>()));
    std::printf("%s: %s (%.1f %%)\n", inputs.names[i].c_str(), name.c_str(),
                100 * probability[row].item<double>());
  }
} catch (const lathe::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return lathe::exit_code(error);
}
