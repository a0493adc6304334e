#include "lathe/data/inspect_texts.h"

#include <algorithm>
#include <unordered_set>

#include "lathe/data/tokenize.h"

namespace lathe::data {
namespace {

struct TextFacts {
  std::vector<int64_t> lengths;  // tokens of each text
  int64_t empty = 0;
  std::unordered_set<std::string> words;
  int64_t tokens = 0, unknown = 0;  // unknown: to `known`
};

TextFacts facts_of(const Dataset& dataset, const std::unordered_set<std::string>& known) {
  TextFacts facts;
  for (const auto& field : dataset.texts)
    for (const std::string& text : field) {
      const Sentence tokens = tokenize(text);
      facts.lengths.push_back(static_cast<int64_t>(tokens.size()));
      facts.tokens += facts.lengths.back();
      if (tokens.empty()) ++facts.empty;
      for (const std::string& token : tokens) {
        if (known.count(token) == 0) ++facts.unknown;
        facts.words.insert(token);
      }
    }
  std::sort(facts.lengths.begin(), facts.lengths.end());
  return facts;
}

int64_t quantile(const std::vector<int64_t>& sorted, double share) {
  return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1))];
}

}  // namespace

std::vector<std::string> joined_texts(const Dataset& dataset) {
  std::vector<std::string> joined(static_cast<size_t>(dataset.size()));
  for (const auto& field : dataset.texts)
    for (size_t i = 0; i < joined.size(); ++i) joined[i] += field[i] + '\0';
  return joined;
}

Inspection inspect_texts(const Source& source, Inspection inspection) {
  const TextFacts train = facts_of(source.train, {});
  inspection.summary.add({"tokens", train.tokens})
      .add({"distinct words", static_cast<int64_t>(train.words.size())})
      .add({"tokens of a text, median", quantile(train.lengths, 0.5)})
      .add({"tokens of a text, 99 % have at most", quantile(train.lengths, 0.99)})
      .add({"tokens of a text, longest", train.lengths.back()})
      .add({"empty texts", train.empty});
  if (train.empty > 0)
    inspection.warnings.push_back(
        fmt::format("{} of {} training texts are empty", train.empty, train.lengths.size()));
  if (source.test.size() == 0) return inspection;
  const TextFacts test = facts_of(source.test, train.words);
  const double unknown =
      test.tokens == 0 ? 0 : static_cast<double>(test.unknown) / static_cast<double>(test.tokens);
  inspection.summary.add({"test words unknown to training texts", fmt::format("{:.1f} %", 100 * unknown)});
  if (test.empty > 0)
    inspection.warnings.push_back(
        fmt::format("{} of {} test texts are empty", test.empty, test.lengths.size()));
  return inspection;
}

}  // namespace lathe::data
