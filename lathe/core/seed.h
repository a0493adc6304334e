#pragma once
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace lathe::core {

// xoshiro256** (Blackman & Vigna 2018). Satisfies UniformRandomBitGenerator, but the draws below are our own,
// because the standard library's distributions differ between implementations.
class Random {
 public:
  using result_type = uint64_t;
  explicit Random(uint64_t seed);
  static constexpr uint64_t min() { return 0; }
  static constexpr uint64_t max() { return ~uint64_t{0}; }
  uint64_t operator()();
  double uniform();                    // [0, 1)
  double uniform(double a, double b);  // [a, b)
  int64_t below(int64_t n);            // 0 .. n-1, unbiased; n > 0
  double normal();                     // mean 0, variance 1 (Box-Muller)
  template <typename T>
  void shuffle(std::vector<T>& values) {  // Fisher-Yates
    for (size_t i = values.size(); i > 1; --i)
      std::swap(values[i - 1], values[static_cast<size_t>(below(static_cast<int64_t>(i)))]);
  }
  std::vector<int64_t> permutation(int64_t n);

 private:
  uint64_t state_[4];
  double spare_ = 0;
  bool has_spare_ = false;
};

// A position in a tree of random streams. Nothing in lathe draws from a global generator: a component gets a
// Seed and names what it draws for, so that adding a draw in one place moves no bits in another.
//   Seed(0).stream("shuffle").stream(epoch).random().permutation(n)
class Seed {
 public:
  explicit Seed(uint64_t value) : value_(value) {}
  Seed stream(std::string_view name) const;
  Seed stream(uint64_t index) const;
  uint64_t value() const { return value_; }
  Random random() const { return Random(value_); }

 private:
  uint64_t value_;
};

}  // namespace lathe::core
