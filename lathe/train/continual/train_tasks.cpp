#include "lathe/train/continual/train_tasks.h"

#include <torch/torch.h>

#include <chrono>
#include <cmath>

#include "lathe/core/error.h"
#include "lathe/nn/batch_norm.h"
#include "lathe/nn/task_heads.h"
#include "lathe/train/continual/sequence_state.h"

namespace lathe::train::continual {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kForwardBatch = 50;
constexpr const char* kStateFile = "continual.state";

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void check_tasks(nn::Model& model, const std::vector<Task>& tasks) {
  if (tasks.empty()) throw InputError("there are no tasks to learn");
  auto* heads = dynamic_cast<nn::TaskHeads*>(&model);
  if (heads && heads->num_tasks() < static_cast<int64_t>(tasks.size()))
    throw InputError("task \"{}\" has no head: the model has {} heads for {} tasks",
                     tasks[static_cast<size_t>(heads->num_tasks())].name, heads->num_tasks(), tasks.size());
  for (size_t t = 0; t < tasks.size(); ++t) {
    const Task& task = tasks[t];
    if (task.train.size() == 0) throw InputError("task \"{}\" has no training examples", task.name);
    if (task.test.size() == 0) throw InputError("task \"{}\" has no test examples", task.name);
    const int64_t classes = task.train.schema.num_classes();
    const int64_t outputs =
        heads ? heads->head(static_cast<int64_t>(t)).weight.size(0) : tasks[0].train.schema.num_classes();
    if (classes != outputs)
      throw InputError("task \"{}\" has {} classes, its head {}", task.name, classes, outputs);
  }
}

class Sequence {
 public:
  Sequence(std::shared_ptr<nn::Model> model, const std::vector<Task>& tasks,
           const ContinualTraining& training, std::filesystem::path directory, core::StopToken stop,
           const ContinualHooks& hooks)
      : model_(std::move(model)),
        tasks_(tasks),
        training_(training),
        directory_(std::move(directory)),
        stop_(std::move(stop)),
        hooks_(hooks),
        method_(make_method(*model_, training.continual, training.optim, training.train.label_smoothing,
                            training.seed.stream("method"))),
        layers_(shared_layers(*model_)),
        state_{0, {}, TaskStatistics(*model_)} {}

  ContinualResult run() {
    if (directory_.empty() || !load_state(state_file(), state_, *model_, *method_, num_tasks(), settings()))
      begin();
    // Of a process that was killed between the state's writing and this.
    if (!directory_.empty() && state_.next_task > 0)
      std::filesystem::remove(checkpoint(state_.next_task - 1));
    if (training_.continual.method == "joint")
      learn_jointly();
    else
      while (state_.next_task < num_tasks()) learn(state_.next_task);
    ContinualResult learned = result();
    for (const InterferenceProbe& probe : state_.probes)
      learned.interference.push_back(probe.measure(layers_));
    return learned;
  }

 private:
  int64_t num_tasks() const { return static_cast<int64_t>(tasks_.size()); }
  const Task& task(int64_t t) const { return tasks_[static_cast<size_t>(t)]; }
  std::filesystem::path state_file() const { return directory_ / kStateFile; }
  std::filesystem::path checkpoint(int64_t t) const {
    return directory_.empty() ? directory_ : directory_ / fmt::format("task-{}.checkpoint", t);
  }
  std::string settings() const;

  void begin() {
    const double nan = std::nan("");
    state_.result.accuracy = torch::full({num_tasks(), num_tasks()}, nan, torch::kFloat64);
    state_.result.untrained = torch::empty({num_tasks()}, torch::kFloat64);
    for (int64_t t = 0; t < num_tasks(); ++t) state_.result.untrained[t] = accuracy(t);
  }

  double accuracy(int64_t t) {
    select_task(*model_, t);
    const nn::BufferSnapshot present(*model_);
    state_.statistics.use(t);
    const torch::Tensor logits = predict(task(t).test.inputs);
    present.restore();
    return logits.argmax(1).eq(task(t).test.targets).to(torch::kFloat64).mean().item<double>();
  }

