// The state of a sequence of tasks between two of them: what is taken is gone on from, and ends.
#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/progress.h"
#include "lathe/nn/classifier.h"
#include "lathe/train/continual/train_tasks.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

namespace continual = train::continual;

data::Dataset examples(int64_t shift) {
  data::Dataset dataset;
  dataset.schema = {.shape = {1, 2, 2}, .columns = {}, .target = "", .classes = {"a", "b"}};
  dataset.targets = torch::arange(8).remainder(2);
  dataset.inputs =
      dataset.targets.add(shift).mul(60).to(torch::kUInt8).reshape({-1, 1, 1, 1}).repeat({1, 1, 2, 2});
  return dataset;
}

continual::ContinualResult learn(const std::string& method, const core::StopToken& stop,
                                 const continual::ContinualHooks& hooks) {
  static const std::vector<continual::Task> tasks = {{"first", examples(0), {}, examples(0)},
                                                     {"second", examples(2), {}, examples(2)}};
  core::Progress::set_quiet(true);
  const auto model =
      nn::build(core::Config::parse("kind = 'mlp'\nhidden = [3]"), tasks[0].train.schema, core::Seed(1));
  continual::ContinualOptions options;
  options.method = method;
  options.memory = 4;
  return continual::train_tasks(model, tasks,
                                {.continual = options,
                                 .optim = {.lr = 0.01, .weight_decay = 0},
                                 .train = {.steps = 2, .batch_size = 4},
                                 .interference_inputs = 3},
                                scratch(), stop, hooks);
}

void remove_state() {
  for (const auto& entry : std::filesystem::directory_iterator(scratch()))
    if (entry.path().extension() == ".state" || entry.path().extension() == ".checkpoint")
      std::filesystem::remove(entry.path());
}

void read(std::string_view bytes) {
  for (const char* method : {"gpm", "ewc", "replay"}) {
    remove_state();
    save(scratch() / "continual.state", bytes);
    try {
      const continual::ContinualResult result = learn(method, {}, {});
      require(result.accuracy.sizes() == torch::IntArrayRef({2, 2}), "each task is measured after each");
      return;
    } catch (const InputError&) {
      if (method == std::string("replay")) throw;
    }
  }
}

std::vector<std::string> seeds() {
  std::vector<std::string> states;
  for (const char* method : {"gpm", "ewc", "replay"}) {
    remove_state();
    const core::StopToken stop;
    continual::ContinualHooks hooks;
    hooks.after_task = [&](int64_t, const continual::ContinualResult&) { stop.request(); };
    try {
      learn(method, stop, hooks);
    } catch (const Interrupted&) {
    }
    states.push_back(core::read_file(scratch() / "continual.state"));
  }
  return states;
}

const bool registered = add_target({"continual", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
