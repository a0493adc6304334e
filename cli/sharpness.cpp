#include <iostream>

#include "cli/verb.h"
#include "lathe/core/error.h"
#include "lathe/nn/archive.h"
#include "lathe/pipeline/bundle_data.h"
#include "lathe/pipeline/sharpness_page.h"
#include "lathe/train/threads.h"

namespace lathe::cli {
namespace {

struct SharpnessArguments {
  std::vector<std::string> bundles;
  std::string split = "train", output;
  int64_t examples = 2000;
  optim::SharpnessOptions measure;
};

data::Dataset stratified(const data::Dataset& dataset, int64_t count, core::Seed seed) {
  if (count >= dataset.size()) return dataset;
  data::Source source;
  source.train = dataset;
  return data::split(source, {.holdout = static_cast<double>(count), .test = 0}, seed).holdout;
}

pipeline::NamedSharpness measure(const Options& options, const SharpnessArguments& arguments,
                                 const std::string& name) {
  const auto bundle = pipeline::Bundle::open(name);
  if (!bundle.has("model.pt")) throw InputError("{} has no model.pt; `lathe train` makes one", name);
  const auto model = nn::load(bundle.file("model.pt"));
  model->to(pipeline::parse_device(options.device));
  const data::Splits splits = pipeline::bundle_splits(bundle, options.set);
  const data::Dataset& split = arguments.split == "train"     ? splits.train
                               : arguments.split == "holdout" ? splits.holdout
                                                              : splits.test;
  const core::Seed seed(options.seed.value_or(0));
  const data::Dataset dataset = stratified(split, arguments.examples, seed.stream("subset"));
  return {name, optim::sharpness(*model, dataset, arguments.measure, seed.stream("sharpness"),
                                 optim::cross_entropy(), core::process_stop_token())};
}

void sharpness(const Options& options, SharpnessArguments arguments) {
  if (options.threads != "auto") train::set_compute_threads(std::stoi(options.threads));
  if (arguments.output.empty()) arguments.measure.slice = 0;
  std::vector<pipeline::NamedSharpness> models;
  for (const std::string& name : arguments.bundles) models.push_back(measure(options, arguments, name));
  if (!arguments.output.empty()) {
    const std::string subtitle = fmt::format("at most {} examples of {}, seed {}", arguments.examples,
                                             arguments.split, options.seed.value_or(0));
    core::write_file(arguments.output, pipeline::render_html(pipeline::sharpness_page(models, subtitle)));
  }
  print(options, {{"sharpness", pipeline::sharpness_table(models)}});
  if (!options.json && !arguments.measure.rho.empty())
    std::cout
        << "\nThe bound (Foret et al. 2021, Theorem 2, O(1) = 0) is vacuous where its complexity is above 1, "
           "as it is for networks (k >> n).\n";
}

}  // namespace

void add_sharpness(CLI::App& evaluate, Options& options) {
  auto arguments = std::make_shared<SharpnessArguments>();
  optim::SharpnessOptions& measure = arguments->measure;
  CLI::App* verb =
      add_verb(evaluate, options, "sharpness", "How sharp the minimum is in which a bundle's training ended",
               "lathe evaluate sharpness fashion-mnist.bundle --output sharpness.html");
  verb->add_option("bundles", arguments->bundles, "Bundles, to be compared")->required();
  verb->add_option("--split", arguments->split, "Examples to measure on")
      ->check(CLI::IsMember({"train", "holdout", "test"}))
      ->capture_default_str();
  verb->add_option("--examples", arguments->examples, "At most so many of them, stratified by class")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb->add_option("--rho", measure.rho, "Radii")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->capture_default_str();
  verb->add_option("--m", measure.micro_batches, "Micro-batches of so many examples, besides all")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->capture_default_str();
  verb->add_option("--ascent-steps", measure.ascent_steps, "Steps of projected gradient ascent")
      ->capture_default_str();
  verb->add_option("--draws", measure.draws, "Random directions; 0: none")->capture_default_str();
  verb->add_option("--eigenvalues", measure.eigenvalues, "Largest eigenvalues of the Hessian; 0: none")
      ->capture_default_str();
  verb->add_option("--slice", measure.slice, "Points along a side of the page's loss slice, odd; 0: none")
      ->capture_default_str();
  verb->add_option("--output", arguments->output, "Also write a page with charts")->type_name("PAGE.html");
  verb->callback([&options, arguments] { sharpness(options, *arguments); });
}

}  // namespace lathe::cli