  // As a task is evaluated: with running statistics, or with those of each batch.
  torch::Tensor predict(const torch::Tensor& inputs) {
    if (training_.continual.norm_statistics == "per_task") return nn::predict(*model_, inputs);
    const nn::EvaluationMode evaluation(*model_);
    const nn::BatchStatistics batch(*model_);
    const torch::NoGradGuard no_grad;
    const torch::Device device = nn::device_of(*model_);
    std::vector<torch::Tensor> logits;
    const int64_t n = inputs.size(0), batches = (n + kForwardBatch - 1) / kForwardBatch;
    for (int64_t i = 0; i < batches; ++i)
      logits.push_back(
          model_->forward(inputs.slice(0, n * i / batches, n * (i + 1) / batches).to(device)).cpu());
    return torch::cat(logits);
  }

  // The inputs of at most `count` of a task's examples.
  torch::Tensor some_inputs(const data::Dataset& examples, int64_t count, int64_t t,
                            const char* stream) const {
    std::vector<int64_t> rows =
        training_.seed.stream(stream).stream(static_cast<uint64_t>(t)).random().permutation(examples.size());
    rows.resize(static_cast<size_t>(std::min(count, examples.size())));
    return examples.select(torch::tensor(rows)).inputs;
  }

  InterferenceProbe probe(int64_t t) {
    const int64_t count = training_.interference_inputs;
    const torch::Tensor inputs = some_inputs(task(t).test, count, t, "interference");
    return {layers_, [&] { predict(inputs); }, count,
            training_.seed.stream("layers").stream(static_cast<uint64_t>(t))};
  }

  // The memory's samples: within evaluation mode and without gradients already.
  void forward_samples(int64_t t, int64_t samples) {
    const torch::Tensor inputs = some_inputs(task(t).train, samples, t, "samples");
    const torch::Device device = nn::device_of(*model_);
    std::optional<nn::BatchStatistics> batch_statistics;
    if (training_.continual.norm_statistics == "batch") batch_statistics.emplace(*model_);
    for (const torch::Tensor& some : inputs.split(kForwardBatch)) {
      stop_.check(fmt::format("taking up task {} into memory", t + 1));
      model_->forward(some.to(device));
    }
  }

  Trainer trainer(const TrainOptions& options, int64_t t) {
    return Trainer(model_, optim::make_step(model_->parameters(), training_.optim, method_->slots()), options,
                   training_.seed.stream("task").stream(static_cast<uint64_t>(t)));
  }

  void learn(int64_t t) {
    stop_.check(fmt::format("learning task {}", t + 1));
    const auto started = Clock::now();
    select_task(*model_, t);
    method_->begin_task(t);
    Trainer task_trainer = trainer(training_.train, t);
    if (optim::Objective objective = method_->objective()) task_trainer.set_objective(std::move(objective));
    task_trainer.add_method(method_);
    const FitReport report =
        task_trainer.fit(task(t).train, task(t).holdout, checkpoint(t), stop_, hooks_.trainer);
    const double resumed = report.seconds - std::min(report.seconds, seconds_since(started));
    state_.statistics.keep(t);
    if (hooks_.task_trained) hooks_.task_trained(t);
    for (std::string& warning :
         method_->end_task(task(t), [&](int64_t samples) { forward_samples(t, samples); }))
      state_.result.warnings.push_back(std::move(warning));
    state_.result.seconds.push_back(resumed + seconds_since(started));
    state_.result.trainings.push_back(report);
    finish(t);
  }

  void learn_jointly();

  // Measures all tasks after task t, and makes that the point to resume from.
  void finish(int64_t t) {
    for (int64_t j = 0; j < num_tasks(); ++j) state_.result.accuracy[t][j] = accuracy(j);
    select_task(*model_, t);
    state_.result.memory.push_back(method_->summary());
    if (training_.interference_inputs > 0 && t + 1 < num_tasks()) state_.probes.push_back(probe(t));
    state_.next_task = t + 1;
    if (!directory_.empty()) {
      save_state(state_file(), state_, *model_, *method_, settings());
      std::filesystem::remove(checkpoint(t));
    }
    if (hooks_.after_task) hooks_.after_task(t, result());
  }

