#include "lathe/evaluate/subjective/design.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lathe/core/error.h"
#include "lathe/evaluate/subjective/assignment.h"
#include "lathe/evaluate/votes.h"
#include "lathe/math/intraclass.h"
#include "lathe/math/special.h"

namespace lathe::evaluate::subjective {
namespace {

constexpr size_t kMostGroups = 8;

void check_share(const char* name, double value) {
  if (!(value > 0 && value < 1)) throw InputError("design: {} must lie between 0 and 1, got {}", name, value);
}

double critical_value(const TestOptions& options) {
  check_share("confidence", options.confidence);
  check_share("power", options.power);
  return math::normal_quantile((1 + options.confidence) / 2) + math::normal_quantile(options.power);
}

// With no answers in the second arm the first is compared with a known accuracy.
double gap_of(double p1, const Arm& first, const Arm& second, double critical) {
  double gap = 0;
  for (int round = 0; round < 100; ++round) {
    const double p2 = std::max(0.0, p1 - gap);
    const double variance = p1 * (1 - p1) * first.effect / first.answers +
                            (second.answers > 0 ? p2 * (1 - p2) * second.effect / second.answers : 0);
    gap = critical * std::sqrt(variance);
  }
  return std::min(gap, 1.0);
}

void check(const DesignOptions& options) {
  if (options.groups.empty()) throw InputError("design: there is no group");
  if (options.groups.size() > kMostGroups)
    throw InputError("design: at most {} groups can be planned for, got {}", kMostGroups,
                     options.groups.size());
  for (const DesignGroup& group : options.groups)
    if (group.num_annotators < 0)
      throw InputError("design: group '{}' has {} annotators", group.name, group.num_annotators);
  const auto positive = [](const char* name, double value) {
    if (!(value > 0 && std::isfinite(value)))
      throw InputError("design: {} must be positive, got {}", name, value);
  };
  positive("budget", options.budget);
  positive("label_cost", options.label_cost);
  positive("samples_per_annotator", static_cast<double>(options.samples_per_annotator));
  positive("min_annotators_per_sample", static_cast<double>(options.min_annotators_per_sample));
  if (!(options.sample_cost >= 0)) throw InputError("design: sample_cost must be at least 0");
  if (!(options.repeat_rate >= 0 && options.repeat_rate <= 1))
    throw InputError("design: repeat_rate must lie in [0, 1], got {}", options.repeat_rate);
  check_share("accuracy", options.accuracy);
  const int64_t most = options.max_annotators_per_sample;
  if (most < options.min_annotators_per_sample || most < static_cast<int64_t>(options.groups.size()))
    throw InputError(
        "design: max_annotators_per_sample must be at least {}, one of each group and "
        "min_annotators_per_sample, "
        "got {}",
        std::max(options.min_annotators_per_sample, static_cast<int64_t>(options.groups.size())), most);
}

DesignPlan plan_of(const DesignOptions& options, const std::vector<int64_t>& quotas, double critical) {
  const int64_t per_sample = std::accumulate(quotas.begin(), quotas.end(), int64_t{0});
  const double sample_price =
      options.sample_cost + static_cast<double>(per_sample) * (1 + options.repeat_rate) * options.label_cost;
  DesignPlan plan;
  plan.num_samples = static_cast<int64_t>(std::floor(options.budget / sample_price + 1e-9));
  if (plan.num_samples == 0) return plan;
  std::vector<Arm> arms;
  int64_t labels = 0;
  for (size_t g = 0; g < quotas.size(); ++g) {
    GroupPlan group{.name = options.groups[g].name, .quota = quotas[g]};
    group.num_labels = plan.num_samples * quotas[g];
    group.num_annotators = options.groups[g].num_annotators;
    if (group.num_annotators == 0)
      group.num_annotators = std::max(
          quotas[g], (group.num_labels + options.samples_per_annotator - 1) / options.samples_per_annotator);
    if (group.num_annotators < quotas[g]) return {};
    const double each = static_cast<double>(group.num_labels) / static_cast<double>(group.num_annotators);
    group.design_effect = design_effect({.per_sample = static_cast<double>(quotas[g]), .per_annotator = each},
                                        options.correlations);
    arms.push_back({static_cast<double>(group.num_labels), group.design_effect});
    labels += group.num_labels;
    plan.groups.push_back(std::move(group));
  }
  plan.num_labels = labels + num_repeats_of(labels, options.repeat_rate);
  plan.cost = static_cast<double>(plan.num_labels) * options.label_cost +
              static_cast<double>(plan.num_samples) * options.sample_cost;
  plan.detectable_gap = arms.size() == 1 ? gap_of(options.accuracy, arms[0], {}, critical) : 0;
  for (size_t a = 0; a < arms.size(); ++a)
    for (size_t b = a + 1; b < arms.size(); ++b)
      plan.detectable_gap =
          std::max(plan.detectable_gap, gap_of(options.accuracy, arms[a], arms[b], critical));
  return plan;
}

// visit(quotas) for all ways to write `total` as a sum of positive quotas.
template <typename Visit>
void for_quotas(std::vector<int64_t>& quotas, size_t next, int64_t total, const Visit& visit) {
  const auto after = static_cast<int64_t>(quotas.size() - next - 1);
  if (after == 0) {
    quotas[next] = total;
    visit(quotas);
    return;
  }
  for (quotas[next] = 1; quotas[next] <= total - after; ++quotas[next])
    for_quotas(quotas, next + 1, total - quotas[next], visit);
}

}  // namespace

Pilot pilot(const data::Annotations& annotations, const std::vector<double>& right) {
  Pilot result;
  const auto correlation = [&](const std::vector<int32_t>& clusters) {
    const double value = math::intraclass(clusters, right).correlation;
    return std::isnan(value) ? 0 : std::max(0.0, value);
  };
  result.sample_correlation = correlation(annotations.item);
  result.annotator_correlation = correlation(annotations.annotator);
  result.accuracy = std::accumulate(right.begin(), right.end(), 0.0) /
                    static_cast<double>(std::max<size_t>(right.size(), 1));
  return result;
}

Pilot pilot_of_agreement(const data::Annotations& annotations) {
  const std::vector<int32_t> others = leave_one_out_majority(annotations, count_votes(annotations));
  std::vector<int64_t> rows;
  std::vector<double> right;
  for (size_t row = 0; row < others.size(); ++row)
    if (others[row] != kNoMajority) {
      rows.push_back(static_cast<int64_t>(row));
      right.push_back(others[row] == annotations.label[row] ? 1 : 0);
    }
  return pilot(data::select(annotations, rows), right);
}

double design_effect(const Clusters& clusters, const Pilot& pilot) {
  return (1 + (std::max(1.0, clusters.per_sample) - 1) * pilot.sample_correlation) *
         (1 + (std::max(1.0, clusters.per_annotator) - 1) * pilot.annotator_correlation);
}

double answers_for_gap(double p1, double p2, double effect, const TestOptions& options) {
  check_share("p1", p1);
  check_share("p2", p2);
  if (p1 == p2) throw InputError("design: no study tells {} from {} apart", p1, p2);
  const double critical = critical_value(options), gap = p1 - p2;
  return critical * critical * (p1 * (1 - p1) + p2 * (1 - p2)) / (gap * gap) * effect;
}

double detectable_gap(double p1, const Arm& first, const Arm& second, const TestOptions& options) {
  check_share("p1", p1);
  if (!(first.answers > 0 && second.answers > 0)) return 1;
  return gap_of(p1, first, second, critical_value(options));
}

DesignPlan design(const DesignOptions& options) {
  check(options);
  const double critical = critical_value(options.test);
  DesignPlan best;
  const auto num_groups = static_cast<int64_t>(options.groups.size());
  for (int64_t total = std::max(options.min_annotators_per_sample, num_groups);
       total <= options.max_annotators_per_sample; ++total) {
    std::vector<int64_t> quotas(options.groups.size());
    for_quotas(quotas, 0, total, [&](const std::vector<int64_t>& of) {
      DesignPlan plan = plan_of(options, of, critical);
      if (plan.num_samples > 0 &&
          (best.num_samples == 0 || plan.detectable_gap < best.detectable_gap * (1 - 1e-9)))
        best = std::move(plan);
    });
  }
  if (best.num_samples == 0)
    throw InputError(
        "design: a budget of {} and the annotators there are do not pay for one sample of {} groups",
        options.budget, num_groups);
  return best;
}

}  // namespace lathe::evaluate::subjective
