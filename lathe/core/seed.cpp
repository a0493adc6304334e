#include "lathe/core/seed.h"

#include <cmath>
#include <numeric>

namespace lathe::core {
namespace {

// SplitMix64's finaliser (Steele, Lea & Flood 2014): a bijection in which every input bit moves every output
// bit.
uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

constexpr uint64_t kGolden = 0x9e3779b97f4a7c15;
constexpr double kTwoPi = 6.283185307179586476925286766559;

uint64_t rotate_left(uint64_t x, int bits) {
  return (x << bits) | (x >> (64 - bits));
}

uint64_t fnv1a(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (unsigned char byte : text) hash = (hash ^ byte) * 0x100000001b3;
  return hash;
}

// The tag keeps stream("…") and stream(index) apart, should a name's hash equal an index.
uint64_t child(uint64_t parent, uint64_t key, uint64_t tag) {
  return mix(mix(mix(parent + kGolden) ^ key) + tag * kGolden);
}

}  // namespace

Random::Random(uint64_t seed) {
  for (uint64_t& word : state_) word = mix(seed += kGolden);
}

uint64_t Random::operator()() {
  const uint64_t result = rotate_left(state_[1] * 5, 7) * 9;
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = rotate_left(state_[3], 45);
  return result;
}

double Random::uniform() {
  return static_cast<double>((*this)() >> 11) * 0x1.0p-53;
}

double Random::uniform(double a, double b) {
  const double value = a + (b - a) * uniform();
  return value < b ? value : std::nextafter(b, a);  // rounding may reach b
}

int64_t Random::below(int64_t n) {
  // Lemire 2019: the high half of a 128-bit product, rejecting the few low halves that would favour a value.
  __extension__ using uint128 = unsigned __int128;
  const auto bound = static_cast<uint64_t>(n);
  uint128 product = static_cast<uint128>((*this)()) * bound;
  if (static_cast<uint64_t>(product) < bound) {
    const uint64_t threshold = (0 - bound) % bound;
    while (static_cast<uint64_t>(product) < threshold) product = static_cast<uint128>((*this)()) * bound;
  }
  return static_cast<int64_t>(product >> 64);
}

double Random::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  const double radius = std::sqrt(-2 * std::log(1 - uniform()));
  const double angle = kTwoPi * uniform();
  spare_ = radius * std::sin(angle);
  has_spare_ = true;
  return radius * std::cos(angle);
}

std::vector<int64_t> Random::permutation(int64_t n) {
  std::vector<int64_t> values(static_cast<size_t>(n));
  std::iota(values.begin(), values.end(), int64_t{0});
  shuffle(values);
  return values;
}

Seed Seed::stream(std::string_view name) const {
  return Seed(child(value_, fnv1a(name), 1));
}
Seed Seed::stream(uint64_t index) const {
  return Seed(child(value_, index, 2));
}

}  // namespace lathe::core
