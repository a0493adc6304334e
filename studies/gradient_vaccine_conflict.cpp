#include "studies/gradient_vaccine_conflict.h"

#include <torch/torch.h>

#include <algorithm>
#include <limits>

#include "lathe/nn/initialization.h"
#include "lathe/nn/mlp.h"
#include "lathe/nn/task_heads.h"
#include "studies/label_noise.h"
#include "studies/side_by_side.h"

namespace lathe::studies::gradient_vaccine {
namespace {

using core::Seed;
using optim::MultitaskMethod;
using pipeline::Bar;

struct Tables {
  data::Dataset train;  // both tasks
  data::Tasks tasks;
  torch::Tensor holdout, test;                               // inputs
  std::vector<torch::Tensor> holdout_targets, test_targets;  // of each task
};

// The first task's answer is the sign of a random network; the second's too, but turned round where the first
// input is among its largest 30 %.
std::vector<torch::Tensor> answers(const torch::Tensor& inputs, Seed teacher) {
  constexpr int64_t kHidden = 12;
  constexpr double kQuantile70 = 0.5244;  // of a normal
  const auto generator = nn::generator(teacher);
  const torch::Tensor first = torch::randn({inputs.size(1), kHidden}, generator),
                      second = torch::randn({kHidden}, generator);
  const torch::Tensor yes = torch::tanh(inputs.matmul(first)).matmul(second).gt(0).to(torch::kInt64);
  const torch::Tensor opposed = inputs.select(1, 0).gt(kQuantile70);
  return {yes, torch::where(opposed, 1 - yes, yes)};
}

Tables make_tables(const ConflictOptions& options, Seed seed) {
  const auto draw = [&](const char* name, int64_t n) {
    return torch::randn({n, options.num_inputs}, nn::generator(seed.stream(name)));
  };
  Tables tables{.train = {},
                .tasks = {.names = {"first", "second"}, .of_example = {}},
                .holdout = draw("holdout", 1000),
                .test = draw("test", options.num_test),
                .holdout_targets = {},
                .test_targets = {}};
  const torch::Tensor inputs = draw("train", options.num_train);
  const Seed teacher = seed.stream("teacher");
  tables.train.inputs = torch::cat({inputs, inputs});
  tables.train.targets = torch::cat(answers(inputs, teacher));
  tables.train.schema.classes = {"no", "yes"};
  tables.tasks.of_example = torch::arange(2).repeat_interleave(options.num_train);
  tables.holdout_targets = answers(tables.holdout, teacher);
  tables.test_targets = answers(tables.test, teacher);
  return tables;
}

struct Variant {
  std::string name;
  optim::GradVacOptions options;
};

std::vector<Variant> variants() {
  std::vector<Variant> all = {
      {"sum", {.method = MultitaskMethod::sum}},
      {"PCGrad", {.method = MultitaskMethod::pcgrad, .components = optim::ComponentKind::whole_model}},
      {"GradVac", {.method = MultitaskMethod::gradvac}}};
  for (const double target : {0.0, 0.2, 0.5})
    all.push_back(
        {fmt::format("target {:g}", target), {.method = MultitaskMethod::gradvac, .target = target}});
  return all;
}

struct Score {
  double holdout = 0, worse = 0, trigger_rate = 0;
  std::vector<train::StepPoint> curve;
};

Score train_and_test(const ConflictOptions& options, const Tables& tables, const Variant& variant,
                     double rate, Seed seed, const core::StopToken& stop) {
  auto trunk = std::make_shared<nn::Mlp>(nn::MlpOptions{
      .num_inputs = options.num_inputs, .num_classes = 2, .hidden = {options.width, options.width}});
  trunk->initialize(seed.stream("model"));
  auto model = std::make_shared<nn::TaskHeads>(trunk, std::vector<int64_t>{2, 2}, seed.stream("heads"));
  optim::GradVacOptions gradvac = variant.options;
  gradvac.seed = seed.stream("order").value();
  for (const std::string& head : model->head_names()) gradvac.heads.push_back(head + ".*");
  auto rule =
      optim::make_step(model->parameters(), adam(rate),
                       {.combine = std::make_shared<optim::GradVac>(*model, tables.tasks.names, gradvac)});
  train::Trainer trainer(model, std::move(rule), {.steps = options.steps, .batch_size = 2 * options.batch},
                         seed.stream("training"));
  trainer.set_tasks(tables.tasks, std::numeric_limits<double>::infinity());
  trainer.set_objective([&heads = *model, &options](nn::Model&, const data::Batch& batch) {
    const int64_t task = batch.tasks.front();
    heads.select(task);
    const double weight = task == 0 ? options.first_weight : 1;
    return weight * torch::cross_entropy_loss(heads.forward(batch.inputs), batch.targets);
  });
  Score score;
  train::Hooks hooks;
  hooks.after_step = [&](int64_t, const optim::StepReport& report) {
    score.trigger_rate += report.metrics.at("trigger_rate") / static_cast<double>(options.steps);
  };
  score.curve = trainer.fit(tables.train, {}, {}, stop, hooks).curve;
  const auto worse = [&](const torch::Tensor& inputs, const std::vector<torch::Tensor>& targets) {
    double least = 100;
    for (int64_t task = 0; task < 2; ++task) {
      model->select(task);
      least = std::min(least, percent_right(nn::predict(*model, inputs), targets[static_cast<size_t>(task)]));
    }
    return least;
  };
  score.holdout = worse(tables.holdout, tables.holdout_targets);
  score.worse = worse(tables.test, tables.test_targets);
  return score;
}

core::Chart similarity_chart(const std::vector<Variant>& all, const std::vector<std::vector<Score>>& scores) {
  std::vector<core::Series> series;
  for (size_t v = 0; v < all.size(); ++v) {
    core::Series line{.name = all[v].name, .x = {}, .y = {}};
    for (const train::StepPoint& point : scores[v][0].curve) {
      line.x.push_back(static_cast<double>(point.step));
      line.y.push_back(point.metrics.at("task_cosine"));
    }
    series.push_back(std::move(line));
  }
  return core::line_chart({.title = "Two opposing tasks: similarity of their gradients before the change",
                           .x_label = "step",
                           .y_label = "mean cosine over components"},
                          series);
}

}  // namespace

void measure_conflict(const ConflictOptions& options, uint64_t num_seeds, const std::vector<double>& rates,
                      Seed seed, const core::StopToken& stop, pipeline::StudyResult& result) {
  const std::vector<Variant> all = variants();
  std::vector<Tables> tables;
  for (uint64_t s = 0; s < num_seeds; ++s)
    tables.push_back(make_tables(options, seed.stream("data").stream(s)));
  // Rates are chosen on the first seed's held-out examples.
  std::vector<Score> tried(all.size() * rates.size());
  run_side_by_side(tried.size(), [&](size_t i) {
    tried[i] = train_and_test(options, tables[0], all[i / rates.size()], rates[i % rates.size()],
                              seed.stream("run").stream(uint64_t{0}), stop);
  });
  std::vector<double> chosen;
  for (size_t v = 0; v < all.size(); ++v) {
    size_t best = 0;
    for (size_t r = 0; r < rates.size(); ++r)
      if (tried[v * rates.size() + r].holdout > tried[v * rates.size() + best].holdout) best = r;
    chosen.push_back(rates[best]);
  }
  std::vector<std::vector<Score>> scores(all.size(), std::vector<Score>(num_seeds));
  run_side_by_side(all.size() * num_seeds, [&](size_t i) {
    const size_t v = i % all.size(), s = i / all.size();
    scores[v][s] = train_and_test(options, tables[s], all[v], chosen[v], seed.stream("run").stream(s), stop);
  });

  const auto mean_of = [&](size_t v, double Score::*number) {
    double sum = 0;
    for (const Score& score : scores[v]) sum += score.*number;
    return sum / static_cast<double>(num_seeds);
  };
  const double sum = mean_of(0, &Score::worse);
  for (size_t v = 1; v < all.size(); ++v) {
    pipeline::StudyRow row = {
        .metric = fmt::format("opposed on 30 %: {} − sum on the worse task, points", all[v].name),
        .paper = {},
        .baseline = sum,
        .measured = mean_of(v, &Score::worse) - sum,
        .bar = {}};
    if (v <= 2) row.bar = Bar{.least = 1};
    result.rows.push_back(std::move(row));
  }
  for (size_t v = 1; v < all.size(); ++v)
    result.rows.push_back({.metric = fmt::format("opposed on 30 %: {}, share of pairs changed", all[v].name),
                           .paper = {},
                           .baseline = {},
                           .measured = mean_of(v, &Score::trigger_rate),
                           .bar = {}});
  result.charts.push_back(similarity_chart(all, scores));
}

}  // namespace lathe::studies::gradient_vaccine
