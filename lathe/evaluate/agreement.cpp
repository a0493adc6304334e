#include "lathe/evaluate/agreement.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <set>

namespace lathe::evaluate {
namespace {

// A question asked again. Classes are their indices.
struct Repeat {
  int32_t item, annotator;
  double first, later;
};

std::vector<Repeat> repeats(const data::Annotations& a) {
  const bool real = a.scale.kind == data::LabelScale::Kind::real;
  const auto answer = [&](size_t row) { return real ? a.value[row] : static_cast<double>(a.label[row]); };
  std::vector<Repeat> found;
  size_t first = 0;
  for (size_t row = 1; row < a.item.size(); ++row) {
    if (a.item[row] != a.item[first] || a.annotator[row] != a.annotator[first])
      first = row;
    else
      found.push_back({a.item[row], a.annotator[row], answer(first), answer(row)});
  }
  return found;
}

double weight_of(const Repeat& pair, const math::TwoWayWeights& weights) {
  return weights.rows[static_cast<size_t>(pair.item)] * weights.columns[static_cast<size_t>(pair.annotator)];
}

// Cohen's kappa of first and later answers; NaN where both are always the same.
double kappa(const std::vector<Repeat>& pairs, size_t classes, const math::TwoWayWeights& weights) {
  std::vector<double> first(classes), later(classes);
  double n = 0, same = 0, chance = 0;
  for (const Repeat& pair : pairs) {
    const double w = weight_of(pair, weights);
    n += w;
    same += pair.first == pair.later ? w : 0;
    first[static_cast<size_t>(pair.first)] += w;
    later[static_cast<size_t>(pair.later)] += w;
  }
  for (size_t c = 0; c < classes; ++c) chance += first[c] / n * (later[c] / n);
  return chance < 1 ? (same / n - chance) / (1 - chance) : std::nan("");
}

// Fisher's intraclass correlation of pairs.
double pair_correlation(const std::vector<Repeat>& pairs, const math::TwoWayWeights& weights) {
  double n = 0, sum = 0, squares = 0, products = 0;
  for (const Repeat& pair : pairs) {
    const double w = weight_of(pair, weights);
    n += w;
    sum += w * (pair.first + pair.later) / 2;
  }
  const double mean = sum / n;
  for (const Repeat& pair : pairs) {
    const double w = weight_of(pair, weights), x = pair.first - mean, y = pair.later - mean;
    squares += w * (x * x + y * y) / 2;
    products += w * x * y;
  }
  return squares > 0 ? products / squares : std::nan("");
}

double rate_of_same(const std::vector<Repeat>& pairs, const math::TwoWayWeights& weights) {
  double n = 0, same = 0;
  for (const Repeat& pair : pairs) {
    const double w = weight_of(pair, weights);
    n += w;
    same += pair.first == pair.later ? w : 0;
  }
  return same / n;  // NaN where no repeat was drawn
}

}  // namespace

Distance natural_distance(data::LabelScale::Kind kind) {
  switch (kind) {
    case data::LabelScale::Kind::nominal:
      return Distance::nominal;
    case data::LabelScale::Kind::ordinal:
      return Distance::ordinal;
    case data::LabelScale::Kind::real:
      break;
  }
  return Distance::interval;
}

std::vector<double> class_values(const data::LabelScale& scale) {
  std::vector<double> values, indices(scale.classes.size());
  std::iota(indices.begin(), indices.end(), 0.0);
  for (const std::string& name : scale.classes) {
    double value = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), value);
    if (error != std::errc() || end != name.data() + name.size() || !std::isfinite(value)) return indices;
    values.push_back(value);
  }
  return values;
}

std::vector<ItemAgreement> item_agreement(const Votes& votes) {
  std::vector<ItemAgreement> items(static_cast<size_t>(votes.num_items));
  for (int64_t i = 0; i < votes.num_items; ++i) {
    const int32_t* counts = votes.of(i);
    const auto n = static_cast<double>(votes.total(i));
    double agreeing = 0, largest = 0, entropy = 0;
    for (int64_t c = 0; c < votes.num_classes; ++c) {
      const double count = counts[c];
      agreeing += count * (count - 1);
      largest = std::max(largest, count);
      if (count > 0) entropy -= count / n * std::log2(count / n);
    }
    const double none = std::nan("");
    items[static_cast<size_t>(i)] = {.agreement = n > 1 ? agreeing / (n * (n - 1)) : none,
                                     .largest_share = n > 0 ? largest / n : none,
                                     .entropy = n > 0 ? entropy : none};
  }
  return items;
}

SelfConsistency self_consistency(const data::Annotations& annotations,
                                 const math::BootstrapOptions& options) {
  const std::vector<Repeat> pairs = repeats(annotations);
  SelfConsistency result{.num_repeats = static_cast<int64_t>(pairs.size())};
  std::set<int32_t> who;
  for (const Repeat& pair : pairs) who.insert(pair.annotator);
  result.num_annotators = static_cast<int64_t>(who.size());
  if (pairs.empty()) {
    const double none = std::nan("");
    result.rate = result.kappa = {.estimate = none, .standard_error = none, .interval = {none, none}};
    return result;
  }
  const auto classes = static_cast<size_t>(annotations.scale.num_classes());
  std::vector<math::TwoWayEstimate> estimates = math::bootstrap_two_way(
      annotations.num_items(), annotations.num_annotators(),
      [&](const math::TwoWayWeights& weights) {
        return std::vector<double>{rate_of_same(pairs, weights), classes > 0
                                                                     ? kappa(pairs, classes, weights)
                                                                     : pair_correlation(pairs, weights)};
      },
      options);
  result.rate = std::move(estimates[0]);
  result.kappa = std::move(estimates[1]);
  return result;
}

}  // namespace lathe::evaluate
