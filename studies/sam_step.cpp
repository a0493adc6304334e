#include "studies/sam_step.h"

#include <torch/torch.h>

#include "lathe/core/files.h"
#include "lathe/data/npy.h"
#include "lathe/nn/classifier.h"
#include "lathe/train/threads.h"
#include "lathe/train/trainer.h"
#include "studies/label_noise.h"
#include "studies/timing.h"

namespace lathe::studies::sam {
namespace {

using core::Seed;
using pipeline::Bar;

const std::string kMlp = "kind = 'mlp'\nhidden = [256, 256]";

struct Subject {
  std::string name, table;
  int rounds;
  int64_t steps;
  double most;  // SAM step / plain step
};
const std::vector<Subject> kSubjects = {{"cnn", "kind = 'cnn'", 9, 12, 2.10}, {"mlp", kMlp, 15, 150, 2.25}};

optim::OptimizerOptions sgd() {
  return {.lr = 0.05, .momentum = 0.9, .nesterov = false, .weight_decay = 5e-4};
}
optim::OptimizerOptions sam(double rho) {
  optim::OptimizerOptions options = sgd();
  options.sam = optim::SamOptions{.rho = rho};
  return options;
}

// A training that both sides can repeat.
const Seed kModelSeed(3), kTrainingSeed(4);
constexpr int64_t kPeerSteps = 920;
constexpr int kPeerRounds = 3;

std::shared_ptr<nn::Classifier> initial_model(const data::Dataset& train) {
  auto model = nn::build(core::Config::parse(kMlp), train.schema, kModelSeed);
  model->fit_inputs(train.inputs);
  return model;
}

struct Turn {
  double milliseconds = 0, accuracy = 0;
};

Turn our_turn(const data::Dataset& train_set, const data::Dataset& test_set, double rho) {
  const auto model = initial_model(train_set);
  train::Trainer trainer(model, optim::make_step(model->parameters(), sam(rho)),
                         {.steps = kPeerSteps,
                          .batch_size = kTimingBatch,
                          .schedule = {.kind = "cosine", .warmup = 0, .end = 0}},
                         kTrainingSeed);
  StepClock clock;
  train::Hooks hooks;
  hooks.after_step = [&](int64_t, const optim::StepReport&) { clock.tick(); };
  trainer.fit(train_set, {}, {}, {}, hooks);
  return {.milliseconds = median_of_turn(clock.times()),
          .accuracy = percent_right(nn::predict(*model, test_set.inputs), test_set.targets)};
}

// What the peer needs to do the same: normalised images, first weights, and every batch's indices.
void write_peer_job(const data::Dataset& train_set, const data::Dataset& test_set,
                    const std::filesystem::path& directory) {
  const auto model = initial_model(train_set);
  const auto normalised = [&](const torch::Tensor& inputs) {
    const torch::NoGradGuard no_grad;
    auto input_layer = std::dynamic_pointer_cast<nn::Model>(model->named_children()["input"]);
    return input_layer->forward(inputs).flatten(1).contiguous();
  };
  data::write_npy(directory / "images.npy", normalised(train_set.inputs));
  data::write_npy(directory / "targets.npy", train_set.targets);
  data::write_npy(directory / "test_images.npy", normalised(test_set.inputs));
  data::write_npy(directory / "test_targets.npy", test_set.targets);
  const std::vector<torch::Tensor> parameters = model->parameters();
  for (size_t i = 0; i < parameters.size(); ++i)
    data::write_npy(directory / fmt::format("parameter{}.npy", i), parameters[i].detach());
  data::Batches batches(train_set, {.size = kTimingBatch}, kTrainingSeed.stream("batches"));
  std::vector<torch::Tensor> order;
  for (int64_t step = 0; step < kPeerSteps; ++step) order.push_back(batches.at(step).indices);
  data::write_npy(directory / "order.npy", torch::stack(order));
}

void compare_with_peer(const data::Dataset& train_set, const data::Dataset& test_set, double rho,
                       const core::StopToken& stop, pipeline::StudyResult& result) {
  const core::TemporaryDirectory directory;
  write_peer_job(train_set, test_set, directory.path());
  std::vector<double> ours, theirs;
  Turn our, their;
  for (int round = 0; round < kPeerRounds; ++round) {
    stop.check("timing SAM steps");
    our = our_turn(train_set, test_set, rho);
    const nlohmann::json peer = run_peer("sam.py", {directory.path().string(), fmt::format("{}", rho)});
    their = {.milliseconds = peer.at("milliseconds"), .accuracy = peer.at("accuracy")};
    ours.push_back(our.milliseconds);
    theirs.push_back(their.milliseconds);
  }
  result.rows.push_back({.metric = "mlp, 1 thread: SAM step, Trainer / pytorch-optimizer (baseline: ms)",
                         .paper = {},
                         .baseline = median(theirs),
                         .measured = median_ratio(ours, theirs),
                         .bar = Bar{.most = 0.95},
                         .timing = true});
  result.rows.push_back(
      {.metric = "mlp: test accuracy % after the same 920 steps (baseline: pytorch-optimizer)",
       .paper = {},
       .baseline = their.accuracy,
       .measured = our.accuracy,
       .bar = {}});
}

}  // namespace

void time_steps(const data::Dataset& train_set, const data::Dataset& test_set, double rho,
                const pipeline::StudyContext& context, pipeline::StudyResult& result) {
  const int threads_before = train::compute_threads();
  train::set_compute_threads(1);
  const data::Dataset random = random_images(context.seed);
  for (const Subject& subject : kSubjects) {
    std::vector<double> plain, sharpness_aware;
    for (int round = 0; round < subject.rounds; ++round) {
      context.stop.check("timing SAM steps");
      plain.push_back(median_of_turn(trainer_steps(subject.table, random, sgd(), subject.steps)));
      sharpness_aware.push_back(
          median_of_turn(trainer_steps(subject.table, random, sam(rho), subject.steps)));
    }
    result.rows.push_back({.metric = subject.name + ", 1 thread: SAM step / plain step (baseline: ms)",
                           .paper = {},
                           .baseline = median(plain),
                           .measured = median_ratio(sharpness_aware, plain),
                           .bar = Bar{.most = subject.most},
                           .timing = true});
  }
  if (peers_installed())
    compare_with_peer(train_set, test_set, rho, context.stop, result);
  else
    result.notes.push_back(kPeersLeftOut);
  train::set_compute_threads(threads_before);
}

}  // namespace lathe::studies::sam
