// Run by mpirun: every process runs every test.
#include "lathe/distributed/mpi.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/core/progress.h"
#include "lathe/nn/classifier.h"
#include "lathe/nn/initialization.h"
#include "lathe/optim/grad_vac.h"
#include "lathe/train/subspace_training.h"
#include "lathe/train/trainer.h"

namespace lathe::distributed {
namespace {

using core::Config;
using core::Seed;

std::shared_ptr<MpiCommunicator> world() {
  static const auto communicator = std::make_shared<MpiCommunicator>();
  return communicator;
}

data::Dataset noisy_images() {
  data::Dataset dataset;
  dataset.schema.shape = {1, 8, 8};
  dataset.schema.classes = {"dark", "middle", "bright"};
  dataset.targets = torch::arange(160).remainder(3);
  dataset.inputs = torch::randint(0, 160, {160, 1, 8, 8}, nn::generator(Seed(1)), torch::kUInt8);
  dataset.inputs.add_((40 * dataset.targets).to(torch::kUInt8).view({160, 1, 1, 1}));
  return dataset;
}

struct Job {
  optim::OptimizerOptions optim = {.lr = 0.02};
  train::TrainOptions options = {.steps = 50, .batch_size = 16, .micro_batch = 4};
  std::string model = "kind = 'mlp'\nhidden = [16]\ndropout = 0.2";
  bool line = false;   // between two endpoints
  bool tasks = false;  // four of them, by gradient vaccine
};

// The weights after training on these processes, or on this one alone.
std::pair<std::vector<torch::Tensor>, train::FitReport> weights(
    const Job& job, std::shared_ptr<optim::Communicator> communicator) {
  core::Progress::set_quiet(true);
  const data::Dataset images = noisy_images();
  auto model = nn::build(Config::parse(job.model), images.schema, Seed(7));
  model->fit_inputs(images.inputs);
  std::vector<torch::Tensor> parameters = model->parameters();
  std::shared_ptr<train::SubspaceTraining> line;
  if (job.line) {
    const auto subspace = std::make_shared<train::Subspace>(
        [&](int64_t i) {
          auto endpoint =
              nn::build(Config::parse(job.model), images.schema, Seed(7 + static_cast<uint64_t>(i)));
          endpoint->fit_inputs(images.inputs);
          return endpoint;
        },
        train::SubspaceOptions{});
    parameters = subspace->parameters();
    model = std::dynamic_pointer_cast<nn::Classifier>(subspace->module());
    line = std::make_shared<train::SubspaceTraining>(subspace, model, Seed(5));
  }
  optim::StepSlots slots;
  const data::Tasks tasks = {{"a", "b", "c", "d"}, torch::arange(images.size()).remainder(4)};
  if (job.tasks)
    slots.combine = std::make_shared<optim::GradVac>(*model, tasks.names, optim::GradVacOptions{.beta = 0.2});
  train::Trainer trainer(model, optim::make_step(parameters, job.optim, slots), job.options, Seed(3));
  if (job.tasks) trainer.set_tasks(tasks, 2);
  if (line) trainer.add_method(line);
  if (communicator) trainer.set_communicator(std::move(communicator));
  train::FitReport report = trainer.fit(images, images);
  return {train::trained_tensors(*model), report};
}

void expect_alike(const Job& together, const Job& alone) {
  const auto [a, report] = weights(together, world());
  const auto [b, unused] = weights(alone, nullptr);
  for (size_t i = 0; i < a.size(); ++i) EXPECT_LT((a[i] - b[i]).abs().max().item<double>(), 1e-6) << i;
  // And exactly so on every process.
  for (const torch::Tensor& tensor : a) {
    const torch::Tensor sum = tensor.to(torch::kFloat64).clone();
    world()->all_reduce_sum({sum});
    EXPECT_TRUE(torch::equal(sum, tensor.to(torch::kFloat64) * world()->size()));
  }
}

TEST(Mpi, AddsUpEveryType) {
  const int rank = world()->rank(), size = world()->size();
  ASSERT_GT(size, 1) << "run by mpirun";
  torch::Tensor a = torch::full({3}, 1.5f), b = torch::full({2, 2}, 1.0 + rank, torch::kFloat64),
                c = torch::tensor({int64_t{1} << 40}), d = torch::full({4, 3}, 2.0f).t();
  world()->all_reduce_sum({a, b, c, d});
  EXPECT_TRUE(torch::equal(a, torch::full({3}, 1.5f * static_cast<float>(size))));
  EXPECT_EQ(b[1][1].item<double>(), size * (size + 1) / 2);
  EXPECT_EQ(c.item<int64_t>(), (int64_t{1} << 40) * size);
  EXPECT_TRUE(torch::equal(d, torch::full({3, 4}, 2.0f * static_cast<float>(size))));
  EXPECT_THROW(world()->all_reduce_sum({torch::ones({1}, torch::kInt8)}), Error);
}

TEST(Mpi, ProcessesAreReplicas) {
  expect_alike({}, {});
}

TEST(Mpi, AdaScale) {
  Job job;
  job.optim.adascale = optim::AdaScaleOptions{};
  job.options.schedule_scale = 4;
  expect_alike(job, job);
  const auto [unused, report] = weights(job, world());
  EXPECT_LT(report.steps, 50);
}

// Every process takes a step at the same point of the line, or the gradients would not belong together.
TEST(Mpi, PointsOfASubspaceAreShared) {
  Job job;
  job.line = true;
  expect_alike(job, job);
}

// Each task's gradient is summed over processes before the surgery, whoever had its micro-batches.
TEST(Mpi, TasksAreShared) {
  Job job;
  job.tasks = true;
  expect_alike(job, job);
}

TEST(Mpi, SamPerMicroBatchNeedsNoMoreReductions) {
  Job job;
  job.optim.sam = optim::SamOptions{.rho = 0.05};
  expect_alike(job, job);
}

// One perturbation for all processes is SAM with the whole batch as its m.
TEST(Mpi, SynchronizedPerturbation) {
  Job together, alone;
  for (Job* job : {&together, &alone}) {
    job->model = "kind = 'mlp'\nhidden = [16]";
    job->optim.sam = optim::SamOptions{.rho = 0.05};
  }
  together.optim.sam->sync_perturbation = true;
  together.options.micro_batch = 0;  // one for each process
  alone.options.micro_batch = 0;     // one
  expect_alike(together, alone);
}

TEST(Mpi, BatchNormStatisticsAreShared) {
  Job job;
  job.model = "kind = 'cnn'\nchannels = [4]";
  job.options.average_decay = 0.9;
  const auto [tensors, report] = weights(job, world());
  for (const torch::Tensor& tensor : tensors) {
    const torch::Tensor sum = tensor.to(torch::kFloat64).clone();
    world()->all_reduce_sum({sum});
    EXPECT_LT((sum / world()->size() - tensor).abs().max().item<double>(), 1e-6);
  }
}

TEST(Mpi, DifferentScalesFailEverywhere) {
  Job job;
  job.optim.adascale = optim::AdaScaleOptions{.scale = 2.0 + world()->rank()};
  try {
    weights(job, world());
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("rank 0 has 2, rank 1 has 3"), std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace lathe::distributed
