#include "lathe/evaluate/conformal/synthetic.h"

#include <torch/torch.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/evaluate/logit_rows.h"

namespace lathe::evaluate::conformal {
namespace {

// Gamma(2, scale) is the sum of two exponentials.
double gamma2(core::Random& random, double scale) {
  return -scale * (std::log1p(-random.uniform()) + std::log1p(-random.uniform()));
}

}  // namespace

Examples synthetic_logits(int64_t num_examples, core::Seed seed, int64_t num_classes) {
  if (num_examples < 1 || num_classes < 2)
    throw InputError("synthetic logits need an example and two classes, got {} and {}", num_examples,
                     num_classes);
  constexpr int kCompetitors = 5;
  Examples examples;
  examples.logits = torch::empty({num_examples, num_classes}, torch::kFloat32);
  examples.labels = torch::empty({num_examples}, torch::kInt64);
  for_each_chunk(num_examples, [&](int64_t begin, int64_t end, int64_t) {
    for (int64_t i = begin; i < end; ++i) {
      core::Random random = seed.stream(static_cast<uint64_t>(i)).random();
      float* z = examples.logits.data_ptr<float>() + i * num_classes;
      for (int64_t k = 0; k < num_classes; ++k) z[k] = static_cast<float>(1.6 * random.normal());
      const int64_t label = examples.labels.data_ptr<int64_t>()[i] = random.below(num_classes);
      z[label] += static_cast<float>(13.5 - 1.7 * gamma2(random, 1.2));
      for (int c = 0; c < kCompetitors; ++c)
        z[random.below(num_classes)] += static_cast<float>(gamma2(random, 1.5));
    }
  });
  return examples;
}

}  // namespace lathe::evaluate::conformal
