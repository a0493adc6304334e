#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "lathe/core/seed.h"

namespace lathe::math {

enum class Scrambling {
  kNone,          // point 0 is the origin
  kDigitalShift,  // each coordinate's bits flipped by one random word
  kMatrix,        // random lower triangular matrices over the bits, then a shift (Matoušek 1998)
};

struct SobolOptions {
  Scrambling scrambling = Scrambling::kMatrix;  // as SciPy and PyTorch scramble
  core::Seed seed{0};
};

// Sobol's points in [0, 1)^dimension with the direction numbers of Joe & Kuo (2008, new-joe-kuo-6), as Boost
// ships them, in Gray-code order. Each aligned block of 2^k points has one in each of the 2^k slices of every
// coordinate, and scrambling keeps that while it makes averages of a function unbiased: take 2^k points, and
// do not drop point 0 (Owen 2020, "On dropping the first Sobol' point"). Any point can be had at any time, at
// the same cost.
class Sobol {
 public:
  // Throws InputError for a dimension outside 1 .. 3667.
  explicit Sobol(int64_t dimension, const SobolOptions& options = {});

  // Throw InputError for indices outside 0 .. 2^53.
  Eigen::VectorXd point(int64_t index) const;
  Eigen::MatrixXd points(int64_t first, int64_t count) const;  // count x dimension

 private:
  std::vector<uint64_t> state_at(int64_t index) const;

  int64_t dimension_;
  std::vector<uint64_t> directions_;  // 53 x dimension, each 53 bits
  std::vector<uint64_t> shift_;
};

}  // namespace lathe::math
