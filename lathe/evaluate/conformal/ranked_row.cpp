#include "lathe/evaluate/conformal/ranked_row.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace lathe::evaluate::conformal {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kBand = 2;  // of z / T: a round ranks the labels within a factor e² of the most probable left
constexpr int kRounds = 6;  // then all that is left

// Ascending in the key is descending in the logit, and ascending in the label among equal logits.
uint64_t key(float logit, int64_t label) {
  const float positive_zero = logit + 0.0f;
  uint32_t bits;
  std::memcpy(&bits, &positive_zero, sizeof bits);
  const uint32_t ascending = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
  return static_cast<uint64_t>(~ascending) << 32 | static_cast<uint32_t>(label);
}

}  // namespace

RankedRow::RankedRow(const LogitRows& logits, double temperature)
    : logits_(logits),
      inverse_temperature_(static_cast<float>(1 / temperature)),
      weights_(static_cast<size_t>(logits.num_classes())) {}

void RankedRow::load(int64_t i) {
  row_ = logits_.row(i, scratch_);
  maximum_ = row_maximum(row_, logits_.num_classes());
  if (!maximum_.distribution) fail_no_distribution(logits_.example(i));
  sum_ = softmax_weights(row_, logits_.num_classes(), maximum_.value, inverse_temperature_, weights_.data());
  order_.clear();
  bound_ = kInfinity;
  rounds_ = 0;
}

RankedLabel RankedRow::ranked(int64_t label) {
  const Before before = before_label(row_, weights_.data(), logits_.num_classes(), label);
  return {before.count + 1, before.weight / sum_, weights_[static_cast<size_t>(label)] / sum_};
}

double RankedRow::confidence_at(double temperature) {
  other_weights_.resize(weights_.size());
  return 1 / softmax_weights(row_, logits_.num_classes(), maximum_.value, static_cast<float>(1 / temperature),
                             other_weights_.data());
}

void RankedRow::rank_more() {
  const int64_t num_classes = logits_.num_classes(), ranked = static_cast<int64_t>(order_.size());
  const float high = std::min(bound_, maximum_.value);
  const float low = ++rounds_ > kRounds ? -kInfinity : high - kBand / inverse_temperature_;
  for (int64_t lane = 0; lane < kRowLanes; ++lane) {
    if (!(maximum_.lanes[lane] >= low)) continue;
    for (int64_t k = lane; k < num_classes; k += kRowLanes)
      if (row_[k] >= low && row_[k] < bound_) order_.push_back(key(row_[k], k));
  }
  std::sort(order_.begin() + ranked, order_.end());
  bound_ = low;
}

int64_t RankedRow::label_at(int64_t rank) {
  while (static_cast<int64_t>(order_.size()) < rank) rank_more();
  return static_cast<int64_t>(order_[static_cast<size_t>(rank - 1)] & 0xffffffffu);
}

const std::vector<double>& RankedRow::set_scores(const Rule& rule, double threshold, double u) {
  if (rule.randomized != Randomized::kYes) u = 1;
  int64_t at_least = rule.allow_empty ? 0 : 1;
  double before = 0;
  scores_.clear();
  for (int64_t rank = 1; rank <= logits_.num_classes(); ++rank) {
    const double weight = weights_[static_cast<size_t>(label_at(rank))];
    const double s = score(rule, {rank, before / sum_, weight / sum_}, u);
    if (!(s <= threshold)) {
      if (rule.randomized == Randomized::kCalibrationOnly && randomizable(rule.method))
        at_least = std::max(at_least, rank);
      if (rank > at_least) break;
    }
    scores_.push_back(s);
    before += weight;
    if (!(s <= threshold)) break;
  }
  return scores_;
}

}  // namespace lathe::evaluate::conformal
