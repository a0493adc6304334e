#include "lathe/evaluate/subjective/evaluation.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "lathe/core/error.h"
#include "lathe/evaluate/subjective/acceptance.h"
#include "lathe/evaluate/subjective/measures.h"
#include "lathe/evaluate/subjective/partitions.h"
#include "lathe/evaluate/subjective/post_stratification.h"

namespace lathe::evaluate::subjective {
namespace {

Partition of_judged(const data::Attribute& attribute, const std::vector<int32_t>& judged) {
  Partition partition{attribute.name, attribute.values, {}};
  for (const int32_t index : judged) partition.codes.push_back(attribute.codes[static_cast<size_t>(index)]);
  return partition;
}

std::vector<double> person_weights(const Specification& specification, const data::Annotations& annotations,
                                   const std::vector<int32_t>& judged) {
  std::vector<Shares> known;
  for (const Shares& of : shares(specification, "users.shares"))
    if (known_names(annotations.annotator_attributes, {of.attribute}).missing.empty()) known.push_back(of);
  return post_stratify(annotations, judged, known).weights;
}

TieRule ties_of(const Specification& specification) {
  const auto rule = text(specification, "target.ties");
  return rule == "lowest" ? TieRule::lowest : rule == "highest" ? TieRule::highest : TieRule::published;
}

// How many judged annotations, people and samples belong(item, person).
template <typename Belongs>
Slice slice_of(const std::string& attribute, const std::string& value, const Judged& judged,
               const Belongs& belongs) {
  Slice slice{.attribute = attribute, .value = value};
  std::vector<char> people(judged.annotators.size(), 0);
  for (size_t item = 0; item < judged.items.size(); ++item) {
    bool any = false;
    for (int64_t i = judged.offsets[item]; i < judged.offsets[item + 1]; ++i) {
      const auto person = static_cast<size_t>(judged.annotator[static_cast<size_t>(i)]);
      if (!belongs(item, person)) continue;
      any = true;
      ++slice.num_annotations;
      people[person] = 1;
    }
    slice.num_samples += any;
  }
  slice.num_annotators = std::count(people.begin(), people.end(), 1);
  return slice;
}

Slice everything(const Judged& judged) {
  return slice_of("", "", judged, [](size_t, size_t) { return true; });
}

std::vector<Slice> group_slices(const Judged& judged, const std::vector<Partition>& partitions,
                                double least_people) {
  std::vector<Slice> slices;
  for (const Partition& of : partitions)
    for (size_t g = 0; g < of.values.size(); ++g) {
      slices.push_back(slice_of(of.attribute, of.values[g], judged, [&](size_t, size_t person) {
        return of.codes[person] == static_cast<int32_t>(g);
      }));
      slices.back().suppressed = static_cast<double>(slices.back().num_annotators) < least_people;
    }
  return slices;
}

std::vector<Slice> stratum_slices(const Judged& judged, const std::vector<Partition>& partitions) {
  std::vector<Slice> slices;
  for (const Partition& of : partitions)
    for (size_t s = 0; s < of.values.size(); ++s)
      slices.push_back(slice_of(of.attribute, of.values[s], judged, [&](size_t item, size_t) {
        return of.codes[item] == static_cast<int32_t>(s);
      }));
  return slices;
}

struct ExclusionLimits {
  double chance = 0, minimum = 0, confidence = 0.95;
  int64_t least_labels = 0;
};

// Of the judged people who belong(person).
template <typename Belongs>
Exclusion exclusion(const Measures& measures, const ExclusionLimits& limits, const Belongs& belongs) {
  Exclusion result{.chance = limits.chance, .minimum = limits.minimum};
  for (size_t person = 0; person < measures.person_counts().size(); ++person) {
    if (!belongs(person)) continue;
    if (measures.person_counts()[person] < limits.least_labels) {
      ++result.num_too_few_labels;
      continue;
    }
    ++result.num_people;
    result.below_chance += measures.person_accuracy()[person] < limits.chance;
    result.below_minimum += measures.person_accuracy()[person] < limits.minimum;  // no: minimum is NaN
  }
  const math::Interval unknown{std::nan(""), std::nan("")};
  result.chance_interval = result.minimum_interval = unknown;
  if (result.num_people == 0) return result;
  result.chance_interval = math::wilson_interval(result.below_chance, result.num_people, limits.confidence);
  if (!std::isnan(limits.minimum))
    result.minimum_interval =
        math::wilson_interval(result.below_minimum, result.num_people, limits.confidence);
  return result;
}

// Of everybody, then of each group; `slices` are the groups'.
std::vector<Exclusion> exclusions(const Measures& measures, const ExclusionLimits& limits,
                                  const std::vector<Partition>& partitions,
                                  const std::vector<Slice>& slices) {
  std::vector<Exclusion> all = {exclusion(measures, limits, [](size_t) { return true; })};
  for (const Partition& of : partitions)
    for (size_t g = 0; g < of.values.size(); ++g) {
      const Slice& slice = slices[all.size() - 1];
      Exclusion group = exclusion(measures, limits,
                                  [&](size_t person) { return of.codes[person] == static_cast<int32_t>(g); });
      group.attribute = slice.attribute;
      group.value = slice.value;
      group.suppressed = slice.suppressed;
      all.push_back(std::move(group));
    }
  return all;
}

// A metric that needs what the specification does not state is left out.
bool applies(const Measure& measure, const Specification& specification) {
  if (measure.name == "cost") return find_field(specification, "use.costs").stated();
  if (measure.name == "post_stratified_accuracy") return find_field(specification, "users.shares").stated();
  return true;
}

// By its number among the measures: everything, groups, strata.
Slice& slice_at(Evaluation& evaluation, size_t index) {
  if (index == 0) return evaluation.all;
  const size_t num_groups = evaluation.groups.size();
  return index <= num_groups ? evaluation.groups[index - 1] : evaluation.strata[index - 1 - num_groups];
}

}  // namespace

const Metric& find_metric(const Slice& slice, const std::string& name) {
  for (const Metric& metric : slice.metrics)
    if (metric.name == name) return metric;
  throw std::logic_error("the slice has no metric " + name);
}

Evaluation evaluate(const Specification& specification, const data::Annotations& annotations,
                    const OpinionPredictions& predictions, const EvaluationOptions& options) {
  const auto attributes =
      known_names(annotations.annotator_attributes, texts(specification, "users.attributes"));
  const std::vector<data::Attribute> all_groups = group_partitions(annotations, attributes.known);
  const bool own_strata = find_field(specification, "acceptance.strata").stated();
  const std::vector<data::Attribute> all_strata = strata_partitions(
      annotations, known_names(annotations.item_attributes,
                               texts(specification, own_strata ? "acceptance.strata" : "samples.strata"))
                       .known);

  Judged judged = judge(annotations, predictions, data::annotator_groups(annotations, attributes.known),
                        {.ties = ties_of(specification), .costs = numbers(specification, "use.costs")});
  std::vector<Partition> groups, strata;
  for (const data::Attribute& of : all_groups) groups.push_back(of_judged(of, judged.annotators));
  for (const data::Attribute& of : all_strata) strata.push_back(of_judged(of, judged.items));
  std::vector<double> weights = person_weights(specification, annotations, judged.annotators);
  const Measures measures(std::move(judged), groups, strata, std::move(weights));

  Evaluation result;
  result.model = options.model;
  result.confidence = number(specification, "acceptance.confidence").value_or(0.95);
  result.num_missing = annotations.size() - measures.judged().size();
  math::BootstrapOptions bootstrap = options.bootstrap;
  bootstrap.confidence = result.confidence;
  const std::vector<math::TwoWayEstimate> estimates = math::bootstrap_two_way(
      static_cast<int64_t>(measures.judged().items.size()),
      static_cast<int64_t>(measures.judged().annotators.size()),
      [&](const math::TwoWayWeights& of) { return measures(of); }, bootstrap);

  result.all = everything(measures.judged());
  result.groups = group_slices(
      measures.judged(), groups,
      number(specification, "users.min_group_size").value_or(static_cast<double>(kMinGroupSize)));
  result.strata = stratum_slices(measures.judged(), strata);
  for (size_t i = 0; i < estimates.size(); ++i) {
    const Measure& measure = measures.measures()[i];
    Slice& slice = slice_at(result, static_cast<size_t>(measure.slice));
    if (!slice.suppressed && applies(measure, specification))
      slice.metrics.push_back(
          {measure.name, estimates[i].estimate, estimates[i].standard_error, estimates[i].interval});
  }
  result.exclusions =
      exclusions(measures,
                 {.chance = 1 / static_cast<double>(annotations.scale.num_classes()),
                  .minimum = number(specification, "acceptance.person_minimum").value_or(std::nan("")),
                  .confidence = result.confidence,
                  .least_labels = options.min_labels_per_person},
                 groups, result.groups);
  result.self = self_consistency(annotations, bootstrap);
  result.verdicts = accept(specification, result);
  result.decision = overall(result.verdicts);
  return result;
}

}  // namespace lathe::evaluate::subjective
