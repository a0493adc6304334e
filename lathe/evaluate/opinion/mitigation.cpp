#include "lathe/evaluate/opinion/mitigation.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "lathe/core/edit_distance.h"
#include "lathe/core/error.h"
#include "lathe/core/printable.h"
#include "lathe/evaluate/opinion/accuracy.h"

namespace lathe::evaluate::opinion {
namespace {

constexpr std::array<const char*, 3> kNames = {"popularity", "disagreement", "groups"};
constexpr double kSmallestShare = 1e-6;  // of a logit

void check_two_classes(const OpinionPredictions& predictions) {
  if (predictions.num_classes != 2)
    throw InputError("personal thresholds are for two classes, got {}", predictions.num_classes);
}

struct OwnLabel {
  double share = 0;  // predicted, of the positive class
  bool positive = false;
};

double best_threshold(std::vector<OwnLabel> labels) {
  std::sort(labels.begin(), labels.end(),
            [](const OwnLabel& a, const OwnLabel& b) { return a.share < b.share; });
  // Right answers when all from index i on are called positive.
  auto right = std::count_if(labels.begin(), labels.end(), [](const OwnLabel& one) { return one.positive; });
  double best = 0.5;
  int64_t most = -1;
  for (size_t i = 0; i <= labels.size(); ++i) {
    if (i > 0) right += labels[i - 1].positive ? -1 : 1;
    const double low = i == 0 ? 0 : labels[i - 1].share, high = i == labels.size() ? 1 : labels[i].share;
    if (i > 0 && i < labels.size() && low == high) continue;  // no threshold parts equal shares
    // Between the two shares, as near to 1/2 as their middle and 1/2 itself come.
    const double candidate = low <= 0.5 && 0.5 < high ? 0.5 : (low + high) / 2;
    const bool nearer = std::abs(candidate - 0.5) < std::abs(best - 0.5);
    if (right > most || (right == most && nearer)) {
      most = right;
      best = candidate;
    }
  }
  return best;
}

double logit(double share) {
  share = std::clamp(share, kSmallestShare, 1 - kSmallestShare);
  return std::log(share / (1 - share));
}

}  // namespace

std::string to_string(Balance balance) {
  return kNames[static_cast<size_t>(balance)];
}

Balance parse_balance(const std::string& name) {
  const std::vector<std::string> names(kNames.begin(), kNames.end());
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return static_cast<Balance>(i);
  const auto near = core::nearest(name, names);
  throw InputError("unknown balance '{}'{}; annotations are balanced by {}", core::printable(name),
                   near ? fmt::format(", did you mean {}?", *near) : "", fmt::join(names, ", "));
}

std::vector<double> equal_mass_weights(const std::vector<int32_t>& bin, double max_weight) {
  if (!(max_weight >= 1)) throw InputError("max_weight must be at least 1, got {}", max_weight);
  std::vector<double> count;
  double total = 0;
  for (const int32_t b : bin) {
    if (b < 0) continue;
    if (static_cast<size_t>(b) >= count.size()) count.resize(static_cast<size_t>(b) + 1, 0);
    ++count[static_cast<size_t>(b)];
    ++total;
  }
  std::vector<size_t> open;  // bins below the bound
  for (size_t b = 0; b < count.size(); ++b)
    if (count[b] > 0) open.push_back(b);
  std::vector<double> weight(count.size(), max_weight);
  double mass = total;
  for (bool bounded = true; bounded && !open.empty();) {
    const double each = mass / static_cast<double>(open.size());
    std::vector<size_t> still_open;
    for (const size_t b : open) {
      if (each / count[b] > max_weight)
        mass -= max_weight * count[b];
      else
        still_open.push_back(b);
    }
    bounded = still_open.size() < open.size();
    open = still_open;
    if (!bounded)
      for (const size_t b : open) weight[b] = each / count[b];
  }
  std::vector<double> weights;
  for (const int32_t b : bin) weights.push_back(b < 0 ? 1 : weight[static_cast<size_t>(b)]);
  return weights;
}

std::vector<double> balanced_weights(const data::Annotations& annotations, const Profile& profile,
                                     const std::vector<int64_t>& rows, Balance balance,
                                     const BinOptions& options, double max_weight) {
  std::vector<int32_t> bin;
  if (balance == Balance::groups) {
    const data::Attribute groups = annotator_groups(annotations, options.attributes);
    for (const int64_t row : rows)
      bin.push_back(groups.codes[static_cast<size_t>(annotations.annotator[static_cast<size_t>(row)])]);
    return equal_mass_weights(bin, max_weight);
  }
  std::vector<double> values;
  for (const int64_t row : rows)
    values.push_back(
        balance == Balance::popularity
            ? profile.popularity[static_cast<size_t>(row)]
            : profile.disagreement[static_cast<size_t>(annotations.annotator[static_cast<size_t>(row)])]);
  const std::vector<double> edges = bin_edges(values, options.num_bins);
  for (const double value : values) bin.push_back(bin_of(value, edges));
  return equal_mass_weights(bin, max_weight);
}

std::vector<double> personal_thresholds(const data::Annotations& annotations,
                                        const OpinionPredictions& predictions, int64_t min_labels) {
  check_predictions(annotations, predictions);
  check_two_classes(predictions);
  if (min_labels < 1) throw InputError("min_labels must be at least 1, got {}", min_labels);
  std::vector<std::vector<OwnLabel>> own(static_cast<size_t>(annotations.num_annotators()));
  for (size_t i = 0; i < predictions.rows.size(); ++i) {
    const auto row = static_cast<size_t>(predictions.rows[i]);
    own[static_cast<size_t>(annotations.annotator[row])].push_back(
        {predictions.of(static_cast<int64_t>(i))[1], annotations.label[row] == 1});
  }
  std::vector<double> thresholds;
  for (std::vector<OwnLabel>& labels : own)
    thresholds.push_back(
        static_cast<int64_t>(labels.size()) < min_labels ? 0.5 : best_threshold(std::move(labels)));
  return thresholds;
}

OpinionPredictions apply_thresholds(const data::Annotations& annotations, OpinionPredictions predictions,
                                    const std::vector<double>& thresholds) {
  check_predictions(annotations, predictions);
  check_two_classes(predictions);
  if (thresholds.size() != annotations.annotators.size())
    throw InputError("{} thresholds for {} annotators", thresholds.size(), annotations.num_annotators());
  for (size_t i = 0; i < predictions.rows.size(); ++i) {
    const auto annotator =
        static_cast<size_t>(annotations.annotator[static_cast<size_t>(predictions.rows[i])]);
    float* probabilities = predictions.probabilities.data() + 2 * i;
    const double moved = logit(static_cast<double>(probabilities[1])) - logit(thresholds[annotator]);
    probabilities[1] = static_cast<float>(1 / (1 + std::exp(-moved)));
    probabilities[0] = 1 - probabilities[1];
  }
  return predictions;
}

std::vector<size_t> pareto_front(const std::vector<FairnessPoint>& points) {
  const auto beats = [](const FairnessPoint& a, const FairnessPoint& b) {
    return a.general >= b.general && a.fairness >= b.fairness &&
           (a.general > b.general || a.fairness > b.fairness);
  };
  std::vector<size_t> front;
  for (size_t i = 0; i < points.size(); ++i)
    if (std::none_of(points.begin(), points.end(),
                     [&](const FairnessPoint& other) { return beats(other, points[i]); }))
      front.push_back(i);
  return front;
}

}  // namespace lathe::evaluate::opinion
