#include "studies/sam_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace lathe::studies::sam {
namespace {

using pipeline::Bar;

// Foret et al. 2021, table 4: test accuracy of ResNet-32 on CIFAR-10 with wrong labels.
struct PaperRow {
  double noise, sgd, sam;
};
const std::vector<PaperRow> kPaper = {
    {0.2, 84.8, 95.1}, {0.4, 68.8, 93.4}, {0.6, 48.2, 90.5}, {0.8, 26.2, 77.9}};
// Figure 3, CIFAR-10 after 300 epochs: λ_max of SGD and SAM, λ_max / λ₅ of both.
constexpr double kPaperLambdaSgd = 24.2, kPaperLambdaSam = 1.0, kPaperRatioSgd = 11.4, kPaperRatioSam = 2.6;

constexpr double kAboveZero = 1e-6;     // points; one test image of one seed is 0.003
constexpr double kOneLabelLess = 0.01;  // points of the wrong labels

std::optional<PaperRow> paper_row(double noise) {
  for (const PaperRow& row : kPaper)
    if (row.noise == noise) return row;
  return {};
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}
double least(const std::vector<double>& values) {
  return *std::min_element(values.begin(), values.end());
}
double most(const std::vector<double>& values) {
  return *std::max_element(values.begin(), values.end());
}

std::string where(const Cell& cell) {
  return cell.network.name +
         (cell.noise == 0 ? ", clean" : fmt::format(", {:.0f} % noise", 100 * cell.noise));
}

std::string spread(const std::vector<double>& values) {
  return values.size() < 2 ? "" : fmt::format(" ({:.2f} … {:.2f})", least(values), most(values));
}

std::vector<double> gains(const Cell& a, const Cell& b) {
  std::vector<double> values;
  for (size_t s = 0; s < a.seeds.size(); ++s) values.push_back(a.seeds[s].accuracy - b.seeds[s].accuracy);
  return values;
}

double mean_largest_eigenvalue(const Cell& cell) {
  std::vector<double> values;
  for (const Outcome& outcome : cell.seeds) values.push_back(outcome.eigenvalues.front());
  return mean(values);
}

double mean_eigenvalue_ratio(const Cell& cell) {
  std::vector<double> values;
  for (const Outcome& outcome : cell.seeds)
    values.push_back(outcome.eigenvalues.front() / outcome.eigenvalues.back());
  return mean(values);
}

void add_point(core::Series& series, double x, const std::vector<double>& values) {
  series.x.push_back(x);
  series.y.push_back(mean(values));
  series.low.push_back(least(values));
  series.high.push_back(most(values));
}

}  // namespace

void Report::add(const std::string& metric, std::optional<double> paper, std::optional<double> baseline,
                 double measured, std::optional<Bar> bar) {
  result_.rows.push_back(
      {.metric = metric, .paper = paper, .baseline = baseline, .measured = measured, .bar = bar});
}

const Cell& Report::cell(const std::string& network, double noise, const std::string& recipe) const {
  for (const Cell& cell : cells_)
    if (cell.network.name == network && cell.noise == noise && cell.recipe.name == recipe) return cell;
  throw std::logic_error("no such cell: " + network + ", " + recipe);
}

void Report::tuned(const Plan& plan, const Tuned& tuned) {
  for (size_t n = 0; n < plan.networks.size(); ++n)
    add(plan.networks[n].name + ": ρ chosen on noisy held-out labels", 0.1, {}, tuned.rho[n]);
  add(gated_ + ": mixup's α, likewise", {}, {}, tuned.mixup_alpha);
  add(gated_ + ": epochs of short SGD, likewise", {}, {}, tuned.short_epochs);
}

void Report::accuracies() {
  for (const Cell& c : cells_) {
    if (c.recipe.micro_batch > 0) continue;
    const auto paper = paper_row(c.noise);
    const bool sgd = c.recipe.name == kSgd;
    add(fmt::format("{}: {}, test accuracy %{}", where(c), c.recipe.name,
                    spread(c.numbers(&Outcome::accuracy))),
        paper && sgd                     ? std::optional(paper->sgd)
        : paper && c.recipe.name == kSam ? std::optional(paper->sam)
                                         : std::nullopt,
        sgd ? std::nullopt : std::optional(cell(c.network.name, c.noise, kSgd).mean(&Outcome::accuracy)),
        c.mean(&Outcome::accuracy));
  }
}

