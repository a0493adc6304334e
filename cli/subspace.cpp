#include <iostream>

#include "cli/verb.h"
#include "lathe/core/error.h"
#include "lathe/nn/archive.h"
#include "lathe/pipeline/bundle_data.h"
#include "lathe/pipeline/training.h"
#include "lathe/train/subspace_file.h"
#include "lathe/train/subspace_measurement.h"
#include "lathe/train/threads.h"

namespace lathe::cli {
namespace {

struct SubspaceArguments {
  std::string bundle, output;
  int64_t ensemble = 2;
  std::string average = "probabilities";
  int64_t sample = 0;
};

void subspace(const Options& options, const SubspaceArguments& arguments) {
  if (options.threads != "auto") train::set_compute_threads(std::stoi(options.threads));
  const auto bundle = pipeline::Bundle::open(arguments.bundle);
  if (!bundle.has("subspace.pt"))
    throw InputError("{} has no subspace.pt; `lathe train` writes it for a pipeline with [train.subspace]",
                     arguments.bundle);
  const pipeline::Setup setup = pipeline::bundle_setup(bundle, job_options(options), options.set);
  if (!setup.options().subspace)
    throw InputError("{}/pipeline.toml has no [train.subspace]", arguments.bundle);
  const auto trained = pipeline::make_subspace(setup);
  train::load_subspace(*trained, bundle.file("subspace.pt"));

  train::SubspaceMeasurement measurement(*trained, setup.splits().train.inputs, setup.splits().test);
  const auto mean =
      arguments.average == "logits" ? train::EnsembleMean::logits : train::EnsembleMean::probabilities;
  core::Random random = core::Seed(options.seed.value_or(0)).stream("points").random();
  core::Table networks({"network", "accuracy", "nll", "ece"});
  const auto add = [&](const train::SubspaceMember& m) { networks.add({m.name, m.accuracy, m.nll, m.ece}); };
  add(measurement.member("midpoint", trained->midpoint()));
  std::vector<std::vector<double>> ends;
  for (int64_t i = 0; i < trained->options().endpoints; ++i) {
    std::vector<double> point(static_cast<size_t>(trained->options().endpoints), 0);
    point[static_cast<size_t>(i)] = 1;
    if (trained->options().kind != train::SubspaceKind::curve || i < 2) ends.push_back(point);
  }
  for (size_t i = 0; i < ends.size(); ++i)
    add(measurement.member(fmt::format("endpoint {}", i + 1), ends[i]));
  add(measurement.ensemble("ensemble of the endpoints", ends, mean));
  std::vector<std::vector<double>> points;
  for (int64_t i = 0; i < std::max(arguments.ensemble, arguments.sample); ++i)
    points.push_back(trained->random_point(random));
  if (arguments.ensemble > 0)
    add(measurement.ensemble(fmt::format("ensemble of {} random points", arguments.ensemble),
                             {points.begin(), points.begin() + arguments.ensemble}, mean));
  for (int64_t i = 0; i < arguments.sample; ++i) {
    const std::string file = fmt::format("{}{}.pt", arguments.output, i);
    nn::save(*measurement.network(points[static_cast<size_t>(i)]), file);
    add(measurement.member(file, points[static_cast<size_t>(i)]));
  }
  print(options, {{"networks", networks}});
  if (options.json) return;
  std::cout << fmt::format("\nOn {} test examples.", setup.splits().test.size());
  if (trained->options().endpoints > 1)
    std::cout << fmt::format(" cos² of the first two endpoints' weights: {:.4f}",
                             std::pow(trained->cosine(0, 1), 2));
  std::cout << "\n";
}

}  // namespace

void add_subspace(CLI::App& evaluate, Options& options) {
  auto arguments = std::make_shared<SubspaceArguments>();
  CLI::App* verb = add_verb(evaluate, options, "subspace",
                            "The networks of a trained subspace ([train.subspace]), alone and together",
                            "lathe evaluate subspace line.bundle --ensemble 2");
  verb->add_option("bundle", arguments->bundle, "The bundle")->required();
  verb->add_option("--ensemble", arguments->ensemble, "An ensemble of so many random points; 0: none")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->add_option("--average", arguments->average, "What ensembles average: probabilities or logits")
      ->check(CLI::IsMember({"probabilities", "logits"}))
      ->capture_default_str();
  CLI::Option* sample =
      verb->add_option("--sample", arguments->sample, "Save so many random points as models")
          ->check(CLI::PositiveNumber);
  CLI::Option* output =
      verb->add_option("-o,--output", arguments->output, "Their files: OUTPUT0.pt, OUTPUT1.pt, …")
          ->needs(sample);
  sample->needs(output);
  verb->callback([&options, arguments] { subspace(options, *arguments); });
}

}  // namespace lathe::cli
