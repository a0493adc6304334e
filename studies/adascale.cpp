// AdaScale: the schedule of a small batch with S times the batch, without tuning anything again.
#include <algorithm>
#include <cmath>

#include "lathe/core/progress.h"
#include "lathe/pipeline/study.h"
#include "studies/adascale_quadratic.h"
#include "studies/adascale_ranks.h"
#include "studies/adascale_runs.h"
#include "studies/adascale_step.h"
#include "studies/side_by_side.h"

namespace lathe::studies::adascale {
namespace {

using core::Seed;
using pipeline::Bar;
using pipeline::Scale;
using pipeline::StudyContext;
using pipeline::StudyResult;

const std::string kMlp = "kind = 'mlp'\nhidden = [64]",
                  kCnn = "kind = 'cnn'\nchannels = [16, 32]\npool_every = 1";
const std::vector<std::string> kAllMethods = {kAdaScale, kLinear, kLinearWarmup, kSqrt, kIdentity};

struct Plan {
  std::vector<Network> networks;
  int64_t steps = 3000;  // T
  uint64_t num_seeds = 3;
  std::vector<double> rates = {0.005, 0.015, 0.05, 0.15};
};

// One network, method and scale, over all seeds.
struct Cell {
  Network network;
  Recipe recipe;
  std::vector<Outcome> seeds;

