#include "studies/neural_subspaces_step.h"

#include <torch/torch.h>

#include <cstdlib>
#include <filesystem>

#include "lathe/core/error.h"
#include "lathe/nn/classifier.h"
#include "lathe/nn/initialization.h"
#include "lathe/nn/input_layers.h"
#include "lathe/nn/resnet.h"
#include "lathe/train/subspace_training.h"
#include "lathe/train/threads.h"
#include "lathe/train/trainer.h"
#include "studies/timing.h"

namespace lathe::studies::neural_subspaces {
namespace {

using core::Seed;
using pipeline::Bar;
using train::Subspace;

struct Subject {
  std::string name, table;
  int rounds;
  int64_t steps;
  std::optional<Bar> bar;  // of a line's step / a plain step
};
const std::vector<Subject> kSubjects = {
    {"cnn", "kind = 'cnn'", 9, 12, Bar{.most = 1.15}},
    {"cnn 8/16", "kind = 'cnn'\nstem_channels = 8\nchannels = [16]", 15, 60, Bar{.most = 1.15}},
    {"mlp", "kind = 'mlp'\nhidden = [256, 256]", 15, 150, {}}};

optim::OptimizerOptions sgd() {
  return {.lr = 0.05, .momentum = 0.9, .nesterov = false, .weight_decay = 1e-4};
}

using MakeNetwork = std::function<std::shared_ptr<nn::Classifier>(Seed)>;

std::vector<double> line_steps(const MakeNetwork& make, const data::Dataset& dataset, int64_t steps) {
  const auto line = std::make_shared<Subspace>(
      [&](int64_t i) {
        auto network = make(Seed(static_cast<uint64_t>(i)));
        network->fit_inputs(dataset.inputs);
        return network;
      },
      train::SubspaceOptions{});
  const auto model = std::dynamic_pointer_cast<nn::Classifier>(line->module());
  train::Trainer trainer(
      model, optim::make_step(line->parameters(), sgd()),
      {.steps = steps + kWarmUpSteps, .batch_size = kTimingBatch, .augment = {.flip = true}}, Seed(2));
  trainer.add_method(std::make_shared<train::SubspaceTraining>(line, model, Seed(3)));
  StepClock clock;
  train::Hooks hooks;
  hooks.after_step = [&](int64_t, const optim::StepReport&) { clock.tick(); };
  trainer.fit(dataset, {}, {}, {}, hooks);
  return clock.times();
}

void compare_with_plain_steps(const pipeline::StudyContext& context, pipeline::StudyResult& result) {
  const data::Dataset images = random_images(context.seed);
  for (const Subject& subject : kSubjects) {
    const MakeNetwork make = [&](Seed seed) {
      return nn::build(core::Config::parse(subject.table), images.schema, seed);
    };
    std::vector<double> plain, line;
    for (int round = 0; round < subject.rounds; ++round) {
      context.stop.check("timing a line's steps");
      plain.push_back(median_of_turn(trainer_steps(subject.table, images, sgd(), subject.steps)));
      line.push_back(median_of_turn(line_steps(make, images, subject.steps)));
    }
    result.rows.push_back({.metric = subject.name + ", 1 thread: line's step / plain step (baseline: ms)",
                           .paper = {},
                           .baseline = median(plain),
                           .measured = median_ratio(line, plain),
                           .bar = subject.bar,
                           .timing = true});
  }
}

// He et al.'s network for CIFAR with the shortcuts and the last layer of the authors' code: 1×1 convolutions,
// and no bias.
class AuthorsResNet20 : public nn::FeatureModel {
 public:
  AuthorsResNet20() {
    stem_ = register_module("stem", std::make_shared<nn::Convolution>(
                                        nn::ConvolutionOptions{.in_channels = 3, .out_channels = 16}));
    int64_t channels = 16;
    for (int64_t i = 0; i < 9; ++i) {
      const int64_t stride = i == 3 || i == 6 ? 2 : 1;
      blocks_.push_back(
          register_module("block" + std::to_string(i),
                          std::make_shared<nn::ResidualBlock>(channels, channels * stride, stride,
                                                              nn::ResidualBlock::Shortcut::projection)));
      channels *= stride;
    }
    head_ = register_module("head", torch::nn::Linear(torch::nn::LinearOptions(channels, 10).bias(false)));
  }
  torch::Tensor features(torch::Tensor x) override {
    x = stem_->forward(x);
    for (const auto& block : blocks_) x = block->forward(x);
    return x.mean({2, 3});
  }
  torch::nn::LinearImpl& head() override { return *head_; }
  void initialize(Seed seed) override {
    stem_->initialize(seed.stream("stem"));
    for (size_t i = 0; i < blocks_.size(); ++i) blocks_[i]->initialize(seed.stream(i));
    nn::he_normal(head_->weight, seed.stream("head"));
  }

