#include "lathe/evaluate/bleu.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "lathe/core/error.h"

namespace lathe::evaluate {
namespace {

std::map<std::vector<std::string>, int64_t> ngrams(const std::vector<std::string>& words, size_t n) {
  std::map<std::vector<std::string>, int64_t> counts;
  for (auto first = words.begin(); static_cast<size_t>(words.end() - first) >= n; ++first)
    ++counts[{first, first + static_cast<int64_t>(n)}];
  return counts;
}

}  // namespace

void BleuCounts::add(const BleuCounts& other, double weight) {
  for (size_t n = 0; n < matches.size(); ++n) {
    matches[n] += weight * other.matches[n];
    totals[n] += weight * other.totals[n];
  }
  length += weight * other.length;
  reference_length += weight * other.reference_length;
}

BleuCounts bleu_counts(const std::vector<std::string>& translation,
                       const std::vector<std::string>& reference) {
  BleuCounts counts;
  counts.length = static_cast<double>(translation.size());
  counts.reference_length = static_cast<double>(reference.size());
  for (size_t n = 0; n < counts.matches.size(); ++n) {
    const auto there = ngrams(reference, n + 1);
    for (const auto& [ngram, count] : ngrams(translation, n + 1)) {
      const auto found = there.find(ngram);
      counts.totals[n] += static_cast<double>(count);
      if (found != there.end()) counts.matches[n] += static_cast<double>(std::min(count, found->second));
    }
  }
  return counts;
}

double bleu(const BleuCounts& corpus) {
  double mean_log = 0;
  for (size_t n = 0; n < corpus.matches.size(); ++n) {
    if (!(corpus.matches[n] > 0)) return 0;
    mean_log += std::log(corpus.matches[n] / corpus.totals[n]) / static_cast<double>(corpus.matches.size());
  }
  return std::exp(std::min(0.0, 1 - corpus.reference_length / corpus.length) + mean_log);
}

double bleu(const std::vector<std::vector<std::string>>& translations,
            const std::vector<std::vector<std::string>>& references) {
  if (translations.size() != references.size())
    throw InputError("{} translations have {} references", translations.size(), references.size());
  BleuCounts corpus;
  for (size_t i = 0; i < translations.size(); ++i) corpus.add(bleu_counts(translations[i], references[i]));
  return bleu(corpus);
}

}  // namespace lathe::evaluate
