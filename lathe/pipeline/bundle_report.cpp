#include "lathe/pipeline/bundle_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "lathe/core/progress.h"
#include "lathe/pipeline/active_stage.h"
#include "lathe/pipeline/checklist_stage.h"
#include "lathe/pipeline/compiled_section.h"
#include "lathe/pipeline/continual_report.h"
#include "lathe/pipeline/details.h"
#include "lathe/pipeline/groups_report.h"
#include "lathe/pipeline/multitask_report.h"
#include "lathe/pipeline/opinion_stage.h"
#include "lathe/pipeline/subspace_section.h"
#include "lathe/pipeline/text_section.h"
#include "lathe/pipeline/trust_section.h"

namespace lathe::pipeline {
namespace {

using nlohmann::json;

// Widths of charts that fill a row of a wide page, alone, and three of them.
constexpr double kWholeRow = 1022, kThirdOfRow = 306;
constexpr size_t kMaxCurvePoints = 200;
constexpr int kPicturesPerRow = 8;

json details_of(const Bundle& bundle, const std::string& stage) {
  const std::optional<StageReport> report = bundle.stage(stage);
  return report ? report->details : json();
}

std::string percent(double share) {
  return fmt::format("{:.1f} %", 100 * share);
}

double bar_chart_height(size_t num_bars) {
  return 60 + 24.0 * static_cast<double>(std::min<size_t>(num_bars, 40));
}

void add_property(core::Table& table, const std::string& name, const std::string& value) {
  if (!value.empty()) table.add({name, value});
}

std::optional<core::Chart> class_count_chart(const json& data, const std::string& split,
                                             const std::string& title) {
  const std::vector<std::string> labels = detail_texts(data, "/class_counts/labels");
  const std::vector<double> counts = detail_numbers(data, "/class_counts/" + split);
  if (counts.empty() || counts.size() != labels.size()) return std::nullopt;
  return core::bar_chart({.title = title,
                          .x_label = "examples",
                          .width = kThirdOfRow,
                          .height = bar_chart_height(labels.size())},
                         labels, counts);
}

Section what_was_run(const json& data, const json& train) {
  Section section{.title = "What was run"};
  core::Table table({"", ""});
  add_property(table, "data", detail_text(data, "/source"));
  add_property(table, "training examples", detail_text(data, "/examples/train"));
  add_property(table, "holdout examples", detail_text(data, "/examples/holdout"));
  add_property(table, "test examples", detail_text(data, "/examples/test"));
  add_property(table, "model", detail_text(train, "/model/kind"));
  add_property(table, "parameters", detail_text(train, "/model/parameters"));
  add_property(table, "FLOPs per example", detail_text(train, "/model/flops"));
  add_property(table, "optimizer", detail_text(train, "/optimizer"));
  add_property(table, "batch", detail_text(train, "/batch"));
  add_property(table, "threads", detail_text(train, "/threads"));
  add_property(table, "milliseconds per step", detail_text(train, "/step_milliseconds"));
  if (table.size() > 0) section.tables.push_back(std::move(table));
  for (const std::string& warning : detail_texts(data, "/warnings"))
    section.text += "Warning: " + warning + "\n\n";
  for (const auto& [split, title] :
       {std::pair{"train", "Training examples"}, std::pair{"test", "Test examples"}}) {
    if (auto chart = class_count_chart(data, split, title)) section.charts.push_back(std::move(*chart));
  }
  return section;
}

// Neighbouring points of a long curve become their mean, with a band from the lowest to the highest of them.
core::Series thinned(const core::Series& curve) {
  const size_t n = curve.x.size();
  if (n <= 2 * kMaxCurvePoints) return curve;
  core::Series thin{.name = curve.name};
  for (size_t bucket = 0; bucket < kMaxCurvePoints; ++bucket) {
    const size_t begin = bucket * n / kMaxCurvePoints, end = (bucket + 1) * n / kMaxCurvePoints;
    double x = 0, y = 0, low = INFINITY, high = -INFINITY, count = 0;
    for (size_t i = begin; i < end; ++i) {
      if (!std::isfinite(curve.y[i])) continue;
      ++count;
      x += curve.x[i];
      y += curve.y[i];
      low = std::min(low, curve.y[i]);
      high = std::max(high, curve.y[i]);
    }
    thin.x.push_back(x / count);
    thin.y.push_back(y / count);
    thin.low.push_back(low);
    thin.high.push_back(high);
  }
  return thin;
}

std::vector<core::Series> curve(const json& train, const std::string& name, const std::string& x,
                                const std::string& y) {
  core::Series series{.name = name, .x = detail_numbers(train, x), .y = detail_numbers(train, y)};
  if (series.x.empty() || series.x.size() != series.y.size()) return {};
  return {thinned(series)};
}

Section learning_curves(const json& train) {
  Section section{.title = "Learning curves"};
  const std::vector<double> steps = detail_numbers(train, "/curves/step"),
                            epochs = detail_numbers(train, "/epochs/epoch");

  std::vector<core::Series> losses = curve(train, "training", "/curves/step", "/curves/train_loss");
  std::vector<core::Series> holdout_loss = curve(train, "holdout", "/epochs/epoch", "/epochs/holdout_loss");
  if (!losses.empty() && !holdout_loss.empty() && epochs.back() > 0) {
    for (double& x : holdout_loss[0].x) x *= steps.back() / epochs.back();
    losses.push_back(std::move(holdout_loss[0]));
    holdout_loss.clear();
  }
  const auto add = [&](const std::string& title, const std::string& x_label,
                       const std::vector<core::Series>& series) {
    if (!series.empty())
      section.charts.push_back(core::line_chart(
          {.title = title, .x_label = x_label, .width = kThirdOfRow, .height = 230}, series));
  };
  add("Loss", "step", losses);
  add("Holdout loss", "epoch", holdout_loss);
  add("Holdout accuracy", "epoch", curve(train, "holdout", "/epochs/epoch", "/epochs/holdout_accuracy"));
  add("Learning rate", "step", curve(train, "learning rate", "/curves/step", "/curves/lr"));
  const json& metrics = detail(train, "/curves/metrics");  // what the step rule reported
  for (auto metric = metrics.begin(); metric != metrics.end() && metrics.is_object(); ++metric) {
    const std::string& name = metric.key();
    std::string title = name;
    std::replace(title.begin(), title.end(), '_', ' ');
    title[0] = static_cast<char>(std::toupper(title[0]));
    add(title, "step", curve(train, title, "/curves/step", "/curves/metrics/" + name));
  }
  return section;
}

Section results(const std::vector<StageReport>& stages) {
  Section section{.title = "Results"};
  core::Table table({"stage", "metric", "split", "value", "unit"});
  for (const StageReport& stage : stages) {
    for (const BundleMetric& metric : stage.metrics) {
      table.add({stage.stage, metric.name, metric.split, metric.value, metric.unit});
    }
  }
  if (table.size() > 0) section.tables.push_back(std::move(table));
  return section;
}

struct Confusion {
  std::vector<std::string> classes;
  std::vector<std::vector<double>> counts;  // rows truth; empty where the details have no square matrix
};

Confusion read_confusion(const json& evaluate) {
  Confusion confusion{.classes = detail_texts(evaluate, "/classes")};
  const size_t size = confusion.classes.size();
  for (size_t row = 0; row < size; ++row) {
    confusion.counts.push_back(detail_numbers(evaluate, "/confusion/" + std::to_string(row)));
    if (confusion.counts.back().size() != size) return {};
  }
  return confusion;
}

std::string most_confused(const Confusion& confusion) {
  struct Pair {
    double count;
    size_t truth, predicted;
  };
  std::vector<Pair> pairs;
  for (size_t i = 0; i < confusion.classes.size(); ++i) {
    for (size_t j = 0; j < confusion.classes.size(); ++j) {
      if (i != j && confusion.counts[i][j] > 0) pairs.push_back({confusion.counts[i][j], i, j});
    }
  }
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const Pair& a, const Pair& b) { return a.count > b.count; });
  if (pairs.empty()) return "No example was confused with another class.";
  std::string text;
  for (size_t k = 0; k < std::min<size_t>(3, pairs.size()); ++k) {
    text +=
        fmt::format("{}{} taken for {} ({} times)", k == 0 ? "Most often confused: " : "; ",
                    confusion.classes[pairs[k].truth], confusion.classes[pairs[k].predicted], pairs[k].count);
  }
  return text + ".";
}