  ContinualResult result() const {
    ContinualResult result = state_.result;
    result.memory_bytes = method_->memory_bytes();
    result.measures = transfer_measures(result.accuracy, result.untrained);
    result.statistics = state_.statistics;
    return result;
  }

  std::shared_ptr<nn::Model> model_;
  const std::vector<Task>& tasks_;
  const ContinualTraining& training_;
  std::filesystem::path directory_;
  core::StopToken stop_;
  const ContinualHooks& hooks_;
  std::shared_ptr<ContinualMethod> method_;
  std::vector<Layer> layers_;  // that interference is measured in
  SequenceState state_;
};

// All tasks in one data set and one training, as long as theirs together.
void Sequence::learn_jointly() {
  const int64_t last = num_tasks() - 1;
  if (state_.next_task > last) return;
  const auto started = Clock::now();
  data::Dataset all;
  std::vector<torch::Tensor> inputs, targets, numbers;
  for (int64_t t = 0; t <= last; ++t) {
    inputs.push_back(task(t).train.inputs);
    targets.push_back(task(t).train.targets);
    numbers.push_back(torch::full({task(t).train.size()}, t, torch::kInt64));
  }
  all = {torch::cat(inputs), torch::cat(targets), task(0).train.schema};
  const torch::Tensor task_of = torch::cat(numbers);
  TrainOptions options = training_.train;
  options.steps *= num_tasks();
  Trainer joint = trainer(options, 0);
  joint.set_objective([&](nn::Model& model, const data::Batch& batch) {
    const torch::Tensor rows = task_of.index_select(0, batch.indices.cpu()).to(batch.targets.device());
    return mixed_loss(model, {batch.inputs, batch.targets, rows}, options.label_smoothing);
  });
  state_.result.trainings.push_back(joint.fit(all, {}, checkpoint(last), stop_, hooks_.trainer));
  for (int64_t t = 0; t <= last; ++t) {
    select_task(*model_, t);
    nn::recompute_batch_norm(*model_, task(t).train.inputs);
    state_.statistics.keep(t);
  }
  state_.result.seconds.push_back(seconds_since(started));
  finish(last);
}

// What must be alike for a state to be gone on from; the Trainer's checkpoint looks at the rest.
std::string Sequence::settings() const {
  std::string text = fmt::format("seed {}, {}, {} inputs", training_.seed.value(), training_.continual.method,
                                 training_.interference_inputs);
  for (const Task& t : tasks_) text += fmt::format(", {} ({} examples)", t.name, t.train.size());
  return text;
}

}  // namespace

ContinualResult train_tasks(const std::shared_ptr<nn::Model>& model, const std::vector<Task>& tasks,
                            const ContinualTraining& training, const std::filesystem::path& directory,
                            const core::StopToken& stop, const ContinualHooks& hooks) {
  check_tasks(*model, tasks);
  return Sequence(model, tasks, training, directory, stop, hooks).run();
}

std::optional<int> sequence_threads(const std::filesystem::path& directory) {
  if (const auto threads = state_threads(directory / kStateFile)) return threads;
  return checkpoint_threads(directory / "task-0.checkpoint");
}

double capacity_forecast(const std::vector<std::map<std::string, LayerMemory>>& memory) {
  double least = INFINITY;
  if (memory.empty()) return least;
  for (const auto& [name, now] : memory.back()) {
    const int64_t before = memory.size() > 1 ? memory[memory.size() - 2].at(name).vectors : 0;
    if (now.vectors > before)
      least = std::min(
          least, static_cast<double>(now.inputs - now.vectors) / static_cast<double>(now.vectors - before));
  }
  return least;
}

}  // namespace lathe::train::continual
