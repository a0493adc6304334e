#include "studies/gradient_vaccine_images.h"

#include <torch/torch.h>

#include <limits>

#include "lathe/data/image_tasks.h"
#include "lathe/nn/classifier.h"
#include "lathe/nn/task_heads.h"
#include "lathe/train/trainer.h"
#include "studies/gradient_vaccine_runs.h"
#include "studies/label_noise.h"
#include "studies/side_by_side.h"

namespace lathe::studies::gradient_vaccine {
namespace {

using core::Seed;
using optim::MultitaskMethod;

struct Images {
  data::Schema schema;
  data::ImageTasks train, test;
};

Images make_images(int64_t num_train, Seed seed) {
  constexpr int64_t kTest = 1000, kBrightnessClasses = 4;
  const data::Source source = data::load_source("fashion-mnist");
  const data::Splits parts = data::split(source, {.holdout = 100, .subset = num_train}, seed.stream("split"));
  const std::vector<double> edges = data::brightness_edges(parts.train, kBrightnessClasses);
  return {parts.train.schema, data::image_tasks(parts.train, edges, seed.stream("train")),
          data::image_tasks(parts.test.select(torch::arange(kTest)), edges, seed.stream("test"))};
}

struct Score {
  double accuracy = 0, trigger_rate = 0;
};

Score train_and_test(const Images& images, MultitaskMethod method, int64_t steps, Seed seed,
                     const core::StopToken& stop) {
  auto network = nn::build(core::Config::parse("kind = 'cnn'\nchannels = [8, 16, 16]\npool_every = 1"),
                           images.schema, seed.stream("model"));
  network->fit_inputs(images.train.examples.inputs);
  auto model = std::make_shared<nn::TaskHeads>(network, images.train.num_classes, seed.stream("heads"));
  optim::GradVacOptions options = {.method = method, .seed = seed.stream("order").value()};
  for (const std::string& head : model->head_names()) options.heads.push_back(head + ".*");
  const std::vector<std::string>& tasks = images.train.tasks.names;
  auto rule = optim::make_step(model->parameters(), adam(2e-3),
                               {.combine = std::make_shared<optim::GradVac>(*model, tasks, options)});
  train::Trainer trainer(model, std::move(rule), {.steps = steps, .batch_size = 128},
                         seed.stream("training"));
  trainer.set_tasks(images.train.tasks, std::numeric_limits<double>::infinity());
  trainer.set_objective([&heads = *model](nn::Model&, const data::Batch& batch) {
    heads.select(batch.tasks.front());
    return torch::cross_entropy_loss(heads.forward(batch.inputs), batch.targets);
  });
  Score score;
  train::Hooks hooks;
  hooks.after_step = [&](int64_t, const optim::StepReport& report) {
    score.trigger_rate += report.metrics.at("trigger_rate") / static_cast<double>(steps);
  };
  trainer.fit(images.train.examples, {}, {}, stop, hooks);
  for (size_t t = 0; t < tasks.size(); ++t) {
    const auto task = static_cast<int64_t>(t);
    const data::Dataset part =
        images.test.examples.select(images.test.tasks.of_example.eq(task).nonzero().flatten());
    model->select(task);
    score.accuracy +=
        percent_right(nn::predict(*model, part.inputs), part.targets) / static_cast<double>(tasks.size());
  }
  return score;
}

}  // namespace

void train_image_heads(int64_t num_train, int64_t steps, const pipeline::StudyContext& context,
                       pipeline::StudyResult& result) {
  const Images images = make_images(num_train, context.seed.stream("images"));
  const std::vector<MultitaskMethod> methods = {MultitaskMethod::sum, MultitaskMethod::pcgrad,
                                                MultitaskMethod::gradvac};
  std::vector<Score> scores(methods.size());
  run_side_by_side(methods.size(), [&](size_t i) {
    scores[i] = train_and_test(images, methods[i], steps, context.seed.stream("run"), context.stop);
  });
  result.rows.push_back(
      {.metric = fmt::format("four heads on Fashion-MNIST, {} steps: GradVac − sum, points", steps),
       .paper = {},
       .baseline = scores[0].accuracy,
       .measured = scores[2].accuracy - scores[0].accuracy,
       .bar = {}});
  result.rows.push_back({.metric = "four heads: share of pairs changed, GradVac (baseline: PCGrad)",
                         .paper = {},
                         .baseline = scores[1].trigger_rate,
                         .measured = scores[2].trigger_rate,
                         .bar = {}});
}

}  // namespace lathe::studies::gradient_vaccine
