#include "lathe/core/seed.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <string>

namespace lathe::core {
namespace {

// Chi-square of counts against equal expectation, as a standard normal (Wilson & Hilferty 1931).
double chi_square_z(const std::vector<int64_t>& counts) {
  const double total = static_cast<double>(std::accumulate(counts.begin(), counts.end(), int64_t{0}));
  const double expected = total / static_cast<double>(counts.size());
  double chi = 0;
  for (int64_t count : counts) chi += (count - expected) * (count - expected) / expected;
  const double k = static_cast<double>(counts.size() - 1);
  return (std::cbrt(chi / k) - (1 - 2 / (9 * k))) / std::sqrt(2 / (9 * k));
}

TEST(Random, IsXoshiro256StarStarSeededBySplitMix64) {
  // The state after seed 0 is SplitMix64's published first four outputs.
  const uint64_t state[4] = {0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f, 0xf88bb8a8724c81ec};
  const auto rotate = [](uint64_t x, int k) { return (x << k) | (x >> (64 - k)); };
  Random random(0);
  EXPECT_EQ(random(), rotate(state[1] * 5, 7) * 9);
  const uint64_t second_word = state[1] ^ (state[2] ^ state[0]);
  EXPECT_EQ(random(), rotate(second_word * 5, 7) * 9);
}

TEST(Random, UniformFillsItsIntervalEvenly) {
  Random random(1);
  std::vector<int64_t> bins(1000, 0);
  for (int i = 0; i < 1'000'000; ++i) {
    const double u = random.uniform();
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    ++bins[static_cast<size_t>(u * 1000)];
  }
  EXPECT_LT(std::abs(chi_square_z(bins)), 4);
  for (int i = 0; i < 1000; ++i) {
    const double u = random.uniform(-3, 2);
    ASSERT_GE(u, -3);
    ASSERT_LT(u, 2);
  }
  const double next = std::nextafter(1.0, 2.0);  // an interval so narrow that rounding reaches its end
  for (int i = 0; i < 100; ++i) EXPECT_EQ(random.uniform(1.0, next), 1.0);
}

TEST(Random, NormalHasTheMomentsAndTailsOfANormal) {
  Random random(2);
  const int n = 1'000'000;
  double sum[5] = {};
  int beyond_two = 0;
  for (int i = 0; i < n; ++i) {
    const double x = random.normal();
    for (int p = 1; p <= 4; ++p) sum[p] += std::pow(x, p) / n;
    beyond_two += std::abs(x) > 2;
  }
  EXPECT_NEAR(sum[1], 0, 4 / std::sqrt(n));
  EXPECT_NEAR(sum[2], 1, 4 * std::sqrt(2.0 / n));
  EXPECT_NEAR(sum[3], 0, 4 * std::sqrt(15.0 / n));
  EXPECT_NEAR(sum[4], 3, 4 * std::sqrt(96.0 / n));
  EXPECT_NEAR(beyond_two / double{n}, std::erfc(std::sqrt(2.0)), 4 * std::sqrt(0.0455 / n));
}

TEST(Random, BelowIsUnbiased) {
  Random random(3);
  for (int64_t n : {1, 2, 3, 10, 1000}) {
    std::vector<int64_t> counts(static_cast<size_t>(n), 0);
    for (int64_t i = 0; i < 200 * n + 10'000; ++i) ++counts.at(static_cast<size_t>(random.below(n)));
    if (n > 1) EXPECT_LT(chi_square_z(counts), 4.5) << n;
  }
  // With n = 3 · 2^61 a plain modulo or product would draw one third of the values twice as often.
  const int64_t n = 3 * (int64_t{1} << 61);
  std::vector<int64_t> thirds(3, 0);
  for (int i = 0; i < 90'000; ++i) ++thirds.at(static_cast<size_t>(random.below(n) / (n / 3)));
  EXPECT_LT(chi_square_z(thirds), 4);
  std::vector<int64_t> residues(3, 0);
  for (int i = 0; i < 90'000; ++i) ++residues.at(static_cast<size_t>(random.below(n) % 3));
  EXPECT_LT(chi_square_z(residues), 4);
}

TEST(Random, AllPermutationsAreEquallyLikely) {
  Random random(4);
  std::map<std::vector<int64_t>, int64_t> counts;
  for (int i = 0; i < 24'000; ++i) ++counts[random.permutation(4)];
  ASSERT_EQ(counts.size(), 24u);
  std::vector<int64_t> list;
  for (const auto& [permutation, count] : counts) list.push_back(count);
  EXPECT_LT(chi_square_z(list), 4);
  EXPECT_TRUE(random.permutation(0).empty());
}

TEST(Seed, StreamsDifferByNameIndexOrderAndParent) {
  std::set<uint64_t> values;
  int64_t num_streams = 0;
  for (uint64_t value = 0; value < 30; ++value)
    for (const char* name : {"", "a", "b", "ab", "shuffle", "initialise"}) {
      const Seed named = Seed(value).stream(name);
      values.insert(named.value());
      values.insert(named.stream("a").value());
      for (uint64_t index = 0; index < 30; ++index) values.insert(named.stream(index).value());
      num_streams += 32;
    }
  EXPECT_EQ(static_cast<int64_t>(values.size()), num_streams);
  EXPECT_NE(Seed(0).stream("a").stream("b").value(), Seed(0).stream("b").stream("a").value());
  EXPECT_NE(Seed(0).stream("a").stream("b").value(), Seed(0).stream("ab").value());
}

TEST(Seed, NeighbouringStreamsAreIndependent) {
  // Each input bit flips half of the output bits, and draws of neighbouring streams do not correlate.
  int64_t flipped = 0;
  for (int bit = 0; bit < 64; ++bit)
    flipped += __builtin_popcountll(Seed(7).stream("x").value() ^
                                    Seed(7 ^ (uint64_t{1} << bit)).stream("x").value());
  EXPECT_NEAR(static_cast<double>(flipped) / 64, 32, 2);

  const int n = 20'000;
  double correlation = 0;
  std::vector<int64_t> cells(100, 0);
  for (uint64_t i = 0; i < n; ++i) {
    Random a = Seed(5).stream(i).random(), b = Seed(5).stream(i + 1).random();
    const double x = a.uniform(), y = b.uniform();
    correlation += 12 * (x - 0.5) * (y - 0.5) / n;
    ++cells[static_cast<size_t>(x * 10) * 10 + static_cast<size_t>(y * 10)];
  }
  EXPECT_NEAR(correlation, 0, 4 / std::sqrt(n));
  EXPECT_LT(std::abs(chi_square_z(cells)), 4);
}

// Whoever must change these changes the result of every recorded run.
TEST(Seed, BitsAreForEver) {
  Random bits(42), uniform(42), normal(42), below(42);
  EXPECT_EQ(bits(), 0x15780b2e0c2ec716u);
  EXPECT_EQ(bits(), 0x6104d9866d113a7eu);
  EXPECT_EQ(uniform.uniform(), 0x1.5780b2e0c2ecp-4);
  EXPECT_NEAR(normal.normal(), -0.30326306467873798, 1e-15);
  EXPECT_NEAR(normal.normal(), 0.28846173882942383, 1e-15);
  EXPECT_EQ(below.below(10), 0);
  EXPECT_EQ(below.below(1'000'000), 378980);
  EXPECT_EQ(Random(42).permutation(8), (std::vector<int64_t>{7, 1, 6, 3, 5, 4, 2, 0}));
  EXPECT_EQ(Seed(0).stream("shuffle").value(), 0x70c453021341794eu);
  EXPECT_EQ(Seed(0).stream(7).value(), 0xaa355f95ff703cc9u);
  EXPECT_EQ(Seed(1).stream("a").stream("b").stream(3).value(), 0xc13d74a18a7995f7u);
}

}  // namespace
}  // namespace lathe::core
