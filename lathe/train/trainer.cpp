#include "lathe/train/trainer.h"

#include <ATen/Context.h>
#include <torch/torch.h>

#include <cmath>
#include <sstream>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/progress.h"

namespace lathe::train {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

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

std::vector<torch::Tensor> all_tensors(const torch::nn::Module& module) {
  std::vector<torch::Tensor> tensors;
  for (const torch::Tensor& parameter : module.parameters()) tensors.push_back(parameter.detach());
  for (const torch::Tensor& buffer : module.buffers()) tensors.push_back(buffer);
  return tensors;
}

void copy_into(const std::vector<torch::Tensor>& to, const std::vector<torch::Tensor>& from) {
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < to.size(); ++i) to[i].copy_(from[i]);
}

void write_tensors(torch::serialize::OutputArchive& archive, const std::string& prefix,
                   const std::vector<torch::Tensor>& tensors) {
  for (size_t i = 0; i < tensors.size(); ++i)
    archive.write(prefix + std::to_string(i), tensors[i], /*is_buffer=*/true);
}

std::vector<torch::Tensor> read_tensors(torch::serialize::InputArchive& archive, const std::string& prefix,
                                        size_t count) {
  std::vector<torch::Tensor> tensors(count);
  for (size_t i = 0; i < count; ++i) archive.read(prefix + std::to_string(i), tensors[i], /*is_buffer=*/true);
  return tensors;
}

}  // namespace

static void to_json(Json& json, const StepPoint& p) {
  json = {p.step, p.loss, p.learning_rate};
}
static void from_json(const Json& json, StepPoint& p) {
  p = {json.at(0), json.at(1), json.at(2)};
}
static void to_json(Json& json, const EpochPoint& p) {
  json = {p.epoch, p.step, p.holdout_loss, p.holdout_accuracy, p.seconds};
}
static void from_json(const Json& json, EpochPoint& p) {
  p = {json.at(0), json.at(1), json.at(2), json.at(3), json.at(4)};
}

TrainOptions train_options(const core::Config& train) {
  using core::Range;
  TrainOptions o;
  o.epochs = train.number("epochs", o.epochs, Range::positive());
  o.steps = train.integer("steps", o.steps, Range::at_least(0));
  o.batch_size = train.integer("batch_size", o.batch_size, Range::at_least(1));
  o.micro_batch = train.integer("micro_batch", o.micro_batch, Range::at_least(0));
  if (o.micro_batch > 0 && o.batch_size % o.micro_batch != 0)
    train.fail("micro_batch",
               fmt::format("must divide batch_size = {}, got {}", o.batch_size, o.micro_batch));
  const Range share = {.min = 0, .max = 1, .open_max = true};
  o.label_smoothing = train.number("label_smoothing", o.label_smoothing, share);
  o.average_decay = train.number("average_decay", o.average_decay, share);
  o.patience = train.integer("patience", o.patience, Range::at_least(0));
  o.checkpoint_seconds = train.number("checkpoint_seconds", o.checkpoint_seconds, Range::positive());
  o.schedule = schedule_options(train.section("schedule"));
  const core::Config augment = train.section("augment");
  o.augment.flip = augment.flag("flip", o.augment.flip);
  o.augment.crop = augment.integer("crop", o.augment.crop, Range::at_least(0));
  o.augment.rotation = augment.number("rotation", o.augment.rotation, {.min = 0, .max = 180});
  o.augment.cutout = augment.integer("cutout", o.augment.cutout, Range::at_least(0));
  o.augment.fill = augment.integer("fill", o.augment.fill, {.min = 0, .max = 255});
  return o;
}

Objective cross_entropy(double label_smoothing) {
  return [label_smoothing](nn::Model& model, const data::Batch& batch) {
    return torch::cross_entropy_loss(model.forward(batch.inputs), batch.targets, {}, at::Reduction::Mean,
                                     -100, label_smoothing);
  };
}

