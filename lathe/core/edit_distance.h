#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lathe::core {

// Insertions, deletions, substitutions and swaps of neighbours that lead from one word to the other (optimal
// string alignment).
size_t edit_distance(std::string_view a, std::string_view b);

// The candidate with the fewest edits, for "did you mean …?"; nothing where more than a third of the word
// differs.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace lathe::core
