#include "studies/neural_subspaces_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <set>

namespace lathe::studies::neural_subspaces {
namespace {

using pipeline::Bar;

constexpr double kNoiseOfEnsembles =
    0.4;  // where the bar on ensembles of two was seen to hold on another seed

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}
double least(const std::vector<double>& values) {
  return *std::min_element(values.begin(), values.end());
}
double most(const std::vector<double>& values) {
  return *std::max_element(values.begin(), values.end());
}

// Numbers of an outcome; accuracies in percent.
using Number = std::function<double(const Outcome&)>;
double accuracy(const Outcome& o) {
  return 100 * o.model.accuracy;
}
double accuracy_of_pair(const Outcome& o) {
  return 100 * o.pair.accuracy;
}
double accuracy_of_all(const Outcome& o) {
  return 100 * o.all.accuracy;
}
double mean_accuracy_of_members(const Outcome& o) {
  double sum = 0;
  for (const train::SubspaceMember& member : o.members) sum += member.accuracy;
  return 100 * sum / static_cast<double>(o.members.size());
}
double ece(const Outcome& o) {
  return o.model.ece;
}

std::vector<double> numbers(const Cell& cell, const Number& number) {
  std::vector<double> values;
  for (const Outcome& outcome : cell.seeds) values.push_back(number(outcome));
  return values;
}
double mean(const Cell& cell, const Number& number) {
  return mean(numbers(cell, number));
}
std::vector<double> differences(const Cell& a, const Number& of_a, const Cell& b, const Number& of_b) {
  std::vector<double> values = numbers(a, of_a);
  const std::vector<double> others = numbers(b, of_b);
  for (size_t s = 0; s < values.size(); ++s) values[s] -= others[s];
  return values;
}

std::string spread(const std::vector<double>& values) {
  return values.size() < 2 ? "" : fmt::format(" ({:.2f} … {:.2f})", least(values), most(values));
}

std::string where(const Cell& cell) {
  return cell.network +
         (cell.noise == 0 ? ", right labels" : fmt::format(", {:.0f} % noise", 100 * cell.noise));
}

// Ensembles are judged by all their members, everything else by the model.
Number headline(const Cell& cell) {
  return cell.method.name == kEnsemble ? accuracy_of_all : accuracy;
}

core::Series along(const Cell& cell, const std::string& name, double unit,
                   std::vector<double> train::SubspaceProfile::*values) {
  core::Series series{.name = name, .x = cell.seeds.front().profile.position};
  for (size_t i = 0; i < series.x.size(); ++i) {
    const std::vector<double> at =
        numbers(cell, [&](const Outcome& o) { return unit * (o.profile.*values)[i]; });
    series.y.push_back(mean(at));
    series.low.push_back(least(at));
    series.high.push_back(most(at));
  }
  return series;
}

}  // namespace

void Report::add(const std::string& metric, std::optional<double> baseline, double measured,
                 std::optional<Bar> bar) {
  result_.rows.push_back(
      {.metric = metric, .paper = {}, .baseline = baseline, .measured = measured, .bar = bar});
}

const Cell& Report::cell(const std::string& network, double noise, const std::string& method) const {
  for (const Cell& cell : cells_)
    if (cell.network == network && cell.noise == noise && cell.method.name == method) return cell;
  throw std::logic_error("no such cell: " + network + ", " + method);
}

std::vector<double> Report::rates(const std::string& network) const {
  std::set<double> rates;
  for (const Cell& cell : cells_)
    if (cell.network == network) rates.insert(cell.noise);
  return {rates.begin(), rates.end()};
}

void Report::noise(const std::string& network) {
  struct Claim {
    double noise;
    std::string baseline;
    double least;
  };
  for (const Claim& claim :
       std::vector<Claim>{{0.4, kSgd, 6}, {0.4, kSwaConstant, 4}, {0.4, kSwaCyclic, 4}, {0.6, kSgd, 10}}) {
    const Cell &line = cell(network, claim.noise, kLine), &other = cell(network, claim.noise, claim.baseline);
    const auto gain = differences(line, accuracy, other, accuracy);
    add(fmt::format("{}: line's midpoint − {}, points{}", where(line), claim.baseline, spread(gain)),
        mean(other, accuracy), mean(gain), Bar{.least = claim.least});
  }
  for (double rate : rates(network)) {
    const double baseline = mean(cell(network, rate, kSgd), accuracy);
    for (const Cell& c : cells_) {
      if (c.network != network || c.noise != rate) continue;
      const auto values = numbers(c, headline(c));
      add(fmt::format("{}: {}, test accuracy %{}", where(c), c.method.name, spread(values)),
          c.method.name == kSgd ? std::nullopt : std::optional(baseline), mean(values));
    }
    if (rate == 0) continue;
    const Cell &line = cell(network, rate, kLine), &sgd = cell(network, rate, kSgd);
    const Number memorised = [](const Outcome& o) { return o.memorised; };
    add(where(line) + ": wrong training labels that the midpoint gives back, %", mean(sgd, memorised),
        mean(line, memorised));
  }
}

