#include "studies/adascale_step.h"

#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/batches.h"
#include "lathe/data/npy.h"
#include "lathe/nn/classifier.h"
#include "lathe/train/threads.h"
#include "lathe/train/trainer.h"
#include "studies/timing.h"

namespace lathe::studies::adascale {
namespace {

using core::Seed;
using pipeline::Bar;

constexpr int64_t kReplicas = 8, kMicroBatch = 32;
constexpr double kRate = 0.015;
constexpr int64_t kPeerSteps = 200;
constexpr int kPeerRounds = 3;
const std::string kMlp = "kind = 'mlp'\nhidden = [64]",
                  kCnn = "kind = 'cnn'\nchannels = [16, 32]\npool_every = 1";
const Seed kModelSeed(3), kTrainingSeed(4);

optim::OptimizerOptions sgd() {
  return {.lr = kRate, .momentum = 0.9, .nesterov = false, .weight_decay = 0};
}
optim::OptimizerOptions adascale(optim::AdaScaleOptions options) {
  optim::OptimizerOptions optimizer = sgd();
  optimizer.adascale = options;
  return optimizer;
}

std::shared_ptr<nn::Classifier> initial_model(const std::string& table, const data::Dataset& train) {
  auto model = nn::build(core::Config::parse(table), train.schema, kModelSeed);
  model->fit_inputs(train.inputs);
  return model;
}

struct Turn {
  double milliseconds = 0;
  std::vector<double> gains;
};

// Steps of eight accumulated micro-batches; the end does not depend on the gains.
Turn turn(const std::string& table, const data::Dataset& train, const optim::OptimizerOptions& optimizer,
          int64_t steps) {
  const auto model = initial_model(table, train);
  train::Trainer trainer(model, optim::make_step(model->parameters(), optimizer),
                         {.steps = steps * kReplicas,
                          .batch_size = kReplicas * kMicroBatch,
                          .micro_batch = kMicroBatch,
                          .schedule = {.kind = "constant", .warmup = 0}},
                         kTrainingSeed);
  Turn turn;
  const core::StopToken done;
  StepClock clock;
  train::Hooks hooks;
  hooks.after_step = [&](int64_t step, const optim::StepReport& report) {
    clock.tick();
    if (optimizer.adascale) turn.gains.push_back(report.progress);
    if (step == steps) done.request();
  };
  try {
    trainer.fit(train, {}, {}, done, hooks);
  } catch (const Interrupted&) {
  }
  turn.milliseconds = median_of_turn(clock.times());
  return turn;
}

void write_peer_job(const data::Dataset& train, const std::filesystem::path& directory) {
  const auto model = initial_model(kMlp, train);
  {
    const torch::NoGradGuard no_grad;
    auto input = std::dynamic_pointer_cast<nn::Model>(model->named_children()["input"]);
    data::write_npy(directory / "images.npy", input->forward(train.inputs).flatten(1).contiguous());
  }
  data::write_npy(directory / "targets.npy", train.targets);
  const std::vector<torch::Tensor> parameters = model->parameters();
  for (size_t i = 0; i < parameters.size(); ++i)
    data::write_npy(directory / fmt::format("parameter{}.npy", i), parameters[i].detach());
  data::Batches batches(train, {.size = kReplicas * kMicroBatch}, kTrainingSeed.stream("batches"));
  std::vector<torch::Tensor> order;
  for (int64_t step = 0; step < kPeerSteps; ++step)
    order.push_back(batches.at(step).indices.view({kReplicas, kMicroBatch}));
  data::write_npy(directory / "order.npy", torch::stack(order));
}

void compare_with_fairscale(const data::Dataset& train, const pipeline::StudyContext& context,
                            pipeline::StudyResult& result) {
  const core::TemporaryDirectory directory;
  write_peer_job(train, directory.path());
  std::vector<double> ours, theirs;
  double difference = 0;
  for (int round = 0; round < kPeerRounds; ++round) {
    context.stop.check("timing AdaScale steps");
    const Turn our = turn(kMlp, train, adascale({.clamp_before_average = true}), kPeerSteps);
    const nlohmann::json peer =
        run_peer("adascale.py", {directory.path().string(), fmt::format("{}", kRate)});
    const auto gains = peer.at("gains").get<std::vector<double>>();
    for (size_t i = 0; i < gains.size(); ++i)
      difference = std::max(difference, std::abs(our.gains.at(i) / gains[i] - 1));
    ours.push_back(our.milliseconds);
    theirs.push_back(peer.at("milliseconds"));
  }
  result.rows.push_back({.metric = "MLP: largest relative difference of 200 gains from fairscale's",
                         .measured = difference,
                         .bar = Bar{.most = 1e-4}});
  result.rows.push_back({.metric = "MLP, 1 thread: AdaScale step, Trainer / fairscale (baseline: ms)",
                         .baseline = median(theirs),
                         .measured = median_ratio(ours, theirs),
                         .bar = Bar{.most = 0.9},
                         .timing = true});
}

}  // namespace

void time_steps(const data::Dataset& train, const pipeline::StudyContext& context,
                pipeline::StudyResult& result) {
  const int threads_before = train::compute_threads();
  train::set_compute_threads(1);
  for (const auto& [name, table, rounds, steps, most] :
       {std::tuple{"MLP", kMlp, 25, 60, 1.10}, std::tuple{"CNN", kCnn, 9, 8, 1.03}}) {
    std::vector<double> plain, scaled;
    for (int round = 0; round < rounds; ++round) {
      context.stop.check("timing AdaScale steps");
      plain.push_back(turn(table, train, sgd(), steps).milliseconds);
      scaled.push_back(turn(table, train, adascale({}), steps).milliseconds);
    }
    result.rows.push_back(
        {.metric = fmt::format("{}, 1 thread: AdaScale step / accumulated SGD step (baseline: ms)", name),
         .baseline = median(plain),
         .measured = median_ratio(scaled, plain),
         .bar = Bar{.most = most},
         .timing = true});
  }
  if (peers_installed())
    compare_with_fairscale(train, context, result);
  else
    result.notes.push_back(kPeersLeftOut);
  train::set_compute_threads(threads_before);
}

}  // namespace lathe::studies::adascale
