#include "studies/gradient_vaccine_step.h"

#include <torch/torch.h>

#include <cstdlib>
#include <filesystem>
#include <limits>

#include "lathe/core/files.h"
#include "lathe/data/npy.h"
#include "lathe/nn/initialization.h"
#include "lathe/train/threads.h"
#include "studies/gradient_vaccine_runs.h"
#include "studies/timing.h"

namespace lathe::studies::gradient_vaccine {
namespace {

using core::Seed;
using pipeline::Bar;

constexpr double kBeta = 0.5;  // LibMTL's default

torch::Tensor random_gradients(int64_t tasks, int64_t size, Seed seed) {
  return torch::randn({tasks, size}, nn::generator(seed));
}

std::vector<optim::Range> equal_ranges(int64_t size, int64_t count) {
  std::vector<optim::Range> ranges;
  for (int64_t k = 0; k < count; ++k) ranges.push_back({k * size / count, (k + 1) * size / count});
  return ranges;
}

torch::Tensor zero_averages(int64_t tasks, size_t components) {
  return torch::zeros({tasks, tasks, static_cast<int64_t>(components)}, torch::kFloat64);
}

double cosine(const torch::Tensor& a, const torch::Tensor& b) {
  return (a.dot(b) / (a.norm() * b.norm())).item<double>();
}

struct Turns {
  std::string name, theirs;  // the peer's key
  optim::VaccineOptions options;
  int64_t components = 1;
};

double surgery_milliseconds(const torch::Tensor& gradients, const Turns& turns) {
  constexpr int kCounted = 7, kWarmUp = 2;
  const auto ranges = equal_ranges(gradients.size(1), turns.components);
  torch::Tensor averages = zero_averages(gradients.size(0), ranges.size());
  core::Random random(1);
  std::vector<double> times;
  for (int turn = 0; turn < kWarmUp + kCounted; ++turn) {
    const double before = now_milliseconds();
    optim::vaccinate(gradients, ranges, averages, turns.options, random);
    if (turn >= kWarmUp) times.push_back(now_milliseconds() - before);
  }
  return median(times);
}

// Several steps of two tasks: their order does not matter, and averages carry over.
torch::Tensor gradvac_of_pairs(const torch::Tensor& pairs) {
  const std::vector<optim::Range> ranges = {{0, pairs.size(2)}};
  torch::Tensor averages = zero_averages(2, 1);
  core::Random random(1);
  std::vector<torch::Tensor> steps;
  for (int64_t step = 0; step < pairs.size(0); ++step)
    steps.push_back(optim::vaccinate(pairs[step], ranges, averages, {.beta = kBeta}, random).gradient);
  return torch::stack(steps);
}

torch::Tensor pcgrad_of_pairs(const torch::Tensor& pairs) {
  core::Random random(1);
  std::vector<torch::Tensor> steps;
  for (int64_t step = 0; step < pairs.size(0); ++step) steps.push_back(optim::pcgrad(pairs[step], random));
  return torch::stack(steps);
}

double largest_difference(const torch::Tensor& ours, const torch::Tensor& theirs) {
  return ((ours - theirs).abs().max() / theirs.abs().max()).item<double>();
}

std::vector<double> step_times(const Corpus& corpus, bool vaccinated) {
  constexpr int64_t kSteps = 15, kBatch = 32;  // of each language
  auto model = std::make_shared<nn::Translator>(translator_options(corpus));
  model->initialize(Seed(1));
  optim::StepSlots slots;
  if (vaccinated)
    slots.combine = std::make_shared<optim::GradVac>(*model, corpus.tasks.names, optim::GradVacOptions{});
  train::Trainer trainer(
      model, optim::make_step(model->parameters(), adam(1e-3), slots),
      {.steps = kSteps + kWarmUpSteps, .batch_size = kBatch * static_cast<int64_t>(corpus.num_languages())},
      Seed(2));
  trainer.set_objective([](nn::Model& translator, const data::Batch& batch) {
    return nn::next_word_loss(translator.forward(batch.inputs), batch.inputs);
  });
  trainer.set_tasks(corpus.tasks, std::numeric_limits<double>::infinity());
  StepClock clock;
  train::Hooks hooks;
  hooks.after_step = [&](int64_t, const optim::StepReport&) { clock.tick(); };
  trainer.fit(corpus.train, {}, {}, {}, hooks);
  return clock.times();
}

}  // namespace

void check_exactness(Seed seed, pipeline::StudyResult& result) {
  constexpr int64_t kSize = 5000;
  const torch::Tensor gradients = random_gradients(2, kSize, seed.stream("exactness")).to(torch::kFloat64);
  core::Random random(1);
  double worst_cosine = 0, worst_norm = 0;
  for (const double target : {-0.5, 0.2, 0.5, 0.9}) {
    torch::Tensor averages = zero_averages(2, 1);
    const auto changed =
        optim::vaccinate(gradients, {{0, kSize}}, averages, {.target = target, .treated = {0}}, random);
    const torch::Tensor own = changed.gradient - gradients[1];
    const double before = cosine(gradients[0], gradients[1]);
    if (before >= target) continue;
    worst_cosine = std::max(worst_cosine, std::abs(cosine(own, gradients[1]) - target));
    const double ratio = std::sqrt((1 - before * before) / (1 - target * target));
    worst_norm = std::max(worst_norm, std::abs((own.norm() / gradients[0].norm()).item<double>() - ratio));
  }
  const torch::Tensor many = random_gradients(8, kSize, seed.stream("many")).to(torch::kFloat64);
  core::Random first(3), second(3);
  torch::Tensor averages = zero_averages(8, 1);
  const torch::Tensor still = optim::vaccinate(many, {{0, kSize}}, averages, {.beta = 0}, first).gradient;
  const double difference = (still - optim::pcgrad(many, second)).abs().max().item<double>();
  const auto add = [&](const char* metric, double measured) {
    result.rows.push_back(
        {.metric = metric, .paper = {}, .baseline = {}, .measured = measured, .bar = Bar{.most = 1e-9}});
  };
  add("|cosine after a change − its target|, largest", worst_cosine);
  add("|norm ratio − √(1 − φ²)/√(1 − φ̂²)|, largest", worst_norm);
  add("8 tasks: |GradVac with β = 0 − PCGrad|, largest", difference);
}

void compare_with_libmtl(Seed seed, const core::StopToken& stop, pipeline::StudyResult& result) {
  const char* checkout = std::getenv("LATHE_LIBMTL");
  if (!checkout || !std::filesystem::is_directory(checkout) || !peers_installed()) {
    result.notes.push_back(
        "LibMTL was left out: it is not on PyPI; name a checkout with LATHE_LIBMTL, and install "
        "bench/peers.");
    return;
  }
  constexpr int64_t kTasks = 8, kSize = 1'000'000, kLayers = 20, kPairSteps = 6, kPairSize = 2000;
  const torch::Tensor gradients = random_gradients(kTasks, kSize, seed.stream("gradients"));
  const torch::Tensor pairs =
      torch::randn({kPairSteps, 2, kPairSize}, nn::generator(seed.stream("pairs"))) +
      0.3 * torch::randn({kPairSteps, 1, kPairSize}, nn::generator(seed.stream("shared")));
  const core::TemporaryDirectory directory;
  data::write_npy(directory.path() / "gradients.npy", gradients);
  data::write_npy(directory.path() / "pairs.npy", pairs);

  const std::vector<Turns> all = {{"GradVac, whole model", "gradvac_model", {.beta = kBeta}, 1},
                                  {"GradVac, 20 layers", "gradvac_layers", {.beta = kBeta}, kLayers},
                                  {"PCGrad", "pcgrad", {.beta = 0, .target = 0.0}, 1}};
  const int threads_before = train::compute_threads();
  train::set_compute_threads(1);
  std::vector<std::vector<double>> ours(all.size()), theirs(all.size());
  for (int round = 0; round < 3; ++round) {
    stop.check("timing the surgery");
    const nlohmann::json peer =
        run_peer("gradient_vaccine.py",
                 {directory.path().string(), checkout, fmt::format("{}", kLayers), fmt::format("{}", kBeta)});
    for (size_t i = 0; i < all.size(); ++i) {
      theirs[i].push_back(peer.at(all[i].theirs));
      ours[i].push_back(surgery_milliseconds(gradients, all[i]));
    }
  }
  train::set_compute_threads(threads_before);
  for (size_t i = 0; i < all.size(); ++i)
    result.rows.push_back(
        {.metric =
             fmt::format("{}, 8 tasks × 1 M, 1 thread: LibMTL's time / ours (baseline: ms)", all[i].name),
         .paper = {},
         .baseline = median(theirs[i]),
         .measured = median_ratio(theirs[i], ours[i]),
         .bar = Bar{.least = 5},
         .timing = true});
  const auto compare = [&](const char* name, const torch::Tensor& own, const char* file) {
    result.rows.push_back(
        {.metric = fmt::format("{}, 2 tasks, 6 steps: |ours − LibMTL's| / largest entry", name),
         .paper = {},
         .baseline = {},
         .measured = largest_difference(own, data::read_npy(directory.path() / file)),
         .bar = Bar{.most = 1e-5}});
  };
  compare("GradVac", gradvac_of_pairs(pairs), "gradvac_pairs.npy");
  compare("PCGrad", pcgrad_of_pairs(pairs), "pcgrad_pairs.npy");
}

void time_steps(const pipeline::StudyContext& context, pipeline::StudyResult& result) {
  const Corpus corpus = make_corpus({}, context.seed.stream("corpus").stream(uint64_t{0}));
  const int threads_before = train::compute_threads();
  train::set_compute_threads(1);
  std::vector<double> plain, vaccinated;
  for (int round = 0; round < 7; ++round) {
    context.stop.check("timing steps");
    plain.push_back(median_of_turn(step_times(corpus, false)));
    vaccinated.push_back(median_of_turn(step_times(corpus, true)));
  }
  train::set_compute_threads(threads_before);
  result.rows.push_back(
      {.metric = "translator, 8 tasks × 32, 1 thread: GradVac step / step with the plain mean (baseline: ms)",
       .paper = {},
       .baseline = median(plain),
       .measured = median_ratio(vaccinated, plain),
       .bar = Bar{.most = 1.15},
       .timing = true});
}

}  // namespace lathe::studies::gradient_vaccine
