#include "lathe/pipeline/continual_report.h"

#include <fmt/format.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lathe/core/progress.h"
#include "lathe/math/bootstrap.h"
#include "lathe/pipeline/details.h"

namespace lathe::pipeline {
namespace {

using nlohmann::json;
using Matrix = std::vector<std::vector<double>>;

// NaN and infinities become null.
json number(double value) {
  return std::isfinite(value) ? json(value) : json();
}

double value_of(const json& details, const std::string& path) {
  const json& value = detail(details, path);
  return value.is_number() ? value.get<double>() : std::nan("");
}

std::string points(double share) {
  return std::isfinite(share) ? fmt::format("{:+.1f} points", 100 * share) : "";
}

std::string percent(double share) {
  return std::isfinite(share) ? fmt::format("{:.1f} %", 100 * share) : "";
}

std::vector<double> counted(size_t from, size_t to) {
  std::vector<double> numbers(to - from);
  std::iota(numbers.begin(), numbers.end(), static_cast<double>(from + 1));
  return numbers;
}

std::vector<std::string> labelled(const std::string& prefix, size_t count) {
  std::vector<std::string> labels;
  for (size_t i = 1; i <= count; ++i) labels.push_back(prefix + std::to_string(i));
  return labels;
}

// Percent; row i after task i, column j on task j; NaN where nothing was measured.
Matrix accuracies(const json& continual, size_t tasks) {
  Matrix rows;
  for (size_t i = 0; i < tasks; ++i) {
    rows.push_back(detail_numbers(continual, "/accuracy/" + std::to_string(i)));
    rows.back().resize(tasks, std::nan(""));
    for (double& value : rows.back()) value *= 100;
  }
  return rows;
}

core::Table measures_table(const json& continual) {
  core::Table table({"", ""});
  const auto add = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) table.add({name, value});
  };
  add("method", detail_text(continual, "/method"));
  add("average accuracy in the end", percent(value_of(continual, "/average_accuracy")));
  add("backward transfer", points(value_of(continual, "/backward_transfer")));
  add("forward transfer", points(value_of(continual, "/forward_transfer")));
  add("interference", percent(value_of(continual, "/mean_interference")));
  add("memory of the method", core::human_bytes(value_of(continual, "/memory_bytes")));
  const double further = value_of(continual, "/further_tasks");
  if (std::isfinite(further)) add("room at this pace", fmt::format("for {:.0f} more tasks", further));
  return table;
}

core::Table tasks_table(const json& continual, const std::vector<std::string>& names, const Matrix& matrix) {
  const std::vector<double> seconds = detail_numbers(continual, "/seconds");
  core::Table table({"task", "", "when learned %", "in the end %", "seconds"});
  for (size_t t = 0; t < names.size(); ++t)
    table.add({static_cast<int64_t>(t + 1),
               names[t],
               {matrix[t][t], 1},
               {matrix.back()[t], 1},
               {t < seconds.size() ? seconds[t] : std::nan(""), 1}});
  return table;
}

core::Chart accuracy_chart(const Matrix& matrix) {
  std::vector<core::Series> lines;
  for (size_t task = 0; task < matrix.size(); ++task) {
    core::Series line{.name = fmt::format("task {}", task + 1), .x = counted(task, matrix.size()), .y = {}};
    for (size_t after = task; after < matrix.size(); ++after) line.y.push_back(matrix[after][task]);
    lines.push_back(std::move(line));
  }
  return core::line_chart({.title = "Accuracy on each task, %", .x_label = "tasks learned"}, lines);
}

// By layer, for each task: the quartiles of its interference over inputs; null where there is none.
json quartiles(const std::vector<train::continual::Interference>& tasks) {
  json layers = json::object();
  for (size_t t = 0; t < tasks.size(); ++t)
    for (size_t i = 0; i < tasks[t].layers.size(); ++i) {
      json& rows = layers[tasks[t].layers[i]];
      if (rows.is_null()) rows = json::array();
      rows[t] = {math::quantile(tasks[t].values[i], 0.25), math::quantile(tasks[t].values[i], 0.5),
                 math::quantile(tasks[t].values[i], 0.75)};
    }
  return layers;
}

void add_interference(const json& continual, Section& section) {
  const json& layers = detail(continual, "/interference");
  if (!layers.is_object() || layers.empty()) return;
  std::vector<core::Series> lines;
  for (const auto& [name, tasks] : layers.items()) {
    core::Series line{.name = name, .x = counted(0, tasks.size()), .y = {}};
    for (const json& quarters : tasks) {
      line.low.push_back(100 * value_of(quarters, "/0"));
      line.y.push_back(100 * value_of(quarters, "/1"));
      line.high.push_back(100 * value_of(quarters, "/2"));
    }
    lines.push_back(std::move(line));
  }
  section.charts.push_back(
      core::line_chart({.title = "Interference in each layer, %", .x_label = "on inputs of task"}, lines));
}

