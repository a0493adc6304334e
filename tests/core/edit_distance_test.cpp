#include "lathe/core/edit_distance.h"

#include <gtest/gtest.h>

namespace lathe::core {
namespace {

TEST(EditDistance, KnownDistances) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("saturday", "sunday"), 3u);
  EXPECT_EQ(edit_distance("seed", "sede"), 1u);  // a swap
  EXPECT_EQ(edit_distance("ca", "abc"), 3u);     // optimal string alignment; unrestricted Damerau has 2
}

// The definition as a recursion, without tables.
size_t by_definition(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return a.size() + b.size();
  const std::string_view a1 = a.substr(1), b1 = b.substr(1);
  size_t best = std::min(by_definition(a1, b1) + (a[0] != b[0]),
                         std::min(by_definition(a1, b), by_definition(a, b1)) + 1);
  if (a.size() > 1 && b.size() > 1 && a[0] == b[1] && a[1] == b[0])
    best = std::min(best, by_definition(a.substr(2), b.substr(2)) + 1);
  return best;
}

TEST(EditDistance, AgreesWithItsDefinition) {
  const auto word = [](int code, int length) {
    std::string text;
    for (int i = 0; i < length; ++i, code /= 3) text += static_cast<char>('a' + code % 3);
    return text;
  };
  for (int i = 0; i < 243; i += 2)
    for (int j = 0; j < 81; ++j)
      ASSERT_EQ(edit_distance(word(i, 5), word(j, 4)), by_definition(word(i, 5), word(j, 4)));
}

TEST(Nearest, OffersTheClosestAndNothingFarAway) {
  EXPECT_EQ(nearest("batchsize", {"epochs", "batch_size", "batches"}), "batch_size");
  EXPECT_EQ(nearest("lr", {"optimizer", "epochs"}), std::nullopt);
  EXPECT_EQ(nearest("x", {}), std::nullopt);
  EXPECT_EQ(nearest("same", {"sane", "same"}), "same");
}

}  // namespace
}  // namespace lathe::core
