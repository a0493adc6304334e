// What averages and curves of weights cost: a snapshot and new batch-norm statistics of a CNN, and a training
// step on a Bézier curve.
//   bench_weight_space               micro-benchmarks
//   bench_weight_space --peers DIR   writes weights, images and what became of them for
//                                    bench/peers/weight_space.py, then answers it turn by turn
#include <benchmark/benchmark.h>
#include <torch/torch.h>

#include "bench/run.h"
#include "bench/turns.h"
#include "lathe/data/npy.h"
#include "lathe/nn/batch_norm.h"
#include "lathe/nn/cnn.h"
#include "lathe/nn/initialization.h"
#include "lathe/train/stochastic_weight_average.h"
#include "lathe/train/subspace.h"

namespace {

using namespace lathe;
using bench::seconds_of;

constexpr int64_t kPictures = 2000;
constexpr double kRate = 0.01, kMomentum = 0.9, kWeightDecay = 1e-4;  // dnn-mode-connectivity's

void to_channels_last(torch::nn::Module& module) {
  for (torch::Tensor& parameter : module.parameters())
    if (parameter.dim() == 4) parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
}

torch::Tensor flat(const std::vector<torch::Tensor>& tensors) {
  std::vector<torch::Tensor> parts;
  for (const torch::Tensor& tensor : tensors) parts.push_back(tensor.detach().flatten());
  return torch::cat(parts);
}

torch::Tensor random_images(int64_t count, int64_t channels, int64_t side, torch::Dtype type) {
  return torch::randn({count, channels, side, side}, nn::generator(core::Seed(0)), type)
      .contiguous(at::MemoryFormat::ChannelsLast);
}

// Averages of weights.

std::shared_ptr<nn::Cnn> cnn(core::Seed seed, torch::Dtype type) {
  auto network = std::make_shared<nn::Cnn>(nn::CnnOptions{});  // Lathe's default
  network->initialize(seed);
  network->to(type);
  to_channels_last(*network);
  return network;
}

std::vector<torch::Tensor> running_statistics(const torch::nn::Module& module) {
  std::vector<torch::Tensor> statistics;
  for (const torch::Tensor& buffer : module.buffers())
    if (buffer.dim() == 1) statistics.push_back(buffer);  // not the counts of batches
  return statistics;
}

void write_average(const std::filesystem::path& directory) {
  constexpr uint64_t kSnapshots = 5;
  const torch::Tensor images = random_images(kPictures, 1, 28, torch::kFloat64);
  const auto network = cnn(core::Seed(0), torch::kFloat64);
  train::StochasticWeightAverage average(*network);
  std::vector<torch::Tensor> snapshots;
  for (uint64_t i = 0; i < kSnapshots; ++i) {
    const torch::NoGradGuard no_grad;
    network->initialize(core::Seed(i));
    for (torch::Tensor& parameter : network->parameters())
      if (parameter.dim() == 1) parameter.uniform_(0.5, 1.5, nn::generator(core::Seed(i)));
    snapshots.push_back(flat(network->parameters()));
    average.snapshot();
  }
  average.install();
  nn::recompute_batch_norm(*network, images);
  data::write_npy(directory / "snapshots.npy", torch::stack(snapshots));
  data::write_npy(directory / "average.npy", flat(network->parameters()));
  data::write_npy(directory / "statistics.npy", flat(running_statistics(*network)));
  data::write_npy(directory / "pictures.npy", images);
}

// SWA's learning rate as a share of training's, step by step.
torch::Tensor averaging_rates(int64_t steps) {
  const train::ScheduleOptions schedule = train::swa_schedule({});
  std::vector<double> rates;
  for (int64_t step = 0; step < steps; ++step)
    rates.push_back(train::schedule_factor(schedule, static_cast<double>(step) / static_cast<double>(steps)));
  return torch::tensor(rates, torch::kFloat64);
}

// Curves. The network is ConvFC of timgaripov/dnn-mode-connectivity.

struct ConvFc : torch::nn::Module {
  torch::nn::Sequential layers;
  ConvFc() {
    using namespace torch::nn;
    int64_t channels = 3;
    for (int64_t out : {32, 64, 128}) {
      layers->push_back(Conv2d(Conv2dOptions(channels, out, 5).padding(2)));
      layers->push_back(ReLU(ReLUOptions(true)));
      layers->push_back(MaxPool2d(MaxPool2dOptions(3).stride(2)));
      channels = out;
    }
    layers->push_back(Flatten());
    layers->push_back(Linear(1152, 1000));
    layers->push_back(ReLU(ReLUOptions(true)));
    layers->push_back(Linear(1000, 1000));
    layers->push_back(ReLU(ReLUOptions(true)));
    layers->push_back(Linear(1000, 10));
    register_module("layers", layers);
  }
};

std::shared_ptr<ConvFc> conv_fc(int64_t i, torch::Dtype type) {
  auto network = std::make_shared<ConvFc>();
  network->to(type);
  const torch::NoGradGuard no_grad;
  auto generator = nn::generator(core::Seed(static_cast<uint64_t>(i)));
  for (torch::Tensor& parameter : network->parameters()) {
    const double bound =
        1 / std::sqrt(static_cast<double>(parameter.numel()) / static_cast<double>(parameter.size(0)));
    parameter.uniform_(-bound, bound, generator);
  }
  to_channels_last(*network);
  return network;
}

torch::optim::SGD sgd(const std::vector<torch::Tensor>& parameters, double weight_decay) {
  return torch::optim::SGD(parameters,
                           torch::optim::SGDOptions(kRate).momentum(kMomentum).weight_decay(weight_decay));
}

struct Batch {
  torch::Tensor images;
  torch::Tensor labels = torch::randint(0, 10, {128}, nn::generator(core::Seed(1)), torch::kInt64);
  explicit Batch(torch::Dtype type) : images(random_images(128, 3, 32, type)) {}
};

// Forward, backward and the step of the optimizer, at the weights that the network has.
double descend(ConvFc& network, const Batch& batch, torch::optim::SGD& optimizer,
               const std::function<void()>& pull) {
  network.zero_grad();
  const torch::Tensor loss = torch::cross_entropy_loss(network.layers->forward(batch.images), batch.labels);
  loss.backward();
  pull();
  optimizer.step();
  return loss.item<double>();
}

struct Curve {
  train::Subspace subspace;
  torch::optim::SGD optimizer;
  core::Random random{2};
  Curve(double beta, double weight_decay, torch::Dtype type = torch::kFloat32)
      : subspace([type](int64_t i) { return conv_fc(i, type); },
                 {.kind = train::SubspaceKind::curve, .endpoints = 3, .beta = beta}),
        optimizer(sgd(subspace.parameters(), weight_decay)) {}
  ConvFc& network() { return dynamic_cast<ConvFc&>(*subspace.module()); }
  torch::Tensor endpoints() const { return flat(subspace.parameters()).view({3, -1}); }
  double step(const Batch& batch) {
    subspace.draw(random);
    return descend(network(), batch, optimizer, [this] { subspace.pull_gradients(); });
  }
};

// A few steps at given places on the curve, without the term that pushes endpoints apart.
void write_curve(const std::filesystem::path& directory) {
  const Batch batch(torch::kFloat64);
  Curve curve(0, 0, torch::kFloat64);
  const std::vector<double> places = {0.5, 0.1, 0.83};
  data::write_npy(directory / "endpoints.npy", curve.endpoints());
  std::vector<double> losses;
  torch::Tensor gradients;
  for (double t : places) {
    curve.subspace.set_point(train::curve_point(t));
    losses.push_back(descend(curve.network(), batch, curve.optimizer, [&] {
      curve.subspace.pull_gradients();
      if (gradients.defined()) return;
      std::vector<torch::Tensor> all;
      for (const torch::Tensor& parameter : curve.subspace.parameters()) all.push_back(parameter.grad());
      gradients = flat(all).view({3, -1});
    }));
  }
  data::write_npy(directory / "places.npy", torch::tensor(places, torch::kFloat64));
  data::write_npy(directory / "losses.npy", torch::tensor(losses, torch::kFloat64));
  data::write_npy(directory / "gradients.npy", gradients);
  data::write_npy(directory / "trained.npy", curve.endpoints());
  data::write_npy(directory / "images.npy", batch.images);
  data::write_npy(directory / "labels.npy", batch.labels);
  std::vector<double> of_line, of_curve;
  for (double t : places) {
    for (double c : train::line_point(t)) of_line.push_back(c);
    for (double c : train::curve_point(t)) of_curve.push_back(c);
  }
  data::write_npy(directory / "line.npy", torch::tensor(of_line, torch::kFloat64).view({-1, 2}));
  data::write_npy(directory / "curve.npy", torch::tensor(of_curve, torch::kFloat64).view({-1, 3}));
}

void compare(const std::filesystem::path& directory) {
  write_average(directory);
  data::write_npy(directory / "rates.npy", averaging_rates(100));
  write_curve(directory);
  const torch::Tensor pictures = random_images(kPictures, 1, 28, torch::kFloat32);
  const auto network = cnn(core::Seed(0), torch::kFloat32);
  train::StochasticWeightAverage average(*network);
  const Batch batch(torch::kFloat32);
  Curve bare(0, 0), regularised(1, kWeightDecay);
  const auto plain = conv_fc(0, torch::kFloat32);
  torch::optim::SGD optimizer = sgd(plain->parameters(), 0);
  bench::answer_turns(
      {{"swa_factor", train::SwaOptions{}.lr_factor},
       {"rate", kRate},
       {"momentum", kMomentum},
       {"weight_decay", kWeightDecay}},
      {{"snapshot", [&] { return seconds_of([&] { average.snapshot(); }); }},
       {"statistics", [&] { return seconds_of([&] { nn::recompute_batch_norm(*network, pictures); }); }},
       {"plain", [&] { return seconds_of([&] { descend(*plain, batch, optimizer, [] {}); }); }},
       {"curve", [&] { return seconds_of([&] { bare.step(batch); }); }},
       {"regularised", [&] { return seconds_of([&] { regularised.step(batch); }); }}});
}

void snapshot(benchmark::State& state) {
  const auto network = cnn(core::Seed(0), torch::kFloat32);
  train::StochasticWeightAverage average(*network);
  for (auto _ : state) average.snapshot();
}
BENCHMARK(snapshot)->Unit(benchmark::kMicrosecond);

void statistics(benchmark::State& state) {
  const torch::Tensor pictures = random_images(kPictures, 1, 28, torch::kFloat32);
  const auto network = cnn(core::Seed(0), torch::kFloat32);
  for (auto _ : state) nn::recompute_batch_norm(*network, pictures);
}
BENCHMARK(statistics)->Unit(benchmark::kMillisecond);

void curve_step(benchmark::State& state) {
  const Batch batch(torch::kFloat32);
  Curve curve(1, kWeightDecay);
  for (auto _ : state) benchmark::DoNotOptimize(curve.step(batch));
}
BENCHMARK(curve_step)->Unit(benchmark::kMillisecond);

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, compare);
}
