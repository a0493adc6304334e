#include "cli/opinion.h"

#include <fmt/ranges.h>

#include <filesystem>
#include <iostream>

#include "lathe/core/error.h"
#include "lathe/core/parallel.h"
#include "lathe/core/progress.h"
#include "lathe/nn/archive.h"
#include "lathe/pipeline/opinion_predictor.h"
#include "lathe/train/threads.h"

namespace lathe::cli {
namespace {

namespace opinion = evaluate::opinion;
namespace fs = std::filesystem;

// "name=path", or a path, whose stem is the name.
std::pair<std::string, fs::path> name_and_path(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || fs::exists(text))
    return {fs::path(text).lexically_normal().stem().string(), text};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

evaluate::OpinionPredictions predictions_of(const Options& options, const std::string& name,
                                            const fs::path& path, const data::Annotations& annotations) {
  if (fs::is_directory(path)) {
    const auto model = nn::load(path / "model.pt");
    model->to(pipeline::parse_device(options.device));
    return pipeline::predict_opinions(*model, annotations);
  }
  evaluate::PredictionFile file = evaluate::read_opinion_predictions(path, annotations);
  if (file.num_missing > 0)
    std::cerr << fmt::format(
        "lathe: warning: {} has no prediction of {} annotations ({}{}); they are not measured\n", name,
        file.num_missing, fmt::join(file.first_missing, "; "),
        file.num_missing > static_cast<int64_t>(file.first_missing.size()) ? "; …" : "");
  return std::move(file.predictions);
}

evaluate::TieRule ties_of(const std::string& name) {
  return name == "lowest"    ? evaluate::TieRule::lowest
         : name == "highest" ? evaluate::TieRule::highest
                             : evaluate::TieRule::published;
}

}  // namespace

void add_opinion_input(CLI::App& verb, OpinionInput& input) {
  add_annotation_options(verb, input.table);
  opinion::MeasureOptions& measure = input.measure;
  verb.add_option(
          "--predictions", input.predictions,
          "What a model says: a .csv, .tsv or .jsonl file with item, annotator (or none: one answer to "
          "all), and label or prob_NAME of each class; or a bundle that reads the items' texts. "
          "NAME=FILE names the model; several are several models")
      ->required()
      ->allow_extra_args(false)
      ->type_name("FILE|BUNDLE");
  verb.add_option("--attributes", measure.bins.attributes,
                  "Attributes of annotators; each combination of their values is a group")
      ->delimiter(',');
  verb.add_option("--metrics", input.metrics, "accuracy, TPR, TNR, FPR, FNR, F1, CE, MAE")
      ->delimiter(',')
      ->capture_default_str();
  verb.add_option(
          "--criteria", input.criteria,
          "annotator_disagreement, annotation_popularity, sample_ambiguity, demography (default: all)")
      ->delimiter(',');
  verb.add_option("--bins", measure.bins.num_bins, "Of equal width")->capture_default_str();
  verb.add_option("--min-count", measure.users.min_count,
                  "Users with fewer predicted labels are pooled as rare")
      ->capture_default_str();
  verb.add_option("--min-group-size", measure.bins.min_group_size,
                  "Groups of fewer people are not shown, for their privacy")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb.add_option("--max-disagreement", measure.bins.max_disagreement, "Leave out annotators above")
      ->capture_default_str();
  verb.add_option("--min-popularity", measure.bins.min_popularity, "Leave out annotations below")
      ->capture_default_str();
  verb.add_option("--min-agreement", measure.bins.min_agreement, "Leave out items below")
      ->capture_default_str();
  verb.add_option("--ties", input.ties,
                  "Majority of equal votes: published (two classes: the second; more: the first), lowest, "
                  "highest")
      ->check(CLI::IsMember({"published", "lowest", "highest"}))
      ->capture_default_str();
  verb.add_flag("--leave-one-out", input.leave_one_out,
                "Disagreement with the majority of the others, without one's own vote");
  verb.add_option("--bootstrap", measure.num_replicates, "Replicates of intervals; 0: none")
      ->check(CLI::Range(0, 1000000))
      ->capture_default_str();
}

OpenedOpinions open_opinions(const Options& options, const OpinionInput& input) {
  if (options.quiet) core::Progress::set_quiet(true);
  if (options.threads != "auto") {
    core::set_num_threads(std::stoi(options.threads));
    train::set_compute_threads(std::stoi(options.threads));
  }
  OpenedOpinions opened;
  opened.options = input.measure;
  opened.options.seed = core::Seed(options.seed.value_or(0)).stream("opinion");
  if (!input.criteria.empty()) {
    opened.options.criteria.clear();
    for (const std::string& name : input.criteria)
      opened.options.criteria.push_back(opinion::parse_criterion(name));
  }
  opened.options.bins.metrics.clear();
  for (const std::string& name : input.metrics)
    opened.options.bins.metrics.push_back(opinion::parse_metric(name));
  if (input.leave_one_out) opened.options.bins.reference = opinion::Reference::others;
  opened.annotations = open_annotations(input.table);
  opened.profile = opinion::profile(opened.annotations, ties_of(input.ties));
  for (const std::string& text : input.predictions) {
    const auto [name, path] = name_and_path(text);
    opened.models.push_back({name, predictions_of(options, name, path, opened.annotations)});
  }
  return opened;
}

void add_opinion(CLI::App& evaluate, Options& options) {
  CLI::App* verb =
      evaluate.add_subcommand("opinion", "Whose opinions a model serves, whose it leaves out, and why");
  verb->footer("Example:\n  lathe evaluate opinion measure --annotations opinions --predictions model.csv");
  verb->require_subcommand(1);
  add_opinion_measure(*verb, options);
  add_opinion_explain(*verb, options);
  add_opinion_plot(*verb, options);
  add_opinion_compare(*verb, options);
  add_opinion_mitigate(*verb, options);
}

}  // namespace lathe::cli