 private:
  std::shared_ptr<nn::Convolution> stem_;
  std::vector<std::shared_ptr<nn::ResidualBlock>> blocks_;
  torch::nn::Linear head_{nullptr};
};

data::Dataset random_colour_images(Seed seed) {
  data::Dataset dataset = random_images(seed);
  dataset.schema.shape = {3, 32, 32};
  dataset.inputs = torch::randint(0, 256, {dataset.size(), 3, 32, 32}, nn::generator(seed), torch::kUInt8);
  return dataset;
}

std::shared_ptr<nn::Classifier> authors_network(const data::Schema& schema, Seed seed) {
  auto network =
      std::make_shared<nn::Classifier>(schema, "", std::make_shared<nn::PixelNormalization>(schema.shape),
                                       std::make_shared<AuthorsResNet20>());
  network->initialize(seed);
  for (torch::Tensor& parameter : network->parameters())
    if (parameter.dim() == 4) parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
  return network;
}

// w = Σ c_i ω_i reads n and writes one, the gradients' way back reads one, and reads and writes n: (3n + 2) ·
// 4 P bytes, or a copy of half as many floats.
void compare_with_moved_bytes(const data::Schema& schema, pipeline::StudyResult& result) {
  constexpr int kRounds = 200;
  Subspace line([&](int64_t i) { return authors_network(schema, Seed(static_cast<uint64_t>(i))); }, {});
  int64_t weights = 0;
  for (const torch::Tensor& parameter : line.module()->parameters()) {
    parameter.mutable_grad() = torch::ones_like(parameter);
    weights += parameter.numel();
  }
  const torch::Tensor from = torch::ones({(3 * 2 + 2) * weights / 2});
  torch::Tensor to = torch::zeros_like(from);
  core::Random random(1);
  std::vector<double> moved, mixed;
  for (int round = 0; round < kRounds; ++round) {
    StepClock clock;
    to.copy_(from);
    clock.tick();
    line.draw(random);
    line.pull_gradients();
    clock.tick();
    moved.push_back(clock.times()[0]);
    mixed.push_back(clock.times()[1]);
  }
  result.rows.push_back({.metric = fmt::format("ResNet-20, {} weights: mixing, pulling and the regulariser / "
                                               "moving (3n + 2) · 4P bytes (baseline: ms)",
                                               weights),
                         .paper = {},
                         .baseline = median(moved),
                         .measured = median_ratio(mixed, moved),
                         .bar = {},
                         .timing = true});
}

void compare_with_authors(const data::Dataset& images, const pipeline::StudyContext& context,
                          pipeline::StudyResult& result) {
  const char* checkout = std::getenv("LATHE_LEARNING_SUBSPACES");
  if (!checkout || !std::filesystem::is_directory(checkout) || !peers_installed()) {
    result.notes.push_back(
        "The authors' program was left out: it needs a checkout of apple/learning-subspaces, named by "
        "LATHE_LEARNING_SUBSPACES, and the Python packages of bench/peers.");
    return;
  }
  constexpr int kRounds = 5;
  constexpr int64_t kSteps = 12;
  const MakeNetwork make = [&](Seed seed) { return authors_network(images.schema, seed); };
  int64_t weights = 0;
  for (const torch::Tensor& parameter : make(Seed(0))->parameters()) weights += 2 * parameter.numel();
  std::vector<double> ours, theirs;
  for (int round = 0; round < kRounds; ++round) {
    context.stop.check("timing a line's steps");
    ours.push_back(median_of_turn(line_steps(make, images, kSteps)));
    const nlohmann::json peer = run_peer("neural_subspaces.py", {checkout, std::to_string(kSteps)});
    theirs.push_back(peer.at("milliseconds"));
    if (peer.at("parameters") != weights)
      throw Error("the authors' ResNet-20 has {} weights, ours {}", peer.at("parameters").dump(), weights);
  }
  result.rows.push_back(
      {.metric = "ResNet-20, 1 thread: line's step, Trainer / apple/learning-subspaces (baseline: ms)",
       .paper = {},
       .baseline = median(theirs),
       .measured = median_ratio(ours, theirs),
       .bar = Bar{.most = 0.95},
       .timing = true});
}

}  // namespace

void time_steps(const pipeline::StudyContext& context, pipeline::StudyResult& result) {
  const int threads_before = train::compute_threads();
  train::set_compute_threads(1);
  compare_with_plain_steps(context, result);
  const data::Dataset images = random_colour_images(context.seed);
  compare_with_moved_bytes(images.schema, result);
  compare_with_authors(images, context, result);
  train::set_compute_threads(threads_before);
}

}  // namespace lathe::studies::neural_subspaces
