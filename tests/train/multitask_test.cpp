// Several tasks in one training: the Trainer's part of it, and what it goes with.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/optim/grad_vac.h"
#include "lathe/train/continual/gradient_projection_memory.h"
#include "tests/support/message.h"
#include "tests/train/scene.h"

namespace lathe::train {
namespace {

using core::Seed;
using testing_support::message_of;

// The stripes of three sites, of unequal numbers.
data::Tasks sites(const data::Dataset& dataset) {
  const torch::Tensor row = torch::arange(dataset.size());
  return {{"Rome", "Oslo", "Bern"}, row.remainder(8).ge(5).to(torch::kInt64) + row.remainder(8).eq(7)};
}

struct MultitaskScene : Scene {
  optim::GradVacOptions rule = {.beta = 0.1};
  double temperature = 5;
  MultitaskScene() {
    options.batch_size = 24;
    options.epochs = 6;
  }
  Trainer trainer(std::shared_ptr<optim::GradVac>* made = nullptr) {
    model->fit_inputs(train.inputs);
    const data::Tasks tasks = sites(train);
    const auto combine = std::make_shared<optim::GradVac>(*model, tasks.names, rule);
    if (made) *made = combine;
    Trainer trainer(model, optim::make_step(model->parameters(), optim, {.combine = combine}), options,
                    Seed(3));
    trainer.set_tasks(tasks, temperature);
    return trainer;
  }
};

TEST(Multitask, Learns) {
  for (const auto method : {optim::MultitaskMethod::gradvac, optim::MultitaskMethod::pcgrad,
                            optim::MultitaskMethod::sum, optim::MultitaskMethod::mean}) {
    MultitaskScene scene;
    scene.rule.method = method;
    const FitReport report = scene.trainer().fit(scene.train, scene.holdout);
    EXPECT_GT(report.epochs.back().holdout_accuracy, 0.9);
    EXPECT_TRUE(report.curve.back().metrics.count("trigger_rate"));
  }
}

// Every micro-batch is of the one task that the objective is told.
TEST(Multitask, MicroBatchesAreOfOneTask) {
  MultitaskScene scene;
  scene.options.steps = 20;
  scene.temperature = INFINITY;
  Trainer trainer = scene.trainer();
  const torch::Tensor of_example = sites(scene.train).of_example;
  std::map<int64_t, int64_t> seen;
  trainer.set_objective([&](nn::Model& model, const data::Batch& batch) {
    EXPECT_EQ(batch.tasks.size(), 1u);
    EXPECT_EQ(batch.indices.numel(), 8);
    EXPECT_TRUE(of_example.index_select(0, batch.indices).eq(batch.tasks[0]).all().item<bool>());
    ++seen[batch.tasks[0]];
    return optim::cross_entropy()(model, batch);
  });
  trainer.fit(scene.train, {});
  EXPECT_EQ(seen, (std::map<int64_t, int64_t>{{0, 20}, {1, 20}, {2, 20}}));
}

// With no pair below its target and the mean over tasks, it is training on the batch as a whole.
TEST(Multitask, MeanOverTasksIsPlainTraining) {
  MultitaskScene multitask, plain;
  for (MultitaskScene* scene : {&multitask, &plain}) {
    scene->model = nn::build(core::Config::parse("kind = 'mlp'\nhidden = [8]"), scene->train.schema, Seed(7));
    scene->options.steps = 10;
    scene->rule.method = optim::MultitaskMethod::mean;
    scene->temperature = INFINITY;
  }
  multitask.trainer().fit(multitask.train, multitask.holdout);
  plain.model->fit_inputs(plain.train.inputs);
  Trainer trainer(plain.model, optim::make_step(plain.model->parameters(), plain.optim), plain.options,
                  Seed(3));
  trainer.set_tasks(sites(plain.train), INFINITY);
  trainer.fit(plain.train, plain.holdout);
  const auto a = weights(multitask), b = weights(plain);
  for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(torch::allclose(a[i], b[i], 1e-4, 1e-6)) << i;
}

TEST(Multitask, GoesWithSamClippingAndAveragingAndResumesToTheSameBits) {
  const auto scene = [] {
    MultitaskScene scene;
    scene.optim.sam = optim::SamOptions{.rho = 0.05};
    scene.optim.clip_norm = 1;
    scene.options.average_decay = 0.9;
    return scene;
  };
  MultitaskScene whole = scene(), parts = scene();
  std::shared_ptr<optim::GradVac> rule, resumed_rule;
  whole.trainer(&rule).fit(whole.train, whole.holdout);
  const core::TemporaryDirectory directory;
  const auto checkpoint = directory.path() / "checkpoint";
  {
    const core::StopToken stop;
    Hooks hooks;
    hooks.after_step = [&](int64_t step, const optim::StepReport&) {
      if (step == 17) stop.request();
    };
    MultitaskScene interrupted = scene();
    EXPECT_THROW(interrupted.trainer().fit(interrupted.train, interrupted.holdout, checkpoint, stop, hooks),
                 Interrupted);
  }
  parts.trainer(&resumed_rule).fit(parts.train, parts.holdout, checkpoint);
  expect_same_bits(weights(whole), weights(parts));
  EXPECT_TRUE(torch::equal(rule->averages(), resumed_rule->averages()));
  EXPECT_GT(rule->averages().abs().sum().item<double>(), 0);
}

// Three slots at once: SAM's ascent for each task's micro-batch, the vaccine over the tasks, and a projection
// of what comes out, so that what an earlier task showed the layers gives the outputs it gave.
TEST(Multitask, GoesWithGradientProjectionMemoryAndSam) {
  MultitaskScene scene;
  scene.model = nn::build(core::Config::parse("kind = 'mlp'\nhidden = [16]"), scene.train.schema, Seed(7));
  scene.model->fit_inputs(scene.train.inputs);
  const auto memory = std::make_shared<continual::GradientProjectionMemory>(
      *scene.model, continual::GpmOptions{.threshold = {1}});
  const torch::Tensor old_inputs = scene.holdout.inputs.slice(0, 0, 6);
  memory->end_task([&] { scene.model->forward(old_inputs); });
  const torch::Tensor before = nn::predict(*scene.model, old_inputs),
                      others = nn::predict(*scene.model, scene.train.inputs);

  scene.optim = {
      .lr = 0.1, .momentum = 0.9, .nesterov = true, .weight_decay = 0, .sam = optim::SamOptions{.rho = 0.1}};
  optim::StepSlots slots = continual::step_slots(memory, "auto", scene.optim);
  const data::Tasks tasks = sites(scene.train);
  slots.combine = std::make_shared<optim::GradVac>(*scene.model, tasks.names, scene.rule);
  Trainer trainer(scene.model, optim::make_step(scene.model->parameters(), scene.optim, slots), scene.options,
                  Seed(3));
  trainer.set_tasks(tasks, 2);
  trainer.fit(scene.train, {});
  EXPECT_LT((nn::predict(*scene.model, old_inputs) - before).abs().max().item<double>(), 1e-3);
  EXPECT_GT((nn::predict(*scene.model, scene.train.inputs) - others).abs().max().item<double>(), 0.1);
}

TEST(Multitask, SaysWhatIsWrong) {
  MultitaskScene scene;
  scene.options.batch_size = 16;
  EXPECT_NE(message_of<InputError>([&] { scene.trainer(); }).find("must be a multiple of 3 tasks, got 16"),
            std::string::npos);
  scene.options.batch_size = 24;
  scene.optim.adascale = optim::AdaScaleOptions{};
  EXPECT_NE(message_of<InputError>([&] { scene.trainer(); }).find("optim.adascale measures the mean"),
            std::string::npos);
  scene.optim.adascale.reset();
  Trainer trainer = scene.trainer();
  trainer.set_objective([&](nn::Model& model, const data::Batch& batch) {
    const torch::Tensor loss = optim::cross_entropy()(model, batch);
    return batch.tasks[0] == 1 ? loss * std::nan("") : loss;
  });
  EXPECT_NE(message_of<Error>([&] { trainer.fit(scene.train, {}); }).find("in task \"Oslo\""),
            std::string::npos);
}

}  // namespace
}  // namespace lathe::train
