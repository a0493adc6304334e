// What the surgery on the gradients of several tasks costs: 8 tasks of a million parameters, and whole steps
// of a training.
//   bench_gradient_vaccine               micro-benchmarks
//   bench_gradient_vaccine --peers DIR   writes gradients and what became of them for
//   bench/peers/gradient_surgery.py,
//                                        then answers it turn by turn
#include <benchmark/benchmark.h>
#include <torch/torch.h>

#include <algorithm>
#include <limits>

#include "bench/run.h"
#include "bench/turns.h"
#include "lathe/core/progress.h"
#include "lathe/data/npy.h"
#include "lathe/nn/classifier.h"
#include "lathe/nn/initialization.h"
#include "lathe/optim/grad_vac.h"
#include "lathe/train/trainer.h"

namespace {

using namespace lathe;

constexpr int64_t kTasks = 8, kSize = 1'000'000;
constexpr double kBeta = 0.5;  // TorchJD's and LibMTL's default

const torch::Tensor& gradients() {
  static const torch::Tensor made = torch::randn({kTasks, kSize}, nn::generator(core::Seed(0)));
  return made;
}

torch::Tensor zero_averages(int64_t tasks) {
  return torch::zeros({tasks, tasks, 1}, torch::kFloat64);
}

torch::Tensor pcgrad() {
  static core::Random random(1);
  return optim::pcgrad(gradients(), random);
}

torch::Tensor gradvac() {
  static core::Random random(1);
  static torch::Tensor averages = zero_averages(kTasks);
  return optim::vaccinate(gradients(), {{0, kSize}}, averages, {.beta = kBeta}, random).gradient;
}

void surgery(benchmark::State& state, torch::Tensor (*method)()) {
  gradients();
  for (auto _ : state) benchmark::DoNotOptimize(method());
}
BENCHMARK_CAPTURE(surgery, pcgrad, pcgrad)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(surgery, gradvac, gradvac)->Unit(benchmark::kMillisecond);

// Four tasks on pictures of their own, one network without heads; median seconds of a step.
double training_step(optim::MultitaskMethod method) {
  constexpr int64_t kStepTasks = 4, kBatch = 32, kSteps = 20, kImages = kStepTasks * 1000;
  data::Dataset images;
  images.schema.shape = {1, 28, 28};
  images.schema.classes = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
  images.inputs = torch::randint(0, 256, {kImages, 1, 28, 28}, nn::generator(core::Seed(0)), torch::kUInt8);
  images.targets = torch::randint(0, 10, {kImages}, nn::generator(core::Seed(1)), torch::kInt64);
  const data::Tasks tasks = {.names = {"a", "b", "c", "d"},
                             .of_example = torch::arange(kImages).remainder(kStepTasks)};
  const auto model =
      nn::build(core::Config::parse("kind = 'mlp'\nhidden = [512, 512]"), images.schema, core::Seed(2));
  model->fit_inputs(images.inputs);
  optim::StepSlots slots;
  slots.combine = std::make_shared<optim::GradVac>(
      *model, tasks.names,
      optim::GradVacOptions{
          .method = method, .beta = kBeta, .components = optim::ComponentKind::whole_model});
  train::Trainer trainer(model, optim::make_step(model->parameters(), {.lr = 1e-3}, slots),
                         {.steps = kSteps, .batch_size = kBatch * kStepTasks}, core::Seed(3));
  trainer.set_tasks(tasks, std::numeric_limits<double>::infinity());
  std::vector<double> times;
  double last = bench::processor_seconds();
  train::Hooks hooks;
  hooks.after_step = [&](int64_t, const optim::StepReport&) {
    const double now = bench::processor_seconds();
    times.push_back(now - std::exchange(last, now));
  };
  trainer.fit(images, {}, {}, {}, hooks);
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

// Steps of five tasks that are at odds often, with the order in which each task met the others.
nlohmann::json write_steps(const std::filesystem::path& directory) {
  constexpr int64_t kSteps = 6, kStepTasks = 5, kStepSize = 2000;
  const torch::Tensor rows =
      torch::randn({kSteps, kStepTasks, kStepSize}, nn::generator(core::Seed(2)), torch::kFloat64) -
      0.2 * torch::randn({kSteps, 1, kStepSize}, nn::generator(core::Seed(3)), torch::kFloat64) *
          torch::tensor({1., -1., 1., -1., 1.}, torch::kFloat64).view({1, kStepTasks, 1});
  core::Random of_pcgrad(4), of_gradvac(4), again(4);
  torch::Tensor averages = zero_averages(kStepTasks);
  std::vector<torch::Tensor> projected, vaccinated;
  std::vector<int64_t> orders;
  for (int64_t step = 0; step < kSteps; ++step) {
    projected.push_back(optim::pcgrad(rows[step], of_pcgrad));
    vaccinated.push_back(
        optim::vaccinate(rows[step], {{0, kStepSize}}, averages, {.beta = kBeta}, of_gradvac).gradient);
    for (int64_t i = 0; i < kStepTasks; ++i) {
      std::vector<int64_t> order(kStepTasks);
      std::iota(order.begin(), order.end(), 0);
      again.shuffle(order);
      orders.insert(orders.end(), order.begin(), order.end());
    }
  }
  data::write_npy(directory / "rows.npy", rows);
  data::write_npy(directory / "orders.npy", torch::tensor(orders).view({kSteps, kStepTasks, kStepTasks}));
  data::write_npy(directory / "pcgrad.npy", torch::stack(projected));
  data::write_npy(directory / "gradvac.npy", torch::stack(vaccinated));
  data::write_npy(directory / "averages.npy", averages.squeeze(2));
  data::write_npy(directory / "gradients.npy", gradients());
  return {{"beta", kBeta}};
}

void compare(const std::filesystem::path& directory) {
  bench::answer_turns(write_steps(directory),
                      {{"pcgrad", [] { return bench::seconds_of(pcgrad); }},
                       {"gradvac", [] { return bench::seconds_of(gradvac); }},
                       {"pcgrad step", [] { return training_step(optim::MultitaskMethod::pcgrad); }},
                       {"gradvac step", [] { return training_step(optim::MultitaskMethod::gradvac); }}});
}

}  // namespace

int main(int argc, char** argv) {
  core::Progress::set_quiet(true);
  return bench::run(argc, argv, compare);
}
