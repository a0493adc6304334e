// What the data path costs per batch, and a whole data set per load. One thread.
#include <benchmark/benchmark.h>

#include "lathe/core/files.h"
#include "lathe/data/batches.h"
#include "lathe/data/inputs.h"

namespace {

using namespace lathe;

torch::Tensor numbered(int64_t count, int64_t channels, int64_t side) {
  return torch::arange(count * channels * side * side)
      .remainder(251)
      .to(torch::kUInt8)
      .reshape({count, channels, side, side});
}

void augment(benchmark::State& state, const data::AugmentOptions& options, int64_t channels, int64_t side) {
  torch::Tensor images = numbered(4096, channels, side);
  std::vector<int64_t> order = core::Random(1).permutation(4096);
  torch::Tensor indices =
      torch::tensor(std::vector<int64_t>(order.begin(), order.begin() + 128), torch::kInt64);
  uint64_t step = 0;
  for (auto _ : state)
    benchmark::DoNotOptimize(data::gather_augmented(images, indices, options, core::Seed(1).stream(step++)));
  state.SetItemsProcessed(state.iterations() * 128);
}

BENCHMARK_CAPTURE(augment, plain_1x28, data::AugmentOptions{}, 1, 28)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(augment, flip_crop_cutout_1x28, data::AugmentOptions{.flip = true, .crop = 2, .cutout = 8},
                  1, 28)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(augment, flip_crop_cutout_3x32, data::AugmentOptions{.flip = true, .crop = 4, .cutout = 16},
                  3, 32)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(augment, rotation_1x28, data::AugmentOptions{.flip = true, .crop = 2, .rotation = 10}, 1,
                  28)
    ->Unit(benchmark::kMicrosecond);

void fashion_mnist(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(data::load_source("fashion-mnist").train.size());
}
BENCHMARK(fashion_mnist)->Unit(benchmark::kMillisecond);

void fit(benchmark::State& state) {
  torch::Tensor image = numbered(1, 3, 512)[0];
  for (auto _ : state) benchmark::DoNotOptimize(data::fit_image(image, 224, 224));
}
BENCHMARK(fit)->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
