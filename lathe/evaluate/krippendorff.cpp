#include <algorithm>
#include <cmath>
#include <numeric>

#include "lathe/core/error.h"
#include "lathe/core/parallel.h"
#include "lathe/evaluate/agreement.h"

namespace lathe::evaluate {
namespace {

// Sums over blocks of items are added in the order of the blocks, so that they do not depend on threads.
constexpr int64_t kBlocks = 64;

// The labels that are compared, by item: the first answer of each annotator. Classes are their indices, real
// labels stand around their mean.
struct Labels {
  std::vector<int64_t> offsets;
  std::vector<int32_t> annotator;
  std::vector<double> value;
};

Labels first_answers(const data::Annotations& a) {
  const bool real = a.scale.kind == data::LabelScale::Kind::real;
  Labels labels;
  labels.offsets.assign(static_cast<size_t>(a.num_items()) + 1, 0);
  for (size_t row = 0; row < a.item.size(); ++row) {
    if (row > 0 && a.item[row] == a.item[row - 1] && a.annotator[row] == a.annotator[row - 1]) continue;
    ++labels.offsets[static_cast<size_t>(a.item[row]) + 1];
    labels.annotator.push_back(a.annotator[row]);
    labels.value.push_back(real ? a.value[row] : a.label[row]);
  }
  std::partial_sum(labels.offsets.begin(), labels.offsets.end(), labels.offsets.begin());
  if (real && !labels.value.empty()) {
    const double mean = std::accumulate(labels.value.begin(), labels.value.end(), 0.0) /
                        static_cast<double>(labels.value.size());
    for (double& value : labels.value) value -= mean;
  }
  return labels;
}

// (sum w) / (number of pairs) of an item's labels, 0 without a pair.
double weight_of_pairs(double weight, double squares) {
  const double pairs = weight * weight - squares;
  return pairs > 0 ? weight / pairs : 0;
}

// Of nominal, ordinal and interval classes: the coincidences o_ck, c > k, and the marginals n_c.
struct Coincidences {
  std::vector<double> pairs, marginals;
  int64_t num_items = 0;
  double num_labels = 0;

  explicit Coincidences(size_t classes) : pairs(classes * classes), marginals(classes) {}

  // What an item's labels add up to: weights by class, and their squares.
  struct Item {
    std::vector<double> counts, squares;
    explicit Item(const Coincidences& sums) : counts(sums.marginals.size()), squares(counts.size()) {}
    void clear() {
      std::fill(counts.begin(), counts.end(), 0.0);
      std::fill(squares.begin(), squares.end(), 0.0);
    }
    void add(double w, double label) {
      const auto c = static_cast<size_t>(label);
      counts[c] += w;
      squares[c] += w * w;
    }
  };

  void add(double copies, const Item& item) {
    const size_t classes = marginals.size();
    double weight = 0, squares = 0;
    for (size_t c = 0; c < classes; ++c) {
      weight += item.counts[c];
      squares += item.squares[c];
    }
    const double scale = copies * weight_of_pairs(weight, squares);
    if (scale == 0) return;
    ++num_items;
    num_labels += copies * weight;
    for (size_t c = 0; c < classes; ++c) {
      if (item.counts[c] == 0) continue;
      marginals[c] += scale * (item.counts[c] * weight - item.squares[c]);
      for (size_t k = 0; k < c; ++k) pairs[c * classes + k] += scale * item.counts[c] * item.counts[k];
    }
  }

  void add(const Coincidences& other) {
    for (size_t i = 0; i < pairs.size(); ++i) pairs[i] += other.pairs[i];
    for (size_t i = 0; i < marginals.size(); ++i) marginals[i] += other.marginals[i];
    num_items += other.num_items;
    num_labels += other.num_labels;
  }

  Alpha alpha(Distance distance, const std::vector<double>& values) const {
    const size_t classes = marginals.size();
    double n = 0, observed = 0, expected = 0;
    for (const double marginal : marginals) n += marginal;
    for (size_t c = 0; c < classes; ++c) {
      double between = marginals[c] / 2;  // sum of n_g from the middle of k to the middle of c
      for (size_t k = c; k-- > 0;) {
        between += marginals[k] / 2;
        const double d = distance == Distance::nominal   ? 1
                         : distance == Distance::ordinal ? between
                                                         : values[c] - values[k];
        between += marginals[k] / 2;
        observed += 2 * pairs[c * classes + k] * d * d;
        expected += 2 * marginals[c] * marginals[k] * d * d;
      }
    }
    observed /= n;
    expected /= n * (n - 1);
    return {.alpha = expected > 0 ? 1 - observed / expected : std::nan(""),
            .observed = observed,
            .expected = expected,
            .num_items = num_items,
            .num_labels = std::llround(num_labels)};
  }
};

// Of real labels: moments of the values, each with the weight of its coincidences.
struct Moments {
  double within = 0, n = 0, sum = 0, squares = 0;
  int64_t num_items = 0;
  double num_labels = 0;

  struct Item {
    double weight = 0, squares = 0;              // sums of w, w²
    double first = 0, second = 0;                // of w x, w x²
    double first_square = 0, second_square = 0;  // of w² x, w² x²
    explicit Item(const Moments& /*sums*/) {}
    void clear() { weight = squares = first = second = first_square = second_square = 0; }
    void add(double w, double x) {
      weight += w;
      squares += w * w;
      first += w * x;
      second += w * x * x;
      first_square += w * w * x;
      second_square += w * w * x * x;
    }
  };

