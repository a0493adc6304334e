#include "lathe/pipeline/multitask.h"

#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>

#include "lathe/core/error.h"
#include "lathe/data/image_tasks.h"
#include "lathe/nn/batch_norm.h"
#include "lathe/pipeline/setup.h"

namespace lathe::pipeline {
namespace {

constexpr int64_t kBrightnessClasses = 4;
constexpr int64_t kExamplesOfATask = 256;  // that its gradient is looked at on
constexpr int64_t kExamplesForStatistics = 5000;

const std::vector<std::string> kAuxiliary = {"rotation", "brightness", "half"};

// The class and the tasks that are asked for, of all that images have.
data::ImageTasks some_tasks(const data::ImageTasks& all, const std::vector<std::string>& wanted) {
  data::ImageTasks some;
  std::vector<torch::Tensor> rows, numbers;
  for (size_t t = 0; t < all.tasks.names.size(); ++t) {
    const std::string& name = all.tasks.names[t];
    if (t > 0 && std::find(wanted.begin(), wanted.end(), name) == wanted.end()) continue;
    rows.push_back(all.tasks.of_example.eq(static_cast<int64_t>(t)).nonzero().flatten());
    numbers.push_back(torch::full_like(rows.back(), static_cast<int64_t>(some.tasks.names.size())));
    some.tasks.names.push_back(name);
    some.num_classes.push_back(all.num_classes[t]);
  }
  some.examples = all.examples.select(torch::cat(rows));
  some.tasks.of_example = torch::cat(numbers);
  return some;
}

// The first examples of each task, as many of each where there are enough.
std::vector<data::Batch> some_of_each(const data::Dataset& examples, const data::Tasks& tasks) {
  std::vector<data::Batch> batches;
  for (size_t t = 0; t < tasks.names.size(); ++t) {
    const auto task = static_cast<int64_t>(t);
    const torch::Tensor rows = tasks.of_example.eq(task).nonzero().flatten().slice(0, 0, kExamplesOfATask);
    if (rows.numel() == 0)
      throw InputError("optim.multitask: task \"{}\" has no held-out examples; raise data.holdout",
                       tasks.names[t]);
    const data::Dataset some = examples.select(rows);
    batches.push_back({some.inputs, some.targets, rows, {task}});
  }
  return batches;
}

void add_image_tasks(Multitask& multitask, const Setup& setup,
                     const std::shared_ptr<nn::Classifier>& classifier) {
  const data::Splits& splits = setup.splits();
  const std::vector<double> edges = data::brightness_edges(splits.train, kBrightnessClasses);
  const core::Seed seed = setup.seed().stream("image tasks");
  const auto& wanted = setup.options().multitask->auxiliary;
  data::ImageTasks train = some_tasks(data::image_tasks(splits.train, edges, seed.stream("train")), wanted),
                   holdout =
                       some_tasks(data::image_tasks(splits.holdout, edges, seed.stream("holdout")), wanted);
  multitask.heads = std::make_shared<nn::TaskHeads>(classifier, train.num_classes, seed.stream("heads"));
  multitask.heads->to(setup.device());
  multitask.model = multitask.heads;
  multitask.objective = [heads = multitask.heads.get(),
                         loss = optim::cross_entropy(setup.options().train.label_smoothing)](
                            nn::Model& model, const data::Batch& batch) {
    heads->select(batch.tasks.front());
    return loss(model, batch);
  };
  multitask.examples = std::move(train.examples);
  multitask.tasks = std::move(train.tasks);
  multitask.holdout = std::move(holdout.examples);
  multitask.holdout_tasks = std::move(holdout.tasks);
}

}  // namespace

MultitaskOptions multitask_options(const core::Config& multitask) {
  MultitaskOptions o;
  o.temperature = multitask.number("temperature", o.temperature, core::Range::at_least(1));
  o.column = multitask.text("column", "");
  const bool of_images = o.column.empty();
  o.auxiliary = multitask.texts("auxiliary", of_images ? kAuxiliary : std::vector<std::string>{});
  if (!of_images && !o.auxiliary.empty())
    multitask.fail("auxiliary", "goes with images, optim.multitask.column with tables; keep one");
  if (of_images && o.auxiliary.empty())
    multitask.fail("auxiliary", "names no task beside the class; or set optim.multitask.column");
  for (const std::string& name : o.auxiliary)
    if (std::find(kAuxiliary.begin(), kAuxiliary.end(), name) == kAuxiliary.end())
      multitask.fail("auxiliary",
                     fmt::format("must be of {}, got \"{}\"", fmt::join(kAuxiliary, ", "), name));
  o.rule = optim::grad_vac_options(multitask);
  return o;
}

void answer(const Multitask& multitask, int64_t task) {
  if (!multitask.heads) return;
  multitask.heads->select(task);
  const torch::Tensor rows =
      multitask.tasks.of_example.eq(task).nonzero().flatten().slice(0, 0, kExamplesForStatistics);
  nn::recompute_batch_norm(*multitask.heads, multitask.examples.select(rows).inputs);
}

Multitask make_multitask(const Setup& setup, const std::shared_ptr<nn::Classifier>& classifier) {
  const MultitaskOptions& options = *setup.options().multitask;
  Multitask multitask;
  optim::GradVacOptions rule = options.rule;
  rule.seed = setup.seed().stream("multitask").value();
  if (options.column.empty()) {
    add_image_tasks(multitask, setup, classifier);
    for (const std::string& head : multitask.heads->head_names()) rule.heads.push_back(head + ".*");
  } else {
    multitask.examples = setup.splits().train;
    multitask.holdout = setup.splits().holdout;
    multitask.tasks = data::tasks_from_column(multitask.examples, options.column);
    multitask.holdout_tasks = data::tasks_from_column(multitask.holdout, options.column);
    multitask.model = classifier;
  }
  multitask.rule = std::make_shared<optim::GradVac>(*multitask.model, multitask.tasks.names, rule);
  multitask.similarity = std::make_shared<train::TaskSimilarity>(
      multitask.model, multitask.rule, some_of_each(multitask.holdout, multitask.holdout_tasks),
      multitask.objective ? multitask.objective
                          : optim::cross_entropy(setup.options().train.label_smoothing));
  return multitask;
}

}  // namespace lathe::pipeline
