#include "lathe/pipeline/continual_stage.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"
#include "lathe/nn/archive.h"
#include "lathe/nn/task_heads.h"
#include "lathe/pipeline/calibrate.h"
#include "lathe/pipeline/continual_report.h"
#include "lathe/pipeline/train_details.h"
#include "lathe/pipeline/training.h"

namespace lathe::pipeline {
namespace {

using train::continual::ContinualResult;
using train::continual::ContinualTraining;
using train::continual::Task;

constexpr int64_t kInterferenceInputs = 100;

// What learns the tasks.
struct Learner {
  std::shared_ptr<nn::Classifier> network;  // of the first task's classes
  std::shared_ptr<nn::Model> model;         // the network, or one head a task on it
};

// first: the first task's training examples, which the input layer is fitted to.
Learner make_learner(const Setup& setup, const data::Dataset& first) {
  const TaskOptions& tasks = setup.options().continual->tasks;
  const core::Seed seed = setup.seed().stream("model");
  Learner learner;
  learner.network = nn::build(setup.config().section("model"), first.schema, seed);
  learner.network->fit_inputs(first.inputs);
  learner.network->to(setup.device());
  learner.model = learner.network;
  if (tasks.own_heads()) {
    const int64_t num_tasks = setup.source().train.schema.num_classes() / tasks.classes_per_task;
    learner.model = std::make_shared<nn::TaskHeads>(
        learner.network, std::vector<int64_t>(static_cast<size_t>(num_tasks), tasks.classes_per_task),
        seed.stream("heads"));
  }
  return learner;
}

// All heads of the learner side by side, on its network.
std::shared_ptr<nn::Classifier> with_all_classes(const Setup& setup, const Learner& learner) {
  auto* heads = dynamic_cast<nn::TaskHeads*>(learner.model.get());
  if (!heads) return learner.network;
  auto all = nn::build(setup.config().section("model"), setup.source().train.schema, setup.seed());
  all->to(setup.device());
  const torch::NoGradGuard no_grad;
  const auto copy = [](const auto& from, auto to) {
    for (const auto& entry : from)
      if (to[entry.key()].sizes() == entry.value().sizes()) to[entry.key()].copy_(entry.value());
  };
  copy(learner.network->named_parameters(), all->named_parameters());
  copy(learner.network->named_buffers(), all->named_buffers());
  std::vector<torch::Tensor> weights, biases;
  for (int64_t t = 0; t < heads->num_tasks(); ++t) {
    weights.push_back(heads->head(t).weight);
    if (heads->head(t).bias.defined()) biases.push_back(heads->head(t).bias);
  }
  all->head().weight.copy_(torch::cat(weights));
  if (!biases.empty()) all->head().bias.copy_(torch::cat(biases));
  return all;
}

void add(std::vector<BundleMetric>& metrics, const std::string& name, const std::string& split, double value,
         const std::string& unit) {
  if (std::isfinite(value)) metrics.push_back({name, split, value, unit});
}

std::vector<BundleMetric> metrics_of(const ContinualResult& result, const TaskOptions& tasks) {
  const std::string unit = tasks.own_heads() ? "by each task's own head" : "";
  std::vector<BundleMetric> metrics;
  add(metrics, "average_accuracy", "test", result.measures.acc, unit);
  add(metrics, "backward_transfer", "test", result.measures.bwt, unit);
  add(metrics, "forward_transfer", "test", result.measures.fwt, unit);
  add(metrics, "interference", "test", mean_interference(result), "of a layer's output");
  add(metrics, "memory", "", static_cast<double>(result.memory_bytes), "bytes");
  add(metrics, "further_tasks", "", train::continual::capacity_forecast(result.memory), "at this pace");
  return metrics;
}

// One curve out of those of all tasks.
train::FitReport in_sequence(const std::vector<train::FitReport>& parts) {
  train::FitReport all;
  std::vector<double> milliseconds;
  for (const train::FitReport& part : parts) {
    const int64_t epochs_before = all.epochs.empty() ? 0 : all.epochs.back().epoch;
    for (train::StepPoint point : part.curve) {
      point.step += all.steps;
      all.curve.push_back(std::move(point));
    }
    for (train::EpochPoint point : part.epochs) {
      point.step += all.steps;
      point.epoch += epochs_before;
      point.seconds += all.seconds;
      all.epochs.push_back(point);
    }
    all.steps += part.steps;
    all.skipped_steps += part.skipped_steps;
    all.evaluations += part.evaluations;
    all.progress += part.progress;
    all.seconds += part.seconds;
    all.stopped_early |= part.stopped_early;
    milliseconds.push_back(part.step_milliseconds);
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  all.step_milliseconds = milliseconds[milliseconds.size() / 2];
  return all;
}

}  // namespace

void check_continual(const Setup& setup) {
  const core::Config table = setup.config().section("train").section("continual");
  const PipelineOptions& options = setup.options();
  check_tasks(table, options.continual->tasks, setup.source().train.schema);
  if (setup.how().communicator && setup.how().communicator->size() > 1)
    table.fail("method", fmt::format("runs in one process, there are {}: each task's memory is not shared; "
                                     "call lathe without mpirun",
                                     setup.how().communicator->size()));
  data::Dataset first = setup.splits().train.select(torch::zeros({1}, torch::kInt64));
  if (options.continual->tasks.own_heads())
    first.schema.classes.resize(static_cast<size_t>(options.continual->tasks.classes_per_task));
  const Learner learner = make_learner(setup, first);
  const auto method = make_method(*learner.model, options.continual->method, options.optim,
                                  options.train.label_smoothing, setup.seed());
  optim::make_step(learner.model->parameters(), options.optim, method->slots());
}

StageReport run_continual(const StageContext& context) {
  Job& job = context.job;
  const Setup& setup = job.setup();
  const PipelineOptions& options = setup.options();
  const TaskOptions& task_options = options.continual->tasks;
  std::filesystem::create_directories(context.checkpoint);
  const int threads = set_threads(setup, context.checkpoint);
  const std::vector<Task> tasks = make_tasks(setup.splits(), task_options, setup.seed().stream("tasks"));
  const Learner learner = make_learner(setup, tasks.front().train);

  const ContinualTraining training = {.continual = options.continual->method,
                                      .optim = options.optim,
                                      .train = options.train,
                                      .seed = setup.seed().stream("train"),
                                      .interference_inputs = kInterferenceInputs};
  train::continual::ContinualHooks hooks;
  hooks.after_task = [&](int64_t task, const ContinualResult& so_far) {
    const double accuracy = so_far.accuracy[task].narrow(0, 0, task + 1).mean().item<double>();
    job.log({{.name = "accuracy_so_far", .step = task + 1, .value = accuracy, .split = "test", .unit = ""}});
  };
  const ContinualResult result =
      train_tasks(learner.model, tasks, training, context.checkpoint, job.stop(), hooks);
  if (result.statistics) result.statistics->use_all();

  const auto model = with_all_classes(setup, learner);
  const nlohmann::json calibration = calibrate(*model, setup.measured_splits().holdout, options);
  nn::save(*model, context.staged / "model.pt");

  std::vector<std::string> names;
  for (const Task& task : tasks) names.push_back(task.name);
  const nn::Cost cost = nn::cost(*model, setup.splits().train.inputs.slice(0, 0, 1).to(setup.device()));
  const train::FitReport fit = in_sequence(result.trainings);
  StageReport report = training_report(*model, cost, fit, {calibration, threads, 1}, options);
  for (BundleMetric& metric : metrics_of(result, task_options)) report.metrics.push_back(std::move(metric));
  report.details["continual"] = to_json(result, names, options.continual->method.method);
  report.details["continual"]["heads"] = task_options.own_heads();
  return report;
}

}  // namespace lathe::pipeline
