#include <benchmark/benchmark.h>

#include "lathe/core/config.h"
#include "lathe/core/files.h"
#include "lathe/core/parallel.h"
#include "lathe/core/process.h"
#include "lathe/core/run_store.h"
#include "lathe/core/seed.h"

namespace lathe::core {
namespace {

void log_metrics(benchmark::State& state) {
  const TemporaryDirectory directory;
  RunStore store(directory.path() / "runs.db");
  const int64_t run = store.start("bench", "bench", {});
  std::vector<Metric> metrics;
  for (int64_t step = 0; step < state.range(0); ++step)
    metrics.push_back({.name = "loss", .step = step, .value = 0.1, .split = "train"});
  for (auto _ : state) store.log(run, metrics);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(log_metrics)->Arg(1)->Arg(100)->Arg(1000);

void permute(benchmark::State& state) {
  const Seed seed(0);
  uint64_t epoch = 0;
  for (auto _ : state)
    benchmark::DoNotOptimize(seed.stream("shuffle").stream(epoch++).random().permutation(state.range(0)));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(permute)->Arg(60'000);

void draw_normal(benchmark::State& state) {
  Random random(0);
  for (auto _ : state) benchmark::DoNotOptimize(random.normal());
}
BENCHMARK(draw_normal);

void parse_and_read_config(benchmark::State& state) {
  const std::string toml =
      "[data]\nsource = \"fashion-mnist\"\n[train]\nepochs = 10\nbatch_size = 128\n"
      "[optim]\nname = \"sgd\"\nlearning_rate = 0.1\n[optim.sam]\nrho = 0.05\n";
  for (auto _ : state) {
    const Config config = Config::parse(toml, "pipeline.toml", {"train.epochs=3"});
    config.section("data").text("source");
    config.section("train").integer("epochs");
    config.section("train").integer("batch_size", 64, Range::positive());
    config.section("optim").choice("name", "sgd", {"sgd", "adamw"});
    config.section("optim").number("learning_rate", 0.1, Range::positive());
    config.section("optim").section("sam").number("rho", 0.05);
    config.reject_unknown();
    benchmark::DoNotOptimize(config.resolved());
  }
}
BENCHMARK(parse_and_read_config);

void empty_parallel_for(benchmark::State& state) {
  const int before = num_threads();
  set_num_threads(static_cast<int>(state.range(0)));
  for (auto _ : state) parallel_for(1000, 1, [](int64_t begin, int64_t) { benchmark::DoNotOptimize(begin); });
  set_num_threads(before);
}
BENCHMARK(empty_parallel_for)->Arg(1)->Arg(2)->UseRealTime();

void start_process(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(run_process({.arguments = {"true"}}).exit_code);
}
BENCHMARK(start_process)->UseRealTime();

}  // namespace
}  // namespace lathe::core

BENCHMARK_MAIN();
