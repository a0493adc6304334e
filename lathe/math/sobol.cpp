#include "lathe/math/sobol.h"

#include <boost/random/sobol.hpp>

#include "lathe/core/error.h"

namespace lathe::math {
namespace {

constexpr int kBits = 53;  // of a double's fraction
constexpr int64_t kMaxDimension = boost::random::default_sobol_table::max_dimension;
constexpr int64_t kMaxPoints = int64_t{1} << kBits;

// Point i is the exclusive or of the direction numbers at the bits of Gray code i ^ i/2. That has bit b alone
// at i = 2^(b+1) - 1, which is the engine's element i - 1, for it leaves out the origin.
std::vector<uint64_t> direction_numbers(int64_t dimension) {
  const auto columns = static_cast<size_t>(dimension);
  boost::random::sobol engine(columns);
  std::vector<uint64_t> directions(kBits * columns);
  for (size_t bit = 0; bit < kBits; ++bit) {
    engine.seed((uint64_t{2} << bit) - 2);
    for (size_t j = 0; j < columns; ++j) directions[bit * columns + j] = engine() >> (64 - kBits);
  }
  return directions;
}

// The product over GF(2) of a random lower triangular matrix, ones on its diagonal, with each direction
// number of a coordinate; the most significant bit is the first.
void scramble(uint64_t* directions, size_t stride, core::Random random) {
  uint64_t columns[kBits];
  for (int bit = 0; bit < kBits; ++bit)
    columns[bit] = uint64_t{1} << bit | (random() & ((uint64_t{1} << bit) - 1));
  for (int i = 0; i < kBits; ++i) {
    uint64_t& number = directions[static_cast<size_t>(i) * stride];
    uint64_t product = 0;
    for (int bit = 0; bit < kBits; ++bit)
      if (number >> bit & 1) product ^= columns[bit];
    number = product;
  }
}

}  // namespace

Sobol::Sobol(int64_t dimension, const SobolOptions& options) : dimension_(dimension) {
  if (dimension < 1 || dimension > kMaxDimension)
    throw InputError("Sobol: dimension must be 1 to {}, got {}", kMaxDimension, dimension);
  const auto columns = static_cast<size_t>(dimension);
  directions_ = direction_numbers(dimension);
  shift_.assign(columns, 0);
  if (options.scrambling == Scrambling::kNone) return;
  for (size_t j = 0; j < columns; ++j) {
    shift_[j] = options.seed.stream("shift").stream(j).random()() >> (64 - kBits);
    if (options.scrambling == Scrambling::kMatrix)
      scramble(&directions_[j], columns, options.seed.stream("matrix").stream(j).random());
  }
}

std::vector<uint64_t> Sobol::state_at(int64_t index) const {
  std::vector<uint64_t> state = shift_;
  const auto code = static_cast<uint64_t>(index) ^ static_cast<uint64_t>(index) >> 1;
  for (size_t bit = 0; bit < kBits; ++bit)
    if (code >> bit & 1)
      for (size_t j = 0; j < state.size(); ++j) state[j] ^= directions_[bit * state.size() + j];
  return state;
}

Eigen::VectorXd Sobol::point(int64_t index) const {
  return points(index, 1).row(0);
}

Eigen::MatrixXd Sobol::points(int64_t first, int64_t count) const {
  if (first < 0 || count < 0 || first > kMaxPoints - count)
    throw InputError("Sobol: points are numbered from 0 to 2^{} - 1, got {} from {}", kBits, count, first);
  Eigen::MatrixXd result(count, dimension_);
  if (count == 0) return result;
  std::vector<uint64_t> state = state_at(first);
  for (int64_t i = 0;; ++i) {
    for (int64_t j = 0; j < dimension_; ++j)
      result(i, j) = static_cast<double>(state[static_cast<size_t>(j)]) * 0x1p-53;
    if (i + 1 == count) return result;
    // Neighbours in Gray code differ in the bit of the next index's lowest one.
    const auto bit = static_cast<size_t>(__builtin_ctzll(static_cast<uint64_t>(first + i + 1)));
    for (size_t j = 0; j < state.size(); ++j) state[j] ^= directions_[bit * state.size() + j];
  }
}

}  // namespace lathe::math
