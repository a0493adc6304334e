#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <iostream>

#include "cli/verb.h"
#include "lathe/core/chart.h"
#include "lathe/core/error.h"
#include "lathe/core/progress.h"

namespace lathe::cli {
namespace {

std::string when(double unix_seconds) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::localtime(static_cast<std::time_t>(unix_seconds)));
}

std::string metric_key(const core::Metric& metric) {
  return metric.split.empty() ? metric.name : metric.split + " " + metric.name;
}

void list(const Options& options, int64_t limit) {
  const core::RunStore store;
  core::Table table({"run", "name", "kind", "state", "started", "seconds", "message"});
  for (const auto& run : store.runs(limit))
    table.add({run.id,
               run.name,
               run.kind,
               run.state,
               when(run.started),
               {run.ended > 0 ? run.ended - run.started : std::nan(""), 1},
               run.message});
  print(options, {{"runs", table}});
}

void show(const Options& options, int64_t id) {
  const core::RunStore store;
  const auto run = store.run(id);
  core::Table summary({"property", "value"});
  summary.add({"run", run.id})
      .add({"name", run.name})
      .add({"kind", run.kind})
      .add({"state", run.state})
      .add({"started", when(run.started)});
  if (!run.message.empty()) summary.add({"message", run.message});
  core::Table metrics({"metric", "split", "last", "unit", "course"});
  for (const auto& last : store.last_metrics(id)) {
    std::vector<double> values;
    for (const auto& m : store.metrics(id, last.name))
      if (m.split == last.split) values.push_back(m.value);
    metrics.add(
        {last.name, last.split, last.value, last.unit, values.size() > 1 ? core::sparkline(values, 24) : ""});
  }
  core::Table artifacts({"artifact", "path"});
  for (const auto& artifact : store.artifacts(id)) artifacts.add({artifact.name, artifact.path});
  print(options, {{"run", summary}, {"metrics", metrics}, {"artifacts", artifacts}});
}

void compare(const Options& options, const std::vector<int64_t>& ids) {
  const core::RunStore store;
  std::vector<std::string> columns = {"metric"};
  std::map<std::string, std::map<int64_t, double>> values;
  for (int64_t id : ids) {
    columns.push_back(fmt::format("{} ({})", store.run(id).name, id));
    for (const auto& metric : store.last_metrics(id)) values[metric_key(metric)][id] = metric.value;
  }
  core::Table table(columns);
  for (const auto& [metric, by_run] : values) {
    std::vector<core::Cell> row = {metric};
    for (int64_t id : ids) row.push_back(by_run.count(id) ? core::Cell(by_run.at(id)) : core::Cell(""));
    table.add(std::move(row));
  }
  print(options, {{"metrics", table}});
}

}  // namespace

void add_runs(CLI::App& app, Options& options) {
  CLI::App* runs = app.add_subcommand("runs", "What was run, when, with which result");
  runs->require_subcommand(1);
  runs->footer("Example:\n  lathe runs list");
  auto ids = std::make_shared<std::vector<int64_t>>();
  auto limit = std::make_shared<int64_t>(20);
  CLI::App* list_verb = add_verb(*runs, options, "list", "The latest runs", "lathe runs list --limit 5");
  list_verb->add_option("--limit", *limit, "How many")->check(CLI::PositiveNumber)->capture_default_str();
  list_verb->callback([&options, limit] { list(options, *limit); });
  CLI::App* show_verb =
      add_verb(*runs, options, "show", "One run: its metrics and files", "lathe runs show 1");
  show_verb->add_option("run", *ids, "The run's number")->required()->expected(1);
  show_verb->callback([&options, ids] { show(options, ids->front()); });
  CLI::App* compare_verb = add_verb(
      *runs, options, "compare", "The last metrics of several runs side by side", "lathe runs compare 1 2");
  compare_verb->add_option("runs", *ids, "The runs' numbers")->required()->expected(2, 1000);
  compare_verb->callback([&options, ids] { compare(options, *ids); });
}

}  // namespace lathe::cli
