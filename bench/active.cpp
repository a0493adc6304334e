// What active testing costs: drawing one of a million points, scoring a pool with 16 dropout members, an
// estimate.
//   bench_active               micro-benchmarks
//   bench_active --peers       answers bench/peers/active.py turn by turn
#include <benchmark/benchmark.h>
#include <torch/torch.h>

#include <chrono>
#include <functional>
#include <iostream>

#include "lathe/core/seed.h"
#include "lathe/evaluate/active/estimators.h"
#include "lathe/evaluate/active/proposal.h"
#include "lathe/evaluate/active/scores.h"
#include "lathe/nn/cnn.h"
#include "lathe/train/active_learning.h"

namespace {

using namespace lathe;
using namespace lathe::evaluate::active;

constexpr int64_t kImages = 1000, kMembers = 16, kPoints = 1'000'000;

// As active.py builds it: three 3×3 convolutions of 16, 32 and 128 channels with batch norm and max pools
// between, mean and maximum over what is left, dropout, ten classes.
nn::Cnn& network() {
  static nn::Cnn made({.channels = {16, 32, 128}, .pool_every = 1, .dropout = 0.5});
  return made;
}

const torch::Tensor& images() {
  static const torch::Tensor made = torch::rand({kImages, 1, 28, 28});
  return made;
}

torch::Tensor score_pool() {
  return bald(train::dropout_members(network(), images(), kMembers, 0.5, core::Seed(0)));
}

std::vector<double> scores() {
  core::Random random = core::Seed(1).random();
  std::vector<double> values;
  for (int64_t i = 0; i < kPoints; ++i) values.push_back(random.uniform());
  return values;
}

void scoring(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(score_pool());
  state.SetItemsProcessed(state.iterations() * kImages);
}
BENCHMARK(scoring)->Unit(benchmark::kMillisecond);

void sampler(benchmark::State& state) {
  const std::vector<double> values = scores();
  for (auto _ : state) benchmark::DoNotOptimize(Sampler(values, {.floor = 0.1}));
}
BENCHMARK(sampler)->Unit(benchmark::kMillisecond);

void draw(benchmark::State& state) {
  Sampler sampler(scores(), {.floor = 0.1});
  core::Random random = core::Seed(2).random();
  for (auto _ : state) {
    if (sampler.remaining() == 1) state.SkipWithError("the pool is too small");
    benchmark::DoNotOptimize(sampler.draw(random.uniform()));
  }
}
BENCHMARK(draw)->Unit(benchmark::kMicrosecond)->Iterations(100'000);

void estimate(benchmark::State& state) {
  const std::vector<double> losses(1000, 0.5), q(1000, 1e-4);
  for (auto _ : state) benchmark::DoNotOptimize(risk(losses, q, 10'000, Estimator::kLure));
}
BENCHMARK(estimate)->Unit(benchmark::kMicrosecond);

double seconds_of(const std::function<void()>& action) {
  const auto start = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Commands a line on standard input, a number of seconds a line back: turns of two programs lie side by side.
void answer_turns() {
  Sampler sampler(scores(), {.floor = 0.1});
  core::Random random = core::Seed(2).random();
  for (std::string line; std::getline(std::cin, line);) {
    double seconds = 0;
    if (line == "score") seconds = seconds_of([] { score_pool(); });
    if (line == "trunk")
      seconds = seconds_of([] { train::dropout_members(network(), images(), 1, 0.5, core::Seed(0)); });
    if (line == "draw")
      seconds = seconds_of([&] {
                  for (int i = 0; i < 1000; ++i) sampler.draw(random.uniform());
                }) /
                1000;
    if (line == "sampler") seconds = seconds_of([] { Sampler(scores(), {.floor = 0.1}); });
    std::cout << seconds << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) {
  network().initialize(core::Seed(0));
  if (argc == 2 && std::string(argv[1]) == "--peers") {
    answer_turns();
    return 0;
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
