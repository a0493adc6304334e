// The cost of one training step: ours, a plain libtorch loop, and PyPI's PyTorch, in one run.
#include <torch/torch.h>

#include "lathe/core/parallel.h"
#include "lathe/core/progress.h"
#include "lathe/nn/classifier.h"
#include "lathe/optim/optimizer.h"
#include "lathe/pipeline/study.h"
#include "lathe/train/threads.h"
#include "studies/timing.h"

namespace lathe::studies {
namespace {

using pipeline::StudyContext;
using pipeline::StudyResult;

struct Network {
  std::string name, toml;
};
const std::vector<Network> kNetworks = {{"cnn", "kind = 'cnn'"}, {"mlp", "kind = 'mlp'\nhidden = [256]"}};
const optim::OptimizerOptions kOptimizer = {.lr = 0.1};

// What a user writes with libtorch alone on the same model: normalised floats at hand, nothing else.
enum class Layout { contiguous, channels_last };
std::vector<double> hand_written_steps(const Network& network, const data::Dataset& dataset, int64_t steps,
                                       Layout layout) {
  auto model = nn::build(core::Config::parse(network.toml), dataset.schema, core::Seed(1));
  auto body = std::dynamic_pointer_cast<nn::Model>(model->named_children()["body"]);
  const auto format =
      layout == Layout::channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
  for (torch::Tensor& parameter : body->parameters())
    if (parameter.dim() == 4) parameter.set_data(parameter.contiguous(format));
  const auto optimizer = optim::make_optimizer(body->parameters(), kOptimizer);
  const torch::Tensor images = dataset.inputs.to(torch::kFloat32).sub(128).div(74).contiguous(format);
  body->train();
  StepClock clock;
  for (int64_t step = 0; step < steps + kWarmUpSteps; ++step) {
    const int64_t begin = step % 20 * kTimingBatch;
    optimizer->zero_grad();
    const torch::Tensor loss =
        torch::cross_entropy_loss(body->forward(images.slice(0, begin, begin + kTimingBatch)),
                                  dataset.targets.slice(0, begin, begin + kTimingBatch));
    loss.backward();
    optimizer->step();
    loss.item<float>();
    clock.tick();
  }
  return clock.times();
}

// Median milliseconds of each round.
struct Timings {
  std::vector<double> trainer, same_layout, plain;
};

// In short turns, so that a drift of the machine's speed meets all alike.
Timings measure(const Network& network, const data::Dataset& dataset, int rounds, int64_t steps,
                const core::StopToken& stop) {
  Timings timings;
  for (int round = 0; round < rounds; ++round) {
    stop.check("timing training steps");
    timings.trainer.push_back(median_of_turn(trainer_steps(network.toml, dataset, kOptimizer, steps)));
    timings.same_layout.push_back(
        median_of_turn(hand_written_steps(network, dataset, steps, Layout::channels_last)));
    timings.plain.push_back(median_of_turn(hand_written_steps(network, dataset, steps, Layout::contiguous)));
  }
  return timings;
}

// Milliseconds of PyPI's PyTorch.
double peer(const Network& network, int threads, int64_t steps, bool compiled) {
  std::vector<std::string> arguments = {network.name, std::to_string(threads), std::to_string(steps)};
  if (compiled) arguments.push_back("compile");
  return run_peer("train_step.py", arguments).at("milliseconds").get<double>();
}

StudyResult run(const StudyContext& context) {
  const bool smoke = context.scale == pipeline::Scale::smoke;
  const int rounds = smoke ? 1 : 9;
  const bool peers = !smoke && peers_installed();
  const data::Dataset dataset = random_images(context.seed);
  const bool was_quiet = core::Progress::quiet();
  core::Progress::set_quiet(true);
  StudyResult result;
  std::vector<int> thread_counts = {1};
  if (!smoke && core::available_processors() > 1) thread_counts.push_back(core::available_processors());
  for (int threads : thread_counts) {
    train::set_compute_threads(threads);
    for (const Network& network : kNetworks) {
      const int64_t steps = smoke ? 5 : network.name == "mlp" ? 200 : 15;
      const Timings t = measure(network, dataset, rounds, steps, context.stop);
      const std::string where = fmt::format("{}, {} thread{}", network.name, threads, threads > 1 ? "s" : "");
      const auto row = [&](const std::string& metric, std::optional<double> baseline, double measured,
                           std::optional<pipeline::Bar> bar) {
        result.rows.push_back({.metric = where + ": " + metric,
                               .paper = {},
                               .baseline = baseline,
                               .measured = measured,
                               .bar = bar,
                               .timing = true});
      };
      const double trainer = median(t.trainer);
      row("Trainer step, ms", {}, trainer, {});
      row("Trainer / hand-written loop", median(t.same_layout), median_ratio(t.trainer, t.same_layout),
          network.name == "cnn" ? std::optional<pipeline::Bar>({.most = 1.03}) : std::nullopt);
      row("plain libtorch loop / Trainer", median(t.plain), median_ratio(t.plain, t.trainer), {});
      if (peers) {
        for (bool compiled : {false, true}) {
          const double milliseconds = peer(network, threads, steps, compiled);
          row(fmt::format("PyTorch {} / Trainer", compiled ? "torch.compile" : "eager"), milliseconds,
              milliseconds / trainer, {});
        }
      }
    }
  }
  core::Progress::set_quiet(was_quiet);
  if (!smoke && !peers) result.notes.push_back(kPeersLeftOut);
  result.notes.push_back(
      "Baselines are milliseconds. The hand-written loop has the Trainer's memory layout and fixed float "
      "images; the plain one is contiguous.");
  return result;
}

const bool registered = pipeline::register_study({
    .name = "training-step",
    .title = "The cost of one training step",
    .paper = "",
    .claim = "The Trainer costs at most 3 % over a hand-written libtorch loop; layout and kernels make it "
             "faster than a plain one.",
    .module = "train",
    .run = run,
});

}  // namespace
}  // namespace lathe::studies
