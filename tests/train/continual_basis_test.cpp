#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "lathe/nn/initialization.h"
#include "lathe/train/continual/basis.h"

namespace lathe::train::continual {
namespace {

torch::Tensor random_matrix(int64_t rows, int64_t columns, uint64_t seed) {
  return torch::randn({rows, columns}, nn::generator(core::Seed(seed)), torch::kFloat64);
}

torch::Tensor orthonormal(int64_t size, uint64_t seed) {
  return std::get<0>(torch::linalg_qr(random_matrix(size, size, seed)));
}

torch::Tensor gram_of(const torch::Tensor& r) {
  return r.mm(r.t());
}

int64_t vectors(const Basis& basis) {
  return basis.vectors.size(1);
}

// Squares 16, 4, 1 of 21.
torch::Tensor four_two_one() {
  const torch::Tensor values = torch::diag(torch::tensor({4.0, 2.0, 1.0}, torch::kFloat64));
  return orthonormal(3, 1).mm(values).mm(orthonormal(3, 2));
}

TEST(ContinualBasis, FirstTaskHoldsTheShareOfTheEnergy) {
  const torch::Tensor gram = gram_of(four_two_one());
  EXPECT_EQ(vectors(first_basis(gram, 0.75)), 1);
  EXPECT_NEAR(first_basis(gram, 0.75).energy, 16.0 / 21, 1e-12);
  EXPECT_EQ(vectors(first_basis(gram, 0.9)), 2);
  EXPECT_NEAR(first_basis(gram, 0.9).energy, 20.0 / 21, 1e-12);
  EXPECT_EQ(vectors(first_basis(gram, 0.96)), 3);
  EXPECT_EQ(vectors(first_basis(gram, 1)), 3);
}

TEST(ContinualBasis, AuthorsFirstTaskRuleHasOneLess) {
  const torch::Tensor gram = gram_of(four_two_one());
  EXPECT_EQ(vectors(first_basis(gram, 0.9, FirstTaskRule::authors)), 1);
  EXPECT_EQ(vectors(first_basis(gram, 0.75, FirstTaskRule::authors)), 0);
}

TEST(ContinualBasis, LaterTasksCountWhatIsHeldAlready) {
  const torch::Tensor e1 = torch::tensor({{1.0}, {0.0}}, torch::kFloat64);
  const torch::Tensor gram = gram_of(torch::diag(torch::tensor({3.0, 4.0}, torch::kFloat64)));
  const Basis extended = extend_basis(e1, gram, 0.9);
  ASSERT_EQ(vectors(extended), 2);
  EXPECT_NEAR(extended.vectors[1][1].abs().item<double>(), 1, 1e-12);
  EXPECT_NEAR(extended.energy, 1, 1e-12);
  const Basis same = extend_basis(e1, gram, 0.3);
  EXPECT_EQ(vectors(same), 1);
  EXPECT_NEAR(same.energy, 9.0 / 25, 1e-12);
}

// ‖R‖² = 25 + 1 + 1, of which M holds 25. 0.98 of ‖R‖² = 26.46 needs both others; against ‖R̂‖² it would not.
TEST(ContinualBasis, ThresholdIsAShareOfAllEnergy) {
  const torch::Tensor e1 = torch::tensor({{1.0}, {0.0}, {0.0}}, torch::kFloat64);
  const torch::Tensor gram = torch::diag(torch::tensor({25.0, 1.0, 1.0}, torch::kFloat64));
  EXPECT_EQ(vectors(extend_basis(e1, gram, 0.98)), 3);
  EXPECT_EQ(vectors(extend_basis(e1, gram, 0.95)), 2);
  EXPECT_EQ(vectors(extend_basis(e1, gram, 0.92)), 1);
}

TEST(ContinualBasis, IsWhatTheSingularValuesGive) {
  const torch::Tensor r =
      random_matrix(12, 40, 3) * torch::linspace(3, 0.1, 12, torch::kFloat64).unsqueeze(1);
  const auto [u, s, v] = torch::linalg_svd(r);
  const torch::Tensor shares = s.square().cumsum(0) / s.square().sum();
  const int64_t k = (shares < 0.9).sum().item<int64_t>() + 1;
  const Basis basis = first_basis(gram_of(r), 0.9);
  ASSERT_EQ(vectors(basis), k);
  const torch::Tensor cosines =
      std::get<1>(torch::linalg_svd(basis.vectors.t().mm(u.narrow(1, 0, k))));  // of the principal angles
  EXPECT_LT(std::acos(std::min(1.0, cosines.min().item<double>())), 1e-4);
  EXPECT_NEAR(basis.energy, shares[k - 1].item<double>(), 1e-12);
}

TEST(ContinualBasis, StaysOrthonormalOverManyTasksAndInFloat) {
  torch::Tensor basis = torch::empty({60, 0}, torch::kFloat64);
  for (uint64_t task = 0; task < 20; ++task) {
    const torch::Tensor r = random_matrix(60, 4, 10 + task);
    const Basis next = extend_basis(basis.to(torch::kFloat32).to(torch::kFloat64), gram_of(r), 0.99);
    EXPECT_GE(next.energy, 0.99 - 1e-6);
    // What was held stays held.
    EXPECT_LT((basis - next.vectors.mm(next.vectors.t().mm(basis))).abs().sum().item<double>(), 1e-3);
    basis = next.vectors;
    const torch::Tensor product = basis.t().mm(basis);
    EXPECT_LT((product - torch::eye(basis.size(1), torch::kFloat64)).abs().max().item<double>(), 1e-7);
  }
  EXPECT_EQ(basis.size(1), 60);
}

TEST(ContinualBasis, RoundingIsNoDirection) {
  // Rank 3 of 10, as float32 inputs give it.
  const torch::Tensor r =
      random_matrix(10, 3, 5).mm(random_matrix(3, 200, 6)).to(torch::kFloat32).to(torch::kFloat64);
  const Basis basis = first_basis(gram_of(r), 1);
  EXPECT_EQ(vectors(basis), 3);
  EXPECT_EQ(vectors(extend_basis(basis.vectors, gram_of(r), 1)), 3);
}

TEST(ContinualBasis, NothingSeenNeedsNothing) {
  const Basis basis = first_basis(torch::zeros({4, 4}, torch::kFloat64), 0.99);
  EXPECT_EQ(vectors(basis), 0);
  EXPECT_EQ(basis.energy, 1);
}

}  // namespace
}  // namespace lathe::train::continual
