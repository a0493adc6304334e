// What learning with parts of classes costs: inferring them as EIIL does, and a step of GroupDRO.
//   bench_group_invariance               micro-benchmarks
//   bench_group_invariance --peers DIR   writes logits and what became of them for
//                                        bench/peers/group_losses.py, then answers it turn by turn
#include <benchmark/benchmark.h>
#include <torch/torch.h>

#include "bench/run.h"
#include "bench/turns.h"
#include "lathe/data/npy.h"
#include "lathe/nn/initialization.h"
#include "lathe/train/invariance/group_dro.h"
#include "lathe/train/invariance/group_inference.h"

namespace {

using namespace lathe;
using namespace lathe::train::invariance;
using bench::seconds_of;

// Two classes, of each example one logit against 0, that a confounder knows better than the class: the
// examples it misleads have the larger losses. float64.
struct Pool {
  torch::Tensor logits, targets;
};
const Pool& pool() {
  static const Pool made = [] {
    constexpr int64_t kExamples = 5000;
    auto generator = nn::generator(core::Seed(0));
    const torch::Tensor targets = torch::randint(0, 2, {kExamples}, generator, torch::kInt64);
    const torch::Tensor misled = torch::rand({kExamples}, generator).lt(0.2);
    const torch::Tensor sign = (2 * targets - 1) * (1 - 2 * misled.to(torch::kInt64));
    const torch::Tensor logit = 2 * sign + torch::randn({kExamples}, generator, torch::kFloat64);
    return Pool{torch::stack({torch::zeros_like(logit), logit}, 1), targets};
  }();
  return made;
}

const core::Seed kEiilSeed(1);

GroupInferenceOptions eiil() {
  GroupInferenceOptions options = published_inference("eiil");
  options.iterations = 1000;  // of the published 10,000; both sides
  options.lr = 1e-2;          // ten times the published, to come as far
  return options;
}

Groups infer() {
  return infer_groups({}, pool().logits, pool().targets, eiil(), kEiilSeed);
}

// Batches of four groups, all of them in each.
constexpr int64_t kGroups = 4, kBatch = 128, kClasses = 10, kSteps = 50;
constexpr double kRate = 0.1, kAdjustment = 2;

struct Batches {
  torch::Tensor logits, targets, groups;  // [S, B, …]
  torch::Tensor sizes;                    // of the groups in the training set, [1, E]
};
const Batches& batches() {
  static const Batches made = [] {
    auto generator = nn::generator(core::Seed(2));
    Batches b;
    b.logits = 2 * torch::randn({kSteps, kBatch, kClasses}, generator, torch::kFloat64);
    b.targets = torch::randint(0, kClasses, {kSteps, kBatch}, generator, torch::kInt64);
    b.groups = (torch::rand({kSteps, kBatch}, generator).square() * kGroups).to(torch::kInt64);
    b.groups.slice(1, 0, kGroups).copy_(torch::arange(kGroups));
    b.sizes = torch::tensor({{4000, 1500, 400, 100}}, torch::kInt64);
    return b;
  }();
  return made;
}

struct Course {
  std::vector<double> losses;
  std::vector<torch::Tensor> weights;  // after each step
};

// One step after another: cross-entropy, the parts' risks, the loss, its gradient for the logits, new
// weights.
Course train(const Batches& b, const GroupDroOptions& options) {
  GroupDro dro(b.sizes, options);
  Course course;
  for (int64_t step = 0; step < kSteps; ++step) {
    const torch::Tensor logits = b.logits[step].detach().requires_grad_();
    const torch::Tensor losses = torch::cross_entropy_loss(logits, b.targets[step], {}, at::Reduction::None);
    const GroupDro::Step taken = dro.step(losses, parts_of(b.groups[step], kGroups), kRate);
    taken.loss.backward();
    dro.update(taken.exponents);
    course.losses.push_back(taken.loss.item<double>());
    course.weights.push_back(dro.weights()[0].clone());
  }
  return course;
}

const GroupDroOptions kAbsolute = {.risk = RiskScale::absolute},
                      kAdjusted = {.risk = RiskScale::absolute, .adjustment = kAdjustment},
                      kRelative = {.risk = RiskScale::relative};

void write_course(const std::filesystem::path& directory, const std::string& name,
                  const GroupDroOptions& options) {
  const Course course = train(batches(), options);
  data::write_npy(directory / (name + "_losses.npy"), torch::tensor(course.losses, torch::kFloat64));
  data::write_npy(directory / (name + "_weights.npy"), torch::stack(course.weights));
}

void compare(const std::filesystem::path& directory) {
  data::write_npy(directory / "pool_logits.npy", pool().logits);
  data::write_npy(directory / "pool_targets.npy", pool().targets);
  data::write_npy(directory / "start.npy",
                  torch::randn({pool().targets.size(0)}, nn::generator(kEiilSeed), torch::kFloat64));
  data::write_npy(directory / "parts.npy", infer().assignment);
  data::write_npy(directory / "logits.npy", batches().logits);
  data::write_npy(directory / "targets.npy", batches().targets);
  data::write_npy(directory / "groups.npy", batches().groups);
  data::write_npy(directory / "sizes.npy", batches().sizes[0]);
  write_course(directory, "absolute", kAbsolute);
  write_course(directory, "adjusted", kAdjusted);
  write_course(directory, "relative", kRelative);
  const Batches single = {batches().logits.to(torch::kFloat32), batches().targets, batches().groups,
                          batches().sizes};
  bench::answer_turns(
      {{"iterations", eiil().iterations}, {"lr", eiil().lr}, {"rate", kRate}, {"adjustment", kAdjustment}},
      {{"eiil", [] { return seconds_of(infer); }},
       {"group_dro", [&] { return seconds_of([&] { return train(single, kAbsolute); }) / kSteps; }}});
}

void infer_as_eiil(benchmark::State& state) {
  pool();
  for (auto _ : state) benchmark::DoNotOptimize(infer());
}
BENCHMARK(infer_as_eiil)->Unit(benchmark::kMillisecond);

void group_dro(benchmark::State& state) {
  batches();
  for (auto _ : state) benchmark::DoNotOptimize(train(batches(), kAbsolute));
  state.SetItemsProcessed(state.iterations() * kSteps);
}
BENCHMARK(group_dro)->Unit(benchmark::kMillisecond);

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, compare);
}
