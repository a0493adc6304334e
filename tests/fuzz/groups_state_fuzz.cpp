// What [train.groups] keeps in a checkpoint, JSON inside of a whole file. A run that is taken up from it must
// end.
#include <torch/script.h>
#include <torch/torch.h>

#include <sstream>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/progress.h"
#include "lathe/nn/classifier.h"
#include "lathe/train/invariance/invariant_training.h"
#include "lathe/train/trainer.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

namespace invariance = train::invariance;

constexpr int64_t kSteps = 6, kBatchSize = 4;

// Of two classes, with losses that differ enough to part them.
data::Dataset examples() {
  data::Dataset dataset;
  dataset.schema = {.shape = {1, 2, 2}, .columns = {}, .target = "", .classes = {"a", "b"}};
  dataset.targets = torch::arange(2 * kBatchSize).remainder(2);
  dataset.inputs = torch::arange(8 * kBatchSize).mul(37).remainder(251).to(torch::kUInt8).view({-1, 1, 2, 2});
  return dataset;
}

train::FitReport fit(const std::filesystem::path& checkpoint, const core::StopToken& stop = {},
                     const train::Hooks& hooks = {}) {
  static const data::Dataset dataset = examples();
  core::Progress::set_quiet(true);
  const auto model =
      nn::build(core::Config::parse("kind = 'mlp'\nhidden = [2]"), dataset.schema, core::Seed(1));
  invariance::InvarianceOptions options = invariance::published("group_dro");
  options.inference = invariance::published_inference("loss");
  const auto groups = std::make_shared<invariance::InvariantTraining>(options, core::Seed(2));
  train::Trainer trainer(model, optim::make_step(model->parameters(), {}),
                         {.steps = kSteps, .batch_size = kBatchSize}, core::Seed(3));
  trainer.set_objective(groups->objective());
  trainer.add_method(groups);
  train::FitReport report = trainer.fit(dataset, dataset, checkpoint, stop, hooks);
  require(groups->groups() && groups->groups()->per_class.size() == 2, "each class has its parts in the end");
  return report;
}

// Stopped after the parts were found.
std::string whole_checkpoint() {
  const std::filesystem::path file = scratch() / "seed.checkpoint";
  std::filesystem::remove(file);
  const core::StopToken stop;
  train::Hooks hooks;
  hooks.after_step = [&](int64_t step, const optim::StepReport&) {
    if (step == kSteps - 2) stop.request();
  };
  try {
    fit(file, stop, hooks);
  } catch (const Interrupted&) {
  }
  return core::read_file(file);
}

torch::jit::Module module_of(const std::string& checkpoint) {
  std::istringstream stream(checkpoint);
  return torch::jit::load(stream);
}

void read(std::string_view bytes) {
  static torch::jit::Module module = module_of(whole_checkpoint());
  module.attr("method0").toModule().setattr("state", std::string(bytes));
  std::ostringstream stream;
  module.save(stream);
  const std::filesystem::path file = scratch() / "groups.checkpoint";
  save(file, stream.str());
  require(fit(file).progress >= kSteps, "the run ends where it should");
}

std::vector<std::string> seeds() {
  return {module_of(whole_checkpoint()).attr("method0").toModule().attr("state").toStringRef()};
}

const bool registered = add_target({"groups_state", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
