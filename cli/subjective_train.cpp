#include <filesystem>

#include "cli/opinion_models.h"
#include "cli/subjective.h"
#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/interrupt.h"
#include "lathe/core/progress.h"
#include "lathe/evaluate/opinion/accuracy.h"

namespace lathe::cli {
namespace {

namespace opinion = train::opinion;

struct TrainArguments {
  OpinionModelArguments job;
  std::vector<std::string> models = {"majority", "all", "group", "person"};
  std::string output;
  int64_t rank = 8;
  double learning_rate = opinion::FitOptions{}.learning_rate;
};

double mean_of_people(const evaluate::opinion::AnnotatorAccuracy& accuracy) {
  double sum = 0, people = 0;
  for (size_t a = 0; a < accuracy.answered.size(); ++a) {
    if (accuracy.answered[a] == 0) continue;
    sum += accuracy.of(static_cast<int64_t>(a));
    ++people;
  }
  return sum / people;
}

void train_models(const Options& options, const TrainArguments& arguments) {
  std::vector<opinion::Kind> kinds;
  for (const std::string& name : arguments.models) kinds.push_back(opinion::parse_kind(name));
  const OpinionJob job = open_opinion_job(options, arguments.job);
  const std::filesystem::path output = arguments.output;
  if (!output.empty()) std::filesystem::create_directories(output);

  core::Table table({"model", "epochs", "accuracy", "mean accuracy of people", "predictions"});
  core::Progress progress("train", static_cast<int64_t>(kinds.size()), "models");
  for (const opinion::Kind kind : kinds) {
    const opinion::FitOptions fit{.kind = kind,
                                  .rank = arguments.rank,
                                  .learning_rate = arguments.learning_rate,
                                  .stop = core::process_stop_token()};
    const auto model = opinion::fit_best(job.inputs, job.annotations, job.split.train,
                                         opinion::candidates(fit), job.seed.stream("fit"));
    const auto predictions = opinion::predict(model, job.inputs, job.annotations, job.split.test);
    std::string written;
    if (!output.empty()) {
      const std::string name = to_string(kind);
      opinion::save(model, output / (name + ".pt"));
      written = (output / (name + ".csv")).string();
      opinion::write_predictions(predictions, job.annotations, written);
    }
    const auto accuracy = evaluate::opinion::annotator_accuracy(job.annotations, predictions);
    table.add({to_string(kind), model.epochs, accuracy.overall(), mean_of_people(accuracy), written});
    progress.update(static_cast<int64_t>(table.size()), to_string(kind));
  }
  progress.finish();
  print(options, {{"models", table}});
}

}  // namespace

void add_subjective_train(CLI::App& subjective, Options& options) {
  auto arguments = std::make_shared<TrainArguments>();
  CLI::App* verb =
      add_verb(subjective, options, "train",
               "Trains models of who answers what, and writes what they say of annotations they never saw",
               "lathe data opinions opinions && lathe evaluate subjective train --annotations opinions "
               "--models majority,group,person -o models");
  add_opinion_model_options(*verb, arguments->job);
  verb->add_option(
          "--models", arguments->models,
          "prior, own-prior, majority, all, soft, dawid-skene (one answer to everybody); group, person, "
          "heads, crowd (by who is asked)")
      ->delimiter(',')
      ->capture_default_str();
  verb->add_option("--rank", arguments->rank, "Size of an annotator's vector")->capture_default_str();
  verb->add_option("--learning-rate", arguments->learning_rate)->capture_default_str();
  verb->add_option("-o,--output", arguments->output,
                   "A directory for the models (.pt) and their predictions (.csv, for evaluate and measure)");
  verb->callback([&options, arguments] { train_models(options, *arguments); });
}

}  // namespace lathe::cli