  double mean(double Outcome::*number) const {
    double sum = 0;
    for (const Outcome& outcome : seeds) sum += outcome.*number;
    return sum / static_cast<double>(seeds.size());
  }
  std::string spread(double Outcome::*number) const {
    double low = INFINITY, high = -INFINITY;
    for (const Outcome& outcome : seeds) {
      low = std::min(low, outcome.*number);
      high = std::max(high, outcome.*number);
    }
    return fmt::format("({:.1f} to {:.1f})", low, high);
  }
};

data::Splits images(Seed seed) {
  return data::split(data::load_source("fashion-mnist"), {.holdout = 5000}, seed.stream("split"));
}

// The rate of the S = 1 schedule: the best of a grid on held-out images, first seed. Nothing else is tuned.
double tuned_rate(const Network& network, const Plan& plan, const data::Splits& splits,
                  const StudyContext& context) {
  std::vector<double> accuracies(plan.rates.size());
  run_side_by_side(plan.rates.size(), [&](size_t i) {
    const Recipe recipe = {.table = network.table, .lr = plan.rates[i], .steps = plan.steps};
    accuracies[i] = train_and_measure(recipe, splits.train, splits.holdout, context.seed.stream(uint64_t{0}),
                                      context.stop)
                        .accuracy;
  });
  return plan.rates[static_cast<size_t>(std::max_element(accuracies.begin(), accuracies.end()) -
                                        accuracies.begin())];
}

std::vector<Cell> trained_cells(const Plan& plan, const StudyContext& context) {
  const data::Splits splits = images(context.seed);
  std::vector<Cell> cells;
  for (const Network& network : plan.networks) {
    Recipe recipe = {.table = network.table, .steps = plan.steps};
    recipe.lr = plan.rates.size() > 1 ? tuned_rate(network, plan, splits, context) : plan.rates.front();
    cells.push_back({network, recipe, {}});
    for (int64_t scale : network.scales)
      for (const std::string& method : network.methods) {
        recipe.scale = scale;
        recipe.method = method;
        cells.push_back({network, recipe, {}});
      }
  }
  struct Job {
    size_t cell;
    uint64_t seed;
  };
  std::vector<Job> jobs;
  for (size_t c = 0; c < cells.size(); ++c) {
    cells[c].seeds.resize(plan.num_seeds);
    for (uint64_t s = 0; s < plan.num_seeds; ++s) jobs.push_back({c, s});
  }
  run_side_by_side(jobs.size(), [&](size_t i) {
    Cell& cell = cells[jobs[i].cell];
    cell.seeds[jobs[i].seed] = train_and_measure(cell.recipe, splits.train, splits.test,
                                                 context.seed.stream(jobs[i].seed), context.stop);
  });
  return cells;
}

const Cell& find(const std::vector<Cell>& cells, const std::string& network, const std::string& method,
                 int64_t scale) {
  return *std::find_if(cells.begin(), cells.end(), [&](const Cell& cell) {
    return cell.network.name == network && cell.recipe.method == method && cell.recipe.scale == scale;
  });
}

void add_quadratic(Seed seed, StudyResult& result) {
  result.rows.push_back({.metric = "quadratic: largest relative error of the gain after 200 steps, S ≤ 32",
                         .measured = gain_error(seed.stream("gain")),
                         .bar = Bar{.most = 0.05}});
  const ConvergenceResult convergence = adascale::convergence(seed.stream("convergence"));
  for (const Convergence& at : convergence.scales)
    result.rows.push_back(
        {.metric = fmt::format("quadratic: F after τ = 400, S = {:g}, {:.0f} steps (baseline: bound)",
                               at.scale, at.steps),
         .baseline = convergence.bound,
         .measured = at.value,
         .bar = Bar{.most = convergence.bound}});
}

// The mean gain over a part of the training, [from, to] as shares of τ.
double mean_gain(const Cell& cell, double from, double to) {
  double sum = 0, count = 0;
  for (const Outcome& outcome : cell.seeds)
    for (size_t i = 0; i < outcome.tau.size(); ++i) {
      const double share = (outcome.tau[i] - outcome.gain[i]) / static_cast<double>(cell.recipe.steps);
      if (share < from || share >= to) continue;
      sum += outcome.gain[i];
      ++count;
    }
  return sum / count;
}

void add_training(const std::vector<Cell>& cells, const Network& network, const Plan& plan,
                  StudyResult& result) {
  const Cell& base = find(cells, network.name, "", 1);
  const double accuracy = base.mean(&Outcome::accuracy), loss = base.mean(&Outcome::loss);
  const auto row = [&](const std::string& metric, std::optional<double> baseline, double measured,
                       std::optional<Bar> bar = {}) {
    result.rows.push_back(
        {.metric = network.name + metric, .baseline = baseline, .measured = measured, .bar = bar});
  };
  row(fmt::format(", lr {:g}: S = 1 test accuracy % {}", base.recipe.lr, base.spread(&Outcome::accuracy)), {},
      accuracy);
  for (int64_t scale : network.scales) {
    for (const std::string& method : network.methods) {
      const Cell& cell = find(cells, network.name, method, scale);
      const bool ours = method == kAdaScale;
      const std::string name = fmt::format(", S = {}, {}: ", scale, method);
      row(name + "test accuracy % " + cell.spread(&Outcome::accuracy), accuracy,
          cell.mean(&Outcome::accuracy), ours ? std::optional(Bar{.least = accuracy - 0.5}) : std::nullopt);
      if (!ours) continue;
      row(name + "final training loss", loss, cell.mean(&Outcome::loss), Bar{.most = 1.1 * loss});
      const auto steps = static_cast<double>(plan.steps);
      row(name + "steps", steps, cell.mean(&Outcome::steps),
          scale == 32 ? std::optional(Bar{.most = 0.25 * steps}) : std::nullopt);
    }
  }
  const int64_t largest = network.scales.back();
  const Cell& ours = find(cells, network.name, kAdaScale, largest);
  const double our_accuracy = ours.mean(&Outcome::accuracy);
  const auto has = [&](const std::string& method) {
    return std::count(network.methods.begin(), network.methods.end(), method) > 0;
  };
  if (largest == 32 && has(kLinear))
    row(", S = 32: AdaScale − linear, points", {},
        our_accuracy - find(cells, network.name, kLinear, 32).mean(&Outcome::accuracy), Bar{.least = 5});
  if (largest == 32 && has(kLinearWarmup))
    row(", S = 32: linear + warm-up − AdaScale, points", {},
        find(cells, network.name, kLinearWarmup, 32).mean(&Outcome::accuracy) - our_accuracy,
        Bar{.most = 0.3});
  if (plan.steps < 1000) return;  // too short to warm up
  const double last = mean_gain(ours, 0.9, 2), first = mean_gain(ours, 0, 0.02);
  row(fmt::format(", S = {}: gain in the first 2 % (baseline: in the last 10 %)", largest), last, first,
      Bar{.most = last / 2});
}

void add_charts(const std::vector<Cell>& cells, const Network& network, StudyResult& result) {
  std::vector<core::Series> gains, accuracies;
  for (int64_t scale : network.scales) {
    const Outcome& run = find(cells, network.name, kAdaScale, scale).seeds.front();
    gains.push_back({.name = fmt::format("S = {}", scale), .x = run.tau, .y = run.gain});
  }
  for (const std::string& method : network.methods) {
    core::Series series{.name = method};
    for (int64_t scale : network.scales) {
      const Cell& cell = find(cells, network.name, method, scale);
      series.x.push_back(static_cast<double>(scale));
      series.y.push_back(cell.mean(&Outcome::accuracy));
      const auto by_accuracy = [](const Outcome& a, const Outcome& b) { return a.accuracy < b.accuracy; };
      series.low.push_back(std::min_element(cell.seeds.begin(), cell.seeds.end(), by_accuracy)->accuracy);
      series.high.push_back(std::max_element(cell.seeds.begin(), cell.seeds.end(), by_accuracy)->accuracy);
    }
    accuracies.push_back(std::move(series));
  }
  result.charts.push_back(core::line_chart(
      {.title = network.name + ": AdaScale's gain", .x_label = "scale-invariant steps τ", .y_label = "gain"},
      gains));
  result.charts.push_back(core::line_chart(
      {.title = network.name + ": test accuracy by scale", .x_label = "S", .y_label = "%"}, accuracies));
}

Plan plan_for(Scale scale) {
  if (scale == Scale::smoke)
    return {.networks = {{"MLP", kMlp, {8}, {kAdaScale}}}, .steps = 300, .num_seeds = 1, .rates = {0.05}};
  const std::vector<std::string> cnn_methods = {kAdaScale, kLinear, kLinearWarmup};
  if (scale == Scale::desk)
    return {.networks = {{"MLP", kMlp, {4, 8, 16, 32}, kAllMethods}, {"CNN", kCnn, {8, 32}, cnn_methods}}};
  return {
      .networks = {{"MLP", kMlp, {4, 8, 16, 32}, kAllMethods}, {"CNN", kCnn, {4, 8, 16, 32}, kAllMethods}},
      .steps = 6000,
      .num_seeds = 5};
}

StudyResult run(const StudyContext& context) {
  const core::QuietProgress quiet;
  StudyResult result;
  add_quadratic(context.seed, result);
  const Plan plan = plan_for(context.scale);
  const std::vector<Cell> cells = trained_cells(plan, context);
  for (const Network& network : plan.networks) {
    add_training(cells, network, plan, result);
    if (context.scale != Scale::smoke) add_charts(cells, network, result);
  }
  if (context.scale != Scale::smoke) {
    add_ranks(find(cells, "MLP", kAdaScale, 8).recipe, context, result);
    time_steps(images(context.seed).train, context, result);
  }
  result.notes = {
      "The learning rate is that of S = 1, the best of four on 5,000 held-out images, first seed; all "
      "scalings use "
      "it as it is. In parentheses the lowest and highest seed.",
      "All runs accumulate micro-batches of 32, so batch-norm statistics are alike. Fixed scalings take T/S "
      "steps.",
      "The paper's numbers (ResNet-50 at S = 128 and others) need hardware that this study does not ask for; "
      "its "
      "paper scale is this study's own networks with twice the steps, all scalings and five seeds."};
  return result;
}

const bool registered = pipeline::register_study({
    .name = "adascale",
    .title = "AdaScale SGD",
    .paper = "Johnson, Agrawal, Gu & Guestrin, ICML 2020, arXiv 2007.05105",
    .claim =
        "With S times the batch and no tuning, AdaScale keeps the quality of the small batch where fixed "
        "scalings lose it, in fewer steps, and warms up by itself.",
    .module = "train",
    .run = run,
});

}  // namespace
}  // namespace lathe::studies::adascale