// Where a run stands; what a checkpoint holds besides tensors.
struct Trainer::Progress {
  int64_t step = 0;    // batches consumed
  double tau = 0;      // schedule position
  int64_t total = 0;   // τ at which training ends
  double seconds = 0;  // before this process
  int64_t skipped = 0, skipped_in_a_row = 0;
  double loss_sum = 0;  // since the last curve point
  int64_t loss_count = 0;
  double best_accuracy = -1;
  int64_t epochs_since_best = 0;
  bool stopped_early = false;
  std::vector<StepPoint> curve;
  std::vector<EpochPoint> epochs;
  std::vector<torch::Tensor> best;  // trained tensors at the best held-out accuracy; empty without patience
};

// The micro-batches of one step.
class Trainer::StepGradients : public optim::GradientSource {
 public:
  StepGradients(Trainer& trainer, data::Batch batch, core::Seed seed)
      : trainer_(trainer), batch_(std::move(batch)), seed_(seed), device_(nn::device_of(*trainer.model_)) {
    const int64_t size = batch_.targets.size(0);
    micro_ = trainer.options_.micro_batch > 0 ? trainer.options_.micro_batch : size;
    replicas_ = size / micro_;
  }
  int64_t local_replicas() const override { return replicas_; }
  int64_t replicas() const override { return replicas_; }
  void all_reduce_sum(at::TensorList) override {}

  optim::Evaluation evaluate(int64_t i, optim::Pass pass) override {
    const auto part = [&](const torch::Tensor& tensor) {
      return (replicas_ == 1 ? tensor : tensor.narrow(0, i * micro_, micro_)).to(device_);
    };
    const data::Batch micro{part(batch_.inputs), part(batch_.targets), part(batch_.indices)};
    seed_device_generator(device_, seed_.stream(static_cast<uint64_t>(i)));
    std::optional<nn::FrozenStatistics> frozen;
    if (pass == optim::Pass::repeat) frozen.emplace(*trainer_.model_);
    for (const torch::Tensor& parameter : trainer_.model_->parameters()) parameter.mutable_grad().reset();
    const torch::Tensor loss = trainer_.objective_(*trainer_.model_, micro);
    loss.backward();
    return {.loss = loss.item<double>(), .samples = micro.targets.size(0), .task = {}};
  }

 private:
  Trainer& trainer_;
  data::Batch batch_;
  core::Seed seed_;
  torch::Device device_;
  int64_t micro_ = 0, replicas_ = 1;
};

Trainer::Trainer(std::shared_ptr<nn::Model> model, std::unique_ptr<optim::StepRule> rule,
                 TrainOptions options, core::Seed seed)
    : model_(std::move(model)),
      rule_(std::move(rule)),
      options_(std::move(options)),
      seed_(seed),
      objective_(cross_entropy(options_.label_smoothing)) {
  for (const auto& group : rule_->base().param_groups()) base_rates_.push_back(group.options().get_lr());
  if (options_.average_decay > 0) average_.emplace(*model_, options_.average_decay);
}

void Trainer::set_learning_rate(double factor) {
  auto& groups = rule_->base().param_groups();
  for (size_t i = 0; i < groups.size(); ++i) groups[i].options().set_lr(base_rates_[i] * factor);
}

EpochPoint Trainer::evaluate(const data::Dataset& holdout) {
  if (average_) average_->swap();
  const torch::Tensor logits = nn::predict(*model_, holdout.inputs);
  if (average_) average_->swap();
  return {.epoch = 0,
          .step = 0,
          .holdout_loss = torch::cross_entropy_loss(logits, holdout.targets).item<double>(),
          .holdout_accuracy = logits.argmax(1).eq(holdout.targets).to(torch::kFloat64).mean().item<double>(),
          .seconds = 0};
}