void Report::clean(const std::string& network) {
  const Cell& line = cell(network, 0, kLine);
  struct Claim {
    std::string baseline;
    double least_points, most_ece;
  };
  for (const Claim& claim : std::vector<Claim>{{kSgd, -0.3, 0.8}, {kSwaConstant, -0.7, 0.9}}) {
    const Cell& other = cell(network, 0, claim.baseline);
    const auto gain = differences(line, accuracy, other, accuracy);
    add(fmt::format("{}: line's midpoint − {}, points{}", where(line), claim.baseline, spread(gain)),
        mean(other, accuracy), mean(gain), Bar{.least = claim.least_points});
    add(fmt::format("{}: calibration error (20 bins), line's midpoint / {}", where(line), claim.baseline),
        mean(other, ece), mean(line, ece) / mean(other, ece), Bar{.most = claim.most_ece});
  }
}

void Report::subspaces_hold_together(const std::string& network) {
  double largest = 0;
  for (double rate : rates(network)) {
    const Cell& line = cell(network, rate, kLine);
    const auto gain = differences(line, accuracy, line, mean_accuracy_of_members);
    add(fmt::format("{}: line's midpoint − mean of its endpoints, points{}", where(line), spread(gain)),
        mean(line, mean_accuracy_of_members), mean(gain), Bar{.least = 0});
    largest = std::max(largest, most(numbers(line, [](const Outcome& o) { return o.cosine_squared; })));
  }
  add(network + ": cos² of a line's endpoints, largest of all runs", {}, largest, Bar{.most = 0.05});
}

void Report::ensembles_of_two(const std::string& network) {
  for (double rate : rates(network)) {
    const Cell &line = cell(network, rate, kLine), &sgd = cell(network, rate, kSgd);
    const double single = mean(sgd, mean_accuracy_of_members);
    const double of_networks = mean(sgd, accuracy_of_pair) - single,
                 of_ends = mean(line, accuracy_of_pair) - single;
    add(where(line) + ": ensemble of two independent networks − one of them, points", single, of_networks);
    add(where(line) + ": ensemble of a line's two endpoints − an independent network, points", single,
        of_ends);
    add(where(line) + ": share of the gain of two networks that two endpoints of one training have, %", 100,
        100 * of_ends / of_networks,
        rate >= kNoiseOfEnsembles ? std::optional(Bar{.least = 40}) : std::nullopt);
  }
}

void Report::kinds(const std::string& network) {
  const Cell& sgd = cell(network, 0, kSgd);
  for (const std::string& name : {kSgd, kSwaConstant, kSwaCyclic, kLine, kLayers, kCurve}) {
    const Cell& c = cell(network, 0, name);
    const std::string what = c.method.subspace ? name + ", midpoint" : name;
    const bool baseline = name == kSgd;
    const auto points = numbers(c, accuracy);
    add(fmt::format("{}: {}, test accuracy %{}", where(c), what, spread(points)),
        baseline ? std::nullopt : std::optional(mean(sgd, accuracy)), mean(points));
    const auto errors = numbers(c, ece);
    add(fmt::format("{}: {}, calibration error (20 bins)", where(c), what),
        baseline ? std::nullopt : std::optional(mean(sgd, ece)), mean(errors));
    if (!c.method.subspace) continue;
    add(fmt::format("{}: {}, mean of the endpoints, test accuracy %", where(c), name), mean(sgd, accuracy),
        mean(c, mean_accuracy_of_members));
    add(fmt::format("{}: {}, ensemble of the endpoints, test accuracy %", where(c), name),
        mean(sgd, accuracy_of_pair), mean(c, accuracy_of_pair));
    add(fmt::format("{}: {}, cos² of the endpoints", where(c), name), {},
        mean(c, [](const Outcome& o) { return o.cosine_squared; }));
  }
}

