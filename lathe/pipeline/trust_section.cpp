#include "lathe/pipeline/trust_section.h"

#include <fmt/ranges.h>

#include <cmath>

#include "lathe/pipeline/details.h"

namespace lathe::pipeline {
namespace {

using nlohmann::json;

constexpr double kHalfRow = 485, kWholeRow = 1022, kHeight = 300;
constexpr int kPicturesPerRow = 8;
constexpr size_t kMaxRows = 40;  // of a table or a chart; more classes are in evaluate's stage file

double number(const json& details, const std::string& path) {
  const json& value = detail(details, path);
  return value.is_number() ? value.get<double>() : std::nan("");
}

std::string percent(double share) {
  return fmt::format("{:.2f} %", 100 * share);
}

void add_reliability(const json& evaluate, Section& section) {
  std::vector<core::Series> series;
  for (const auto& [name, path] :
       {std::pair<const char*, std::string>{"before scaling", "/reliability/before"},
        {"calibrated", "/reliability/after"}}) {
    core::Series curve{.name = name,
                       .x = detail_numbers(evaluate, path + "/confidence"),
                       .y = detail_numbers(evaluate, path + "/accuracy")};
    if (!curve.x.empty() && curve.x.size() == curve.y.size()) series.push_back(std::move(curve));
  }
  if (series.empty()) return;
  if (series.size() == 1) series[0].name = "model";
  series.push_back({.name = "perfect", .x = {0, 1}, .y = {0, 1}});
  section.charts.push_back(core::line_chart({.title = "Reliability: accuracy by confidence",
                                             .x_label = "confidence",
                                             .y_label = "accuracy",
                                             .width = kHalfRow,
                                             .height = kHeight},
                                            series));
}

std::string describe_sets(const json& sets) {
  const double coverage = number(sets, "/report/coverage");
  std::string text = fmt::format(
      "A prediction set holds the true class with a probability of {:g} %, whatever the model does, for "
      "examples like those that it was calibrated on. Of {} test examples it does for {}; a set holds {:.2f} "
      "classes on average.",
      100 * (1 - number(sets, "/report/alpha")), detail_text(sets, "/report/num_examples"), percent(coverage),
      number(sets, "/report/mean_size"));
  const double low = number(sets, "/report/observed_band/0"), high = number(sets, "/report/observed_band/1");
  if (std::isfinite(low))
    text += fmt::format(
        " With {} calibration examples, 99 % of calibrations cover between {} and {} of so many test "
        "examples: this one is {} the band.",
        detail_text(sets, "/report/num_calibration"), percent(low), percent(high),
        coverage >= low && coverage <= high ? "inside" : "outside");
  for (const std::string& note : detail_texts(sets, "/report/notes")) text += "\n\nNote: " + note + ".";
  return text;
}

void add_set_sizes(const json& sets, Section& section) {
  const std::vector<double> counts = detail_numbers(sets, "/report/size_counts");
  std::vector<std::string> labels;
  std::vector<double> values;
  for (size_t size = 0; size < counts.size(); ++size) {
    if (counts[size] == 0) continue;
    labels.push_back(std::to_string(size));
    values.push_back(counts[size]);
  }
  if (values.empty() || values.size() > kMaxRows) return;
  section.charts.push_back(core::bar_chart({.title = "Test examples by set size",
                                            .x_label = "examples",
                                            .y_label = "classes in the set",
                                            .width = kHalfRow,
                                            .height = kHeight},
                                           labels, values));
}

void add_slices(const json& sets, const std::string& path, const std::string& what, Section& section) {
  core::Table table({what, "examples", "coverage %", "mean size"});
  const json& slices = detail(sets, path);
  for (const json& slice : slices.is_array() ? slices : json::array())
    if (number(slice, "/count") > 0)
      table.add({detail_text(slice, "/name"),
                 detail_text(slice, "/count"),
                 {100 * number(slice, "/coverage"), 1},
                 {number(slice, "/mean_size"), 2}});
  if (table.size() > 0 && table.size() <= kMaxRows) section.tables.push_back(std::move(table));
}

void add_examples(const Bundle& bundle, const json& sets, const std::string& path, const std::string& title,
                  Section& section) {
  std::vector<core::Picture> pictures;
  core::Table rows({title, "truth", "set"});
  const json& shown = detail(sets, path);
  for (const json& entry : shown.is_array() ? shown : json::array()) {
    const std::string set = fmt::format("{{{}}}", fmt::join(detail_texts(entry, "/labels"), ", "));
    const std::string png = detail_text(entry, "/png"), row = detail_text(entry, "/row"),
                      truth = detail_text(entry, "/truth");
    if (!png.empty() && bundle.has(png))
      pictures.push_back({core::read_file(bundle.file(png)), truth + "\n" + set});
    else if (!row.empty())
      rows.add({row, truth, set});
  }
  if (!pictures.empty())
    section.charts.push_back(
        core::image_grid({.title = title, .width = kWholeRow}, pictures, kPicturesPerRow));
  if (rows.size() > 0) section.tables.push_back(std::move(rows));
}

}  // namespace

Section trust_section(const Bundle& bundle, const json& evaluate) {
  Section section{.title = "Calibration and prediction sets"};
  add_reliability(evaluate, section);
  const json& sets = detail(evaluate, "/conformal");
  if (!sets.is_object()) return section;
  section.text = describe_sets(sets);
  add_set_sizes(sets, section);
  add_slices(sets, "/report/by_class", "class", section);
  add_slices(sets, "/report/by_size", "set size", section);
  add_slices(sets, "/report/by_difficulty", "rank of the true class", section);
  add_examples(bundle, sets, "/small", "Small sets: the truth, {the set}", section);
  add_examples(bundle, sets, "/large", "Large sets: the truth, {the set}", section);
  return section;
}

}  // namespace lathe::pipeline
