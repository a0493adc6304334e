#include "lathe/pipeline/active_page.h"

#include <fmt/format.h>

#include <cmath>

namespace lathe::pipeline {
namespace {

using evaluate::active::EstimateRow;
using evaluate::active::Report;

constexpr size_t kMostSteps = 50;  // in the table; all are in the test's file
constexpr double kWholeRow = 1022;

const EstimateRow* followed(const Report& report) {
  for (const EstimateRow& row : report.estimates)
    if (row.name == report.followed && row.of_class.empty()) return &row;
  return nullptr;
}

std::string number(double value) {
  return fmt::format("{:.4g}", value);
}

std::string describe(const Report& report) {
  std::string text = fmt::format(
      "{} of {} points have been labelled. Which ones was decided by chance, with probabilities that follow "
      "the "
      "scores ({}, {}), so the labels are not like the pool, and a plain mean over them says little about "
      "it. "
      "Estimates weigh each label by how improbable it was ({}), and their intervals hold {:g} % of the "
      "time.",
      report.num_used, report.num_pool, to_string(report.options.acquisition),
      to_string(report.options.proposal.kind), to_string(report.options.estimator), 100 * report.confidence);
  for (const EstimateRow& row : report.estimates)
    if (row.anytime) {
      text +=
          " The anytime interval holds after every label at once: one may look at it at any time and stop.";
      break;
    }
  for (const std::string& note : report.notes) text += "\n\nNote: " + note + ".";
  return text;
}

Section weights_section(const Report& report) {
  Section section{.title = "Weights",
                  .text =
                      "A weight says for how many points of the pool, relative to a uniform draw, a label "
                      "stands. Very large ones are points that were taken in spite of a low score; a floor "
                      "keeps them below its inverse."};
  std::vector<double> weights;
  core::Series by_score{.name = "labels"};
  for (const auto& step : report.steps) {
    weights.push_back(step.weight);
    by_score.x.push_back(step.score);
    by_score.y.push_back(step.weight);
  }
  section.charts.push_back(
      core::histogram_chart({.title = "Weights", .x_label = "weight", .y_label = "labels"}, weights));
  section.charts.push_back(core::scatter_chart(
      {.title = "Weight by score", .x_label = "score", .y_label = "weight", .log_y = true}, {by_score}));
  return section;
}

Section classes_section(const Report& report) {
  Section section{
      .title = "Classes",
      .text = "How often each class was labelled, and what share of the pool it has by the weights."};
  std::vector<std::string> names;
  std::vector<double> values, low, high;
  for (const auto& c : report.classes) {
    names.push_back(c.name);
    values.push_back(c.share_of_pool);
    low.push_back(c.interval.low);
    high.push_back(c.interval.high);
  }
  section.tables.push_back(classes_table(report));
  section.charts.push_back(core::interval_chart({.title = "Estimated share of the pool",
                                                 .x_label = "share",
                                                 .height = 60 + 24 * static_cast<double>(names.size())},
                                                names, values, low, high));
  return section;
}

Section metrics_section(const Report& report) {
  Section section{.title = "Estimates", .text = "", .tables = {estimates_table(report)}};
  std::vector<std::string> names;
  std::vector<double> values, low, high;
  for (const EstimateRow& row : report.estimates) {
    if (row.of_class.empty() || row.name != "recall" || std::isnan(row.value)) continue;
    names.push_back(row.of_class);
    values.push_back(row.value);
    low.push_back(row.interval.low);
    high.push_back(row.interval.high);
  }
  if (!names.empty())
    section.charts.push_back(core::interval_chart({.title = "Recall by class",
                                                   .x_label = "recall",
                                                   .height = 60 + 24 * static_cast<double>(names.size())},
                                                  names, values, low, high));
  return section;
}

Section steps_section(const Report& report) {
  Section section{.title = "Labels"};
  Report last = report;
  if (last.steps.size() > kMostSteps) {
    last.steps.erase(last.steps.begin(), last.steps.end() - static_cast<int64_t>(kMostSteps));
    section.text = fmt::format("The last {} of {}.", kMostSteps, report.steps.size());
  }
  section.tables.push_back(weights_table(last));
  return section;
}

}  // namespace

core::Chart active_trajectory(const Report& report) {
  core::Series weighted{.name = "weighted"}, plain{.name = "unweighted"};
  for (const auto& point : report.trajectory) {
    const auto labels = static_cast<double>(point.labels);
    weighted.x.push_back(labels);
    weighted.y.push_back(point.value);
    weighted.low.push_back(point.interval.low);
    weighted.high.push_back(point.interval.high);
    plain.x.push_back(labels);
    plain.y.push_back(point.plain);
  }
  std::vector<core::Series> series = {weighted, plain};
  const EstimateRow* row = followed(report);
  if (row && row->truth && !weighted.x.empty())
    series.push_back(
        {.name = "truth", .x = {weighted.x.front(), weighted.x.back()}, .y = {*row->truth, *row->truth}});
  return core::line_chart({.title = "Estimated " + report.followed + " by labels",
                           .x_label = "labels",
                           .y_label = report.followed,
                           .width = kWholeRow,
                           .height = 320},
                          series);
}

Page active_page(const Report& report, const std::string& title, const std::string& subtitle) {
  Page page{.title = title, .subtitle = subtitle, .headline = {}, .sections = {}};
  page.headline.emplace_back("labels used", fmt::format("{} of {}", report.num_used, report.num_pool));
  if (const EstimateRow* row = followed(report)) {
    page.headline.emplace_back(row->name, number(row->value));
    page.headline.emplace_back(fmt::format("{:g} % interval", 100 * report.confidence),
                               fmt::format("{} – {}", number(row->interval.low), number(row->interval.high)));
    if (row->truth) page.headline.emplace_back("from all labels", number(*row->truth));
    if (row->plain) page.headline.emplace_back("unweighted", number(*row->plain));
  }
  if (report.num_used > 0)
    page.headline.emplace_back("count like uniform labels", fmt::format("{:.1f}", report.effective_size));
  Section first{.title = "What the labels say", .text = describe(report), .tables = {summary_table(report)}};
  if (report.trajectory.size() > 1) first.charts.push_back(active_trajectory(report));
  page.sections.push_back(std::move(first));
  if (!report.estimates.empty()) page.sections.push_back(metrics_section(report));
  if (!report.classes.empty()) page.sections.push_back(classes_section(report));
  if (report.steps.size() > 1) page.sections.push_back(weights_section(report));
  if (!report.steps.empty()) page.sections.push_back(steps_section(report));
  return page;
}

}  // namespace lathe::pipeline
