#include "studies/gradient_projection_memory_report.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lathe/core/progress.h"

namespace lathe::studies::gpm {
namespace {

using pipeline::Bar;

constexpr double kPaperAcc = 93.91, kPaperBwt = -3;  // table 1, permuted MNIST, 60,000 images a task

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::string spread(const std::vector<double>& values) {
  if (values.size() < 2) return "";
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return fmt::format(" ({:.1f} … {:.1f})", *least, *most);
}

std::vector<double> percents(const std::vector<ContinualResult>& outcomes,
                             double train::continual::TransferMeasures::*measure) {
  std::vector<double> values;
  for (const ContinualResult& outcome : outcomes) values.push_back(100 * outcome.measures.*measure);
  return values;
}

std::vector<double> numbered(int64_t count) {
  std::vector<double> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 1.0);
  return numbers;
}

// After each task: mean accuracy on the tasks so far, percent.
std::vector<double> accuracy_so_far(const torch::Tensor& accuracy) {
  std::vector<double> curve;
  for (int64_t i = 0; i < accuracy.size(0); ++i)
    curve.push_back(100 * accuracy[i].narrow(0, 0, i + 1).mean().item<double>());
  return curve;
}

}  // namespace

std::vector<double> Cell::acc() const {
  return percents(seeds, &train::continual::TransferMeasures::acc);
}
std::vector<double> Cell::bwt() const {
  return percents(seeds, &train::continual::TransferMeasures::bwt);
}
double Cell::mean_acc() const {
  return mean(acc());
}
double Cell::mean_bwt() const {
  return mean(bwt());
}
double Cell::seconds() const {
  double sum = 0;
  for (const ContinualResult& outcome : seeds)
    sum = std::accumulate(outcome.seconds.begin(), outcome.seconds.end(), sum);
  return sum / static_cast<double>(seeds.size());
}

const Cell& cell_of(const std::vector<Cell>& cells, const std::string& method) {
  for (const Cell& cell : cells)
    if (cell.recipe.name == method) return cell;
  throw std::logic_error("no cell of " + method);
}

void Report::add(const std::string& metric, std::optional<double> paper, std::optional<double> baseline,
                 double measured, std::optional<Bar> bar) {
  result_.rows.push_back(
      {.metric = metric, .paper = paper, .baseline = baseline, .measured = measured, .bar = bar});
}

void Report::tuned(const std::vector<Tuned>& tuned) {
  for (const Tuned& t : tuned)
    add(fmt::format("held-out ACC of the best of {}: {}", t.grid.size(), t.recipe.text()), {}, {},
        100 * t.accuracy);
}

void Report::accuracies(const std::vector<Cell>& cells) {
  for (const Cell& cell : cells) {
    const bool is_own = cell.recipe.name == kGpm, is_joint = cell.recipe.name == kJoint;
    add(fmt::format("permuted: ACC of {}{}", cell.recipe.text(), spread(cell.acc())),
        is_own ? std::optional(kPaperAcc) : std::nullopt, {}, cell.mean_acc());
    if (!is_own && !is_joint)
      add(fmt::format("permuted: BWT of {}{}", cell.recipe.text(), spread(cell.bwt())), {}, {},
          cell.mean_bwt());
  }
}

void Report::permuted(const std::vector<Cell>& cells) {
  const Cell& own = cell_of(cells, kGpm);
  const double finetune = cell_of(cells, kFinetune).mean_acc(), ewc = cell_of(cells, kEwc).mean_acc();
  add("permuted: ACC of GPM − finetuning, points", {}, finetune, own.mean_acc() - finetune, Bar{.least = 12});
  add("permuted: ACC of GPM − EWC, points", {}, ewc, own.mean_acc() - ewc, Bar{.least = 3});
  add("permuted: BWT of GPM, points" + spread(own.bwt()), kPaperBwt, cell_of(cells, kFinetune).mean_bwt(),
      own.mean_bwt(), Bar{.least = -5});
  accuracies(cells);
  const ContinualResult& first = own.seeds.front();
  for (const auto& [name, layer] : first.memory.back())
    add(fmt::format("permuted: basis of {} after {} tasks, of {}", name, first.memory.size(), layer.inputs),
        {}, {}, static_cast<double>(layer.vectors));
  add("permuted: memory of GPM, MB; of replay and A-GEM as much", {}, {},
      static_cast<double>(first.memory_bytes) * 1e-6);
  const double plain = cell_of(cells, kFinetune).seconds();
  result_.rows.push_back({.metric = "permuted: training time of GPM / finetuning's seconds",
                          .paper = {},
                          .baseline = plain,
                          .measured = own.seconds() / plain,
                          .bar = {},
                          .timing = true});

  std::vector<core::Series> curves;
  for (const Cell& cell : cells)
    if (cell.recipe.name != kJoint)
      curves.push_back({.name = cell.recipe.name,
                        .x = numbered(first.accuracy.size(0)),
                        .y = accuracy_so_far(cell.seeds.front().accuracy)});
  result_.charts.push_back(core::line_chart(
      {.title = "Mean accuracy on the tasks so far", .x_label = "tasks", .y_label = "accuracy, %"}, curves));
  std::vector<std::vector<double>> matrix;
  std::vector<std::string> after, on;
  for (int64_t i = 0; i < first.accuracy.size(0); ++i) {
    after.push_back(fmt::format("after {}", i + 1));
    on.push_back(fmt::format("{}", i + 1));
    matrix.emplace_back();
    for (int64_t j = 0; j <= i; ++j) matrix.back().push_back(100 * first.accuracy[i][j].item<double>());
    matrix.back().resize(static_cast<size_t>(first.accuracy.size(0)), std::nan(""));
  }
  result_.charts.push_back(core::heat_map(
      {.title = "Accuracy of GPM on each task", .x_label = "task", .y_label = ""}, after, on, matrix));
}

