#include "studies/sam_runs.h"

#include <torch/torch.h>

#include <numeric>

#include "lathe/evaluate/calibration.h"
#include "lathe/optim/sharpness.h"
#include "studies/side_by_side.h"

namespace lathe::studies::sam {
namespace {

using core::Seed;

const std::vector<double> kRhos = {0.05, 0.1, 0.2, 0.5};   // Foret et al.'s grid, §3, above 0.02
const std::vector<double> kMixupAlphas = {0.2, 1, 8, 32};  // Zhang et al. 2018, §3.1 and §3.4
const std::vector<int64_t> kMicroBatches = {16, 64};       // beside the batch of 128
constexpr int64_t kHessianImages = 2000;

// Side by side on the CPU, one after another on a GPU.
void run_all(size_t n, const std::function<void(size_t)>& job) {
  if (!torch::cuda::is_available()) return run_side_by_side(n, job);
  for (size_t i = 0; i < n; ++i) job(i);
}

Seed seed_of_run(Seed seed, uint64_t index) {
  return seed.stream("run").stream(index);
}

std::vector<Recipe> all_recipes(const Plan& plan, const Tuned& tuned, double rho) {
  return {
      {.name = kSgd, .epochs = plan.epochs},
      {.name = kSgdTwice, .epochs = 2 * plan.epochs},
      {.name = "SGD, stopped by noisy validation", .epochs = plan.epochs, .patience = 5},
      {.name = fmt::format("SGD, {:g} epochs", tuned.short_epochs), .epochs = tuned.short_epochs},
      {.name = "label smoothing 0.1", .epochs = plan.epochs, .label_smoothing = 0.1},
      {.name = fmt::format("mixup, α = {:g}", tuned.mixup_alpha),
       .epochs = plan.epochs,
       .mixup_alpha = tuned.mixup_alpha},
      {.name = kSam, .epochs = plan.epochs, .rho = rho},
  };
}

Outcome outcome_of(const Plan& plan, const Cell& cell, Seed seed, const core::StopToken& stop) {
  const NoisyData data = noisy_data(plan.task, cell.noise, seed);
  TrainedRun run = train_run(plan.task, data, cell.network.table, cell.recipe, seed, stop);
  const torch::Tensor logits = nn::predict(*run.model, data.test.inputs);
  Outcome outcome{.accuracy = percent_right(logits, data.test.targets),
                  .ece = evaluate::expected_calibration_error(logits, data.test.targets),
                  .memorised = memorised(*run.model, data),
                  .curve = std::move(run.curve)};
  if (cell.hessian)
    outcome.eigenvalues = optim::sharpness(*run.model, data.train.select(torch::arange(kHessianImages)),
                                           {.rho = {}, .draws = 0, .slice = 0}, seed.stream("hessian"),
                                           optim::cross_entropy(), stop)
                              .spectrum.values;
  return outcome;
}

}  // namespace

Tuned tune(const Plan& plan, Seed seed, const core::StopToken& stop) {
  struct Trial {
    const Network* network;
    Recipe recipe;
  };
  std::vector<Trial> trials;
  for (const Network& network : plan.networks)
    for (double rho : kRhos) trials.push_back({&network, {.name = kSam, .epochs = plan.epochs, .rho = rho}});
  const Network& gated = plan.networks.front();
  for (double alpha : kMixupAlphas)
    trials.push_back({&gated, {.name = "mixup", .epochs = plan.epochs, .mixup_alpha = alpha}});
  for (double epochs : plan.short_epochs) trials.push_back({&gated, {.name = kSgd, .epochs = epochs}});

  const Seed run_seed = seed_of_run(seed, 0);
  const NoisyData data = noisy_data(plan.task, kTuningNoise, run_seed);
  std::vector<double> accuracies(trials.size());
  run_all(trials.size(), [&](size_t i) {
    const TrainedRun run =
        train_run(plan.task, data, trials[i].network->table, trials[i].recipe, run_seed, stop);
    accuracies[i] = percent_right(nn::predict(*run.model, data.holdout.inputs), data.holdout.targets);
  });
  auto next = accuracies.begin();
  const auto best_of = [&](const std::vector<double>& grid) {
    const auto begin = std::exchange(next, next + static_cast<int64_t>(grid.size()));
    return grid[static_cast<size_t>(std::max_element(begin, next) - begin)];
  };
  Tuned tuned;
  for (size_t n = 0; n < plan.networks.size(); ++n) tuned.rho.push_back(best_of(kRhos));
  tuned.mixup_alpha = best_of(kMixupAlphas);
  tuned.short_epochs = best_of(plan.short_epochs);
  return tuned;
}

std::vector<double> Cell::numbers(double Outcome::*number) const {
  std::vector<double> values;
  for (const Outcome& outcome : seeds) values.push_back(outcome.*number);
  return values;
}

double Cell::mean(double Outcome::*number) const {
  const std::vector<double> values = numbers(number);
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::string micro_batch_name(int64_t m) {
  return fmt::format("SAM, m = {}", m);
}

std::vector<Cell> all_cells(const Plan& plan, const Tuned& tuned) {
  std::vector<Cell> cells;
  for (size_t n = plan.networks.size(); n-- > 0;) {  // the slowest first: what ends last should be short
    const Network& network = plan.networks[n];
    const bool gated = n == 0;
    for (double noise : network.rates)
      for (const Recipe& recipe : all_recipes(plan, tuned, tuned.rho[n])) {
        const bool compared = recipe.name == kSgd || recipe.name == kSam;
        if (gated || compared || recipe.name == kSgdTwice)
          cells.push_back({.network = network,
                           .noise = noise,
                           .recipe = recipe,
                           .hessian = gated && compared && (noise == 0 || noise == kTuningNoise)});
      }
  }
  for (int64_t m : kMicroBatches)
    cells.push_back({.network = plan.networks.front(),
                     .noise = kTuningNoise,
                     .recipe = {.name = micro_batch_name(m),
                                .epochs = plan.epochs,
                                .rho = tuned.rho.front(),
                                .micro_batch = m}});
  return cells;
}

void train_and_test(std::vector<Cell>& cells, const Plan& plan, Seed seed, const core::StopToken& stop) {
  for (Cell& cell : cells) cell.seeds.resize(plan.num_seeds);
  run_all(cells.size() * plan.num_seeds, [&](size_t i) {
    const uint64_t s = i % plan.num_seeds;
    Cell& cell = cells[i / plan.num_seeds];
    cell.seeds[s] = outcome_of(plan, cell, seed_of_run(seed, s), stop);
  });
}

}  // namespace lathe::studies::sam