  void add(double copies, const Item& item) {
    const double m = item.weight, scale = copies * weight_of_pairs(m, item.squares);
    if (scale == 0) return;
    ++num_items;
    num_labels += copies * m;
    within += 2 * scale * (m * item.second - item.first * item.first);
    n += copies * m;
    sum += scale * (m * item.first - item.first_square);
    squares += scale * (m * item.second - item.second_square);
  }

  void add(const Moments& other) {
    within += other.within;
    n += other.n;
    sum += other.sum;
    squares += other.squares;
    num_items += other.num_items;
    num_labels += other.num_labels;
  }

  Alpha alpha() const {
    const double observed = within / n, expected = 2 * (n * squares - sum * sum) / (n * (n - 1));
    return {.alpha = expected > 0 ? 1 - observed / expected : std::nan(""),
            .observed = observed,
            .expected = expected,
            .num_items = num_items,
            .num_labels = std::llround(num_labels)};
  }
};

// Everybody's alpha, then each group's.
class AlphaPass {
 public:
  AlphaPass(const data::Annotations& annotations, Distance distance, const data::Attribute& groups)
      : distance_(distance),
        num_groups_(groups.values.size()),
        num_classes_(static_cast<size_t>(annotations.scale.num_classes())) {
    if (num_classes_ == 0 && distance != Distance::interval)
      throw InputError("agreement: real labels have interval distances only");
    if (static_cast<int64_t>(groups.codes.size()) != annotations.num_annotators())
      throw InputError("agreement: {} groups for {} annotators", groups.codes.size(),
                       annotations.num_annotators());
    labels_ = first_answers(annotations);
    values_ = class_values(annotations.scale);
    for (const int32_t code : groups.codes)  // the last slot is of those in no group
      slot_of_.push_back(code < 0 ? num_groups_ + 1 : static_cast<size_t>(code) + 1);
  }

  std::vector<Alpha> operator()(const math::TwoWayWeights& weights) const {
    std::vector<Alpha> alphas;
    if (num_classes_ > 0)
      for (const Coincidences& sums : add_up(weights, Coincidences(num_classes_)))
        alphas.push_back(sums.alpha(distance_, values_));
    else
      for (const Moments& sums : add_up(weights, Moments())) alphas.push_back(sums.alpha());
    return alphas;
  }

 private:
  template <typename Sums>
  std::vector<Sums> add_up(const math::TwoWayWeights& weights, const Sums& none) const {
    const auto num_items = static_cast<int64_t>(labels_.offsets.size()) - 1;
    std::vector<std::vector<Sums>> blocks(kBlocks, std::vector<Sums>(num_groups_ + 1, none));
    core::parallel_for(kBlocks, 1, [&](int64_t begin, int64_t end) {
      std::vector<typename Sums::Item> slots(num_groups_ + 2, typename Sums::Item(none));
      for (int64_t block = begin; block < end; ++block)
        for (int64_t i = num_items * block / kBlocks; i < num_items * (block + 1) / kBlocks; ++i) {
          const auto item = static_cast<size_t>(i);
          if (weights.rows[item] > 0) add_item(item, weights, slots, blocks[static_cast<size_t>(block)]);
        }
    });
    std::vector<Sums> totals(num_groups_ + 1, none);
    for (const std::vector<Sums>& block : blocks)
      for (size_t s = 0; s < totals.size(); ++s) totals[s].add(block[s]);
    return totals;
  }

  template <typename Sums>
  void add_item(size_t item, const math::TwoWayWeights& weights, std::vector<typename Sums::Item>& slots,
                std::vector<Sums>& sums) const {
    for (auto& slot : slots) slot.clear();
    for (auto at = static_cast<size_t>(labels_.offsets[item]);
         at < static_cast<size_t>(labels_.offsets[item + 1]); ++at) {
      const auto annotator = static_cast<size_t>(labels_.annotator[at]);
      const double w = weights.columns[annotator];
      slots[0].add(w, labels_.value[at]);
      slots[slot_of_[annotator]].add(w, labels_.value[at]);
    }
    for (size_t s = 0; s < sums.size(); ++s) sums[s].add(weights.rows[item], slots[s]);
  }

  Distance distance_;
  size_t num_groups_, num_classes_;
  Labels labels_;
  std::vector<double> values_;
  std::vector<size_t> slot_of_;
};

math::TwoWayWeights once_each(const data::Annotations& annotations) {
  return {std::vector<float>(annotations.items.size(), 1.0F),
          std::vector<float>(annotations.annotators.size(), 1.0F)};
}

}  // namespace

Alpha krippendorff(const data::Annotations& annotations, Distance distance) {
  const data::Attribute nobody{"", {}, std::vector<int32_t>(annotations.annotators.size(), -1)};
  return AlphaPass(annotations, distance, nobody)(once_each(annotations)).front();
}

std::vector<Alpha> krippendorff_by_group(const data::Annotations& annotations, Distance distance,
                                         const data::Attribute& groups) {
  std::vector<Alpha> alphas = AlphaPass(annotations, distance, groups)(once_each(annotations));
  alphas.erase(alphas.begin());
  return alphas;
}

std::vector<math::TwoWayEstimate> krippendorff_intervals(const data::Annotations& annotations,
                                                         Distance distance, const data::Attribute& groups,
                                                         const math::BootstrapOptions& options) {
  const AlphaPass pass(annotations, distance, groups);
  return math::bootstrap_two_way(
      annotations.num_items(), annotations.num_annotators(),
      [&](const math::TwoWayWeights& weights) {
        std::vector<double> values;
        for (const Alpha& alpha : pass(weights)) values.push_back(alpha.alpha);
        return values;
      },
      options);
}

}  // namespace lathe::evaluate
