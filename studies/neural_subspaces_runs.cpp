#include "studies/neural_subspaces_runs.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"
#include "lathe/train/subspace_training.h"
#include "studies/side_by_side.h"

namespace lathe::studies::neural_subspaces {
namespace {

using core::Seed;
using train::SubspaceMember;
using Point = std::vector<double>;

const std::vector<double> kRates = {0.01, 0.02, 0.05, 0.1, 0.2, 0.4};
const std::vector<double> kShortShares = {0.05, 0.1, 0.2, 0.4};  // of the others' epochs
constexpr uint64_t kFirstSeed = 0;
constexpr double kDiverged = 0;  // percent right

Seed seed_of_run(Seed seed, uint64_t index) {
  return seed.stream("run").stream(index);
}

struct Trained {
  std::shared_ptr<nn::Classifier> model;
  std::shared_ptr<train::Subspace> subspace;
};

// The i-th independent network, or a subspace, whose endpoint j starts where network j does.
Trained train(const LabelNoiseTask& task, const NoisyData& data, const Cell& cell, uint64_t i, Seed seed,
              const core::StopToken& stop) {
  const Method& method = cell.method;
  const auto make = [&data, table = cell.table, seed](uint64_t j) {
    auto model = nn::build(core::Config::parse(table), data.train.schema, seed.stream("model").stream(j));
    model->fit_inputs(data.train.inputs);
    if (torch::cuda::is_available()) model->to(torch::kCUDA);
    return model;
  };
  Trained trained;
  if (method.subspace)
    trained.subspace = std::make_shared<train::Subspace>(
        [make](int64_t j) { return make(static_cast<uint64_t>(j)); }, *method.subspace);
  trained.model =
      trained.subspace ? std::dynamic_pointer_cast<nn::Classifier>(trained.subspace->module()) : make(i);
  const Seed training = seed.stream("training").stream(i);
  train::Trainer trainer(
      trained.model,
      optim::make_step(trained.subspace ? trained.subspace->parameters() : trained.model->parameters(),
                       {.lr = method.lr, .momentum = 0.9, .nesterov = false, .weight_decay = 1e-4}),
      {.epochs = method.epochs,
       .schedule = method.swa ? train::swa_schedule(*method.swa)
                              : train::ScheduleOptions{.kind = "cosine", .warmup = 0, .end = 0},
       .augment = task.augment},
      training);
  if (trained.subspace)
    trainer.add_method(std::make_shared<train::SubspaceTraining>(trained.subspace, trained.model,
                                                                 training.stream("points")));
  if (method.swa) trainer.add_method(std::make_shared<train::SwaTraining>(*method.swa));
  trainer.fit(data.train, {}, {}, stop);
  return trained;
}

std::vector<Point> endpoints(const train::SubspaceOptions& options) {
  const auto n = static_cast<size_t>(options.endpoints);
  std::vector<Point> points(options.kind == train::SubspaceKind::curve ? 2 : n, Point(n, 0));
  for (size_t i = 0; i < points.size(); ++i) points[i][i] = 1;
  return points;
}

void test_subspace(train::Subspace& subspace, const NoisyData& data, const Cell& cell, Outcome& outcome) {
  train::SubspaceMeasurement measurement(subspace, data.train.inputs, data.test);
  const std::vector<Point> ends = endpoints(subspace.options());
  for (const Point& end : ends) outcome.members.push_back(measurement.member("", end));
  outcome.model = measurement.member("", subspace.midpoint());
  outcome.pair = measurement.ensemble("", {ends.at(0), ends.at(1)});
  outcome.all = measurement.ensemble("", ends);
  outcome.cosine_squared = std::pow(subspace.cosine(0, 1), 2);
  if (cell.profile) outcome.profile = measurement.profile();
}

void test_networks(const std::vector<torch::Tensor>& probabilities, const torch::Tensor& targets,
                   Outcome& outcome) {
  const auto ensemble = [&](size_t n) {
    torch::Tensor sum = probabilities.front();
    for (size_t i = 1; i < n; ++i) sum = sum + probabilities[i];
    return train::measure("", sum / static_cast<double>(n), targets);
  };
  for (const torch::Tensor& p : probabilities) outcome.members.push_back(train::measure("", p, targets));
  outcome.model = outcome.members.front();
  outcome.pair = ensemble(std::min<size_t>(2, probabilities.size()));
  outcome.all = ensemble(probabilities.size());
}

Outcome outcome_of(const LabelNoiseTask& task, const Cell& cell, Seed seed, const core::StopToken& stop) {
  const NoisyData data = noisy_data(task, cell.noise, seed);
  Outcome outcome;
  std::vector<torch::Tensor> probabilities;
  for (int64_t i = 0; i < cell.method.networks; ++i) {
    const Trained trained = train(task, data, cell, static_cast<uint64_t>(i), seed, stop);
    if (i == 0) outcome.memorised = memorised(*trained.model, data);
    if (trained.subspace)
      test_subspace(*trained.subspace, data, cell, outcome);
    else
      probabilities.push_back(nn::predict(*trained.model, data.test.inputs).to(torch::kFloat64).softmax(1));
  }
  if (!probabilities.empty()) test_networks(probabilities, data.test.targets, outcome);
  return outcome;
}

// Side by side on the CPU, one after another on a GPU.
void run_all(size_t n, const std::function<void(size_t)>& job) {
  if (!torch::cuda::is_available()) return run_side_by_side(n, job);
  for (size_t i = 0; i < n; ++i) job(i);
}

// Trials of all settings at once; each setting's best by its own held-out labels.
class Tuning {
 public:
  Tuning(const Plan& plan, Seed seed, const core::StopToken& stop)
      : plan_(plan), seed_(seed_of_run(seed, kFirstSeed)), stop_(stop) {
    for (const Setting& setting : plan.settings)
      data_.push_back(noisy_data(plan.task, setting.tuning_noise, seed_));
  }

