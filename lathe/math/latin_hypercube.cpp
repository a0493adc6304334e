#include "lathe/math/latin_hypercube.h"

#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"

namespace lathe::math {

Eigen::MatrixXd latin_hypercube(int64_t count, int64_t dimension, core::Seed seed) {
  if (count < 1 || dimension < 1)
    throw InputError("latin_hypercube: count and dimension must be at least 1, got {} and {}", count,
                     dimension);
  const double below_one = std::nextafter(1.0, 0.0);
  Eigen::MatrixXd points(count, dimension);
  for (int64_t j = 0; j < dimension; ++j) {
    core::Random random = seed.stream(static_cast<uint64_t>(j)).random();
    const std::vector<int64_t> slices = random.permutation(count);
    for (int64_t i = 0; i < count; ++i) {
      const double position = static_cast<double>(slices[static_cast<size_t>(i)]) + random.uniform();
      points(i, j) = std::min(position / static_cast<double>(count), below_one);
    }
  }
  return points;
}

}  // namespace lathe::math
