#include "studies/group_invariance_runs.h"

#include <torch/torch.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <stdexcept>

#include "lathe/core/error.h"
#include "lathe/evaluate/average_precision.h"
#include "lathe/nn/classifier.h"
#include "lathe/train/invariance/invariant_training.h"
#include "lathe/train/trainer.h"
#include "studies/label_noise.h"
#include "studies/side_by_side.h"

namespace lathe::studies::group_invariance {
namespace {

using core::Seed;
using train::invariance::Groups;
using train::invariance::InvarianceOptions;
using train::invariance::InvariantTraining;

constexpr double kL2 = 1e-4;  // γ, the authors'

// The authors': SGD 0.1 with momentum 0.9, a tenth of the rate after 9, 18 and 24 of 30 epochs.
train::TrainOptions train_options(const Task& task) {
  return {.epochs = task.epochs,
          .batch_size = task.batch_size,
          .schedule = {.kind = "step", .warmup = 0, .milestones = {0.3, 0.6, 0.8}, .decay = 0.1}};
}

std::shared_ptr<InvariantTraining> invariant_training(const Recipe& recipe, const data::ShiftedImages& images,
                                                      Seed seed) {
  InvarianceOptions options = train::invariance::published(recipe.method);
  options.weight = recipe.weight;
  options.ramp_epochs = std::min(options.ramp_epochs, recipe.task.ramp_epochs);
  options.l2 = kL2;
  std::optional<Groups> given;
  if (recipe.parts == Parts::given)
    given = train::invariance::groups_from_values(images.train_minority, images.train.targets,
                                                  images.train.schema.num_classes(), "minority");
  return std::make_shared<InvariantTraining>(options, seed, given);
}

double average_precision_of_anomalies(const torch::Tensor& anomalies, const torch::Tensor& xn) {
  const torch::Tensor scores = -torch::softmax(torch::cat({anomalies, xn}), 1).amax(1);
  return 100 * evaluate::average_precision(scores, torch::arange(scores.size(0)).lt(anomalies.size(0)));
}

struct Job {
  Recipe recipe;
  uint64_t seed = 0;
};

std::vector<Outcome> run(const std::vector<Job>& jobs, const std::vector<data::ShiftedImages>& images,
                         Seed seed, const core::StopToken& stop) {
  std::vector<Outcome> outcomes(jobs.size());
  run_side_by_side(jobs.size(), [&](size_t i) {
    outcomes[i] =
        train_and_test(jobs[i].recipe, images[jobs[i].seed], seed.stream("run").stream(jobs[i].seed), stop);
  });
  return outcomes;
}

}  // namespace

std::string to_string(Parts parts) {
  return parts == Parts::given ? "true parts" : "inferred parts";
}

std::string to_string(Rule rule) {
  return rule == Rule::id_only ? "id-only" : "shifted";
}

data::ShiftedImages shifted_data(const Task& task, Seed seed) {
  if (task.shift != Shift::coloured_images) {
    const data::ShiftedObjectsOptions options = {.train = task.num_train * 10 / 9,
                                                 .validation = task.num_validation * 10 / 9};
    return task.shift == Shift::glyphs_on_colours ? data::glyphs_on_colours(options, seed)
                                                  : data::objects_on_scenes(options, seed);
  }
  const data::Source source = data::load_source(task.source);
  const auto grey = [&](int64_t coloured) {  // one class of all is left out
    const auto classes = static_cast<double>(source.train.schema.num_classes());
    return static_cast<double>(coloured) * classes / (classes - 1);
  };
  const data::Splits parts = data::split(
      source,
      {.holdout = std::round(grey(task.num_validation)), .subset = std::llround(grey(task.num_train))},
      seed.stream("split"));
  return data::coloured_images(parts.train, parts.holdout, parts.test, seed.stream("colours"), task.colours);
}

Outcome train_and_test(const Recipe& recipe, const data::ShiftedImages& images, Seed seed,
                       const core::StopToken& stop) {
  const bool erm = recipe.method == "erm";
  auto model = nn::build(core::Config::parse(recipe.network), images.train.schema, seed.stream("model"));
  model->fit_inputs(images.train.inputs);
  const optim::OptimizerOptions sgd = {
      .lr = recipe.task.lr, .momentum = 0.9, .nesterov = false, .weight_decay = erm ? kL2 : 0};
  train::Trainer trainer(model, optim::make_step(model->parameters(), sgd), train_options(recipe.task),
                         seed.stream("training"));
  std::shared_ptr<InvariantTraining> training;
  if (!erm) {
    training = invariant_training(recipe, images, seed.stream("groups"));
    trainer.add_method(training);
    trainer.set_objective(training->objective());
  }
  Outcome o;
  try {
    trainer.fit(images.train, {}, {}, stop);
  } catch (const Interrupted&) {
    throw;
  } catch (const InputError&) {
    throw;
  } catch (const Error&) {  // collapsed or diverged: λ is too large, and loses by what the model now gives
    o.collapsed = true;
  }
  const auto right = [&](const data::Dataset& part) {
    return percent_right(nn::predict(*model, part.inputs), part.targets);
  };
  o.id_validation = right(images.id_validation);
  o.xn_validation = right(images.xn_validation);
  o.sg_validation = right(images.sg_validation);
  o.id = right(images.id_test);
  o.sg = right(images.sg_test);
  const torch::Tensor xn = nn::predict(*model, images.xn_test.inputs);
  o.xn = percent_right(xn, images.xn_test.targets);
  const torch::Tensor anomalies = nn::predict(*model, images.anomalies);
  if (xn.isfinite().all().item<bool>() && anomalies.isfinite().all().item<bool>())
    o.ap = average_precision_of_anomalies(anomalies, xn);
  if (training && training->groups())
    o.agreement = train::invariance::agreement(training->groups()->assignment, images.train_minority);
  return o;
}

double allowed_id_loss(Parts parts) {
  return parts == Parts::given ? 6 : 8;
}

double chosen_weight(const std::map<double, Outcome>& tried, const Outcome& erm, Rule rule,
                     double id_points) {
  double weight = 0, best = -1;
  for (const auto& [lambda, o] : tried) {
    if (o.id_validation < erm.id_validation - id_points) continue;
    const double score = rule == Rule::id_only ? lambda : (o.xn_validation + o.sg_validation) / 2;
    if (score > best) {
      best = score;
      weight = lambda;
    }
  }
  if (best >= 0 || rule == Rule::id_only) return weight;
  const auto by_id = [](const auto& a, const auto& b) {
    return a.second.id_validation < b.second.id_validation;
  };
  return std::max_element(tried.begin(), tried.end(), by_id)->first;
}

double Cell::mean(double Outcome::*number) const {
  double sum = 0;
  for (const Outcome& o : seeds) sum += o.*number;
  return sum / static_cast<double>(seeds.size());
}

double Results::erm_mean(double Outcome::*number) const {
  double sum = 0;
  for (const Outcome& o : erm) sum += o.*number;
  return sum / static_cast<double>(erm.size());
}

const Cell& Results::cell(const std::string& method, Parts parts, Rule rule) const {
  for (const Cell& cell : cells)
    if (cell.method == method && cell.parts == parts && cell.rule == rule) return cell;
  throw std::logic_error("no such cell: " + method);
}

Results tune_and_train(const Network& network, uint64_t num_seeds, Seed seed, const core::StopToken& stop) {
  std::vector<data::ShiftedImages> images;
  for (uint64_t s = 0; s < num_seeds; ++s)
    images.push_back(shifted_data(network.task, seed.stream("data").stream(s)));

  const auto recipe = [&](const std::string& method, Parts parts, double weight) {
    return Recipe{
        .network = network.table, .task = network.task, .method = method, .parts = parts, .weight = weight};
  };
  std::vector<Job> jobs;
  for (uint64_t s = 0; s < num_seeds; ++s) jobs.push_back({recipe("erm", Parts::given, 0), s});
  for (const auto& [method, grid] : network.grids)
    for (const Parts parts : {Parts::given, Parts::inferred})
      for (double weight : grid) jobs.push_back({recipe(method, parts, weight), 0});
  std::vector<Outcome> outcomes = run(jobs, images, seed, stop);

  Results results{.network = network.name};
  results.erm.assign(outcomes.begin(), outcomes.begin() + static_cast<int64_t>(num_seeds));
  for (size_t i = num_seeds; i < jobs.size(); ++i)
    results.tried[{jobs[i].recipe.method, jobs[i].recipe.parts}][jobs[i].recipe.weight] = outcomes[i];

  // What both rules choose is trained once.
  std::set<std::tuple<std::string, Parts, double>> wanted;
  for (const auto& [key, tried] : results.tried)
    for (const Rule rule : {Rule::id_only, Rule::shifted}) {
      const double weight =
          chosen_weight(tried, results.erm.front(), rule,
                        rule == Rule::id_only ? kIdOnlyPoints : allowed_id_loss(key.second));
      results.cells.push_back({.network = network.name,
                               .method = key.first,
                               .parts = key.second,
                               .rule = rule,
                               .weight = weight,
                               .seeds = {}});
      if (weight > 0) wanted.insert({key.first, key.second, weight});
    }
  jobs.clear();
  for (const auto& [method, parts, weight] : wanted)
    for (uint64_t s = 1; s < num_seeds; ++s) jobs.push_back({recipe(method, parts, weight), s});
  outcomes = run(jobs, images, seed, stop);
  for (Cell& cell : results.cells) {
    if (cell.weight == 0) {
      cell.seeds = results.erm;
      continue;
    }
    cell.seeds = {results.tried.at({cell.method, cell.parts}).at(cell.weight)};
    for (size_t i = 0; i < jobs.size(); ++i) {
      const Recipe& r = jobs[i].recipe;
      if (r.method == cell.method && r.parts == cell.parts && r.weight == cell.weight)
        cell.seeds.push_back(outcomes[i]);
    }
  }
  return results;
}

}  // namespace lathe::studies::group_invariance