void Report::simplexes(const std::string& network, int64_t largest) {
  const Cell& sgd = cell(network, 0, kSgd);
  for (int64_t n = 2; n <= largest; ++n) {
    const Cell& c = cell(network, 0, simplex_name(n));
    add(fmt::format("{}: {}, midpoint, test accuracy %", where(c), c.method.name), mean(sgd, accuracy),
        mean(c, accuracy));
    add(fmt::format("{}: {}, ensemble of the endpoints, test accuracy %", where(c), c.method.name),
        mean(sgd, accuracy), mean(c, accuracy_of_all));
  }
}

void Report::tuned(const Plan& plan, const std::vector<Tuned>& tuned) {
  for (size_t s = 0; s < tuned.size(); ++s) {
    const std::string prefix = plan.settings[s].network +
                               (plan.settings[s].tuning_noise == 0 ? ", right labels" : ", noise") +
                               ", chosen on held-out images: ";
    add(prefix + "learning rate of SGD", {}, tuned[s].sgd);
    add(prefix + "learning rate of subspaces", {}, tuned[s].line);
    add(prefix + "averaging learning rate of SWA, constant", {}, tuned[s].swa_constant);
    add(prefix + "averaging learning rate of SWA, cyclic", {}, tuned[s].swa_cyclic);
    add(prefix + "epochs of short SGD", {}, tuned[s].short_epochs);
  }
}

core::Chart Report::noise_chart(const std::string& network) const {
  std::vector<core::Series> series;
  for (const Cell& c : cells_) {
    if (c.network != network) continue;
    auto found = std::find_if(series.begin(), series.end(),
                              [&](const core::Series& s) { return s.name == c.method.name; });
    if (found == series.end()) found = series.insert(found, {.name = c.method.name});
    const std::vector<double> values = numbers(c, headline(c));
    found->x.push_back(100 * c.noise);
    found->y.push_back(mean(values));
    found->low.push_back(least(values));
    found->high.push_back(most(values));
  }
  return core::line_chart({.title = network + ": test accuracy against label noise",
                           .x_label = "wrong labels, %",
                           .y_label = "test accuracy, %"},
                          series);
}

std::vector<core::Chart> Report::charts_along(const std::string& network) const {
  std::vector<core::Series> accuracies, errors, disagreements;
  for (const std::string& name : {kLine, kLayers, kCurve}) {
    const Cell& c = cell(network, 0, name);
    accuracies.push_back(along(c, name, 100, &train::SubspaceProfile::accuracy));
    errors.push_back(along(c, name, 1, &train::SubspaceProfile::ece));
    disagreements.push_back(along(c, name, 100, &train::SubspaceProfile::disagreement));
  }
  accuracies.push_back(along(cell(network, 0, kLine), "line, α and 1 − α together", 100,
                             &train::SubspaceProfile::ensemble_accuracy));
  const auto chart = [&](const std::string& what, const std::string& label,
                         const std::vector<core::Series>& series) {
    return core::line_chart(
        {.title = network + ": " + what + " along the subspace", .x_label = "α", .y_label = label}, series);
  };
  return {chart("accuracy", "test accuracy, %", accuracies), chart("calibration error", "20 bins", errors),
          chart("diversity", "α and 1 − α disagree, %", disagreements)};
}

void Report::charts(const std::string& noise_network, const std::string& network, int64_t largest_simplex) {
  result_.charts = charts_along(network);
  result_.charts.push_back(noise_chart(noise_network));
  core::Series midpoint{.name = "midpoint"}, ensemble{.name = "ensemble of the endpoints"};
  for (int64_t n = 2; n <= largest_simplex; ++n) {
    const Cell& c = cell(network, 0, simplex_name(n));
    for (core::Series* series : {&midpoint, &ensemble}) series->x.push_back(static_cast<double>(n));
    midpoint.y.push_back(mean(c, accuracy));
    ensemble.y.push_back(mean(c, accuracy_of_all));
  }
  result_.charts.push_back(core::line_chart(
      {.title = network + ": simplexes", .x_label = "endpoints", .y_label = "test accuracy, %"},
      {midpoint, ensemble}));
}

}  // namespace lathe::studies::neural_subspaces
