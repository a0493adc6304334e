#include "studies/timing.h"

#include <torch/torch.h>

#include <cstdlib>

#include "lathe/core/error.h"
#include "lathe/core/process.h"
#include "lathe/nn/classifier.h"
#include "lathe/nn/initialization.h"
#include "lathe/train/trainer.h"

namespace lathe::studies {
namespace {

std::string peer_python() {
  const char* named = std::getenv("LATHE_PEERS_PYTHON");
  return named ? named : "bench/peers/.venv/bin/python";
}

}  // namespace

const char* const kPeersLeftOut =
    "PyPI's PyTorch was left out: bench/peers/install puts it into bench/peers/.venv (or name another with "
    "LATHE_PEERS_PYTHON).";

double now_milliseconds() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.at(values.size() / 2);
}

double median_ratio(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> ratios;
  for (size_t i = 0; i < a.size(); ++i) ratios.push_back(a[i] / b[i]);
  return median(std::move(ratios));
}

double median_of_turn(std::vector<double> step_ms) {
  step_ms.erase(step_ms.begin(), step_ms.begin() + kWarmUpSteps);
  return median(std::move(step_ms));
}

void StepClock::tick() {
  const double now = now_milliseconds();
  times_.push_back(now - last_);
  last_ = now;
}

data::Dataset random_images(core::Seed seed) {
  data::Dataset dataset;
  dataset.schema.shape = {1, 28, 28};
  for (int i = 0; i < 10; ++i) dataset.schema.classes.push_back(std::to_string(i));
  dataset.inputs = torch::randint(0, 256, {20 * kTimingBatch, 1, 28, 28}, nn::generator(seed), torch::kUInt8);
  dataset.targets = torch::randint(0, 10, {20 * kTimingBatch}, nn::generator(seed), torch::kInt64);
  return dataset;
}

std::vector<double> trainer_steps(const std::string& model_table, const data::Dataset& dataset,
                                  const optim::OptimizerOptions& optimizer, int64_t steps) {
  auto model = nn::build(core::Config::parse(model_table), dataset.schema, core::Seed(1));
  model->fit_inputs(dataset.inputs);
  train::Trainer trainer(
      model, optim::make_step(model->parameters(), optimizer),
      {.steps = steps + kWarmUpSteps, .batch_size = kTimingBatch, .augment = {.flip = true}}, core::Seed(2));
  StepClock clock;
  train::Hooks hooks;
  hooks.after_step = [&](int64_t, const optim::StepReport&) { clock.tick(); };
  trainer.fit(dataset, {}, {}, {}, hooks);
  return clock.times();
}

bool peers_installed() {
  return std::filesystem::exists(peer_python());
}

nlohmann::json run_peer(const std::string& script, const std::vector<std::string>& script_arguments) {
  std::vector<std::string> arguments = {"env",
                                        "-u",
                                        "OMP_WAIT_POLICY",
                                        "-u",
                                        "GOMP_SPINCOUNT",
                                        "-u",
                                        "OPENBLAS_CORETYPE",
                                        peer_python(),
                                        "bench/peers/" + script};
  arguments.insert(arguments.end(), script_arguments.begin(), script_arguments.end());
  const auto result = core::run_process({.arguments = arguments, .timeout_seconds = 300});
  if (result.exit_code != 0)
    throw Error("{} failed: {}", fmt::join(arguments, " "), result.errors.substr(0, 200));
  return nlohmann::json::parse(result.output);
}

}  // namespace lathe::studies
