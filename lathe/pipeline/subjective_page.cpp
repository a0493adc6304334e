#include "lathe/pipeline/subjective_page.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <set>

namespace lathe::pipeline {
namespace {

namespace subjective = evaluate::subjective;
using subjective::Evaluation;
using subjective::Slice;
using subjective::Status;

struct Intervals {
  std::vector<std::string> labels;
  std::vector<double> values, low, high;
  void add(const std::string& label, double value, const math::Interval& interval) {
    labels.push_back(label);
    values.push_back(value);
    low.push_back(interval.low);
    high.push_back(interval.high);
  }
  core::Chart chart(const std::string& title, const std::string& x_label) const {
    return core::interval_chart(
        {.title = title, .x_label = x_label, .height = 60 + 22 * static_cast<double>(labels.size())}, labels,
        values, low, high);
  }
};

std::string label_of(const std::vector<Evaluation>& evaluations, const Evaluation& evaluation,
                     const std::string& name) {
  return evaluations.size() > 1 ? fmt::format("{}: {}", evaluation.model, name) : name;
}

// A metric of everything and of each slice that may be told of.
core::Chart slices_chart(const std::vector<Evaluation>& evaluations, std::vector<Slice> Evaluation::*slices,
                         const std::string& metric, const std::string& title) {
  Intervals intervals;
  for (const Evaluation& evaluation : evaluations) {
    const auto add = [&](const Slice& slice, const std::string& name) {
      const subjective::Metric& found = find_metric(slice, metric);
      intervals.add(label_of(evaluations, evaluation, name), found.estimate, found.interval);
    };
    add(evaluation.all, "all");
    for (const Slice& slice : evaluation.*slices)
      if (!slice.suppressed && slice.num_annotations > 0) add(slice, slice.value);
  }
  return intervals.chart(title, metric);
}

std::string suppression_note(const std::vector<Evaluation>& evaluations) {
  std::set<std::string> names;
  for (const Evaluation& evaluation : evaluations)
    for (const std::string& name : suppressed_groups(evaluation)) names.insert(name);
  if (names.empty()) return "";
  return fmt::format("\n\nToo small to be told of, so that nobody in them is: {}.", fmt::join(names, "; "));
}

std::string percent(double share) {
  return std::isnan(share) ? "–" : fmt::format("{:.1f} %", 100 * share);
}

void add_headline(const SubjectiveReport& report, Page& page) {
  for (const Evaluation& evaluation : report.evaluations) {
    page.headline.emplace_back(evaluation.model + ", accuracy",
                               percent(find_metric(evaluation.all, "accuracy").estimate));
    const Slice* worst = nullptr;
    for (const Slice& slice : evaluation.groups)
      if (!slice.suppressed && slice.num_annotations > 0 &&
          (worst == nullptr ||
           find_metric(slice, "accuracy").estimate < find_metric(*worst, "accuracy").estimate))
        worst = &slice;
    if (worst != nullptr)
      page.headline.emplace_back(fmt::format("worst group: {}", worst->value),
                                 percent(find_metric(*worst, "accuracy").estimate));
    page.headline.emplace_back(evaluation.model + ", verdict", to_string(evaluation.decision));
  }
  page.headline.emplace_back("checks violated", std::to_string(report.check.count(Status::violated)));
  page.headline.emplace_back("checks unknown", std::to_string(report.check.count(Status::unknown)));
}

void add_evaluations(const SubjectiveReport& report, Page& page) {
  const std::vector<Evaluation>& all = report.evaluations;
  page.sections.push_back(
      {.title = "Is it what was asked for?",
       .text =
           "Each criterion of section 7 of the specification. Violated: significantly beyond the limit, "
           "after "
           "the correction for the number of groups. Met: significantly within. Not decidable: the data do "
           "not tell, or the specification does not say; that is no pass.",
       .tables = {verdict_table(all)}});
  Section groups{
      .title = "Who is served badly?",
      .text =
          "Accuracy is against each person's own labels, not against a majority. A group's gap is "
          "the accuracy of all others less its own. An attribute is not an opinion: person_sd is how "
          "far people within a group differ, beyond chance. Whiskers: two-way bootstrap over samples "
          "and annotators." +
          suppression_note(all)};
  groups.tables = {groups_table(all)};
  if (!all[0].groups.empty()) {
    groups.charts = {slices_chart(all, &Evaluation::groups, "accuracy", "Accuracy of own labels, by group"),
                     slices_chart(all, &Evaluation::groups, "macro_accuracy", "The same, each person alike")};
  }
  page.sections.push_back(std::move(groups));
  page.sections.push_back(
      {.title = "Who is excluded?",
       .text = "People for whom the model is right less often than chance, or than the minimum of the "
               "specification. People with too few labels are counted apart: nothing can be said of them.",
       .tables = {exclusion_table(all)}});
  page.sections.push_back(
      {.title = "All numbers",
       .text =
           "The prior is the most frequent label of all. ceiling_single is the best that any model with one "
           "answer for everybody can do, ceiling_group with one for each group, self-consistency with one "
           "for "
           "each person. The gains are (accuracy - prior) / (ceiling - prior). majority_accuracy is the "
           "conventional number, which hides whom the majority outvotes.",
       .tables = {metrics_table(all)}});
  Section strata{.title = "On which samples?",
                 .text =
                     "Where people disagree, one answer for everybody cannot be right for all of them: its "
                     "ceiling falls.",
                 .tables = {strata_table(all)}};
  if (!all[0].strata.empty()) {
    strata.charts = {
        slices_chart(all, &Evaluation::strata, "accuracy", "Accuracy of own labels, by stratum")};
    page.sections.push_back(std::move(strata));
  }
}

void add_agreement(const subjective::Stats& stats, Page& page) {
  Section section{.title = "How far do people agree?",
                  .text =
                      "Krippendorff's alpha: 1 where all agree, 0 as chance would have it. A low alpha is a "
                      "property of the question as much as of the people.",
                  .tables = {sizes_table(stats), agreement_table(stats)}};
  Intervals alphas;
  for (const subjective::GroupStats& group : stats.groups)
    if (!group.suppressed && !std::isnan(group.alpha.estimate))
      alphas.add(group.value.empty() ? "everybody" : group.value, group.alpha.estimate, group.alpha.interval);
  if (!alphas.labels.empty()) section.charts.push_back(alphas.chart("Agreement within", "alpha"));
  std::vector<double> shares;
  for (const evaluate::ItemAgreement& item : stats.items)
    if (!std::isnan(item.agreement)) shares.push_back(item.largest_share);
  if (!shares.empty())
    section.charts.push_back(
        core::histogram_chart({.title = "Samples by the share of their most frequent label",
                               .x_label = "largest share",
                               .y_label = "samples"},
                              shares, 20));
  page.sections.push_back(std::move(section));
}

core::Table fields_table(const subjective::Specification& specification) {
  core::Table table({"field", "value", "rationale"});
  for (const subjective::Field& field : specification.fields)
    table.add({field.path(), to_text(field.value), field.rationale.empty() ? "–" : field.rationale});
  return table;
}

}  // namespace

Page subjective_page(const SubjectiveReport& report, const std::string& subtitle) {
  Page page{.title = report.evaluations.size() > 1 ? "Whose opinion do these models serve?"
                                                   : "Whose opinion does this model serve?",
            .subtitle = subtitle,
            .headline = {},
            .sections = {}};
  if (report.evaluations.empty()) page.title = "Whose opinions were asked?";
  add_headline(report, page);
  if (!report.evaluations.empty()) add_evaluations(report, page);
  add_agreement(report.stats, page);
  page.sections.push_back(
      {.title = "What was checked",
       .text = "The specification against itself and against the annotations. Unknown is no pass.",
       .tables = {check_table(worth_telling(report.check))}});
  page.sections.push_back(
      {.title = "Specification", .text = "", .tables = {fields_table(report.specification)}});
  return page;
}

}  // namespace lathe::pipeline
