#include "lathe/pipeline/continual_tasks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>

#include "lathe/data/task_sequence.h"

namespace lathe::pipeline {
namespace {

using core::Range;
using train::continual::Task;

constexpr const char* kColumn = "column:";
constexpr int64_t kQuarters = 4;

size_t column_of(const data::Schema& schema, const std::string& name) {
  const auto found = std::find_if(schema.columns.begin(), schema.columns.end(),
                                  [&](const data::Column& column) { return column.name == name; });
  return static_cast<size_t>(found - schema.columns.begin());
}

std::string with_value(const data::Schema& schema, const TaskOptions& options, int64_t task) {
  return schema.columns[column_of(schema, options.column)].values[static_cast<size_t>(task)];
}

// The examples of each task.
std::vector<data::Dataset> parts_of(const data::Dataset& examples, const TaskOptions& options,
                                    core::Seed seed) {
  if (options.kind == "classes") return data::split_by_class(examples, options.classes_per_task);
  std::vector<data::Dataset> parts;
  if (options.kind == "column") {
    const size_t column = column_of(examples.schema, options.column);
    const torch::Tensor cells = examples.inputs.select(1, static_cast<int64_t>(column));
    for (size_t value = 0; value < examples.schema.columns[column].values.size(); ++value)
      parts.push_back(examples.select(cells.eq(static_cast<double>(value)).nonzero().flatten()));
    return parts;
  }
  for (int64_t task = 0; task < options.num_tasks; ++task)
    parts.push_back(options.kind == "permuted" ? data::permuted_task(examples, task, seed)
                                               : data::rotated_task(examples, task));
  return parts;
}

std::string name_of(const data::Dataset& part, const TaskOptions& options, int64_t task) {
  if (options.kind == "classes") return fmt::format("{}", fmt::join(part.schema.classes, ", "));
  if (options.kind == "column") return with_value(part.schema, options, task);
  if (task == 0) return "as they are";
  return options.kind == "permuted" ? fmt::format("permutation {}", task)
                                    : fmt::format("turned by {}°", 360 / kQuarters * task);
}

data::Dataset joined(const std::vector<data::Dataset>& parts) {
  std::vector<torch::Tensor> inputs, targets;
  for (const data::Dataset& part : parts) {
    inputs.push_back(part.inputs);
    targets.push_back(part.targets);
  }
  return {torch::cat(inputs), torch::cat(targets), parts.front().schema};
}

}  // namespace

ContinualPipeline continual_pipeline(const core::Config& table) {
  TaskOptions o;
  o.kind = table.text("tasks");
  if (o.kind.rfind(kColumn, 0) == 0) {
    o.column = o.kind.substr(std::string(kColumn).size());
    o.kind = "column";
  } else if (o.kind != "permuted" && o.kind != "rotated" && o.kind != "classes") {
    table.fail(
        "tasks",
        fmt::format("must be \"permuted\", \"rotated\", \"classes\" or \"column:NAME\", got \"{}\"", o.kind));
  }
  if (o.kind == "permuted") o.num_tasks = table.integer("num_tasks", o.num_tasks, Range::at_least(1));
  if (o.kind == "rotated") o.num_tasks = table.integer("num_tasks", kQuarters, {.min = 1, .max = kQuarters});
  if (o.kind == "classes")
    o.classes_per_task = table.integer("classes_per_task", o.classes_per_task, Range::at_least(1));
  return {o, train::continual::continual_options(table)};
}

void check_tasks(const core::Config& table, const TaskOptions& o, const data::Schema& schema) {
  if (o.kind == "permuted" || o.kind == "rotated") {
    if (schema.table())
      table.fail("tasks", fmt::format("= \"{}\" needs images and the data is a table; \"classes\" and "
                                      "\"column:NAME\" take tables",
                                      o.kind));
    if (o.kind == "rotated" && schema.shape[1] != schema.shape[2])
      table.fail("tasks", fmt::format("= \"rotated\" needs square images, these are {}×{}", schema.shape[1],
                                      schema.shape[2]));
  }
  if (o.kind == "classes" && schema.num_classes() % o.classes_per_task != 0)
    table.fail("classes_per_task", fmt::format("must divide the {} classes of the data, got {}",
                                               schema.num_classes(), o.classes_per_task));
  if (o.kind != "column") return;
  const size_t column = column_of(schema, o.column);
  if (column == schema.columns.size())
    table.fail("tasks", fmt::format("= \"column:{}\": {}", o.column,
                                    schema.table() ? "there is no such column" : "images have no columns"));
  if (!schema.columns[column].categorical())
    table.fail("tasks", fmt::format("= \"column:{}\" has numbers; a column of categories gives one task a "
                                    "value",
                                    o.column));
}

std::vector<Task> make_tasks(const data::Splits& splits, const TaskOptions& options, core::Seed seed) {
  const auto train = parts_of(splits.train, options, seed), holdout = parts_of(splits.holdout, options, seed),
             test = parts_of(splits.test, options, seed);
  std::vector<Task> tasks;
  for (size_t t = 0; t < train.size(); ++t)
    tasks.push_back({name_of(train[t], options, static_cast<int64_t>(t)), train[t], holdout[t], test[t]});
  return tasks;
}

data::Splits measured_together(const data::Splits& splits, const TaskOptions& options, core::Seed seed) {
  data::Splits measured = splits;
  if (options.kind != "permuted" && options.kind != "rotated") return measured;
  measured.holdout = joined(parts_of(splits.holdout, options, seed));
  measured.test = joined(parts_of(splits.test, options, seed));
  return measured;
}

std::string measured_on(const TaskOptions& options) {
  if (options.own_heads()) return "among all classes, the task not told";
  return options.kind == "column" ? "all tasks together"
                                  : fmt::format("all {} tasks together", options.num_tasks);
}

}  // namespace lathe::pipeline
