// What learning tasks one after another costs, method by method: permuted Fashion-MNIST, an MLP.
//   bench_continual               micro-benchmarks
//   bench_continual --peers DIR   writes the tasks and first weights for bench/peers/continual_learning.py,
//                                 then answers it turn by turn
#include <benchmark/benchmark.h>
#include <torch/torch.h>

#include "bench/run.h"
#include "bench/turns.h"
#include "lathe/core/progress.h"
#include "lathe/data/npy.h"
#include "lathe/data/sources.h"
#include "lathe/nn/classifier.h"
#include "lathe/pipeline/continual_tasks.h"
#include "lathe/train/continual/train_tasks.h"

namespace {

using namespace lathe;
using namespace lathe::train::continual;

constexpr int64_t kTasks = 3, kExamples = 3000, kTestExamples = 1000, kBatch = 10;
constexpr double kRate = 0.01, kEwcLambda = 10;  // with 100, the default, these steps diverge
const core::Seed kSeed(0);
const std::vector<std::string> kMethods = {"finetune", "ewc", "agem", "replay", "joint", "gpm"};

const std::vector<Task>& tasks() {
  static const std::vector<Task> made = [] {
    data::Splits splits =
        data::split(data::load_source("fashion-mnist"), {.holdout = 0, .subset = kExamples}, kSeed);
    splits.test = splits.test.select(torch::arange(kTestExamples));
    return pipeline::make_tasks(splits, {.kind = "permuted", .num_tasks = kTasks}, kSeed);
  }();
  return made;
}

std::shared_ptr<nn::Classifier> network() {
  const data::Dataset& first = tasks().front().train;
  auto made = nn::build(core::Config::parse("kind = 'mlp'\nhidden = [100, 100]"), first.schema, kSeed);
  made->fit_inputs(first.inputs);
  return made;
}

// As `lathe run` does with [train.continual]; one epoch of SGD at a constant rate.
ContinualResult learn(const std::string& method, core::Seed seed) {
  return train_tasks(
      network(), tasks(),
      {.continual = {.method = method, .ewc_lambda = kEwcLambda},
       .optim = {.kind = "sgd", .lr = kRate, .momentum = 0, .nesterov = false, .weight_decay = 0},
       .train = {.epochs = 1, .batch_size = kBatch, .schedule = {.kind = "constant", .warmup = 0}},
       .seed = seed});
}

// Average accuracies of two orders of the examples.
std::vector<double> accuracies(const std::string& method) {
  std::vector<double> all;
  for (uint64_t seed = 0; seed < 2; ++seed) all.push_back(learn(method, core::Seed(seed)).measures.acc);
  return all;
}

void compare(const std::filesystem::path& directory) {
  nn::PixelNormalization normalization(tasks().front().train.schema.shape);
  normalization.fit(tasks().front().train.inputs);
  const auto write = [&](const std::string& name, const data::Dataset& examples) {
    data::write_npy(directory / (name + "_x.npy"), normalization.forward(examples.inputs).flatten(1));
    data::write_npy(directory / (name + "_y.npy"), examples.targets);
  };
  for (size_t t = 0; t < tasks().size(); ++t) {
    write(fmt::format("train{}", t), tasks()[t].train);
    write(fmt::format("test{}", t), tasks()[t].test);
  }
  const auto parameters = network()->parameters();
  for (size_t i = 0; i < parameters.size(); ++i)
    data::write_npy(directory / fmt::format("parameter{}.npy", i), parameters[i].detach());
  nlohmann::json accuracy;
  std::map<std::string, std::function<double()>> work;
  for (const std::string& method : kMethods) {
    accuracy[method] = accuracies(method);
    work[method] = [method] { return bench::seconds_of([&] { return learn(method, kSeed); }) / kTasks; };
  }
  bench::answer_turns({{"tasks", kTasks},
                       {"batch", kBatch},
                       {"rate", kRate},
                       {"lambda", kEwcLambda},
                       {"memory", ContinualOptions{}.memory},
                       {"accuracy", accuracy}},
                      work);
}

void sequence(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(learn(kMethods[static_cast<size_t>(state.range(0))], kSeed));
  state.SetLabel(kMethods[static_cast<size_t>(state.range(0))]);
}
BENCHMARK(sequence)->DenseRange(0, 5)->Unit(benchmark::kMillisecond);

}  // namespace

int main(int argc, char** argv) {
  core::Progress::set_quiet(true);
  return bench::run(argc, argv, compare);
}
