#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/core/json.h"
#include "lathe/nn/archive_file.h"
#include "lathe/train/threads.h"
#include "lathe/train/trainer_progress.h"

namespace lathe::train {
namespace {

using Json = nlohmann::json;

constexpr int kFormat = 3;
constexpr const char* kAdvice = "remove it to start over";

std::vector<torch::Tensor> all_tensors(const torch::nn::Module& module) {
  std::vector<torch::Tensor> tensors;
  for (const torch::Tensor& parameter : module.parameters()) tensors.push_back(parameter.detach());
  for (const torch::Tensor& buffer : module.buffers()) tensors.push_back(buffer);
  return tensors;
}

void require_same_shape(const torch::Tensor& saved, const torch::Tensor& own) {
  if (saved.sizes() != own.sizes())
    throw Error("a tensor has {} values where the model's has {}", saved.numel(), own.numel());
}

int64_t count(const Json& state, const char* key) {
  const int64_t value = state.at(key);
  if (value < 0) throw Error("{} is negative", key);
  return value;
}

void copy_into(const std::vector<torch::Tensor>& to, const std::vector<torch::Tensor>& from) {
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < to.size(); ++i) {
    require_same_shape(from[i], to[i]);
    to[i].copy_(from[i]);
  }
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
  json = {p.step, p.loss, p.learning_rate, p.metrics};
}
static void from_json(const Json& json, StepPoint& p) {
  p = {json.at(0), json.at(1), json.at(2), json.at(3)};
}
static void to_json(Json& json, const EpochPoint& p) {
  json = {p.epoch, p.step, p.holdout_loss, p.holdout_accuracy, p.seconds};
}
static void from_json(const Json& json, EpochPoint& p) {
  p = {json.at(0), json.at(1), json.at(2), json.at(3), json.at(4)};
}

void Trainer::save_checkpoint(const std::filesystem::path& file, const Progress& p) const {
  const Json state = {{"format", kFormat},
                      {"seed", seed_.value()},
                      {"batch_size", options_.batch_size},
                      {"micro_batch", options_.micro_batch},
                      {"total", p.total},
                      {"threads", compute_threads()},
                      {"step", p.step},
                      {"tau", p.tau},
                      {"seconds", p.seconds},
                      {"skipped", p.skipped},
                      {"skipped_in_a_row", p.skipped_in_a_row},
                      {"evaluations", p.evaluations},
                      {"sums", p.sums},
                      {"best_accuracy", p.best_accuracy},
                      {"best_loss", p.best_loss},
                      {"epochs_since_best", p.epochs_since_best},
                      {"stopped_early", p.stopped_early},
                      {"curve", p.curve},
                      {"epochs", p.epochs},
                      {"average_updates", average_ ? average_->updates() : 0},
                      {"best_size", p.best.size()}};
  nn::write_archive(file, [&](torch::serialize::OutputArchive& archive) {
    torch::serialize::OutputArchive rule;
    archive.write("state", c10::IValue(state.dump()));
    write_tensors(archive, "model", all_tensors(*model_));
    if (average_) write_tensors(archive, "average", average_->values());
    write_tensors(archive, "best", p.best);
    rule_->save(rule);
    archive.write("rule", rule);
    for (size_t i = 0; i < methods_.size(); ++i) {
      torch::serialize::OutputArchive method;
      methods_[i]->save(method);
      archive.write("method" + std::to_string(i), method);
    }
  });
}

static Json read_state(torch::serialize::InputArchive& archive, const std::filesystem::path& file) {
  c10::IValue text;
  archive.read("state", text);
  return core::parse_json(text.toStringRef(), file.string(), kAdvice);
}

std::optional<int> checkpoint_threads(const std::filesystem::path& checkpoint) {
  if (!std::filesystem::exists(checkpoint)) return std::nullopt;
  try {
    int threads = 0;
    nn::read_archive(checkpoint, kAdvice, [&](torch::serialize::InputArchive& archive) {
      threads = read_state(archive, checkpoint).at("threads");
    });
    return threads;
  } catch (const std::exception&) {
    return std::nullopt;  // the Trainer will say what is wrong with it
  }
}

bool Trainer::load_checkpoint(const std::filesystem::path& file, Progress& p) {
  if (!std::filesystem::exists(file)) return false;
  nn::read_archive(file, kAdvice, [&](torch::serialize::InputArchive& archive) {
    const Json state = read_state(archive, file);
    for (const auto& [key, value] : std::map<std::string, Json>{{"format", kFormat},
                                                                {"seed", seed_.value()},
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
      average_->set_updates(count(state, "average_updates"));
    }
    const auto trained = trained_tensors(*model_);
    const bool has_best = state.at("best_size") != 0;
    p.best = read_tensors(archive, "best", has_best ? trained.size() : 0);
    for (size_t i = 0; i < p.best.size(); ++i) require_same_shape(p.best[i], trained[i]);
    torch::serialize::InputArchive rule;
    archive.read("rule", rule);
    rule_->load(rule);
    for (size_t i = 0; i < methods_.size(); ++i) {
      torch::serialize::InputArchive method;
      archive.read("method" + std::to_string(i), method);
      methods_[i]->load(method);
    }
    p.step = count(state, "step");
    p.tau = state.at("tau");
    if (p.tau < 0) throw Error("tau is negative");
    p.seconds = state.at("seconds");
    p.skipped = count(state, "skipped");
    p.skipped_in_a_row = count(state, "skipped_in_a_row");
    p.evaluations = count(state, "evaluations");
    p.sums = state.at("sums");
    p.best_accuracy = state.at("best_accuracy");
    p.best_loss = state.at("best_loss");
    p.epochs_since_best = count(state, "epochs_since_best");
    p.stopped_early = state.at("stopped_early");
    p.curve = state.at("curve").get<std::vector<StepPoint>>();
    p.epochs = state.at("epochs").get<std::vector<EpochPoint>>();
  });
  return true;
}

}  // namespace lathe::train