void Report::gains_under_noise() {
  const std::vector<std::pair<double, double>> least_points = {{0.4, 8}, {0.6, 12}};
  for (const auto& [noise, points] : least_points)
    for (const std::string& baseline : {kSgd, kSgdTwice}) {
      const Cell &sam = gated(noise, kSam), &sgd = gated(noise, baseline);
      const std::vector<double> gain = gains(sam, sgd);
      add(fmt::format("{}: SAM − {}, points{}", where(sam), baseline, spread(gain)),
          baseline == kSgd ? std::optional(paper_row(noise)->sam - paper_row(noise)->sgd) : std::nullopt,
          sgd.mean(&Outcome::accuracy), mean(gain), Bar{.least = points});
    }
}

void Report::gains_on_clean_labels() {
  const Cell &sam = gated(0, kSam), &sgd = gated(0, kSgd);
  const std::vector<double> gain = gains(sam, sgd);
  const double ece = sgd.mean(&Outcome::ece);
  add(where(sam) + ": SAM − SGD, points, mean" + spread(gain), {}, sgd.mean(&Outcome::accuracy), mean(gain),
      Bar{.least = kAboveZero});
  add(where(sam) + ": SAM − SGD, points, worst seed", {}, {}, least(gain), Bar{.least = -0.1});
  add(where(sam) + ": calibration error (15 bins), SAM / SGD", {}, ece, sam.mean(&Outcome::ece) / ece,
      Bar{.most = 0.8});
}

void Report::memorisation(double noise) {
  const Cell &sam = gated(noise, kSam), &sgd = gated(noise, kSgd);
  add(where(sam) + ": wrong training labels memorised %, SGD − SAM, points", {},
      sgd.mean(&Outcome::memorised), sgd.mean(&Outcome::memorised) - sam.mean(&Outcome::memorised),
      Bar{.least = kOneLabelLess});
}

void Report::micro_batches() {
  for (const Cell& c : cells_)
    if (c.recipe.micro_batch > 0)
      add(fmt::format("{}: {}, test accuracy %{}", where(c), c.recipe.name,
                      spread(c.numbers(&Outcome::accuracy))),
          {}, gated(c.noise, kSam).mean(&Outcome::accuracy), c.mean(&Outcome::accuracy));
}

void Report::hessian() {
  for (double noise : {0.0, kTuningNoise}) {
    const Cell &sam = gated(noise, kSam), &sgd = gated(noise, kSgd);
    const bool as_in_paper = noise == 0;
    const double lambda = mean_largest_eigenvalue(sgd);
    add(where(sam) + ": λ_max of the training loss's Hessian, SAM / SGD",
        as_in_paper ? std::optional(kPaperLambdaSam / kPaperLambdaSgd) : std::nullopt, lambda,
        mean_largest_eigenvalue(sam) / lambda, as_in_paper ? std::optional(Bar{.most = 0.6}) : std::nullopt);
    add(where(sam) + ": λ_max / λ₅, SGD", as_in_paper ? std::optional(kPaperRatioSgd) : std::nullopt, {},
        mean_eigenvalue_ratio(sgd));
    add(where(sam) + ": λ_max / λ₅, SAM", as_in_paper ? std::optional(kPaperRatioSam) : std::nullopt,
        mean_eigenvalue_ratio(sgd), mean_eigenvalue_ratio(sam));
  }
}

void Report::charts() {
  std::vector<core::Series> by_noise, curves;
  const auto series_of = [&](const std::string& name) -> core::Series& {
    const auto found = std::find_if(by_noise.begin(), by_noise.end(),
                                    [&](const auto& series) { return series.name == name; });
    return found != by_noise.end() ? *found : by_noise.emplace_back(core::Series{.name = name});
  };
  for (const Cell& c : cells_) {
    if (c.network.name != gated_ || c.recipe.micro_batch > 0) continue;
    add_point(series_of(c.recipe.name), 100 * c.noise, c.numbers(&Outcome::accuracy));
    if (c.noise != kTuningNoise || c.recipe.patience > 0) continue;
    core::Series& curve = curves.emplace_back(core::Series{.name = c.recipe.name});
    for (size_t e = 0; e < c.seeds.front().curve.size(); ++e) {
      std::vector<double> values;
      for (const Outcome& outcome : c.seeds) values.push_back(outcome.curve[e]);
      add_point(curve, static_cast<double>(e + 1) * (c.recipe.rho > 0 ? 2 : 1), values);
    }
  }
  result_.charts.push_back(core::line_chart({.title = gated_ + ": test accuracy against label noise",
                                             .x_label = "wrong labels, %",
                                             .y_label = "test accuracy, %"},
                                            by_noise));
  result_.charts.push_back(core::line_chart({.title = gated_ + ": learning curves at 40 % noise",
                                             .x_label = "gradient evaluations, passes over the data",
                                             .y_label = "held-out accuracy, true labels, %"},
                                            curves));
}

}  // namespace lathe::studies::sam