// A basis for each layer, and the share of its inputs' directions that is left to learn in.
void add_memory(const json& continual, Section& section) {
  const json& after = detail(continual, "/memory");
  if (!after.is_array() || after.empty() || !after.back().is_object() || after.back().empty()) return;
  core::Table table({"layer", "inputs", "basis", "room left %", "energy held %", "bytes"});
  std::vector<core::Series> lines;
  for (const auto& [name, layer] : after.back().items()) {
    const auto room = [](const json& memory) {
      return 100 * (1 - value_of(memory, "/vectors") / value_of(memory, "/inputs"));
    };
    table.add({name,
               detail_text(layer, "/inputs"),
               detail_text(layer, "/vectors"),
               {room(layer), 1},
               {100 * value_of(layer, "/energy"), 1},
               detail_text(layer, "/bytes")});
    core::Series line{.name = name, .x = counted(0, after.size()), .y = {}};
    for (const json& memory : after)
      line.y.push_back(memory.contains(name) ? room(memory[name]) : std::nan(""));
    lines.push_back(std::move(line));
  }
  section.tables.push_back(std::move(table));
  section.charts.push_back(
      core::line_chart({.title = "Room left in each layer, %", .x_label = "tasks learned"}, lines));
}

}  // namespace

double mean_interference(const train::continual::ContinualResult& result) {
  double sum = 0;
  for (const auto& task : result.interference) sum += task.mean();
  return sum / static_cast<double>(result.interference.size());
}

json to_json(const train::continual::ContinualResult& result, const std::vector<std::string>& tasks,
             const std::string& method) {
  json details = {{"method", method},
                  {"tasks", tasks},
                  {"accuracy", json::array()},
                  {"average_accuracy", number(result.measures.acc)},
                  {"backward_transfer", number(result.measures.bwt)},
                  {"forward_transfer", number(result.measures.fwt)},
                  {"mean_interference", number(mean_interference(result))},
                  {"interference", quartiles(result.interference)},
                  {"memory_bytes", result.memory_bytes},
                  {"further_tasks", number(train::continual::capacity_forecast(result.memory))},
                  {"seconds", result.seconds},
                  {"warnings", result.warnings},
                  {"memory", json::array()}};
  for (int64_t i = 0; i < result.accuracy.size(0); ++i) {
    json row = json::array();
    for (int64_t j = 0; j < result.accuracy.size(1); ++j)
      row.push_back(number(result.accuracy[i][j].item<double>()));
    details["accuracy"].push_back(std::move(row));
  }
  for (const auto& layers : result.memory) {
    json memory = json::object();
    for (const auto& [name, layer] : layers)
      memory[name] = {{"inputs", layer.inputs},
                      {"vectors", layer.vectors},
                      {"energy", layer.energy},
                      {"bytes", layer.bytes}};
    details["memory"].push_back(std::move(memory));
  }
  return details;
}

Section continual_section(const json& train) {
  Section section{.title = "Tasks learned in turn"};
  const json& continual = detail(train, "/continual");
  const std::vector<std::string> names = detail_texts(continual, "/tasks");
  if (names.empty()) return section;
  section.text =
      "Test accuracy on every task after each task. Backward transfer is what learning later tasks did to "
      "the "
      "earlier ones, below 0 where they were forgotten; forward transfer is what a task gains before it is "
      "learned, against the untrained model.";
  if (detail(continual, "/heads") == true)
    section.text +=
        " Each task is answered by its own head here, the task being told; the accuracy among the results is "
        "that of the model that is kept, which chooses among the classes of all tasks.";
  if (!detail(continual, "/interference").empty())
    section.text +=
        " Interference is how far later tasks moved a layer's outputs on an old task's test inputs, as a "
        "share of these outputs; the chart has the middle half of the inputs.";
  for (const std::string& warning : detail_texts(continual, "/warnings"))
    section.text += "\n\nWarning: " + warning + ".";
  const Matrix matrix = accuracies(continual, names.size());
  section.tables.push_back(measures_table(continual));
  section.tables.push_back(tasks_table(continual, names, matrix));
  const double height = std::clamp(80 + 26 * static_cast<double>(names.size()), 280.0, 560.0);
  section.charts.push_back(core::heat_map(
      {.title = "Accuracy, %", .x_label = "on task", .y_label = "after task", .width = 485, .height = height},
      labelled("", names.size()), labelled("", names.size()), matrix));
  section.charts.push_back(accuracy_chart(matrix));
  add_interference(continual, section);
  add_memory(continual, section);
  return section;
}

}  // namespace lathe::pipeline
