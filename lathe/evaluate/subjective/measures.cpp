#include "lathe/evaluate/subjective/measures.h"

#include <cmath>

namespace lathe::evaluate::subjective {
namespace {

double ratio(double numerator, double denominator) {
  return denominator > 0 ? numerator / denominator : std::nan("");
}

// (accuracy - prior) / (ceiling - prior); NaN where the ceiling is no better than the prior.
double normalised(double accuracy, double prior, double ceiling) {
  return ratio(accuracy - prior, ceiling - prior);
}

template <size_t n>
void add(std::array<double, n>& sums, double weight, const std::array<double, n>& values) {
  for (size_t i = 0; i < n; ++i) sums[i] += weight * values[i];
}

constexpr const char* kSliceMeasures[] = {"accuracy",       "cross_entropy", "prior",
                                          "ceiling_single", "ceiling_group", "others_majority",
                                          "gain_single",    "gain_group",    "cost"};
constexpr const char* kPeopleMeasures[] = {"macro_accuracy", "person_sd"};
constexpr const char* kGroupMeasures[] = {"gap", "macro_gap"};
constexpr const char* kSampleMeasures[] = {"majority_accuracy", "share_cross_entropy", "share_jensen_shannon",
                                           "share_brier", "share_error"};

}  // namespace

// What an item's annotations add up to, by annotator and by stratum. `weight` is that of the annotations.
struct Measures::Pass {
  struct Total {
    Sums sums{};
    double weight = 0;
    void add(double w, const Total& other) {
      subjective::add(sums, w, other.sums);
      weight += w * other.weight;
    }
  };
  std::vector<Total> people;               // each annotator counted once
  std::vector<std::vector<Total>> strata;  // [partitions][values]
  std::array<double, kNumSampleColumns> samples{};
  double sample_weight = 0;
};

Measures::Measures(Judged judged, std::vector<Partition> groups, std::vector<Partition> strata,
                   std::vector<double> person_weights)
    : judged_(std::move(judged)),
      groups_(std::move(groups)),
      strata_(std::move(strata)),
      person_weights_(std::move(person_weights)) {
  person_accuracy_.assign(judged_.annotators.size(), 0);
  person_counts_.assign(judged_.annotators.size(), 0);
  for (size_t i = 0; i < judged_.annotator.size(); ++i) {
    const auto person = static_cast<size_t>(judged_.annotator[i]);
    person_accuracy_[person] += static_cast<double>(judged_.columns[i][kCorrect]);
    ++person_counts_[person];
  }
  for (size_t person = 0; person < person_accuracy_.size(); ++person)
    person_accuracy_[person] /= static_cast<double>(person_counts_[person]);

  const auto name = [&](int64_t slice, const auto& names) {
    for (const char* measure : names) measures_.push_back({slice, measure});
  };
  name(0, kSliceMeasures);
  name(0, kPeopleMeasures);
  name(0, kSampleMeasures);
  measures_.push_back({0, "post_stratified_accuracy"});
  if (!judged_.ranks.empty()) measures_.push_back({0, "person_correlation"});
  int64_t slice = 0;
  for (const Partition& partition : groups_)
    for (size_t g = 0; g < partition.values.size(); ++g) {
      name(++slice, kSliceMeasures);
      name(slice, kPeopleMeasures);
      name(slice, kGroupMeasures);
    }
  for (const Partition& partition : strata_)
    for (size_t s = 0; s < partition.values.size(); ++s) name(++slice, kSliceMeasures);
}

Measures::Pass Measures::pass(const math::TwoWayWeights& weights) const {
  Pass pass;
  pass.people.resize(judged_.annotators.size());
  for (const Partition& partition : strata_) pass.strata.emplace_back(partition.values.size());
  for (size_t item = 0; item < judged_.items.size(); ++item) {
    const double of_item = weights.rows[item];
    if (of_item == 0) continue;
    Pass::Total total;
    for (auto i = static_cast<size_t>(judged_.offsets[item]);
         i < static_cast<size_t>(judged_.offsets[item + 1]); ++i) {
      const auto person = static_cast<size_t>(judged_.annotator[i]);
      const double of_person = weights.columns[person];
      Pass::Total& theirs = pass.people[person];
      for (size_t c = 0; c < kNumAnnotationColumns; ++c) {
        const double value = judged_.columns[i][c];
        theirs.sums[c] += of_item * value;
        total.sums[c] += of_person * value;
      }
      theirs.weight += of_item;
      total.weight += of_person;
    }
    for (size_t p = 0; p < strata_.size(); ++p)
      pass.strata[p][static_cast<size_t>(strata_[p].codes[item])].add(of_item, total);
    const double weight = of_item * total.weight;
    for (size_t c = 0; c < kNumSampleColumns; ++c)
      pass.samples[c] += weight * static_cast<double>(judged_.sample_columns[item][c]);
    pass.sample_weight += weight;
  }
  return pass;
}

// Of the people's accuracies, without what is chance: variance between people less the mean variance of a
// share of so many answers. Their accuracies stay those of all their samples: resampled ones would add chance
// anew.
double Measures::person_spread(const math::TwoWayWeights& weights, const Partition* groups,
                               int32_t code) const {
  double n = 0, sum = 0, squares = 0, chance = 0;
  for (size_t person = 0; person < person_accuracy_.size(); ++person) {
    if (person_counts_[person] < 2 || (groups != nullptr && groups->codes[person] != code)) continue;
    const double w = weights.columns[person], a = person_accuracy_[person];
    n += w;
    sum += w * a;
    squares += w * a * a;
    chance += w * a * (1 - a) / static_cast<double>(person_counts_[person] - 1);
  }
  if (n < 2) return std::nan("");
  const double mean = sum / n, variance = (squares / n - mean * mean) * n / (n - 1);
  return std::sqrt(std::max(0.0, variance - chance / n));
}

double Measures::person_correlation(const math::TwoWayWeights& weights) const {
  struct Moments {
    double n = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;
  };
  std::vector<Moments> people(judged_.annotators.size());
  for (size_t item = 0; item < judged_.items.size(); ++item) {
    const double w = weights.rows[item];
    if (w == 0) continue;
    for (auto i = static_cast<size_t>(judged_.offsets[item]);
         i < static_cast<size_t>(judged_.offsets[item + 1]); ++i) {
      Moments& m = people[static_cast<size_t>(judged_.annotator[i])];
      const double x = judged_.ranks[i][0], y = judged_.ranks[i][1];
      m.n += w;
      m.x += w * x;
      m.y += w * y;
      m.xx += w * x * x;
      m.yy += w * y * y;
      m.xy += w * x * y;
    }
  }
  double sum = 0, weight = 0;
  for (size_t person = 0; person < people.size(); ++person) {
    const Moments& m = people[person];
    const double xx = m.xx * m.n - m.x * m.x, yy = m.yy * m.n - m.y * m.y, xy = m.xy * m.n - m.x * m.y;
    if (!(xx > 1e-9 * m.xx * m.n && yy > 1e-9 * m.yy * m.n)) continue;  // always the same answer
    sum += weights.columns[person] * xy / std::sqrt(xx * yy);
    weight += weights.columns[person];
  }
  return ratio(sum, weight);
}

std::vector<double> Measures::operator()(const math::TwoWayWeights& weights) const {
  const Pass sums = pass(weights);
  std::vector<double> values;
  values.reserve(measures_.size());
  const auto add_slice = [&](const Pass::Total& total) {
    const auto mean = [&](AnnotationColumn column) { return ratio(total.sums[column], total.weight); };
    const double accuracy = mean(kCorrect), prior = mean(kPrior);
    for (const double value :
         {accuracy, mean(kCrossEntropy), prior, mean(kSingle), mean(kGroup),
          ratio(total.sums[kOthers], total.sums[kHasOthers]), normalised(accuracy, prior, mean(kSingle)),
          normalised(accuracy, prior, mean(kGroup)), mean(kCost)})
      values.push_back(value);
  };
  struct People {
    Pass::Total total;
    double macro = 0, weight = 0;
    void add(double w, const Pass::Total& person) {
      if (person.weight == 0) return;
      total.add(w, person);
      macro += w * person.sums[kCorrect] / person.weight;
      weight += w;
    }
  };

  People all;
  double stratified = 0, stratified_weight = 0;
  for (size_t person = 0; person < sums.people.size(); ++person) {
    const double w = weights.columns[person];
    all.add(w, sums.people[person]);
    if (sums.people[person].weight == 0) continue;
    stratified +=
        w * person_weights_[person] * sums.people[person].sums[kCorrect] / sums.people[person].weight;
    stratified_weight += w * person_weights_[person];
  }
  add_slice(all.total);
  values.push_back(ratio(all.macro, all.weight));
  values.push_back(person_spread(weights, nullptr, 0));
  for (const double sum : sums.samples) values.push_back(ratio(sum, sums.sample_weight));
  values.push_back(ratio(stratified, stratified_weight));
  if (!judged_.ranks.empty()) values.push_back(person_correlation(weights));

  for (const Partition& partition : groups_) {
    std::vector<People> groups(partition.values.size());
    for (size_t person = 0; person < sums.people.size(); ++person)
      groups[static_cast<size_t>(partition.codes[person])].add(weights.columns[person], sums.people[person]);
    for (size_t g = 0; g < groups.size(); ++g) {
      const People& group = groups[g];
      add_slice(group.total);
      values.push_back(ratio(group.macro, group.weight));
      values.push_back(person_spread(weights, &partition, static_cast<int32_t>(g)));
      values.push_back(ratio(all.total.sums[kCorrect] - group.total.sums[kCorrect],
                             all.total.weight - group.total.weight) -
                       ratio(group.total.sums[kCorrect], group.total.weight));
      values.push_back(ratio(all.macro - group.macro, all.weight - group.weight) -
                       ratio(group.macro, group.weight));
    }
  }
  for (const auto& partition : sums.strata)
    for (const Pass::Total& stratum : partition) add_slice(stratum);
  return values;
}

}  // namespace lathe::evaluate::subjective
