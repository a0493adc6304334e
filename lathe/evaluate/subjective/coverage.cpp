#include "lathe/evaluate/subjective/coverage.h"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <optional>
#include <unordered_map>

#include "lathe/core/error.h"

namespace lathe::evaluate::subjective {
namespace {

// Calls visit(row) for the first answer of each annotator to each sample.
template <typename Visit>
void for_first_answers(const data::Annotations& a, const Visit& visit) {
  for (size_t row = 0; row < a.item.size(); ++row)
    if (row == 0 || a.item[row] != a.item[row - 1] || a.annotator[row] != a.annotator[row - 1]) visit(row);
}

Counts summarise(const std::vector<int64_t>& of_all) {
  Counts counts;
  for (const int64_t value : of_all)
    if (value > 0) counts.values.push_back(value);
  counts.num = static_cast<int64_t>(counts.values.size());
  if (counts.values.empty()) return counts;
  const auto [least, most] = std::minmax_element(counts.values.begin(), counts.values.end());
  counts.least = *least;
  counts.most = *most;
  counts.mean = static_cast<double>(std::accumulate(counts.values.begin(), counts.values.end(), int64_t{0})) /
                static_cast<double>(counts.num);
  return counts;
}

// Letters and digits in lower case, one space between words; bytes beyond ASCII stay as they are.
std::string words_of(const std::string& text) {
  std::string words;
  bool gap = false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && std::isalnum(byte) == 0) {
      gap = true;
      continue;
    }
    if (gap && !words.empty()) words += ' ';
    gap = false;
    words += byte < 0x80 ? static_cast<char>(std::tolower(byte)) : c;
  }
  return words;
}

// The first sample of each key, and each other one with that key in another part.
template <typename Key, typename KeyOf>
std::vector<Leak> leaks(const data::Annotations& annotations, const data::Attribute& split,
                        const KeyOf& key_of) {
  std::unordered_map<Key, size_t> first;
  std::vector<Leak> found;
  for (size_t i = 0; i < annotations.items.size(); ++i) {
    if (split.codes[i] < 0) continue;
    const auto key = key_of(i);
    if (!key) continue;
    const auto [at, is_new] = first.emplace(*key, i);
    if (!is_new && split.codes[at->second] != split.codes[i])
      found.push_back({annotations.items[at->second], annotations.items[i]});
  }
  return found;
}

}  // namespace

int64_t Counts::below(int64_t wanted) const {
  return std::count_if(values.begin(), values.end(), [&](int64_t value) { return value < wanted; });
}

Counts annotators_of_samples(const data::Annotations& annotations) {
  std::vector<int64_t> counts(annotations.items.size());
  for_first_answers(annotations, [&](size_t row) { ++counts[static_cast<size_t>(annotations.item[row])]; });
  return summarise(counts);
}

Counts samples_of_annotators(const data::Annotations& annotations) {
  std::vector<int64_t> counts(annotations.annotators.size());
  for_first_answers(annotations,
                    [&](size_t row) { ++counts[static_cast<size_t>(annotations.annotator[row])]; });
  return summarise(counts);
}

double repeat_rate(const data::Annotations& annotations) {
  int64_t first = 0;
  for_first_answers(annotations, [&](size_t) { ++first; });
  return first == 0 ? 0 : static_cast<double>(annotations.size() - first) / static_cast<double>(first);
}

int64_t num_components(const data::Annotations& annotations) {
  const auto items = annotations.items.size();
  std::vector<size_t> parent(items + annotations.annotators.size());
  std::iota(parent.begin(), parent.end(), size_t{0});
  const auto root = [&](size_t node) {
    while (parent[node] != node) node = parent[node] = parent[parent[node]];
    return node;
  };
  std::vector<char> touched(parent.size(), 0);
  for (size_t row = 0; row < annotations.item.size(); ++row) {
    const auto item = static_cast<size_t>(annotations.item[row]);
    const size_t annotator = items + static_cast<size_t>(annotations.annotator[row]);
    touched[item] = touched[annotator] = 1;
    parent[root(item)] = root(annotator);
  }
  int64_t components = 0;
  for (size_t node = 0; node < parent.size(); ++node) components += touched[node] && parent[node] == node;
  return components;
}

std::vector<int64_t> cells(const data::Annotations& annotations, const data::Attribute& groups,
                           const data::Attribute& strata) {
  std::vector<int64_t> counts(groups.values.size() * strata.values.size());
  for (size_t row = 0; row < annotations.item.size(); ++row) {
    const int32_t group = groups.codes[static_cast<size_t>(annotations.annotator[row])];
    const int32_t stratum = strata.codes[static_cast<size_t>(annotations.item[row])];
    if (group >= 0 && stratum >= 0)
      ++counts[static_cast<size_t>(group) * strata.values.size() + static_cast<size_t>(stratum)];
  }
  return counts;
}

std::vector<Leak> same_texts(const data::Annotations& annotations, const data::Attribute& split) {
  if (annotations.texts.empty()) throw InputError("samples have no texts to compare");
  return leaks<std::string>(annotations, split, [&](size_t i) {
    std::string words = words_of(annotations.texts[i]);
    return words.empty() ? std::nullopt : std::optional(std::move(words));
  });
}

std::vector<Leak> same_values(const data::Annotations& annotations, const data::Attribute& split,
                              const data::Attribute& attribute) {
  return leaks<int32_t>(annotations, split, [&](size_t i) {
    return attribute.codes[i] < 0 ? std::nullopt : std::optional(attribute.codes[i]);
  });
}

}  // namespace lathe::evaluate::subjective