void Report::interference(const std::vector<Cell>& cells) {
  const train::continual::Interference& own = cell_of(cells, kGpm).seeds.front().interference.front();
  const train::continual::Interference& plain = cell_of(cells, kFinetune).seeds.front().interference.front();
  add("interference ‖ΔW x‖ / ‖W x‖ on the first task's inputs, finetuning / GPM", {}, plain.mean(),
      plain.mean() / own.mean(), Bar{.least = 5});
  for (size_t i = 0; i < own.layers.size(); ++i) {
    add("interference in " + own.layers[i], {}, mean(plain.values[i]), mean(own.values[i]));
    for (const auto& [name, values] : {std::pair{kGpm, own.values[i]}, std::pair{kFinetune, plain.values[i]}})
      result_.charts.push_back(core::histogram_chart(
          {.title = fmt::format("Interference in {}, {}", own.layers[i], name), .x_label = "‖ΔW x‖ / ‖W x‖"},
          values));
  }
}

void Report::with_heads(const std::string& problem, const std::vector<Cell>& cells) {
  const Cell &own = cell_of(cells, kGpm), &plain = cell_of(cells, kFinetune);
  add(fmt::format("{}: BWT of GPM, points{}", problem, spread(own.bwt())), {}, plain.mean_bwt(),
      own.mean_bwt(), Bar{.least = -1.5});
  add(fmt::format("{}: ACC of GPM{}", problem, spread(own.acc())), {}, plain.mean_acc(), own.mean_acc());
}

void Report::trade_off(const std::vector<Cell>& cells) {
  std::vector<double> thresholds, accuracies, learned;
  for (const Cell& cell : cells) {
    const ContinualResult& result = cell.seeds.front();
    const double threshold = cell.recipe.threshold.front();
    thresholds.push_back(threshold);
    accuracies.push_back(cell.mean_acc());
    learned.push_back(100 * result.accuracy.diagonal().mean().item<double>());
    add(fmt::format("ε = {} in all layers: ACC (baseline: BWT)", threshold), {}, cell.mean_bwt(),
        cell.mean_acc());
  }
  result_.charts.push_back(
      core::line_chart({.title = "Stability and plasticity", .x_label = "ε", .y_label = "accuracy, %"},
                       {{.name = "in the end", .x = thresholds, .y = accuracies},
                        {.name = "when learned", .x = thresholds, .y = learned}}));
}

void Report::exhaustion(const ContinualResult& result) {
  const auto tasks = static_cast<int64_t>(result.memory.size());
  const torch::Tensor learned = 100 * result.accuracy.diagonal();
  const int64_t quarter = std::max<int64_t>(1, tasks / 4);
  add(fmt::format("{} short tasks: accuracy of the last quarter when learned (baseline: of the first)",
                  tasks),
      {}, learned.narrow(0, 0, quarter).mean().item<double>(),
      learned.narrow(0, tasks - quarter, quarter).mean().item<double>());
  std::vector<core::Series> capacity;
  for (const auto& [name, last] : result.memory.back()) {
    add(fmt::format("{} short tasks: capacity left in {}, percent", tasks, name), {}, {},
        100 * last.capacity());
    core::Series series{.name = name, .x = numbered(tasks)};
    for (const auto& memory : result.memory) series.y.push_back(100 * memory.at(name).capacity());
    capacity.push_back(std::move(series));
  }
  capacity.push_back({.name = "accuracy when learned",
                      .x = numbered(tasks),
                      .y = {learned.data_ptr<double>(), learned.data_ptr<double>() + tasks}});
  result_.charts.push_back(core::line_chart(
      {.title = "Capacity left, and what is still learned", .x_label = "tasks", .y_label = "%"}, capacity));
}

}  // namespace lathe::studies::gpm
