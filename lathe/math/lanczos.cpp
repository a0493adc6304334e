#include "lathe/math/lanczos.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/core/error.h"

namespace lathe::math {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr double kInvariant = 100 * kEpsilon;  // a next vector this short beside |A| is rounding

void check(int64_t dimension, const LanczosOptions& options) {
  const int64_t wanted = options.num_eigenvalues;
  if (dimension < 1) throw InputError("lanczos: dimension must be at least 1, got {}", dimension);
  if (wanted < 1 || wanted > dimension)
    throw InputError("lanczos: num_eigenvalues must be 1 to {} (the dimension), got {}", dimension, wanted);
  if (options.max_iterations < wanted)
    throw InputError("lanczos: max_iterations must be at least num_eigenvalues ({}), got {}", wanted,
                     options.max_iterations);
  if (!(options.tolerance > 0))
    throw InputError("lanczos: tolerance must be positive, got {}", options.tolerance);
}

void check_product(const VectorXd& product, int64_t dimension, int64_t iteration) {
  if (product.size() != dimension)
    throw InputError("lanczos: multiply returned {} values for a vector of {}", product.size(), dimension);
  if (!product.allFinite()) throw Error("lanczos: product {} with the operator is not finite", iteration);
}

// The part of `vector` that is orthogonal to the columns of `basis`. Twice is enough (Parlett, Symmetric
// Eigenvalue Problem, §6.9).
template <typename Basis>
VectorXd orthogonal(VectorXd vector, const Basis& basis) {
  for (int pass = 0; pass < 2; ++pass) {
    const VectorXd along = basis.transpose() * vector;
    vector.noalias() -= basis * along;
  }
  return vector;
}

// The largest eigenpairs of the operator within the space, from T.
struct RitzPairs {
  VectorXd values;     // largest first
  MatrixXd vectors;    // of T
  VectorXd residuals;  // relative
};

class Process {
 public:
  Process(const Multiply& multiply, int64_t dimension, const LanczosOptions& options)
      : multiply_(multiply),
        dimension_(dimension),
        wanted_(options.num_eigenvalues),
        limit_(std::min(options.max_iterations, dimension)),
        tolerance_(options.tolerance),
        random_(options.seed.random()),
        basis_(dimension, limit_),
        diagonal_(limit_),
        off_diagonal_(limit_) {}

  LanczosResult run() {
    VectorXd direction = random_direction();
    int64_t next_look = wanted_;
    while (true) {
      const VectorXd next = step(direction);
      const double length = off_diagonal_(size_ - 1);
      const bool exhausted = length == 0;
      if (size_ >= wanted_ && (exhausted || size_ >= next_look || size_ == limit_)) {
        const RitzPairs pairs = ritz_pairs(0, wanted_);
        const bool converged = pairs.residuals.maxCoeff() <= tolerance_;
        if (size_ == limit_ || (converged && nothing_is_missing(exhausted))) return result(pairs, converged);
        next_look = size_ + std::max<int64_t>(1, size_ / 20);  // T's eigenpairs cost size^3
      }
      if (exhausted) {
        bar_ = size_ >= wanted_ ? ritz_pairs(0, wanted_).values(wanted_ - 1) : bar_;
        space_begin_ = size_;
        direction = random_direction();
      } else {
        direction = next / length;
      }
    }
  }

 private:
  VectorXd random_direction() {
    VectorXd vector(dimension_);
    for (double& value : vector) value = random_.normal();
    return orthogonal(vector, basis_.leftCols(size_)).normalized();
  }

  VectorXd step(const VectorXd& direction) {
    basis_.col(size_) = direction;
    VectorXd product = multiply_(direction);
    check_product(product, dimension_, size_ + 1);
    diagonal_(size_) = direction.dot(product);
    ++size_;
    VectorXd next = orthogonal(std::move(product), basis_.leftCols(size_));
    const double length = next.norm();
    norm_ = std::max(norm_, std::abs(diagonal_(size_ - 1)) + length);
    off_diagonal_(size_ - 1) = size_ == dimension_ || length <= kInvariant * norm_ ? 0 : length;
    return next;
  }

  RitzPairs ritz_pairs(int64_t begin, int64_t count) const {
    const int64_t n = size_ - begin;
    Eigen::SelfAdjointEigenSolver<MatrixXd> solver;
    solver.computeFromTridiagonal(diagonal_.segment(begin, n), off_diagonal_.segment(begin, n - 1));
    if (solver.info() != Eigen::Success)
      throw Error("lanczos: the eigenvalues of the tridiagonal matrix of size {} did not converge", n);
    RitzPairs pairs;
    pairs.values = solver.eigenvalues().tail(count).reverse();
    pairs.vectors = solver.eigenvectors().rightCols(count).rowwise().reverse();
    pairs.residuals = off_diagonal_(size_ - 1) * pairs.vectors.row(n - 1).cwiseAbs().transpose();
    for (int64_t i = 0; i < count; ++i)
      if (pairs.residuals(i) > 0) pairs.residuals(i) /= magnitude(pairs.values(i));
    return pairs;
  }

  double magnitude(double value) const {
    return std::max(std::abs(value), std::pow(kEpsilon, 2.0 / 3) * norm_);
  }

  // Beside the exhausted spaces: the current one's largest eigenvalue is that of the whole rest. Once it lies
  // at or below the wanted ones, no copy of these is left.
  bool nothing_is_missing(bool exhausted) const {
    if (size_ == dimension_) return true;
    const RitzPairs top = ritz_pairs(space_begin_, 1);
    if (top.residuals(0) > tolerance_) return false;
    return !exhausted || (std::isfinite(bar_) && top.values(0) <= bar_ + tolerance_ * magnitude(bar_));
  }

  LanczosResult result(const RitzPairs& pairs, bool converged) const {
    LanczosResult result;
    result.values.assign(pairs.values.begin(), pairs.values.end());
    result.residuals.assign(pairs.residuals.begin(), pairs.residuals.end());
    result.vectors = basis_.leftCols(size_) * pairs.vectors;
    result.iterations = size_;
    result.converged = converged;
    return result;
  }

  const Multiply& multiply_;
  const int64_t dimension_, wanted_, limit_;
  const double tolerance_;
  core::Random random_;
  MatrixXd basis_;                    // columns beyond size_ are untouched memory
  VectorXd diagonal_, off_diagonal_;  // T; the last entry of off_diagonal_ is beta
  int64_t size_ = 0;
  int64_t space_begin_ = 0;  // first column of the current Krylov space
  double bar_ =
      -std::numeric_limits<double>::infinity();  // the last wanted eigenvalue of the exhausted spaces
  double norm_ = 0;                              // estimate of |A|
};

}  // namespace

LanczosResult lanczos(const Multiply& multiply, int64_t dimension, const LanczosOptions& options) {
  check(dimension, options);
  return Process(multiply, dimension, options).run();
}

}  // namespace lathe::math
