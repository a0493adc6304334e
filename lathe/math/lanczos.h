#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <functional>
#include <vector>

#include "lathe/core/seed.h"

namespace lathe::math {

// v -> A v for a symmetric A that nobody has to write down: a matrix, or a network's Hessian.
using Multiply = std::function<Eigen::VectorXd(const Eigen::VectorXd&)>;

struct LanczosOptions {
  int64_t num_eigenvalues = 5;
  int64_t max_iterations = 100;  // products; memory is max_iterations * dimension doubles at most
  double tolerance = 1e-4;       // relative residual of each wanted pair
  core::Seed seed{0};            // of the starting vector
};

struct LanczosResult {
  std::vector<double> values;  // eigenvalues, largest algebraic first
  Eigen::MatrixXd vectors;     // dimension x num_eigenvalues, orthonormal columns
  std::vector<double>
      residuals;           // |A v - value v| / |value|; near zero eigenvalues |A| eps^(2/3) takes its place
  int64_t iterations = 0;  // products with A
  bool converged = false;  // every residual is at most the tolerance
};

// The largest eigenvalues of a symmetric operator by the Lanczos process (Golub & Van Loan, Matrix
// Computations, §10.1 and §10.3) with full reorthogonalisation, done twice: A V = V T + beta v e', T
// tridiagonal, and the pairs (theta, V s) of T's eigenpairs (theta, s) have the residual beta |s_last|. Stops
// when all wanted pairs converge.
//
// A Krylov space holds one vector of each eigenspace. When it is exhausted, the process goes on with a random
// vector orthogonal to it, and so finds repeated eigenvalues; copies of one whose space is not exhausted by
// the time everything else converges can be missed. For the smallest eigenvalues multiply by -A. The cost
// beside the products is 2 dimension iterations^2 multiplications.
//
// Throws InputError for a dimension or options that make no sense and for products of another dimension,
// Error when a product is not finite. A `multiply` that throws ends the process.
LanczosResult lanczos(const Multiply& multiply, int64_t dimension, const LanczosOptions& options = {});

}  // namespace lathe::math