std::optional<core::Table> per_class_table(const json& evaluate) {
  const std::vector<std::string> classes = detail_texts(evaluate, "/classes");
  const std::vector<double> precision = detail_numbers(evaluate, "/per_class/precision"),
                            recall = detail_numbers(evaluate, "/per_class/recall"),
                            f1 = detail_numbers(evaluate, "/per_class/f1");
  if (classes.empty() || precision.size() != classes.size() || recall.size() != classes.size() ||
      f1.size() != classes.size()) {
    return std::nullopt;
  }
  core::Table table({"class", "precision %", "recall %", "F1 %"});
  for (size_t k = 0; k < classes.size(); ++k)
    table.add({classes[k], {100 * precision[k], 1}, {100 * recall[k], 1}, {100 * f1[k], 1}});
  return table;
}

Section by_class(const json& evaluate) {
  Section section{.title = "Results by class"};
  if (auto table = per_class_table(evaluate)) section.tables.push_back(std::move(*table));
  const Confusion confusion = read_confusion(evaluate);
  if (!confusion.counts.empty()) {
    section.text = "Rows of the matrix are the true classes, columns what the model took them for. " +
                   most_confused(confusion);
    const double side = std::clamp(120 + 50.0 * static_cast<double>(confusion.classes.size()), 320.0, 560.0);
    section.charts.push_back(core::heat_map({.title = "Confusion matrix",
                                             .x_label = "predicted",
                                             .y_label = "truth",
                                             .log_color = true,
                                             .width = side,
                                             .height = side},
                                            confusion.classes, confusion.classes, confusion.counts));
  }
  return section;
}

