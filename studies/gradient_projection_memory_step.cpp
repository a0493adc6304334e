#include "studies/gradient_projection_memory_step.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <cstdlib>
#include <numeric>

#include "lathe/core/files.h"
#include "lathe/data/npy.h"
#include "lathe/nn/classifier.h"
#include "lathe/nn/task_heads.h"
#include "lathe/train/threads.h"
#include "studies/timing.h"

namespace lathe::studies::gpm {
namespace {

namespace continual = train::continual;
using pipeline::Bar;

constexpr int kRounds = 7;
constexpr int64_t kTurnSteps = 300, kTurnStepsOfConvolutions = 30;
constexpr int64_t kSamples = 300;

class OneThread {
 public:
  OneThread() : before_(train::compute_threads()) { train::set_compute_threads(1); }
  ~OneThread() { train::set_compute_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

// Median milliseconds of a step in the second task, of the method or of plain finetuning.
double step_milliseconds(const Problem& problem, const std::string& method, int64_t steps,
                         const pipeline::StudyContext& context) {
  ContinualTraining training = problem.training;
  training.continual.method = method;
  training.train.steps = steps + kWarmUpSteps;
  training.seed = context.seed.stream("timing");
  const std::vector<Task> tasks = {problem.tasks[0], problem.tasks[1]};
  StepClock clock;
  continual::ContinualHooks hooks;
  hooks.after_task = [&](int64_t, const ContinualResult&) { clock = StepClock(); };
  std::vector<double> times;
  hooks.trainer.after_step = [&](int64_t, const optim::StepReport&) {
    clock.tick();
    times = clock.times();
  };
  train_tasks(problem.network(context.seed), tasks, training, {}, context.stop, hooks);
  return median_of_turn(times);
}

void time_step(const Problem& problem, const std::string& network, int64_t steps,
               const pipeline::StudyContext& context, pipeline::StudyResult& result) {
  std::vector<double> plain, projected;
  for (int round = 0; round < kRounds; ++round) {
    context.stop.check("timing projected steps");
    plain.push_back(step_milliseconds(problem, "finetune", steps, context));
    projected.push_back(step_milliseconds(problem, "gpm", steps, context));
  }
  result.rows.push_back({.metric = fmt::format("{}: projected step / plain step's ms", network),
                         .paper = {},
                         .baseline = median(plain),
                         .measured = median_ratio(projected, plain),
                         .bar = {},
                         .timing = true});
}

// Pixels as the network's input layer makes them, for a program that has none.
torch::Tensor pixels(nn::Classifier& network, const torch::Tensor& images) {
  const torch::NoGradGuard no_grad;
  return network.named_children()["input"]
      ->as<nn::PixelNormalization>()
      ->forward(images)
      .flatten(1)
      .contiguous();
}

torch::Tensor order_of(const Problem& problem, int64_t task, core::Seed seed) {
  const data::Dataset& train = problem.tasks[static_cast<size_t>(task)].train;
  const int64_t size = problem.training.train.batch_size;
  data::Batches batches({train.targets.view({-1, 1, 1, 1}).to(torch::kUInt8), train.targets, train.schema},
                        {.size = size},
                        seed.stream("task").stream(static_cast<uint64_t>(task)).stream("batches"));
  const auto epochs = static_cast<int64_t>(problem.training.train.epochs);
  std::vector<torch::Tensor> rows;
  for (int64_t step = 0; step < epochs * batches.per_epoch(); ++step)
    rows.push_back(batches.at(step).indices);
  return torch::cat(rows).view({epochs, -1});
}

// What bench/peers/gradient_projection_memory.py reads.
void write_problem(const Problem& problem, nn::Classifier& network, core::Seed seed,
                   const std::filesystem::path& directory) {
  const auto write = [&](const std::string& name, const torch::Tensor& value) {
    data::write_npy(directory / (name + ".npy"), value);
  };
  int64_t layer = 0;
  for (const torch::Tensor& weight : network.parameters())
    write(fmt::format("parameter{}", layer++), weight.detach());
  for (size_t t = 0; t < problem.tasks.size(); ++t) {
    const Task& task = problem.tasks[t];
    for (const auto& [name, part] : {std::pair{"train", &task.train}, std::pair{"test", &task.test}}) {
      write(fmt::format("{}_x{}", name, t), pixels(network, part->inputs));
      write(fmt::format("{}_y{}", name, t), part->targets);
    }
    write(fmt::format("order{}", t), order_of(problem, static_cast<int64_t>(t), seed));
    std::vector<int64_t> samples = seed.stream("samples").stream(t).random().permutation(task.train.size());
    samples.resize(kSamples);
    write(fmt::format("samples{}", t), torch::tensor(samples));
  }
}

double sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

}  // namespace

void time_steps(const Problem& permuted, const Problem& convolutions, const pipeline::StudyContext& context,
                pipeline::StudyResult& result) {
  const OneThread one;
  time_step(permuted, "784-100-100-10, batch 10", kTurnSteps, context, result);
  time_step(convolutions, "three convolutions, batch 64", kTurnStepsOfConvolutions, context, result);
}

void beside_authors(const Problem& permuted, const pipeline::StudyContext& context,
                    pipeline::StudyResult& result) {
  const char* checkout = std::getenv("LATHE_GPM");
  if (!checkout || !peers_installed()) {
    result.notes.push_back(checkout
                               ? kPeersLeftOut
                               : "The authors' program was left out: it is not on PyPI; name a checkout of "
                                 "sahagobinda/GPM with LATHE_GPM.");
    return;
  }
  const OneThread one;
  Problem problem = permuted;
  problem.training.continual.method = "gpm";
  problem.training.continual.gpm.first_task_rule = "authors";
  problem.training.continual.gpm.samples = kSamples;
  problem.training.seed = context.seed.stream("beside");
  const auto network = std::dynamic_pointer_cast<nn::Classifier>(problem.network(context.seed));
  const core::TemporaryDirectory directory;
  write_problem(problem, *network, problem.training.seed, directory.path());
  const nlohmann::json theirs =
      run_peer("gradient_projection_memory.py",
               {directory.path().string(), checkout, fmt::format("{:.0f}", problem.training.train.epochs)});
  const ContinualResult ours = train_tasks(network, problem.tasks, problem.training, {}, context.stop);

  const auto num_tasks = static_cast<int64_t>(problem.tasks.size());
  torch::Tensor accuracy = torch::empty({num_tasks, num_tasks}, torch::kFloat64);
  for (int64_t i = 0; i < num_tasks; ++i)
    accuracy[i] = torch::tensor(theirs.at("accuracy").at(static_cast<size_t>(i)).get<std::vector<double>>(),
                                torch::kFloat64);
  const auto their = continual::transfer_measures(accuracy, torch::zeros({num_tasks}, torch::kFloat64));
  result.rows.push_back({.metric = "beside the authors' program: ACC − theirs, points",
                         .paper = {},
                         .baseline = 100 * their.acc,
                         .measured = 100 * (ours.measures.acc - their.acc),
                         .bar = Bar{.least = -1, .most = 1}});
  result.rows.push_back({.metric = "beside the authors' program: BWT − theirs, points",
                         .paper = {},
                         .baseline = 100 * their.bwt,
                         .measured = 100 * (ours.measures.bwt - their.bwt),
                         .bar = {}});
  size_t layer = 0;
  for (const auto& [name, memory] : ours.memory.back())
    result.rows.push_back({.metric = fmt::format("beside the authors' program: basis of {}", name),
                           .paper = {},
                           .baseline = theirs.at("vectors").at(layer++).get<double>(),
                           .measured = static_cast<double>(memory.vectors),
                           .bar = {}});
  const double their_seconds = sum(theirs.at("seconds").get<std::vector<double>>());
  result.rows.push_back({.metric = fmt::format("beside the authors' program: time / theirs, s (PyTorch {})",
                                               theirs.at("torch").get<std::string>()),
                         .paper = {},
                         .baseline = their_seconds,
                         .measured = sum(ours.seconds) / their_seconds,
                         .bar = Bar{.most = 0.35},
                         .timing = true});
}

}  // namespace lathe::studies::gpm
