#include "lathe/data/noisy_quadratic.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "lathe/core/error.h"

namespace lathe::data {
namespace {

TEST(NoisyQuadratic, HasTheEigenvaluesAskedFor) {
  const NoisyQuadratic problem = noisy_quadratic(3, 0.1, 10, 1);
  EXPECT_TRUE(torch::allclose(problem.eigenvalues, torch::tensor({0.1, 1.0, 10.0}, torch::kFloat64)));
  const torch::Tensor w = torch::tensor({1.0, 2.0, -1.0}, torch::kFloat64);
  EXPECT_NEAR(problem.value(w), 0.5 * (0.1 + 4 + 10), 1e-12);
  EXPECT_TRUE(torch::allclose(problem.gradient(w), torch::tensor({0.1, 2.0, -10.0}, torch::kFloat64)));
}

TEST(NoisyQuadratic, TheNoiseHasItsVariance) {
  const NoisyQuadratic problem = noisy_quadratic(4, 1, 2, 0.5);
  const torch::Tensor w = torch::ones({4}, torch::kFloat64);
  torch::Tensor squares = torch::zeros({}, torch::kFloat64), sum = torch::zeros({4}, torch::kFloat64);
  constexpr int kDraws = 20000;
  for (uint64_t i = 0; i < kDraws; ++i) {
    const torch::Tensor noise = problem.noisy_gradient(w, core::Seed(1).stream(i)) - problem.gradient(w);
    squares += noise.square().sum();
    sum += noise;
  }
  EXPECT_NEAR(squares.item<double>() / kDraws, problem.variance(), 0.02);
  EXPECT_LT((sum / kDraws).abs().max().item<double>(), 4 * 0.5 / std::sqrt(kDraws));
  EXPECT_TRUE(
      torch::equal(problem.noisy_gradient(w, core::Seed(7)), problem.noisy_gradient(w, core::Seed(7))));
}

TEST(NoisyQuadratic, RefusesWhatIsNone) {
  EXPECT_THROW(noisy_quadratic(0, 1, 2, 1), InputError);
  EXPECT_THROW(noisy_quadratic(3, 0, 2, 1), InputError);
  EXPECT_THROW(noisy_quadratic(3, 2, 1, 1), InputError);
  EXPECT_THROW(noisy_quadratic(3, 1, 2, -1), InputError);
}

}  // namespace
}  // namespace lathe::data