Section worst_mistakes(const Bundle& bundle, const json& evaluate) {
  Section section{.title = "Worst mistakes"};
  std::vector<core::Picture> pictures;
  core::Table rows({"example", "truth", "predicted", "confidence"});
  const json& mistakes = detail(evaluate, "/mistakes");
  for (const json& mistake : mistakes.is_array() ? mistakes : json::array()) {
    const std::string png = detail_text(mistake, "/png"), row = detail_text(mistake, "/row");
    const std::string truth = detail_text(mistake, "/truth"), predicted = detail_text(mistake, "/predicted");
    const json& confidence = detail(mistake, "/confidence");
    const std::string sure = confidence.is_number() ? percent(confidence) : "";
    if (!png.empty() && bundle.has(png)) {
      pictures.push_back({core::read_file(bundle.file(png)), truth + "\n→ " + predicted + "\n" + sure});
    } else if (!row.empty()) {
      rows.add({row, truth, predicted, sure});
    }
  }
  if (!pictures.empty()) {
    section.text =
        "Examples that the model was most sure of and wrong about: the truth, then → what it took them for.";
    section.charts.push_back(core::image_grid(
        {.title = "Mistakes, the most confident first", .width = kWholeRow}, pictures, kPicturesPerRow));
  }
  if (rows.size() > 0) section.tables.push_back(std::move(rows));
  return section;
}

Section times(const std::vector<StageReport>& stages) {
  Section section{.title = "Time by stage"};
  if (stages.empty()) return section;
  core::Table table({"stage", "time"});
  std::vector<std::string> names;
  std::vector<double> seconds;
  double total = 0;
  for (const StageReport& stage : stages) {
    names.push_back(stage.stage);
    seconds.push_back(stage.seconds);
    table.add({stage.stage, core::human_seconds(stage.seconds)});
    total += stage.seconds;
  }
  table.add({"all", core::human_seconds(total)});
  section.tables.push_back(std::move(table));
  section.charts.push_back(core::bar_chart({.title = "Seconds by stage",
                                            .x_label = "seconds",
                                            .width = 480,
                                            .height = bar_chart_height(names.size())},
                                           names, seconds));
  return section;
}

Section configuration(const Bundle& bundle) {
  Section section{.title = "Configuration"};
  if (bundle.has("pipeline.toml")) section.code = core::read_file(bundle.file("pipeline.toml"));
  return section;
}

std::vector<std::pair<std::string, std::string>> headline(const Bundle& bundle,
                                                          const std::vector<StageReport>& stages,
                                                          const json& data, const json& train) {
  std::vector<std::pair<std::string, std::string>> numbers;
  const auto add = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) numbers.emplace_back(name, value);
  };
  for (const std::string split : {"test", "holdout"}) {
    if (const auto accuracy = find_metric(stages, "accuracy", split))
      add(split + " accuracy", fmt::format("{:.2f} %", 100 * *accuracy));
  }
  if (const auto accuracy = find_metric(stages, "average_accuracy", "test"))
    add("average accuracy on the tasks", fmt::format("{:.2f} %", 100 * *accuracy));
  if (const auto coverage = find_metric(stages, "coverage", "test"))
    add("coverage of the sets", fmt::format("{:.2f} %", 100 * *coverage));
  if (const auto size = find_metric(stages, "mean_set_size", "test"))
    add("classes in a set", fmt::format("{:.2f}", *size));
  add("parameters", detail_text(train, "/model/parameters"));
  add("training examples", detail_text(data, "/examples/train"));
  if (const auto latency = find_metric(stages, "compiled_latency", ""))
    add("an example, compiled", fmt::format("{:.3g} ms", *latency));
  if (const auto report = bundle.stage("train")) add("training time", core::human_seconds(report->seconds));
  return numbers;
}

bool empty(const Section& section) {
  return section.text.empty() && section.tables.empty() && section.charts.empty() && section.code.empty();
}

}  // namespace

Page bundle_page(const Bundle& bundle) {
  const std::vector<StageReport> stages = bundle.stages();
  const json data = details_of(bundle, "data"), train = details_of(bundle, "train"),
             evaluate = details_of(bundle, "evaluate");

  Page page;
  page.title = std::filesystem::absolute(bundle.path()).lexically_normal().filename().string();
  for (const std::string& part : {detail_text(data, "/source"), detail_text(train, "/model/kind")}) {
    if (!part.empty()) page.subtitle += (page.subtitle.empty() ? "" : " · ") + part;
  }
  page.headline = headline(bundle, stages, data, train);
  for (Section& section : std::vector<Section>{
           what_was_run(data, train), results(stages), text_section(data, train), learning_curves(train),
           subspace_section(train), groups_section(bundle, train), continual_section(train),
           multitask_section(train), compiled_section(stages, details_of(bundle, "compile")),
           by_class(evaluate), trust_section(bundle, evaluate), checklist_section(evaluate),
           active_section(evaluate), opinion_section(evaluate), worst_mistakes(bundle, evaluate),
           times(stages), configuration(bundle)}) {
    if (!empty(section)) page.sections.push_back(std::move(section));
  }
  return page;
}

}  // namespace lathe::pipeline
