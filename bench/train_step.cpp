// One training step under Google Benchmark: the Trainer on one batch after another. The side-by-side
// comparison with plain libtorch and PyPI's PyTorch is `lathe study run training-step`.
#include <benchmark/benchmark.h>
#include <torch/torch.h>

#include "lathe/core/progress.h"
#include "lathe/nn/classifier.h"
#include "lathe/nn/initialization.h"
#include "lathe/optim/optimizer.h"
#include "lathe/train/threads.h"
#include "lathe/train/trainer.h"

namespace {

void trainer_steps(benchmark::State& state, const char* model_toml) {
  using namespace lathe;
  constexpr int64_t kSteps = 20;
  core::Progress::set_quiet(true);
  train::set_compute_threads(static_cast<int>(state.range(0)));
  data::Dataset dataset;
  dataset.schema.shape = {1, 28, 28};
  dataset.schema.classes = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
  dataset.inputs = torch::randint(0, 256, {2560, 1, 28, 28}, nn::generator(core::Seed(0)), torch::kUInt8);
  dataset.targets = torch::randint(0, 10, {2560}, nn::generator(core::Seed(1)), torch::kInt64);
  const auto model = nn::build(core::Config::parse(model_toml), dataset.schema, core::Seed(1));
  model->fit_inputs(dataset.inputs);
  for (auto _ : state) {
    train::Trainer trainer(model, optim::make_step(model->parameters(), {.lr = 1e-3}),
                           {.steps = kSteps, .batch_size = 128}, core::Seed(2));
    trainer.fit(dataset, {});
  }
  state.counters["ms/step"] = benchmark::Counter(1e-3 * static_cast<double>(state.iterations() * kSteps),
                                                 benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

}  // namespace

BENCHMARK_CAPTURE(trainer_steps, cnn, "kind = 'cnn'")
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(trainer_steps, mlp, "kind = 'mlp'\nhidden = [256]")
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_MAIN();
