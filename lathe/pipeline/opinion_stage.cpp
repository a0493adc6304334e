#include "lathe/pipeline/opinion_stage.h"

#include <fmt/format.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/evaluate/opinion/tables.h"
#include "lathe/pipeline/details.h"
#include "lathe/pipeline/opinion_page.h"
#include "lathe/pipeline/opinion_predictor.h"

namespace lathe::pipeline {
namespace {

namespace opinion = evaluate::opinion;
using nlohmann::json;

constexpr const char* kDirectory = "evaluate/opinion";
constexpr size_t kRows = 10;  // of users and slices in the bundle's report
constexpr const char* kMeasured[] = {"accuracy", "worst_decile", "group_gap", "minority_recall",
                                     "exclusion_rate"};

// The details' rows as a table again, columns in the given order.
core::Table table_of(const json& rows, const std::vector<std::string>& columns) {
  core::Table table(columns);
  for (const json& row : rows.is_array() ? rows : json::array()) {
    std::vector<core::Cell> cells;
    for (const std::string& column : columns) {
      const json& cell = row.is_object() && row.contains(column) ? row.at(column) : json();
      if (cell.is_number_integer())
        cells.emplace_back(cell.get<int64_t>());
      else if (cell.is_number())
        cells.emplace_back(cell.get<double>());
      else
        cells.emplace_back(cell.is_string() ? cell.get<std::string>() : std::string());
    }
    table.add(std::move(cells));
  }
  return table;
}

}  // namespace

OpinionStageOptions opinion_options(const core::Config& table) {
  OpinionStageOptions options;
  opinion::MeasureOptions& measure = options.measure;
  const std::filesystem::path annotations = table.text("annotations");
  const bool directory = std::filesystem::is_directory(annotations);
  const auto beside = [&](const char* key, const char* name) -> std::filesystem::path {
    const bool there = directory && std::filesystem::exists(annotations / name);
    return table.text(key, there ? (annotations / name).string() : "");
  };
  options.files = {directory ? annotations / "annotations.csv" : annotations, beside("items", "items.csv"),
                   beside("annotators", "annotators.csv")};
  measure.bins.attributes = table.texts("attributes", std::vector<std::string>());
  measure.bins.num_bins = table.integer("bins", measure.bins.num_bins, {.min = 1, .max = 1000});
  measure.bins.min_group_size =
      table.integer("min_group_size", measure.bins.min_group_size, core::Range::at_least(1));
  measure.users.min_count = table.integer("min_count", measure.users.min_count, core::Range::at_least(1));
  measure.num_replicates = table.integer("replicates", measure.num_replicates, core::Range::at_least(2));
  const auto names = [](const auto& all) {
    std::vector<std::string> texts;
    for (const auto& one : all) texts.push_back(to_string(one));
    return texts;
  };
  const std::vector<std::string> criteria = table.texts("criteria", names(measure.criteria)),
                                 metrics = table.texts("metrics", names(measure.bins.metrics));
  measure.criteria.clear();
  measure.bins.metrics.clear();
  try {
    for (const std::string& name : criteria) measure.criteria.push_back(opinion::parse_criterion(name));
  } catch (const InputError& error) {
    table.fail("criteria", error.what());
  }
  try {
    for (const std::string& name : metrics) measure.bins.metrics.push_back(opinion::parse_metric(name));
  } catch (const InputError& error) {
    table.fail("metrics", error.what());
  }
  if (measure.bins.metrics.empty()) table.fail("metrics", "must name at least one");
  return options;
}

void check_opinion(const OpinionStageOptions& options, const data::Schema& schema) {
  const data::Annotations annotations = data::read_annotations(options.files);
  check_opinion_model(schema, annotations);
  opinion::profile(annotations);
  data::annotator_groups(annotations, options.measure.bins.attributes);
}

std::string annotations_hash(const OpinionStageOptions& options) {
  std::string hashes;
  for (const auto& file : {options.files.annotations, options.files.items, options.files.annotators})
    if (!file.empty()) hashes += core::sha256_file(file);
  return hashes;
}

void run_opinion(const StageContext& context, nn::Classifier& model, StageReport& report) {
  const PipelineOptions& options = context.job.options();
  opinion::MeasureOptions measure = options.evaluate.opinion->measure;
  measure.seed = core::Seed(options.seed).stream("opinion");
  const data::Annotations annotations = data::read_annotations(options.evaluate.opinion->files);
  const opinion::Profile profile = opinion::profile(annotations);
  const evaluate::OpinionPredictions predictions = predict_opinions(model, annotations);
  const OpinionReport opinions{
      {{options.name, predictions, opinion::measure(annotations, profile, predictions, measure)}},
      opinion::worst_slices(annotations, predictions, measure),
      opinion::explain(annotations, profile, {{options.name, predictions}}, measure)};
  const opinion::Measurement& measured = opinions.models.front().measurement;
  const std::string subtitle =
      fmt::format("{} annotations of {} items by {} people", measured.num_annotations, measured.num_items,
                  measured.num_annotators);
  const std::filesystem::path directory = context.staged / kDirectory;
  std::filesystem::create_directories(directory);
  write_tables(opinion_tables(annotations, opinions), directory);
  core::write_file(directory / "report.html",
                   render_html(opinion_page(annotations, profile, opinions, subtitle)));

  for (const char* name : kMeasured) {
    const double value = measured.measure(name).value;
    if (!std::isnan(value)) report.metrics.push_back({name, "opinions", value, ""});
  }
  for (const opinion::BinTable& table : measured.tables) {
    const opinion::Score& score = table.scores.front();
    if (std::isnan(score.fairness.value)) continue;
    report.metrics.push_back(
        {"fairness_" + to_string(table.criterion), "opinions", score.fairness.value, ""});
    report.metrics.push_back({"general_" + to_string(table.criterion), "opinions", score.general.value, ""});
  }
  report.details["opinion"] = {{"of", subtitle},
                               {"unfairness", unfairness_table(measured).to_json()},
                               {"scores", scores_table(measured).to_json()},
                               {"users", users_table(annotations, measured, kRows).to_json()},
                               {"slices", slices_table(opinions.slices, kRows).to_json()}};
}

Section opinion_section(const json& evaluate) {
  Section section{.title = "Whose opinions the model serves"};
  const json& details = detail(evaluate, "/opinion");
  if (!details.is_object()) return section;
  section.text = fmt::format(
      "Measured on {}, each answer against its annotator's own: how unequally, by which bins (F: fairness, "
      "G: "
      "performance), and the users and slices served worst. Pictures, causes and whole tables are in {}.",
      detail_text(details, "/of"), kDirectory);
  section.tables = {table_of(detail(details, "/unfairness"), {"measure", "value", "low", "high", "meaning"}),
                    table_of(detail(details, "/scores"),
                             {"criterion", "metric", "F", "F low", "F high", "G", "G low", "G high", "note"}),
                    table_of(detail(details, "/slices"),
                             {"slice", "people", "annotations", "accuracy", "low", "high", "gap"}),
                    table_of(detail(details, "/users"), {"user", "group", "labels", "accuracy", "low", "high",
                                                         "disagreement", "excluded"})};
  return section;
}

}  // namespace lathe::pipeline
