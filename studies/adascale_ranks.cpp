#include "studies/adascale_ranks.h"

#include <fmt/format.h>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/process.h"
#include "lathe/nn/archive.h"

namespace lathe::studies::adascale {
namespace {

std::string pipeline_text(const Recipe& recipe, core::Seed seed) {
  return fmt::format(
      "name = \"ranks\"\nseed = {}\n[data]\nsource = \"fashion-mnist\"\nholdout = 5000\n[model]\n{}\n"
      "[optim]\nlr = {}\nmomentum = 0.9\nnesterov = false\nweight_decay = 0\n[optim.adascale]\nscale = {}\n"
      "[train]\nsteps = {}\nbatch_size = {}\nmicro_batch = {}\ncalibration = \"none\"\n[train.schedule]\n"
      "kind = \"step\"\nwarmup = 0\nmilestones = [0.5, 0.75]\ndecay = 0.1\n",
      seed.value() >> 1, recipe.table, recipe.lr, recipe.scale, recipe.steps, kBatch * recipe.scale, kBatch);
}

struct Trained {
  double steps = 0, accuracy = 0;
  std::vector<torch::Tensor> weights;
};

Trained trained(const std::filesystem::path& bundle) {
  Trained result;
  const auto metrics = nlohmann::json::parse(core::read_file(bundle / "metrics.json"));
  for (const auto& metric : metrics) {
    if (metric.at("name") == "steps") result.steps = metric.at("value");
    if (metric.at("name") == "accuracy" && metric.at("split") == "test")
      result.accuracy = 100 * metric.at("value").get<double>();
  }
  result.weights = nn::load(bundle / "model.pt")->parameters();
  return result;
}

}  // namespace

void add_ranks(const Recipe& recipe, const pipeline::StudyContext& context, pipeline::StudyResult& result) {
  const core::TemporaryDirectory directory;
  core::write_file(directory.path() / "ranks.toml", pipeline_text(recipe, context.seed));
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
  const auto train = [&](std::vector<std::string> launcher, const std::string& bundle) {
    context.stop.check("training on several processes");
    launcher.insert(launcher.end(),
                    {program, "run", "ranks.toml", "--bundle", bundle, "--threads", "1", "--quiet"});
    const auto run = core::run_process({.arguments = launcher,
                                        .directory = directory.path(),
                                        .environment = {{"LATHE_HOME", (directory.path() / "home").string()}},
                                        .timeout_seconds = 600});
    if (run.exit_code != 0) throw Error("{}", run.errors.substr(0, run.errors.find('\n')));
    return trained(directory.path() / bundle);
  };
  try {
    const Trained two = train(
        {"mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-n", "2"}, "two.bundle");
    const Trained one = train({}, "one.bundle");
    const std::string name =
        fmt::format("S = {}, 2 MPI ranks × {} micro-batches: ", recipe.scale, recipe.scale / 2);
    result.rows.push_back(
        {.metric = name + "steps (baseline: one process)", .baseline = one.steps, .measured = two.steps});
    result.rows.push_back(
        {.metric = name + "test accuracy %", .baseline = one.accuracy, .measured = two.accuracy});
    double largest = 0;
    for (size_t i = 0; i < one.weights.size(); ++i)
      largest = std::max(largest, (one.weights[i] - two.weights[i]).abs().max().item<double>());
    result.rows.push_back({.metric = name + "largest difference of a weight", .measured = largest});
  } catch (const Interrupted&) {
    throw;
  } catch (const Error& error) {
    result.notes.push_back(fmt::format("Two MPI ranks were not run: {}", error.what()));
  }
}

}  // namespace lathe::studies::adascale
