#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "lathe/evaluate/subjective/check_data.h"
#include "lathe/evaluate/subjective/coverage.h"
#include "lathe/evaluate/subjective/partitions.h"
#include "lathe/evaluate/subjective/post_stratification.h"

namespace lathe::evaluate::subjective {
namespace {

Status judge(bool known, bool ok) {
  return !known ? Status::unknown : ok ? Status::ok : Status::violated;
}

std::vector<std::string> names_of(const std::vector<data::Attribute>& attributes) {
  std::vector<std::string> names;
  for (const data::Attribute& attribute : attributes) names.push_back(attribute.name);
  return names;
}

// Attributes that the data do not have leave all that depends on them unknown.
void check_attributes(const std::string& field, const std::vector<std::string>& missing,
                      const std::vector<data::Attribute>& there, CheckReport& report) {
  std::vector<std::string> names = names_of(there);
  constexpr size_t kMostNames = 8;
  if (names.size() > kMostNames) {
    names.resize(kMostNames);
    names.emplace_back("…");
  }
  report.checks.push_back({field, "in the data", judge(missing.empty(), true),
                           missing.empty() ? "all" : fmt::format("missing: {}", fmt::join(missing, ", ")),
                           names.empty() ? "attributes" : fmt::format("of {}", fmt::join(names, ", "))});
}

std::vector<Shares> known_shares(const std::vector<Shares>& all,
                                 const std::vector<data::Attribute>& attributes) {
  std::vector<Shares> known;
  for (const Shares& shares : all)
    if (known_names(attributes, {shares.attribute}).missing.empty()) known.push_back(shares);
  return known;
}

std::string describe(const Match& match) {
  std::string text = fmt::format("total variation {:.3f}, chi-square {:.1f}, p = {:.2g}",
                                 match.total_variation, match.chi_square, match.p_value);
  std::vector<std::string> absent, unwanted;
  for (size_t v = 0; v < match.values.size(); ++v) {
    if (match.counts[v] == 0 && match.wanted[v] > 0) absent.push_back(match.values[v]);
    if (match.counts[v] > 0 && match.wanted[v] == 0) unwanted.push_back(match.values[v]);
  }
  if (!absent.empty()) text += fmt::format("; none of {}", fmt::join(absent, ", "));
  if (!unwanted.empty()) text += fmt::format("; not wanted: {}", fmt::join(unwanted, ", "));
  if (match.num_unknown > 0) text += fmt::format("; {} unknown", match.num_unknown);
  return text;
}

// Where nothing is known of anybody, nothing can be said.
bool tells(const Match& match) {
  return *std::max_element(match.counts.begin(), match.counts.end()) > 0;
}

void check_shares_of_people(const Specification& specification, const data::Annotations& annotations,
                            CheckReport& report) {
  const auto known = known_shares(shares(specification, "users.shares"), annotations.annotator_attributes);
  const auto tolerance = number(specification, "annotators.match_tolerance");
  for (const Shares& wanted : known) {
    const Match found = match_annotators(annotations, wanted);
    report.checks.push_back(
        {"annotators.match_tolerance", "annotators are as end-users in " + wanted.attribute,
         judge(tolerance && tells(found), found.total_variation <= tolerance.value_or(0)), describe(found),
         tolerance ? fmt::format("total variation at most {:g}", *tolerance) : "not stated"});
  }
  if (known.empty()) return;
  const PostStratification weights = post_stratify(annotations, active_annotators(annotations), known);
  report.checks.push_back(
      {"users.shares", "weights can make up for the difference", judge(true, weights.num_capped == 0),
       fmt::format("largest weight {:.2f}, {} annotators at the cap",
                   *std::max_element(weights.weights.begin(), weights.weights.end()), weights.num_capped),
       "none at the cap"});
}

void check_group_sizes(const Specification& specification, const data::Annotations& annotations,
                       const std::vector<data::Attribute>& partitions, CheckReport& report) {
  const auto least = number(specification, "users.min_group_size");
  const auto never = texts(specification, "users.never_excluded");
  std::vector<std::string> small, present;
  for (const data::Attribute& groups : partitions) {
    const std::vector<int64_t> sizes = members(annotations, groups);
    for (size_t g = 0; g < sizes.size(); ++g) {
      if (sizes[g] == 0) continue;
      if (static_cast<double>(sizes[g]) < least.value_or(1))
        small.push_back(groups.values[g]);  // how many people would be too much to tell
      else
        present.push_back(groups.values[g]);
    }
  }
  if (!partitions.empty())
    report.checks.push_back({"users.min_group_size", "groups large enough",
                             judge(least.has_value(), small.empty()),
                             small.empty() ? "all" : fmt::format("smaller: {}", fmt::join(small, "; ")),
                             least ? fmt::format("{:g} annotators", *least) : "not stated"});
  for (const std::string& group : never) {
    const bool there = std::find(present.begin(), present.end(), group) != present.end();
    report.checks.push_back(
        {"users.never_excluded", "asked: " + group, judge(least && !partitions.empty(), there),
         there ? "enough annotators" : "too few annotators, or none", "users.min_group_size annotators"});
  }
}

void check_cells(const std::vector<data::Attribute>& partitions, const std::vector<data::Attribute>& strata,
                 const data::Annotations& annotations, CheckReport& report) {
  for (const data::Attribute& groups : partitions)
    for (const data::Attribute& of : strata) {
      const std::vector<int64_t> counts = cells(annotations, groups, of);
      std::vector<std::string> empty;
      for (size_t cell = 0; cell < counts.size(); ++cell)
        if (counts[cell] == 0)
          empty.push_back(groups.values[cell / of.values.size()] + " on " +
                          of.values[cell % of.values.size()]);
      const size_t num_empty = empty.size();
      empty.resize(std::min<size_t>(num_empty, 5));
      report.checks.push_back(
          {"samples.strata", fmt::format("every group on every stratum: {} × {}", groups.name, of.name),
           judge(true, num_empty == 0),
           num_empty == 0
               ? fmt::format("at least {}", *std::min_element(counts.begin(), counts.end()))
               : fmt::format("{} of {} cells empty: {}", num_empty, counts.size(), fmt::join(empty, "; ")),
           "annotations in every cell"});
    }
}

}  // namespace

void check_people(const Specification& specification, const data::Annotations& annotations,
                  CheckReport& report) {
  const KnownNames groups =
      known_names(annotations.annotator_attributes, texts(specification, "users.attributes"));
  const KnownNames strata = known_names(annotations.item_attributes, texts(specification, "samples.strata"));
  if (find_field(specification, "users.attributes").stated())
    check_attributes("users.attributes", groups.missing, annotations.annotator_attributes, report);
  if (find_field(specification, "samples.strata").stated())
    check_attributes("samples.strata", strata.missing, annotations.item_attributes, report);
  for (const Shares& of : shares(specification, "users.shares"))
    if (!known_names(annotations.annotator_attributes, {of.attribute}).missing.empty())
      check_attributes("users.shares", {of.attribute}, annotations.annotator_attributes, report);
  check_shares_of_people(specification, annotations, report);
  const std::vector<data::Attribute> partitions = group_partitions(annotations, groups.known);
  check_group_sizes(specification, annotations, partitions, report);
  check_cells(partitions, strata_partitions(annotations, strata.known), annotations, report);

  const auto confidence = number(specification, "acceptance.confidence");
  for (const Shares& wanted : shares(specification, "samples.shares")) {
    if (!known_names(annotations.item_attributes, {wanted.attribute}).missing.empty()) {
      check_attributes("samples.shares", {wanted.attribute}, annotations.item_attributes, report);
      continue;
    }
    const Match found = match_samples(annotations, wanted);
    report.checks.push_back(
        {"samples.shares", "samples are as in use in " + wanted.attribute,
         judge(confidence && tells(found), found.p_value >= 1 - confidence.value_or(0)), describe(found),
         confidence ? fmt::format("p at least {:.3g}", 1 - *confidence) : "acceptance.confidence stated"});
  }
}

}  // namespace lathe::evaluate::subjective
