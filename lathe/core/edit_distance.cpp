#include "lathe/core/edit_distance.h"

#include <algorithm>

namespace lathe::core {

size_t edit_distance(std::string_view a, std::string_view b) {
  // Three rows of the dynamic programme: a swap looks two back.
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    before.swap(last);
    last.swap(row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates) {
  std::optional<std::string> best;
  size_t fewest = 0;
  for (const std::string& candidate : candidates) {
    const size_t edits = edit_distance(word, candidate);
    const size_t most = std::max<size_t>(1, std::max(word.size(), candidate.size()) / 3);
    if (edits > most || (best && edits >= fewest)) continue;
    best = candidate;
    fewest = edits;
  }
  return best;
}

}  // namespace lathe::core