FitReport Trainer::fit(const data::Dataset& train, const data::Dataset& holdout,
                       const std::filesystem::path& checkpoint, const core::StopToken& stop,
                       const Hooks& hooks) {
  data::Batches batches(train, {.size = options_.batch_size, .augment = options_.augment},
                        seed_.stream("batches"));
  Progress p;
  p.total =
      options_.steps > 0
          ? options_.steps
          : std::max<int64_t>(1, std::llround(options_.epochs * static_cast<double>(batches.per_epoch())));
  const bool resumed = !checkpoint.empty() && load_checkpoint(checkpoint, p);
  const int64_t curve_every = std::max<int64_t>(1, p.total / kCurvePoints);

  const auto started = Clock::now();
  auto saved = started;
  std::vector<double> step_seconds;
  core::Progress bar("train", p.total);
  if (resumed) bar.update(static_cast<int64_t>(p.tau), fmt::format("resumed at step {}", p.step));
  model_->train();

  while (p.tau < static_cast<double>(p.total) && !p.stopped_early) {
    if (stop.requested()) {
      if (!checkpoint.empty()) {
        p.seconds += seconds_since(started);
        save_checkpoint(checkpoint, p);
      }
      throw Interrupted(
          "training interrupted after step {} of {}{}", p.step, p.total,
          checkpoint.empty() ? "" : "; its checkpoint is kept, run the same command with --resume");
    }
    const auto step_started = Clock::now();
    set_learning_rate(schedule_factor(options_.schedule, p.tau / static_cast<double>(p.total)));
    const double learning_rate = rule_->base().param_groups().front().options().get_lr();
    const nn::BufferSnapshot buffers(*model_);
    StepGradients gradients(*this, batches.at(p.step),
                            seed_.stream("step").stream(static_cast<uint64_t>(p.step)));
    const optim::StepReport report = rule_->step(gradients);
    ++p.step;
    p.tau += report.progress;
    if (report.skipped) {
      buffers.restore();
      ++p.skipped;
      if (++p.skipped_in_a_row == kMaxSkippedInARow)
        throw Error(
            "training diverged: {} steps in a row had a non-finite loss or gradient (at step {}, learning "
            "rate {:.3g}); "
            "lower optim.lr or set optim.clip_norm",
            kMaxSkippedInARow, p.step, learning_rate);
    } else {
      p.skipped_in_a_row = 0;
      if (average_) average_->update();
      p.loss_sum += report.loss;
      ++p.loss_count;
    }
    step_seconds.push_back(seconds_since(step_started));

    const bool last = p.tau >= static_cast<double>(p.total);
    if ((p.step % curve_every == 0 || last) && p.loss_count > 0) {
      p.curve.push_back({p.step, p.loss_sum / static_cast<double>(p.loss_count), learning_rate});
      p.loss_sum = 0;
      p.loss_count = 0;
    }
    if (hooks.after_step) hooks.after_step(p.step, report);
    if ((p.step % batches.per_epoch() == 0 || last) && holdout.size() > 0) {
      EpochPoint point = evaluate(holdout);
      point.epoch = (p.step + batches.per_epoch() - 1) / batches.per_epoch();
      point.step = p.step;
      point.seconds = p.seconds + seconds_since(started);
      p.epochs.push_back(point);
      if (hooks.after_epoch) hooks.after_epoch(point);
      if (options_.patience > 0) {
        if (point.holdout_accuracy > p.best_accuracy) {
          p.best_accuracy = point.holdout_accuracy;
          p.epochs_since_best = 0;
          p.best.clear();
          for (const torch::Tensor& tensor : average_ ? average_->values() : trained_tensors(*model_))
            p.best.push_back(tensor.clone());
        } else {
          p.stopped_early = ++p.epochs_since_best >= options_.patience && !last;
        }
      }
    }
    bar.update(static_cast<int64_t>(p.tau),
               fmt::format("loss {:.4f}{}", report.loss,
                           p.epochs.empty() ? ""
                                            : fmt::format(", held-out accuracy {:.2f} %",
                                                          100 * p.epochs.back().holdout_accuracy)));
    if (!checkpoint.empty() && seconds_since(saved) > options_.checkpoint_seconds) {
      Progress now = p;
      now.seconds += seconds_since(started);
      save_checkpoint(checkpoint, now);
      saved = Clock::now();
    }
  }

  if (!p.best.empty())
    copy_into(trained_tensors(*model_), p.best);
  else if (average_)
    average_->swap();
  std::nth_element(step_seconds.begin(), step_seconds.begin() + static_cast<int64_t>(step_seconds.size() / 2),
                   step_seconds.end());
  return {.steps = p.step,
          .skipped_steps = p.skipped,
          .progress = p.tau,
          .seconds = p.seconds + seconds_since(started),
          .step_milliseconds = step_seconds.empty() ? 0 : 1e3 * step_seconds[step_seconds.size() / 2],
          .stopped_early = p.stopped_early,
          .curve = std::move(p.curve),
          .epochs = std::move(p.epochs)};
}

