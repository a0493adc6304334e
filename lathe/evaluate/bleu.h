#pragma once
#include <array>
#include <string>
#include <vector>

namespace lathe::evaluate {

// What corpus BLEU adds up over sentences. Papineni, Roukos, Ward & Zhu, BLEU, ACL 2002, §2.
struct BleuCounts {
  std::array<double, 4> matches =
      {};  // n-grams of the translation that the reference has, each at most as often
  std::array<double, 4> totals = {};  // n-grams of the translation
  double length = 0, reference_length = 0;
  void add(const BleuCounts& other, double weight = 1);
};
BleuCounts bleu_counts(const std::vector<std::string>& translation,
                       const std::vector<std::string>& reference);

// BLEU-4 with one reference a sentence, in [0, 1], without smoothing:
//   min(1, exp(1 − reference_length / length)) · exp(1/4 Σ_n log(matches_n / totals_n))
// 0 where an n has no match.
double bleu(const BleuCounts& corpus);
// Throws InputError where the numbers of sentences differ.
double bleu(const std::vector<std::vector<std::string>>& translations,
            const std::vector<std::vector<std::string>>& references);

}  // namespace lathe::evaluate
