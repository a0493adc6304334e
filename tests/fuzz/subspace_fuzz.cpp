// A bundle's subspace.pt: what is taken has finite cosines and writes the same again.
#include <torch/torch.h>

#include <cmath>

#include "lathe/core/files.h"
#include "lathe/train/subspace_file.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

train::Subspace line() {
  return train::Subspace(
      [](int64_t i) {
        auto layer = std::make_shared<torch::nn::LinearImpl>(3, 2);
        const torch::NoGradGuard no_grad;
        layer->weight.copy_(torch::arange(6).view({2, 3}) + i);
        layer->bias.fill_(i);
        return layer;
      },
      {});
}

void read(std::string_view bytes) {
  const auto file = scratch() / "subspace.pt";
  save(file, bytes);
  train::Subspace subspace = line(), again = line();
  train::load_subspace(subspace, file);
  train::save_subspace(subspace, file);
  train::load_subspace(again, file);
  const auto weights = subspace.parameters(), same = again.parameters();
  for (size_t i = 0; i < weights.size(); ++i)
    require(torch::equal(weights[i].nan_to_num(), same[i].nan_to_num()),
            "what was written reads back the same");
  require(!(std::abs(subspace.cosine(0, 1)) > 1.001), "a cosine is one");
}

std::vector<std::string> seeds() {
  const auto file = scratch() / "seed.pt";
  train::save_subspace(line(), file);
  return {core::read_file(file)};
}

const bool registered = add_target({"subspace", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
