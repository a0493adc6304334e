// The Trainer's checkpoint: the whole file, and its state (JSON) inside of a whole file. A run that is taken
// up from it must end.
#include <torch/script.h>
#include <torch/torch.h>

#include <sstream>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/progress.h"
#include "lathe/nn/classifier.h"
#include "lathe/train/trainer.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

constexpr int64_t kSteps = 6, kBatchSize = 4;

data::Dataset examples() {
  data::Dataset dataset;
  dataset.schema = {.shape = {1, 2, 2}, .columns = {}, .target = "", .classes = {"a", "b"}};
  dataset.targets = torch::arange(2 * kBatchSize).remainder(2);
  dataset.inputs = dataset.targets.to(torch::kUInt8).mul(200).reshape({-1, 1, 1, 1}).repeat({1, 1, 2, 2});
  return dataset;
}

// Two epochs of a run so small that a step takes less time than reading a checkpoint.
train::FitReport fit(const std::filesystem::path& checkpoint, const core::StopToken& stop = {},
                     const train::Hooks& hooks = {}) {
  static const data::Dataset dataset = examples();
  core::Progress::set_quiet(true);
  const auto model =
      nn::build(core::Config::parse("kind = 'mlp'\nhidden = [2]"), dataset.schema, core::Seed(1));
  train::Trainer trainer(model, optim::make_step(model->parameters(), {}),
                         {.steps = kSteps, .batch_size = kBatchSize, .average_decay = 0.9, .patience = 3},
                         core::Seed(3));
  return trainer.fit(dataset, dataset, checkpoint, stop, hooks);
}

void read_checkpoint(std::string_view bytes) {
  const std::filesystem::path file = scratch() / "train.checkpoint";
  save(file, bytes);
  train::checkpoint_threads(file);
  const train::FitReport report = fit(file);
  require(report.stopped_early || report.progress >= kSteps, "the run ends where it should");
  require(report.steps >= 0 && report.skipped_steps >= 0, "counts are counts");
}

std::vector<std::string> checkpoints() {
  std::vector<std::string> files;
  for (int64_t last : {1, 4}) {
    const std::filesystem::path file = scratch() / "seed.checkpoint";
    std::filesystem::remove(file);
    const core::StopToken stop;
    train::Hooks hooks;
    hooks.after_step = [&](int64_t step, const optim::StepReport&) {
      if (step == last) stop.request();
    };
    try {
      fit(file, stop, hooks);
    } catch (const Interrupted&) {
    }
    files.push_back(core::read_file(file));
  }
  return files;
}

torch::jit::Module module_of(const std::string& checkpoint) {
  std::istringstream stream(checkpoint);
  return torch::jit::load(stream);
}

void read_state(std::string_view bytes) {
  static torch::jit::Module module = module_of(checkpoints().back());
  module.setattr("state", std::string(bytes));
  std::ostringstream stream;
  module.save(stream);
  read_checkpoint(stream.str());
}

std::vector<std::string> states() {
  std::vector<std::string> texts;
  for (const std::string& checkpoint : checkpoints())
    texts.push_back(module_of(checkpoint).attr("state").toStringRef());
  return {texts.back()};
}

const bool registered = add_target({"checkpoint", read_checkpoint, checkpoints}) &&
                        add_target({"checkpoint_state", read_state, states});

}  // namespace
}  // namespace lathe::fuzz