void Trainer::save_checkpoint(const std::filesystem::path& file, const Progress& p) const {
  const Json state = {{"format", 1},
                      {"seed", seed_.value()},
                      {"batch_size", options_.batch_size},
                      {"micro_batch", options_.micro_batch},
                      {"total", p.total},
                      {"step", p.step},
                      {"tau", p.tau},
                      {"seconds", p.seconds},
                      {"skipped", p.skipped},
                      {"skipped_in_a_row", p.skipped_in_a_row},
                      {"loss_sum", p.loss_sum},
                      {"loss_count", p.loss_count},
                      {"best_accuracy", p.best_accuracy},
                      {"epochs_since_best", p.epochs_since_best},
                      {"stopped_early", p.stopped_early},
                      {"curve", p.curve},
                      {"epochs", p.epochs},
                      {"average_updates", average_ ? average_->updates() : 0},
                      {"best_size", p.best.size()}};
  torch::serialize::OutputArchive archive, rule;
  archive.write("state", c10::IValue(state.dump()));
  write_tensors(archive, "model", all_tensors(*model_));
  if (average_) write_tensors(archive, "average", average_->values());
  write_tensors(archive, "best", p.best);
  rule_->save(rule);
  archive.write("rule", rule);
  std::ostringstream stream;
  archive.save_to(stream);
  core::write_file(file, stream.str());
}

bool Trainer::load_checkpoint(const std::filesystem::path& file, Progress& p) {
  if (!std::filesystem::exists(file)) return false;
  Json state;
  torch::serialize::InputArchive archive, rule;
  try {
    archive.load_from(file.string());
    c10::IValue text;
    archive.read("state", text);
    state = Json::parse(text.toStringRef());
    for (const auto& [key, value] : std::map<std::string, Json>{{"seed", seed_.value()},
                                                                {"batch_size", options_.batch_size},
                                                                {"micro_batch", options_.micro_batch},
                                                                {"total", p.total}})
      if (state.at(key) != value)
        throw InputError("{} was written with {} = {}, this run has {}; remove it or restore the setting",
                         file.string(), key, state.at(key).dump(), value.dump());
    const auto tensors = all_tensors(*model_);
    copy_into(tensors, read_tensors(archive, "model", tensors.size()));
    if (average_) {
      copy_into(average_->values(), read_tensors(archive, "average", average_->values().size()));
      average_->set_updates(state.at("average_updates"));
    }
    p.best = read_tensors(archive, "best", state.at("best_size"));
    archive.read("rule", rule);
    rule_->load(rule);
    p.step = state.at("step");
    p.tau = state.at("tau");
    p.seconds = state.at("seconds");
    p.skipped = state.at("skipped");
    p.skipped_in_a_row = state.at("skipped_in_a_row");
    p.loss_sum = state.at("loss_sum");
    p.loss_count = state.at("loss_count");
    p.best_accuracy = state.at("best_accuracy");
    p.epochs_since_best = state.at("epochs_since_best");
    p.stopped_early = state.at("stopped_early");
    p.curve = state.at("curve").get<std::vector<StepPoint>>();
    p.epochs = state.at("epochs").get<std::vector<EpochPoint>>();
  } catch (const InputError&) {
    throw;
  } catch (const std::exception& error) {
    const std::string what = error.what();
    throw InputError("checkpoint {} cannot be read ({}); remove it to start over", file.string(),
                     what.substr(0, what.find('\n')));
  }
  return true;
}

}  // namespace lathe::train
