#include "lathe/pipeline/multitask_report.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <cmath>

#include "lathe/core/files.h"
#include "lathe/math/linkage.h"
#include "lathe/pipeline/details.h"

namespace lathe::pipeline {
namespace {

using nlohmann::json;
using Matrix = std::vector<std::vector<double>>;

constexpr size_t kPairsShown = 40, kPointsShown = 60;

json number(double value) {
  return std::isfinite(value) ? json(value) : json();
}

// Over the first dimension, of what is there.
torch::Tensor mean_of_known(const torch::Tensor& values) {
  return torch::nanmean(values, 0);
}

json numbers(const torch::Tensor& vector) {
  json list = json::array();
  for (int64_t i = 0; i < vector.numel(); ++i) list.push_back(number(vector[i].item<double>()));
  return list;
}

json rows(const torch::Tensor& matrix) {
  json list = json::array();
  for (int64_t i = 0; i < matrix.size(0); ++i) list.push_back(numbers(matrix[i]));
  return list;
}

json task_table(const Multitask& m) {
  const data::TaskSampler sampler(m.tasks, 1);
  json table = json::array();
  for (size_t t = 0; t < m.tasks.names.size(); ++t) {
    const auto task = static_cast<int64_t>(t);
    const data::Dataset held = m.holdout.select(m.holdout_tasks.of_example.eq(task).nonzero().flatten());
    answer(m, task);
    const torch::Tensor hits = nn::predict(*m.model, held.inputs).argmax(1).eq(held.targets);
    table.push_back({{"name", m.tasks.names[t]},
                     {"examples", m.tasks.of_example.eq(task).sum().item<int64_t>()},
                     {"accuracy", hits.to(torch::kFloat64).mean().item<double>()}});
  }
  answer(m, 0);
  return table;
}

void write_csv(const train::TaskSimilarity& similarity, const std::vector<std::string>& tasks,
               const std::filesystem::path& file) {
  const torch::Tensor cosines = similarity.cosines();
  const auto cell = cosines.accessor<double, 4>();
  std::string text = "step,component,task,other,cosine\n";
  for (size_t s = 0; s < similarity.steps().size(); ++s)
    for (size_t k = 0; k < similarity.components().size(); ++k)
      for (size_t i = 0; i < tasks.size(); ++i)
        for (size_t j = i + 1; j < tasks.size(); ++j)
          text += fmt::format("{},\"{}\",\"{}\",\"{}\",{:.6g}\n", similarity.steps()[s],
                              similarity.components()[k], tasks[i], tasks[j],
                              cell[static_cast<int64_t>(s)][static_cast<int64_t>(k)][static_cast<int64_t>(i)]
                                  [static_cast<int64_t>(j)]);
  core::write_file(file, text);
}

// Tasks that pull alike side by side. Unknown cosines count as 0.
std::vector<size_t> related_order(const Matrix& cosine) {
  Matrix distance = cosine;
  for (auto& row : distance)
    for (double& value : row) value = std::isfinite(value) ? 1 - value : 1;
  return math::leaf_order(math::average_linkage(distance));
}

std::string joins(const Matrix& cosine, const std::vector<std::string>& names) {
  Matrix distance = cosine;
  for (auto& row : distance)
    for (double& value : row) value = std::isfinite(value) ? 1 - value : 1;
  std::vector<std::string> clusters = names;
  std::string text;
  for (const math::Merge& merge : math::average_linkage(distance)) {
    clusters.push_back(fmt::format("({} + {})", clusters[merge.a], clusters[merge.b]));
    text += fmt::format("{}{} at {:.2f}", text.empty() ? "" : ", ", clusters.back(), 1 - merge.distance);
  }
  return text;
}

Matrix matrix_of(const json& details, const std::string& path, size_t n) {
  Matrix matrix;
  for (size_t i = 0; i < n; ++i) {
    matrix.push_back(detail_numbers(details, path + "/" + std::to_string(i)));
    matrix.back().resize(n, std::nan(""));
  }
  return matrix;
}

core::Chart matrix_chart(const Matrix& cosine, const std::vector<std::string>& names) {
  const std::vector<size_t> order = related_order(cosine);
  std::vector<std::string> labels;
  Matrix ordered;
  for (size_t i : order) {
    labels.push_back(names[i]);
    ordered.emplace_back();
    for (size_t j : order) ordered.back().push_back(cosine[i][j]);
  }
  return core::heat_map({.title = "Cosine of the tasks' gradients, mean over training", .height = 320},
                        labels, labels, ordered);
}

core::Chart training_chart(const json& multitask, const std::vector<std::string>& names) {
  const std::vector<double> steps = detail_numbers(multitask, "/steps");
  const size_t stride = std::max<size_t>(1, (steps.size() + kPointsShown - 1) / kPointsShown);
  std::vector<std::string> pairs, columns;
  for (size_t s = 0; s < steps.size(); s += stride) columns.push_back(fmt::format("{:.0f}", steps[s]));
  Matrix values;
  size_t pair = 0;
  for (size_t i = 0; i < names.size(); ++i)
    for (size_t j = i + 1; j < names.size() && pairs.size() < kPairsShown; ++j, ++pair) {
      std::vector<double> all = detail_numbers(multitask, "/pairs/" + std::to_string(pair));
      all.resize(steps.size(), std::nan(""));
      pairs.push_back(names[i] + " · " + names[j]);
      values.emplace_back();
      for (size_t s = 0; s < steps.size(); s += stride) values.back().push_back(all[s]);
    }
  return core::heat_map({.title = "Cosine of the tasks' gradients over training",
                         .x_label = "step",
                         .height = std::max(200.0, 22.0 * static_cast<double>(pairs.size()) + 80)},
                        pairs, columns, values);
}

}  // namespace

json keep_multitask(const Multitask& m, const std::filesystem::path& staged) {
  const train::TaskSimilarity& similarity = *m.similarity;
  write_csv(similarity, m.tasks.names, staged / "similarity.csv");
  const torch::Tensor cosines = similarity.cosines();
  const torch::Tensor means = mean_of_known(cosines);
  const auto num_tasks = static_cast<int64_t>(m.tasks.names.size());
  const torch::Tensor pairs = torch::triu_indices(num_tasks, num_tasks, 1);
  json components = json::array(), trajectories = json::array();
  for (size_t k = 0; k < similarity.components().size(); ++k) {
    const torch::Tensor of_pairs =
        cosines.select(1, static_cast<int64_t>(k)).index({torch::indexing::Slice(), pairs[0], pairs[1]});
    const torch::Tensor known = of_pairs.isfinite();
    components.push_back(
        {{"name", similarity.components()[k]},
         {"cosine", number(torch::nanmean(of_pairs).item<double>())},
         {"negative", number(of_pairs.lt(0).sum().item<double>() / known.sum().item<double>())}});
  }
  for (int64_t p = 0; p < pairs.size(1); ++p)
    trajectories.push_back(numbers(
        cosines.select(1, 0).select(1, pairs[0][p].item<int64_t>()).select(1, pairs[1][p].item<int64_t>())));
  return {{"tasks", task_table(m)},
          {"steps", similarity.steps()},
          {"pairs", trajectories},
          {"cosine", rows(means[0])},
          {"components", components}};
}

Section multitask_section(const json& train) {
  Section section{.title = "Tasks"};
  const json& multitask = detail(train, "/multitask");
  if (!multitask.is_object()) return section;
  core::Table tasks({"task", "training examples", "held-out accuracy %"});
  std::vector<std::string> names;
  for (const json& task : detail(multitask, "/tasks")) {
    names.push_back(detail_text(task, "/name"));
    const json &count = detail(task, "/examples"), &accuracy = detail(task, "/accuracy");
    tasks.add({names.back(), count.is_number() ? count.get<int64_t>() : 0,
               accuracy.is_number() ? 100 * accuracy.get<double>() : std::nan("")});
  }
  if (names.size() < 2) return section;
  const Matrix cosine = matrix_of(multitask, "/cosine", names.size());
  section.text =
      "Tasks that share one model. A cosine below 0 is a conflict: what helps one task hurts the other. "
      "Measured on held-out examples, the same number of each task. Most alike first: " +
      joins(cosine, names) + ".";
  section.tables.push_back(std::move(tasks));
  core::Table components({"part of the model", "mean cosine", "pairs in conflict %"});
  for (const json& component : detail(multitask, "/components")) {
    const json &mean = detail(component, "/cosine"), &negative = detail(component, "/negative");
    components.add({detail_text(component, "/name"), mean.is_number() ? mean.get<double>() : std::nan(""),
                    negative.is_number() ? 100 * negative.get<double>() : std::nan("")});
  }
  section.tables.push_back(std::move(components));
  section.charts.push_back(matrix_chart(cosine, names));
  section.charts.push_back(training_chart(multitask, names));
  return section;
}

}  // namespace lathe::pipeline
