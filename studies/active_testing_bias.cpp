// Active learning and testing: what chosen labels say of the whole pool, and when weights help training.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"
#include "lathe/core/progress.h"
#include "lathe/pipeline/study.h"
#include "studies/active_testing_bias_networks.h"
#include "studies/active_testing_bias_regression.h"

namespace lathe::studies::active_testing_bias {
namespace {

using pipeline::Bar;
using pipeline::Scale;
using pipeline::StudyContext;
using pipeline::StudyResult;

constexpr double kThreeErrors = 3;

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

std::vector<double> as_numbers(const std::vector<int64_t>& counts) {
  return {counts.begin(), counts.end()};
}

core::Chart by_labels(const std::string& title, const std::string& y,
                      const std::vector<core::Series>& series) {
  return core::line_chart({.title = title, .x_label = "labels", .y_label = y}, series);
}

void regression_rows(const RegressionPlan& plan, const RegressionResult& r, StudyResult& result) {
  core::Series bias[3], error[3];
  const char* names[] = {"plain mean", "PURE", "LURE"};
  for (int e = 0; e < 3; ++e) bias[e].name = error[e].name = names[e];
  for (size_t m = 0; m < plan.labels.size(); ++m) {
    const auto& [plain, pure, lure] = std::tie(r.spreads[m][0], r.spreads[m][1], r.spreads[m][2]);
    const std::string where = fmt::format("line, M = {}: ", plan.labels[m]);
    result.rows.push_back({.metric = where + "bias of the plain mean", .measured = plain.bias});
    for (const auto& [name, spread] : {std::pair{"PURE", pure}, {"LURE", lure}}) {
      // Exact at M = N: no deviation but for rounding.
      const double errors = spread.standard_error > 1e-12 ? std::abs(spread.bias) / spread.standard_error : 0;
      result.rows.push_back({.metric = where + "|bias| of " + name + " in standard errors",
                             .measured = errors,
                             .bar = Bar{.most = kThreeErrors}});
    }
    result.rows.push_back({.metric = where + "deviation of LURE / of PURE",
                           .baseline = pure.deviation,
                           .measured = lure.deviation / pure.deviation,
                           .bar = plan.labels[m] == 70 ? std::optional(Bar{.most = 0.6}) : std::nullopt});
    result.rows.push_back({.metric = where + "test error of a line fitted with LURE / without weights",
                           .baseline = plain.test_error,
                           .measured = lure.test_error / plain.test_error,
                           .bar = plan.labels[m] <= 40 ? std::optional(Bar{.most = 0.85}) : std::nullopt});
    for (size_t e = 0; e < 3; ++e) {
      const Spread& spread = r.spreads[m][e];
      bias[e].x.push_back(static_cast<double>(plan.labels[m]));
      bias[e].y.push_back(spread.bias);
      bias[e].low.push_back(spread.bias - spread.deviation);
      bias[e].high.push_back(spread.bias + spread.deviation);
      error[e].x.push_back(static_cast<double>(plan.labels[m]));
      error[e].y.push_back(spread.test_error);
    }
  }
  result.charts.push_back(by_labels("Estimated minus true risk of a fixed line (band: one deviation)", "bias",
                                    {bias[0], bias[1], bias[2]}));
  result.charts.push_back(by_labels("Test error of lines fitted with such weights", "squared error",
                                    {error[0], error[1], error[2]}));
  result.notes.push_back(
      fmt::format("The fixed line has the risk {:.4g} on its pool of 101 points; {} trajectories.", r.risk,
                  plan.num_trajectories));
}

void learning_rows(const LearningPlan& plan, const LearningResult& r, StudyResult& result) {
  const double none = 100 * mean(r.accuracy_none), lure = 100 * mean(r.accuracy_lure);
  const train::Diagnosis& d = r.diagnosis;
  const std::string where = fmt::format("network, {} labels: ", plan.loop.budget);
  result.rows.push_back({.metric = where + "test accuracy without weights, %", .measured = none});
  result.rows.push_back({.metric = where + "… with PURE (baseline: without)",
                         .baseline = none,
                         .measured = 100 * mean(r.accuracy_pure)});
  result.rows.push_back(
      {.metric = where + "… with LURE (baseline: without)", .baseline = none, .measured = lure});
  result.rows.push_back({.metric = where + "points of accuracy that LURE gains",
                         .measured = lure - none,
                         .bar = Bar{.most = 0.5}});
  result.rows.push_back({.metric = where + "overfitting bias, nats", .measured = d.overfitting.mean});
  result.rows.push_back({.metric = where + "active-learning bias, nats", .measured = d.active_learning.mean});
  result.rows.push_back({.metric = where + "the two have opposite signs (1: yes)",
                         .paper = 1,
                         .measured = d.overfitting.mean * d.active_learning.mean < 0 ? 1.0 : 0.0,
                         .bar = Bar{.least = 1}});
  result.rows.push_back({.metric = where + "|overfitting bias| / |active-learning bias|",
                         .measured = std::abs(d.overfitting.mean / d.active_learning.mean),
                         .bar = Bar{.least = 1}});
  result.notes.push_back(fmt::format(
      "Over {} seeds: overfitting bias {:.3g} ± {:.2g}, active-learning bias {:.3g} ± {:.2g} (standard "
      "errors). Recommended for training: {}, since {}.",
      plan.num_seeds, d.overfitting.mean, d.overfitting.standard_error, d.active_learning.mean,
      d.active_learning.standard_error, to_string(d.recommended), d.reason));
  result.charts.push_back(
      by_labels("Biases of networks that chose their labels", "nats",
                {{.name = "overfitting", .x = as_numbers(r.labels), .y = r.curve_overfitting},
                 {.name = "active learning", .x = as_numbers(r.labels), .y = r.curve_active_learning}}));
}

// Mean over networks of the squared ratio of errors.
double variance_ratio(const std::vector<Errors>& errors, const std::vector<Errors>& baseline, size_t m) {
  double ratio = 0;
  for (size_t i = 0; i < errors.size(); ++i)
    ratio += std::pow(errors[i].root_mean_square[m] / baseline[i].root_mean_square[m], 2) /
             static_cast<double>(errors.size());
  return ratio;
}

double mean_error(const std::vector<Errors>& errors, size_t m) {
  double sum = 0;
  for (const Errors& e : errors) sum += e.root_mean_square[m] / static_cast<double>(errors.size());
  return sum;
}

void testing_rows(const TestingPlan& plan, const TestingResult& r, StudyResult& result) {
  std::vector<core::Series> series;
  for (size_t p = 0; p < r.proposals.size(); ++p) {
    series.push_back({.name = r.proposals[p], .x = as_numbers(plan.labels), .y = {}});
    for (size_t m = 0; m < plan.labels.size(); ++m) series[p].y.push_back(mean_error(r.errors[p], m));
  }
  for (size_t m = 0; m < plan.labels.size(); ++m) {
    const std::string where = fmt::format("test loss from {} labels: ", plan.labels[m]);
    double worst = 0;
    for (size_t p = 1; p < r.proposals.size(); ++p) {
      result.rows.push_back({.metric = where + "variance, " + r.proposals[p] + " / uniform",
                             .baseline = series[0].y[m],
                             .measured = variance_ratio(r.errors[p], r.errors[0], m),
                             .bar = plan.labels[m] == 100 ? std::optional(Bar{.most = 0.7}) : std::nullopt});
      for (const Errors& e : r.errors[p]) worst = std::max(worst, std::abs(e.bias[m]));
    }
    result.rows.push_back({.metric = where + "largest |bias| of six in standard errors",
                           .measured = worst,
                           .bar = Bar{.most = 3.5}});
  }
  result.charts.push_back(
      by_labels("Error of the estimated test loss", "root mean squared error, nats", series));
  result.notes.push_back(fmt::format(
      "{} networks with test losses {:.3g} to {:.3g} on {} points. Losses are expected under the networks' "
      "mean, "
      "calibrated on {} labels; q ∝ E[L], and q ∝ sqrt(E[L²]), which has the least variance where labels are "
      "uncertain; a floor of 0.1. Baselines are root mean squared errors, {} trajectories each.",
      r.losses.size(), *std::min_element(r.losses.begin(), r.losses.end()),
      *std::max_element(r.losses.begin(), r.losses.end()), plan.num_pool, plan.num_calibration,
      plan.num_trajectories));
}

StudyResult run(const StudyContext& context) {
  const core::QuietProgress quiet;
  StudyResult result;
  const RegressionPlan regression = {.num_trajectories = context.scale == Scale::smoke ? 200 : 1000};
  regression_rows(regression, run_regression(regression, context.seed.stream("regression"), context.stop),
                  result);
  if (context.scale == Scale::smoke) return result;
  LearningPlan learning;
  if (context.scale == Scale::paper) {
    learning.num_seeds = 22;  // paper, Figure 4
    learning.loop.batch = 1;
    learning.steps = 1000;
  }
  learning_rows(learning, run_learning(learning, context.seed.stream("learning"), context.stop), result);
  const TestingPlan testing;
  testing_rows(testing, run_testing(testing, context.seed.stream("testing"), context.stop), result);
  result.notes.push_back(
      "The paper's networks learn MNIST; here it is Fashion-MNIST, the network has two convolutions and a "
      "layer "
      "of 128 with dropout, and is trained anew after every 5 labels.");
  return result;
}

const bool registered = pipeline::register_study({
    .name = "active-testing-bias",
    .title = "Active learning and testing: unbiased estimates from chosen labels",
    .paper = "Farquhar, Gal & Rainforth, ICLR 2021, arXiv 2101.11665",
    .claim =
        "PURE and LURE weights make estimates from chosen labels unbiased, LURE with less variance; they "
        "help a line that is fitted to such labels, and not a network, whose overfitting has the opposite "
        "bias.",
    .module = "pipeline",
    .run = run,
});

}  // namespace
}  // namespace lathe::studies::active_testing_bias