  // method(setting's index, value on the grid); one grid for each of `choices` methods.
  using MakeMethod = std::function<Method(size_t, double)>;
  std::vector<std::vector<double>> best(
      const std::vector<std::pair<std::vector<double>, MakeMethod>>& choices) {
    struct Trial {
      size_t setting, choice;
      double value, accuracy = 0;
    };
    std::vector<Trial> trials;
    for (size_t s = plan_.settings.size(); s-- > 0;)  // the slowest first: what ends last should be short
      for (size_t c = 0; c < choices.size(); ++c)
        for (double value : choices[c].first) trials.push_back({s, c, value});
    run_all(trials.size(), [&](size_t i) {
      Trial& trial = trials[i];
      const Setting& setting = plan_.settings[trial.setting];
      const NoisyData& data = data_[trial.setting];
      const Cell cell = {.network = setting.network,
                         .table = setting.table,
                         .noise = setting.tuning_noise,
                         .method = choices[trial.choice].second(trial.setting, trial.value)};
      try {
        const Trained trained = train(plan_.task, data, cell, 0, seed_, stop_);
        trial.accuracy =
            percent_right(nn::predict(*trained.model, data.holdout.inputs), data.holdout.targets);
      } catch (const InputError&) {
        throw;
      } catch (const Error&) {
        stop_.check("choosing learning rates");
        trial.accuracy = kDiverged;
      }
    });
    std::vector<std::vector<double>> values(plan_.settings.size(), std::vector<double>(choices.size()));
    std::vector<std::vector<double>> accuracies(plan_.settings.size(),
                                                std::vector<double>(choices.size(), -1));
    for (const Trial& trial : trials)
      if (trial.accuracy > accuracies[trial.setting][trial.choice]) {
        accuracies[trial.setting][trial.choice] = trial.accuracy;
        values[trial.setting][trial.choice] = trial.value;
      }
    return values;
  }

 private:
  const Plan& plan_;
  Seed seed_;
  const core::StopToken& stop_;
  std::vector<NoisyData> data_;
};

}  // namespace

std::string simplex_name(int64_t endpoints) {
  return fmt::format("simplex of {}", endpoints);
}

Method sgd(double epochs, double lr) {
  return {.name = kSgd, .epochs = epochs, .lr = lr};
}

Method subspace(const std::string& name, double epochs, double lr, const train::SubspaceOptions& options) {
  return {.name = name, .epochs = epochs, .lr = lr, .subspace = options};
}

Method swa(train::SwaMode mode, double epochs, double lr, double averaging_lr) {
  return {.name = mode == train::SwaMode::constant ? kSwaConstant : kSwaCyclic,
          .epochs = epochs,
          .lr = lr,
          .swa = train::SwaOptions{.mode = mode, .lr_factor = averaging_lr / lr}};
}

std::vector<Tuned> tune(const Plan& plan, Seed seed, const core::StopToken& stop) {
  Tuning tuning(plan, seed, stop);
  const auto epochs = [&](size_t s) { return plan.settings[s].epochs; };
  const auto first =
      tuning.best({{kRates, [&](size_t s, double lr) { return sgd(epochs(s), lr); }},
                   {kRates, [&](size_t s, double lr) { return subspace(kLine, epochs(s), lr, {}); }}});
  const auto averaging = [&](train::SwaMode mode) -> Tuning::MakeMethod {
    return [&, mode](size_t s, double lr) { return swa(mode, epochs(s), first[s][0], lr); };
  };
  const auto second = tuning.best(
      {{kRates, averaging(train::SwaMode::constant)},
       {kRates, averaging(train::SwaMode::cyclic)},
       {kShortShares, [&](size_t s, double share) { return sgd(share * epochs(s), first[s][0]); }}});
  std::vector<Tuned> tuned;
  for (size_t s = 0; s < plan.settings.size(); ++s)
    tuned.push_back({.sgd = first[s][0],
                     .line = first[s][1],
                     .swa_constant = second[s][0],
                     .swa_cyclic = second[s][1],
                     .short_epochs = second[s][2] * epochs(s)});
  return tuned;
}

void train_and_test(std::vector<Cell>& cells, const LabelNoiseTask& task, Seed seed,
                    const core::StopToken& stop) {
  struct Job {
    Cell* cell;
    uint64_t seed;
  };
  std::vector<Job> jobs;
  for (Cell& cell : cells)
    for (uint64_t s = 0; s < cell.seeds.size(); ++s) jobs.push_back({&cell, s});
  run_all(jobs.size(), [&](size_t i) {
    const Job& job = jobs[i];
    job.cell->seeds[job.seed] = outcome_of(task, *job.cell, seed_of_run(seed, job.seed), stop);
  });
}

}  // namespace lathe::studies::neural_subspaces
