#include "lathe/pipeline/opinion_page.h"

#include <fmt/format.h>

#include <cmath>

#include "lathe/core/files.h"
#include "lathe/core/printable.h"
#include "lathe/evaluate/opinion/tables.h"
#include "lathe/pipeline/opinion_charts.h"

namespace lathe::pipeline {
namespace {

namespace opinion = evaluate::opinion;

constexpr size_t kMaxRows = 25;

std::string percent(const opinion::Estimate& estimate) {
  if (std::isnan(estimate.value)) return "not defined";
  const std::string value = fmt::format("{:.1f} %", 100 * estimate.value);
  return std::isnan(estimate.interval.low)
             ? value
             : fmt::format("{} ({:.1f} to {:.1f})", value, 100 * estimate.interval.low,
                           100 * estimate.interval.high);
}

// A number at the top of the page, its interval in small letters.
std::pair<std::string, std::string> headline(const std::string& name, const opinion::Estimate& estimate) {
  return {std::isnan(estimate.interval.low)
              ? name
              : fmt::format("{}, {:.1f} to {:.1f}", name, 100 * estimate.interval.low,
                            100 * estimate.interval.high),
          percent({.value = estimate.value})};
}

Section served_badly(const data::Annotations& annotations, const MeasuredOpinions& model) {
  const opinion::Users& users = model.measurement.users;
  int64_t excluded = 0;
  for (const opinion::User& user : users.users) excluded += user.excluded;
  Section section{.title = "Who is served badly"};
  section.text = fmt::format(
      "Of {} users, {} are served significantly worse than all together (one-sided binomial tests, false "
      "discoveries at most 5 %). The tenth that is served worst has an accuracy of {}, all users together "
      "{}.",
      users.users.size(), excluded, percent(model.measurement.measure("worst_decile")),
      percent(model.measurement.measure("accuracy")));
  if (users.num_rare > 0)
    section.text += fmt::format(" {} users with too few labels to be judged alone are pooled as \"rare\".",
                                users.num_rare);
  section.tables.push_back(users_table(annotations, model.measurement, kMaxRows));
  if (!users.users.empty()) section.charts.push_back(users_chart(model.measurement));
  return section;
}

Section hiding_slices(const opinion::Slices& slices) {
  Section section{.title = "Which slice hides it"};
  if (slices.slices.empty()) {
    section.text = "Nothing is known of the annotators or the items by which they could be parted.";
    return section;
  }
  section.text =
      "Every value of every attribute of annotators and items, and every pair of one of each, from the worst "
      "accuracy on; gap is the distance from the accuracy of all.";
  if (slices.num_hidden > 0)
    section.text +=
        fmt::format(" {} slices of too few people or annotations are not shown.", slices.num_hidden);
  if (!slices.left_out.empty())
    section.text += fmt::format(" {} attributes of the items, such as {}, have too many values to be slices.",
                                slices.left_out.size(), core::printable(slices.left_out.front()));
  section.tables.push_back(slices_table(slices, kMaxRows));
  section.charts.push_back(slices_chart(slices));
  return section;
}

Section unfairness(const MeasuredOpinions& model) {
  return {
      .title = "How unequally",
      .text =
          "Fairness F is 1 minus the deviation of the bins' values, general performance G their mean: a "
          "model that is wrong about everything is fair, so F is to be read with G. Intervals are of 95 %, "
          "from drawing users and items anew.",
      .tables = {unfairness_table(model.measurement), scores_table(model.measurement)},
      .charts = {},
      .code = ""};
}

Section criteria(const MeasuredOpinions& model) {
  Section section{.title = "By what it can be told"};
  section.text =
      "Users by how often they disagree with the majority, opinions by how popular they are, items by how "
      "far "
      "people agree on them, and groups.";
  for (const opinion::BinTable& table : model.measurement.tables) {
    section.tables.push_back(bins_table(table));
    section.charts.push_back(bins_chart(table));
  }
  return section;
}

Section opinions(const data::Annotations& annotations, const opinion::Profile& profile,
                 const MeasuredOpinions& model) {
  Section section{.title = "Users and their opinions"};
  section.text =
      "On the line, a user is served as well as the majority's answer can serve them; below it, the model "
      "has "
      "lost more. Neighbours on the map answer alike. Clusters are in an order in which those that answer "
      "alike lie side by side.";
  if (!model.measurement.users.users.empty()) {
    section.charts.push_back(disagreement_chart(model.measurement));
    if (annotations.num_annotators() >= 3)
      section.charts.push_back(opinion_map_chart(annotations, profile, model.measurement));
  }
  if (annotations.num_annotators() >= 3)
    section.charts.push_back(error_map(annotations, profile, model.predictions));
  section.charts.push_back(popularity_chart(profile, annotations, model.predictions));
  return section;
}

Section causes_section(const opinion::Causes& causes) {
  Section section{.title = "Where it comes from"};
  section.text = fmt::format(
      "Predictors that know the answers, on the same annotations. What the majority loses is due to one "
      "answer "
      "for all; what the model loses beyond it is due to learning; what a group's majority wins is what "
      "knowing the group would recover. A majority that holds a person's own vote looks better for them than "
      "it is: rows without it tell how much. {}",
      causes.asked_twice
          ? fmt::format("People repeated their answer in {} of {} cases: nothing can serve them better.",
                        percent(causes.predictors.front().measures.front()), causes.num_repeats)
          : std::string("Nobody was asked the same twice, so the ceiling is taken as 1."));
  section.tables = {causes_table(causes), steps_table(causes)};
  if (!causes.regressions.front().terms.empty())
    section.tables.push_back(regression_table(causes.regressions.front()));
  return section;
}

}  // namespace

Page opinion_page(const data::Annotations& annotations, const opinion::Profile& profile,
                  const OpinionReport& report, const std::string& subtitle) {
  const MeasuredOpinions& model = report.models.front();
  const opinion::Measurement& m = model.measurement;
  Page page{.title = "Whose opinions " + core::printable(model.name) + " serves",
            .subtitle = subtitle,
            .headline = {headline("accuracy", m.measure("accuracy")),
                         headline("worst tenth of users", m.measure("worst_decile")),
                         headline("minority opinions", m.measure("minority_recall")),
                         headline("excluded users", m.measure("exclusion_rate"))},
            .sections = {}};
  page.sections = {served_badly(annotations, model), hiding_slices(report.slices), unfairness(model),
                   criteria(model), opinions(annotations, profile, model)};
  if (!m.tables.empty())
    page.sections.push_back({.title = "Models",
                             .text = "All models that were given; a model that none beats is at least as "
                                     "good as every other in one of the two.",
                             .tables = {},
                             .charts = {plane_chart(report.models)},
                             .code = ""});
  if (report.causes) page.sections.push_back(causes_section(*report.causes));
  return page;
}

std::vector<NamedTable> opinion_tables(const data::Annotations& annotations, const OpinionReport& report) {
  const opinion::Measurement& m = report.models.front().measurement;
  std::vector<NamedTable> tables = {{"users", users_table(annotations, m)},
                                    {"slices", slices_table(report.slices)},
                                    {"unfairness", unfairness_table(m)},
                                    {"scores", scores_table(m)}};
  for (const opinion::BinTable& table : m.tables)
    tables.push_back({to_string(table.criterion), bins_table(table)});
  if (report.causes) {
    tables.push_back({"causes", causes_table(*report.causes)});
    tables.push_back({"steps", steps_table(*report.causes)});
    tables.push_back({"regression", regression_table(report.causes->regressions.front())});
  }
  return tables;
}

void write_tables(const std::vector<NamedTable>& tables, const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  for (const auto& [name, table] : tables) {
    core::write_file(directory / (name + ".csv"), table.to_csv());
    core::write_file(directory / (name + ".json"),
                     table.to_json().dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  }
}

}  // namespace lathe::pipeline
