#include "lathe/train/trainer.h"

#include <ATen/Context.h>
#include <torch/torch.h>

#include <cmath>
#include <deque>

#include "lathe/core/error.h"
#include "lathe/core/progress.h"
#include "lathe/train/trainer_progress.h"

namespace lathe::train {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kMaxSkippedInARow = 20;
constexpr int64_t kCurvePoints = 200;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Dropout and its like draw from libtorch's default generator of the device; a step puts it where it belongs.
void seed_device_generator(torch::Device device, core::Seed seed) {
  at::Generator generator = at::globalContext().defaultGenerator(device);
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_current_seed(seed.value());
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;  // a resumed run may have had nothing left to do
  const auto middle = values.begin() + static_cast<int64_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

// The micro-batches of one step.
class Trainer::StepGradients : public optim::GradientSource {
 public:
  StepGradients(Trainer& trainer, data::Batch batch, const Progress& p)
      : trainer_(trainer),
        batch_(std::move(batch)),
        step_(p.step),
        progress_(p.share()),
        seed_(trainer.seed_.stream("step").stream(static_cast<uint64_t>(p.step))),
        device_(nn::device_of(*trainer.model_)) {
    const int64_t size = batch_.targets.size(0);
    if (trainer.communicator_) {
      rank_ = trainer.communicator_->rank();
      processes_ = trainer.communicator_->size();
    }
    micro_ = trainer.options_.micro_batch > 0 ? trainer.options_.micro_batch : size / processes_;
    local_ = size / micro_ / processes_;
    if (local_ * micro_ * processes_ != size)
      throw InputError("a batch of {} cannot be cut into micro-batches of {} for {} processes", size, micro_,
                       processes_);
  }
  int64_t step() const override { return step_; }
  double progress() const override { return progress_; }
  int rank() const override { return rank_; }
  int processes() const override { return processes_; }
  int64_t local_replicas() const override { return local_; }
  int64_t replicas() const override { return local_ * processes_; }
  void all_reduce_sum(at::TensorList tensors) override {
    if (trainer_.communicator_) trainer_.communicator_->all_reduce_sum(tensors);
  }

  optim::Evaluation evaluate(int64_t i, optim::Pass pass) override {
    const int64_t index = rank_ * local_ + i;  // among the micro-batches of all processes
    const auto part = [&](const torch::Tensor& tensor) {
      return (replicas() == 1 ? tensor : tensor.narrow(0, index * micro_, micro_)).to(device_);
    };
    data::Batch micro{part(batch_.inputs), part(batch_.targets), part(batch_.indices)};
    if (trainer_.tasks_) micro.tasks = {batch_.tasks[static_cast<size_t>(index)]};
    seed_device_generator(device_, seed_.stream(static_cast<uint64_t>(index)));
    std::optional<nn::FrozenStatistics> frozen;
    if (pass == optim::Pass::repeat) frozen.emplace(*trainer_.model_);
    for (const torch::Tensor& parameter : trainer_.model_->parameters()) parameter.mutable_grad().reset();
    const torch::Tensor loss = trainer_.objective_(*trainer_.model_, micro);
    loss.backward();
    return {.loss = loss.item<double>(), .samples = micro.targets.size(0), .task = name_of_task(micro)};
  }

 private:
  std::string name_of_task(const data::Batch& micro) const {
    return micro.tasks.empty() ? "" : trainer_.tasks_->tasks.names[static_cast<size_t>(micro.tasks.front())];
  }

  Trainer& trainer_;
  data::Batch batch_;
  int64_t step_;
  double progress_;
  core::Seed seed_;
  torch::Device device_;
  int rank_ = 0, processes_ = 1;
  int64_t micro_ = 0, local_ = 1;
};

// The same micro-batches, seen through the training method.
class Trainer::MethodGradients : public optim::GradientSource {
 public:
  MethodGradients(Method& method, GradientSource& source) : method_(method), source_(source) {}
  int64_t step() const override { return source_.step(); }
  double progress() const override { return source_.progress(); }
  int rank() const override { return source_.rank(); }
  int processes() const override { return source_.processes(); }
  int64_t local_replicas() const override { return source_.local_replicas(); }
  int64_t replicas() const override { return source_.replicas(); }
  optim::Evaluation evaluate(int64_t i, optim::Pass pass) override {
    return method_.evaluate(source_, i, pass);
  }
  void all_reduce_sum(at::TensorList tensors) override { source_.all_reduce_sum(tensors); }

 private:
  Method& method_;
  GradientSource& source_;
};

std::string Trainer::status(double loss, const Progress& p) {
  std::string text = fmt::format("loss {:.4f}", loss);
  if (!p.epochs.empty())
    text += fmt::format(", held-out accuracy {:.2f} %", 100 * p.epochs.back().holdout_accuracy);
  return text;
}

Trainer::Trainer(std::shared_ptr<nn::Model> model, std::unique_ptr<optim::StepRule> rule,
                 TrainOptions options, core::Seed seed)
    : model_(std::move(model)),
      rule_(std::move(rule)),
      options_(std::move(options)),
      seed_(seed),
      objective_(optim::cross_entropy(options_.label_smoothing)) {
  for (const auto& group : rule_->base().param_groups()) base_rates_.push_back(group.options().get_lr());
  if (options_.average_decay > 0) average_.emplace(*model_, options_.average_decay);
}

void Trainer::set_communicator(std::shared_ptr<optim::Communicator> communicator) {
  communicator_ = std::move(communicator);
}

void Trainer::set_tasks(data::Tasks tasks, double temperature) {
  const auto num_tasks = static_cast<int64_t>(tasks.names.size());
  if (options_.micro_batch == 0) {
    if (num_tasks == 0 || options_.batch_size % num_tasks != 0)
      throw InputError("train.batch_size must be a multiple of {} tasks, got {}; or set train.micro_batch",
                       num_tasks, options_.batch_size);
    options_.micro_batch = options_.batch_size / num_tasks;
  }
  tasks_ = {.tasks = std::move(tasks), .size = options_.micro_batch, .temperature = temperature};
}

void Trainer::set_learning_rate(double factor) {
  auto& groups = rule_->base().param_groups();
  for (size_t i = 0; i < groups.size(); ++i) groups[i].options().set_lr(base_rates_[i] * factor);
}

EpochPoint Trainer::evaluate(const data::Dataset& holdout) {
  settle();
  if (average_) average_->swap();
  const torch::Tensor logits = nn::predict(*model_, holdout.inputs);
  if (average_) average_->swap();
  return {.epoch = 0,
          .step = 0,
          .holdout_loss = torch::cross_entropy_loss(logits, holdout.targets).item<double>(),
          .holdout_accuracy = logits.argmax(1).eq(holdout.targets).to(torch::kFloat64).mean().item<double>(),
          .seconds = 0};
}

void Trainer::add_curve_point(Progress& p) {
  StepPoint point = std::exchange(p.sums, {});
  const auto count = static_cast<double>(std::exchange(point.step, p.step));
  point.loss /= count;
  for (auto& [name, value] : point.metrics) value /= count;
  p.curve.push_back(std::move(point));
}

// One batch: asks the rule for a step and books what came of it.
optim::StepReport Trainer::step(const data::Batch& batch, Progress& p) {
  set_learning_rate(schedule_factor(options_.schedule, p.schedule_share()));
  const double learning_rate = rule_->base().param_groups().front().options().get_lr();
  const nn::BufferSnapshot buffers(*model_);
  for (const auto& method : methods_) method->before_step(p.step);
  StepGradients gradients(*this, batch, p);
  optim::GradientSource* source = &gradients;
  std::deque<MethodGradients> seen;
  for (auto method = methods_.rbegin(); method != methods_.rend(); ++method)
    source = &seen.emplace_back(**method, *source);
  optim::StepReport report = rule_->step(*source);
  for (const auto& method : methods_) method->after_step(report);
  ++p.step;
  p.tau += report.progress;
  p.evaluations += report.evaluations;
  if (report.skipped) {
    buffers.restore();
    ++p.skipped;
    if (++p.skipped_in_a_row == kMaxSkippedInARow)
      throw Error(
          "training diverged: {} steps in a row had a non-finite loss or gradient (at step {}{}, learning "
          "rate "
          "{:.3g}); lower optim.lr or set optim.clip_norm",
          kMaxSkippedInARow, p.step,
          report.faulty_task.empty() ? "" : fmt::format(", in task \"{}\"", report.faulty_task),
          learning_rate);
  } else {
    p.skipped_in_a_row = 0;
    if (average_) average_->update();
    ++p.sums.step;
    p.sums.loss += report.loss;
    p.sums.learning_rate = learning_rate * report.lr_factor;
    for (const auto& [name, value] : report.metrics) p.sums.metrics[name] += value;
  }
  const int64_t curve_every = std::max<int64_t>(1, p.total / kCurvePoints);
  if ((p.step % curve_every == 0 || p.ended()) && p.sums.step > 0) add_curve_point(p);
  return report;
}

// On one of the processes, then on all of them: they stop after the same step.
bool Trainer::anyone(bool here) const {
  if (!communicator_ || communicator_->size() == 1) return here;
  const torch::Tensor count = torch::tensor({int64_t{here}});
  communicator_->all_reduce_sum({count});
  return count.item<int64_t>() > 0;
}

void Trainer::settle() {
  for (const auto& method : methods_) method->settle();
}

void Trainer::share_buffers() {
  if (!communicator_ || communicator_->size() == 1) return;
  const torch::NoGradGuard no_grad;
  const auto num_parameters = static_cast<int64_t>(model_->parameters().size());
  std::vector<torch::Tensor> buffers;
  for (const auto& tensors : {trained_tensors(*model_), average_ ? average_->values() : buffers})
    if (!tensors.empty()) buffers.insert(buffers.end(), tensors.begin() + num_parameters, tensors.end());
  communicator_->all_reduce_sum(buffers);
  for (torch::Tensor& buffer : buffers) buffer.div_(communicator_->size());
}

// Measures on the held-out examples, keeps the best weights, decides whether to go on.
void Trainer::end_epoch(const data::Dataset& holdout, int64_t epoch, double seconds, Progress& p) {
  share_buffers();
  EpochPoint point = evaluate(holdout);
  point.epoch = epoch;
  point.step = p.step;
  point.seconds = seconds;
  p.epochs.push_back(point);
  if (options_.patience == 0) return;
  const bool better = point.holdout_accuracy > p.best_accuracy ||
                      (point.holdout_accuracy == p.best_accuracy && point.holdout_loss < p.best_loss);
  if (!better) {
    p.stopped_early = ++p.epochs_since_best >= options_.patience && !p.ended();
    return;
  }
  p.best_accuracy = point.holdout_accuracy;
  p.best_loss = point.holdout_loss;
  p.epochs_since_best = 0;
  p.best.clear();
  for (const torch::Tensor& tensor : average_ ? average_->values() : trained_tensors(*model_))
    p.best.push_back(tensor.clone());
}

void Trainer::keep_final_weights(const Progress& p) {
  const torch::NoGradGuard no_grad;
  const std::vector<torch::Tensor> weights = trained_tensors(*model_);
  if (!p.best.empty())
    for (size_t i = 0; i < weights.size(); ++i) weights[i].copy_(p.best[i]);
  else if (average_)
    average_->swap();
  else
    settle();
}

FitReport Trainer::fit(const data::Dataset& train, const data::Dataset& holdout,
                       const std::filesystem::path& checkpoint, const core::StopToken& stop,
                       const Hooks& hooks) {
  data::Batches batches(train, {.size = options_.batch_size, .augment = options_.augment, .blocks = tasks_},
                        seed_.stream("batches"));
  const int64_t per_epoch = batches.per_epoch();
  if (options_.last_batch == LastBatch::refuse && train.size() % options_.batch_size != 0)
    throw InputError(
        "train.last_batch = \"refuse\": batches of {} leave {} of {} examples over; change train.batch_size, "
        "or \"drop\" them",
        options_.batch_size, train.size() % options_.batch_size, train.size());
  for (const auto& method : methods_) method->begin(*model_, train, per_epoch);
  Progress p;
  p.total = options_.steps > 0 ? options_.steps
                               : std::max<int64_t>(1, std::llround(options_.epochs * options_.schedule_scale *
                                                                   static_cast<double>(per_epoch)));
  core::Progress bar("train", p.total);
  if (!checkpoint.empty() && load_checkpoint(checkpoint, p))
    bar.update(static_cast<int64_t>(p.tau), fmt::format("resumed at step {}", p.step));

  const bool writes_checkpoint = !checkpoint.empty() && (!communicator_ || communicator_->rank() == 0);
  const auto started = Clock::now();
  const double seconds_before = p.seconds;
  auto saved = started;
  std::vector<double> step_seconds;
  model_->train();
  while (!p.ended()) {
    const auto step_started = Clock::now();
    const optim::StepReport report = step(batches.at(p.step), p);
    step_seconds.push_back(seconds_since(step_started));
    p.seconds = seconds_before + seconds_since(started);
    if (hooks.after_step) hooks.after_step(p.step, report);

    if ((p.step % per_epoch == 0 || p.ended()) && holdout.size() > 0) {
      end_epoch(holdout, (p.step + per_epoch - 1) / per_epoch, p.seconds, p);
      if (hooks.after_epoch) hooks.after_epoch(p.epochs.back());
    }
    bar.update(static_cast<int64_t>(p.tau), status(report.loss, p));

    const bool stopping = anyone(stop.requested()) && !p.ended();
    if (writes_checkpoint && (stopping || seconds_since(saved) > options_.checkpoint_seconds)) {
      save_checkpoint(checkpoint, p);
      saved = Clock::now();
    }
    if (stopping)
      throw Interrupted(
          "training interrupted after step {} of {}{}", p.step, p.total,
          checkpoint.empty() ? "" : "; its checkpoint is kept, run the same command with --resume");
  }
  keep_final_weights(p);
  return {.steps = p.step,
          .skipped_steps = p.skipped,
          .evaluations = p.evaluations,
          .progress = p.tau,
          .seconds = seconds_before + seconds_since(started),
          .step_milliseconds = 1e3 * median(std::move(step_seconds)),
          .stopped_early = p.stopped_early,
          .curve = std::move(p.curve),
          .epochs = std::move(p.epochs)};
}

}  // namespace lathe::train
