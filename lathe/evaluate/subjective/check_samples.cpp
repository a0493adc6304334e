#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"
#include "lathe/evaluate/agreement.h"
#include "lathe/evaluate/subjective/check_data.h"
#include "lathe/evaluate/subjective/coverage.h"
#include "lathe/evaluate/subjective/design.h"
#include "lathe/evaluate/subjective/partitions.h"

namespace lathe::evaluate::subjective {
namespace {

constexpr double kAmbiguous = 0.7;  // largest share of votes of a sample on which people disagree

Status at_least(std::optional<double> wanted, double found) {
  return !wanted || std::isnan(found) ? Status::unknown : found >= *wanted ? Status::ok : Status::violated;
}

std::string wanted_text(const char* what, std::optional<double> wanted) {
  return wanted ? fmt::format("{} {:g}", what, *wanted) : "not stated";
}

std::string name_of(data::LabelScale::Kind kind) {
  switch (kind) {
    case data::LabelScale::Kind::nominal:
      return "nominal";
    case data::LabelScale::Kind::ordinal:
      return "ordinal";
    case data::LabelScale::Kind::real:
      break;
  }
  return "real";
}

void check_leaks(const std::vector<Leak>& leaks, const std::string& field, const std::string& what,
                 CheckReport& report) {
  report.checks.push_back(
      {field, what, leaks.empty() ? Status::ok : Status::violated,
       leaks.empty() ? "none" : fmt::format("{}: {} and {}", leaks.size(), leaks[0].first, leaks[0].second),
       "no two parts share"});
}

void check_split(const Specification& specification, const data::Annotations& annotations,
                 CheckReport& report) {
  const auto name = text(specification, "samples.split");
  if (!name) return;
  if (!known_names(annotations.item_attributes, {*name}).missing.empty()) {
    report.checks.push_back(
        {"samples.split", "in the data", Status::unknown, "missing: " + *name, "the parts"});
    return;
  }
  const data::Attribute split = data::find_attribute(annotations.item_attributes, *name);
  if (annotations.texts.empty())
    report.checks.push_back({"samples.split", "no text in two parts", Status::unknown, "no texts", "texts"});
  else
    check_leaks(same_texts(annotations, split), "samples.split", "no text in two parts", report);
  for (const std::string& attribute : texts(specification, "samples.not_shared")) {
    const std::string what = "no " + attribute + " in two parts";
    if (known_names(annotations.item_attributes, {attribute}).missing.empty())
      check_leaks(
          same_values(annotations, split, data::find_attribute(annotations.item_attributes, attribute)),
          "samples.not_shared", what, report);
    else
      report.checks.push_back({"samples.not_shared", what, Status::unknown, "missing: " + attribute,
                               "an attribute of the samples"});
  }
}

}  // namespace

void check_scale(const Specification& specification, const data::Annotations& annotations,
                 CheckReport& report) {
  const auto scale = text(specification, "property.scale");
  const std::string found = name_of(annotations.scale.kind);
  if (scale)
    report.checks.push_back(
        {"property.scale", "as in the data", *scale == found ? Status::ok : Status::violated, found, *scale});
  const auto classes = texts(specification, "property.classes");
  if (!classes.empty())
    report.checks.push_back({"property.classes", "as in the data",
                             classes == annotations.scale.classes ? Status::ok : Status::violated,
                             fmt::format("{}", fmt::join(annotations.scale.classes, ", ")),
                             fmt::format("{}", fmt::join(classes, ", "))});
}

void check_samples(const Specification& specification, const data::Annotations& annotations,
                   CheckReport& report) {
  const auto ambiguous = number(specification, "samples.ambiguous_share");
  if (ambiguous && annotations.scale.num_classes() > 0) {
    int64_t num = 0, disputed = 0;
    for (const ItemAgreement& item : item_agreement(count_votes(annotations))) {
      if (std::isnan(item.agreement)) continue;
      ++num;
      disputed += item.largest_share <= kAmbiguous;
    }
    const double share = num > 0 ? static_cast<double>(disputed) / static_cast<double>(num) : std::nan("");
    report.checks.push_back({"samples.ambiguous_share", "samples on which people disagree",
                             at_least(ambiguous, share), fmt::format("{:.3f}", share),
                             wanted_text("at least", ambiguous)});
  }
  check_split(specification, annotations, report);
}

void check_overlap(const Specification& specification, const data::Annotations& annotations,
                   CheckReport& report) {
  const auto add = [&](const std::string& key, const std::string& what, const Counts& counts,
                       const char* of) {
    const auto wanted = number(specification, "annotators." + key);
    const int64_t below = wanted ? counts.below(static_cast<int64_t>(*wanted)) : 0;
    report.checks.push_back({"annotators." + key, what, at_least(wanted, static_cast<double>(counts.least)),
                             fmt::format("least {}, mean {:.1f}, most {}; {} of {} {} below", counts.least,
                                         counts.mean, counts.most, below, counts.num, of),
                             wanted_text("at least", wanted)});
  };
  add("annotations_per_sample", "annotators of a sample", annotators_of_samples(annotations), "samples");
  add("samples_per_annotator", "samples of an annotator", samples_of_annotators(annotations), "annotators");
  const int64_t components = num_components(annotations);
  report.checks.push_back({"annotators.overlap", "everybody is compared with everybody, over others",
                           components == 1 ? Status::ok : Status::violated,
                           fmt::format("{} parts without common samples", components), "1"});
}

void check_consistency(const Specification& specification, const data::Annotations& annotations,
                       const CheckOptions& options, CheckReport& report) {
  const auto rate = number(specification, "annotators.repeat_rate");
  const double found = repeat_rate(annotations);
  // One more annotation: the rate wanted may be one that whole annotations do not make.
  const double one_more = (1 + found) / static_cast<double>(annotations.size());
  report.checks.push_back({"annotators.repeat_rate", "asked twice", at_least(rate, found + one_more),
                           fmt::format("{:.3f}", found), wanted_text("at least", rate)});
  const auto kappa = number(specification, "annotators.self_consistency");
  const SelfConsistency self = self_consistency(annotations, options.bootstrap);
  Check check{.field = "annotators.self_consistency", .what = "people agree with themselves (kappa)"};
  check.wanted = wanted_text("at least", kappa);
  if (self.num_repeats == 0) {
    check.found = "nobody was asked twice";
  } else {
    const math::Interval interval = self.kappa.interval;
    check.found = fmt::format("{:.3f} [{:.3f}, {:.3f}], the same {:.1f} % of {} times", self.kappa.estimate,
                              interval.low, interval.high, 100 * self.rate.estimate, self.num_repeats);
    if (kappa && interval.low >= *kappa) check.status = Status::ok;
    if (kappa && interval.high < *kappa) check.status = Status::violated;
  }
  report.checks.push_back(check);
}

double achievable_gap(const Specification& specification, const data::Annotations& annotations) {
  const auto accuracy = number(specification, "acceptance.expected_accuracy");
  const auto confidence = number(specification, "acceptance.confidence");
  const auto power = number(specification, "acceptance.power");
  const double none = std::nan("");
  if (!accuracy || !confidence || !power || annotations.scale.num_classes() == 0) return none;
  const auto names = known_names(annotations.annotator_attributes, texts(specification, "users.attributes"));
  Pilot correlations;
  try {
    correlations = pilot_of_agreement(annotations);
  } catch (const InputError&) {  // no sample, or no annotator, has two annotations
    return none;
  }
  double largest = none;
  for (const data::Attribute& groups : group_partitions(annotations, names.known)) {
    const std::vector<int64_t> people = members(annotations, groups);
    std::vector<int64_t> labels(people.size());
    std::vector<int64_t> samples(people.size());
    std::vector<int32_t> last(people.size(), -1);  // annotations are ordered by sample
    for (size_t row = 0; row < annotations.item.size(); ++row) {
      const auto group = static_cast<size_t>(groups.codes[static_cast<size_t>(annotations.annotator[row])]);
      ++labels[group];
      if (last[group] != annotations.item[row]) ++samples[group];
      last[group] = annotations.item[row];
    }
    std::vector<Arm> arms;
    for (size_t g = 0; g < people.size(); ++g) {
      if (labels[g] == 0) continue;
      const auto n = static_cast<double>(labels[g]);
      arms.push_back({n, design_effect({.per_sample = n / static_cast<double>(samples[g]),
                                        .per_annotator = n / static_cast<double>(people[g])},
                                       correlations)});
    }
    for (size_t a = 0; a < arms.size(); ++a)
      for (size_t b = a + 1; b < arms.size(); ++b) {
        const double gap =
            detectable_gap(*accuracy, arms[a], arms[b], {.confidence = *confidence, .power = *power});
        if (std::isnan(largest) || gap > largest) largest = gap;
      }
  }
  return largest;
}

void check_detectable_gap(const Specification& specification, const data::Annotations& annotations,
                          CheckReport& report) {
  const auto wanted = number(specification, "acceptance.detectable_gap");
  const double gap = achievable_gap(specification, annotations);
  report.checks.push_back(
      {"acceptance.detectable_gap", "gap between two groups that can be found",
       at_least(std::isnan(gap) ? std::nullopt : std::optional(gap), wanted.value_or(NAN)),
       std::isnan(gap) ? "needs two groups, acceptance.expected_accuracy, confidence and power"
                       : fmt::format("{:.3f}", gap),
       wanted_text("at most", wanted)});
}

}  // namespace lathe::evaluate::subjective
