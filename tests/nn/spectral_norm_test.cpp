#include "lathe/nn/spectral_norm.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/nn/initialization.h"

namespace lathe::nn {
namespace {

torch::Tensor matrix(int64_t rows, int64_t columns) {
  return torch::randn({rows, columns}, generator(core::Seed(1)), torch::kFloat64);
}

double largest_singular_value(const torch::Tensor& matrix) {
  return torch::linalg_svdvals(matrix.detach(), c10::nullopt).max().item<double>();
}

TEST(SpectralNorm, LargestSingularValueBecomesOne) {
  SpectralNorm norm({.rows = 5, .power_iterations = 200});
  norm.to(torch::kFloat64);
  norm.initialize(core::Seed(2));
  EXPECT_NEAR(largest_singular_value(norm.forward(matrix(5, 8))), 1, 1e-9);
  // A convolution's weight counts as [rows, everything else].
  const torch::Tensor kernel = matrix(5, 8).view({5, 2, 2, 2});
  EXPECT_NEAR(largest_singular_value(norm.forward(kernel).flatten(1)), 1, 1e-9);
}

TEST(SpectralNorm, OneIterationAPassConvergesOverPasses) {
  SpectralNorm norm({.rows = 6});
  norm.to(torch::kFloat64);
  norm.initialize(core::Seed(2));
  const torch::Tensor weight = matrix(6, 4);
  for (int pass = 0; pass < 300; ++pass) norm.forward(weight);
  EXPECT_NEAR(largest_singular_value(norm.forward(weight)), 1, 1e-9);
}

TEST(SpectralNorm, EvaluationModeKeepsTheEstimate) {
  SpectralNorm norm({.rows = 6});
  norm.initialize(core::Seed(2));
  const torch::Tensor weight = matrix(6, 4).to(torch::kFloat32);
  norm.forward(weight);
  norm.eval();
  const torch::Tensor before = norm.buffers().front().clone();
  EXPECT_TRUE(torch::equal(norm.forward(weight), norm.forward(weight)));
  EXPECT_TRUE(torch::equal(norm.buffers().front(), before));
}

// With u and v at their fixed point the gradient is that of W / σ_max(W).
TEST(SpectralNorm, GradientMatchesFiniteDifferences) {
  SpectralNorm norm({.rows = 4, .power_iterations = 500});
  norm.to(torch::kFloat64);
  norm.initialize(core::Seed(2));
  const torch::Tensor direction = matrix(4, 3).flip(1);
  const auto value = [&](const torch::Tensor& w) { return (norm.forward(w) * direction).sum(); };
  torch::Tensor weight = matrix(4, 3).requires_grad_();
  value(weight).backward();
  for (int64_t i = 0; i < 4; ++i)
    for (int64_t j = 0; j < 3; ++j) {
      torch::Tensor up = weight.detach().clone(), down = weight.detach().clone();
      up[i][j] += 1e-6;
      down[i][j] -= 1e-6;
      EXPECT_NEAR(weight.grad()[i][j].item<double>(), (value(up) - value(down)).item<double>() / 2e-6, 1e-7);
    }
}

TEST(SpectralNorm, RefusesAnotherShape) {
  SpectralNorm norm({.rows = 4});
  EXPECT_THROW(norm.forward(torch::ones({3, 3})), Error);
  EXPECT_THROW(norm.forward(torch::ones({4})), Error);
  EXPECT_THROW(SpectralNorm({.rows = 0}), Error);
}

}  // namespace
}  // namespace lathe::nn
