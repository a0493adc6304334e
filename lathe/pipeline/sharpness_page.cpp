#include "lathe/pipeline/sharpness_page.h"

#include <fmt/format.h>

#include <algorithm>

namespace lathe::pipeline {
namespace {

struct Row {
  std::string measure, rho, m;
  core::Cell value;
  bool same_place(const Row& other) const {
    return measure == other.measure && rho == other.rho && m == other.m;
  }
};

std::string micro_batch_name(const optim::SharpnessReport& report, const optim::AscentSharpness& ascent) {
  return ascent.micro_batch == report.examples ? "all" : std::to_string(ascent.micro_batch);
}

std::vector<Row> rows_of(const optim::SharpnessReport& report) {
  std::vector<Row> rows = {{"examples n", "", "", report.examples},
                           {"parameters k", "", "", report.parameters},
                           {"|w|^2", "", "", report.weight_norm2},
                           {"loss L(w)", "", "", report.loss}};
  const auto rho = [](double value) { return fmt::format("{:g}", value); };
  for (const auto& a : report.ascent)
    rows.push_back({"SAM sharpness", rho(a.rho), micro_batch_name(report, a), a.one_step});
  for (const auto& a : report.ascent)
    rows.push_back({"projected ascent", rho(a.rho), micro_batch_name(report, a), a.projected});
  for (const auto& a : report.average) {
    rows.push_back({"random direction", rho(a.rho), "all", a.mean});
    rows.push_back({"random direction, standard error", rho(a.rho), "all", a.standard_error});
  }
  const auto& values = report.spectrum.values;
  for (size_t i = 0; i < values.size(); ++i)
    rows.push_back({fmt::format("eigenvalue {}", i + 1), "", "all", values[i]});
  if (values.size() > 1)
    rows.push_back(
        {fmt::format("eigenvalue 1 / {}", values.size()), "", "all", values.front() / values.back()});
  if (!values.empty())
    rows.push_back({"eigenvalues, largest residual", "", "all",
                    *std::max_element(report.spectrum.residuals.begin(), report.spectrum.residuals.end())});
  if (!report.bounds.empty()) rows.push_back({"bound, delta", "", "all", report.bounds.front().delta});
  for (const auto& bound : report.bounds) {
    rows.push_back({"bound, largest loss", rho(bound.rho), "all", bound.max_loss});
    rows.push_back({"bound, complexity", rho(bound.rho), "all", bound.complexity});
    rows.push_back({"bound, sum", rho(bound.rho), "all", bound.bound});
  }
  return rows;
}

using Select = double (*)(const optim::AscentSharpness&);

core::Series ascent_series(const std::string& name, const optim::SharpnessReport& report,
                           const std::string& m, Select select) {
  core::Series series{.name = name, .x = {}, .y = {}};
  for (const auto& a : report.ascent) {
    if (micro_batch_name(report, a) != m) continue;
    series.x.push_back(a.rho);
    series.y.push_back(select(a));
  }
  return series;
}

core::Series average_series(const std::string& name, const optim::SharpnessReport& report) {
  core::Series series{.name = name, .x = {}, .y = {}};
  for (const auto& a : report.average) {
    series.x.push_back(a.rho);
    series.y.push_back(a.mean);
    series.low.push_back(a.mean - 2 * a.standard_error);
    series.high.push_back(a.mean + 2 * a.standard_error);
  }
  return series;
}

std::vector<std::string> micro_batch_names(const std::vector<NamedSharpness>& models) {
  std::vector<std::string> names;
  for (const auto& model : models)
    for (const auto& a : model.report.ascent)
      if (const auto name = micro_batch_name(model.report, a);
          std::find(names.begin(), names.end(), name) == names.end())
        names.push_back(name);
  return names;
}

Section against_rho(const std::vector<NamedSharpness>& models) {
  Section section{
      .title = "Sharpness against the radius",
      .text =
          "How much higher the loss is at distance ρ than at the model: after one step of gradient "
          "ascent, as SAM takes it, after more such steps inside the ball, and in random "
          "directions (band: two standard errors). m examples share one ascent."};
  const auto chart = [](const std::string& title, const std::vector<core::Series>& series) {
    return core::line_chart(
        {.title = title, .x_label = "ρ", .y_label = "rise of the loss", .log_x = true, .log_y = true},
        series);
  };
  for (const std::string& m : micro_batch_names(models)) {
    std::vector<core::Series> series;
    for (const auto& [name, report] : models) {
      const std::string prefix = models.size() > 1 ? name + ", " : "";
      series.push_back(
          ascent_series(prefix + "one step", report, m, [](const auto& a) { return a.one_step; }));
      series.push_back(
          ascent_series(prefix + "projected ascent", report, m, [](const auto& a) { return a.projected; }));
    }
    section.charts.push_back(chart(m == "all" ? "Ascent on all examples" : "Ascent, m = " + m, series));
  }
  std::vector<core::Series> averages;
  for (const auto& [name, report] : models)
    if (!report.average.empty()) averages.push_back(average_series(name, report));
  if (!averages.empty()) section.charts.push_back(chart("Random directions", averages));
  return section;
}

Section spectra(const std::vector<NamedSharpness>& models) {
  Section section{.title = "Largest eigenvalues of the Hessian"};
  std::vector<std::string> labels;
  std::vector<double> values;
  for (const auto& [name, report] : models) {
    for (size_t i = 0; i < report.spectrum.values.size(); ++i) {
      labels.push_back((models.size() > 1 ? name + " " : "") + fmt::format("λ{}", i + 1));
      values.push_back(report.spectrum.values[i]);
    }
    if (!report.spectrum.converged && !report.spectrum.values.empty())
      section.text +=
          fmt::format("{}: Lanczos had not converged after {} products. ", name, report.spectrum.products);
  }
  if (!values.empty())
    section.charts.push_back(core::bar_chart(
        {.title = "Eigenvalues", .height = 60 + 22 * static_cast<double>(values.size())}, labels, values));
  return section;
}

Section slices(const std::vector<NamedSharpness>& models) {
  Section section{
      .title = "Loss slice",
      .text =
          "The loss on a plane through the model (its middle), along two random directions whose "
          "filters have the norms of the model's (Li et al. 2018). The same directions for models "
          "of the same shape; colours are logarithmic, of each picture by itself."};
  for (const auto& [name, report] : models) {
    if (report.slice.losses.empty()) continue;
    std::vector<std::string> labels;
    for (double coordinate : report.slice.coordinates) labels.push_back(fmt::format("{:.1f}", coordinate));
    const std::vector<std::string> upwards(labels.rbegin(), labels.rend());
    const std::vector<std::vector<double>> rows(report.slice.losses.rbegin(), report.slice.losses.rend());
    section.charts.push_back(core::heat_map({.title = models.size() > 1 ? name : "Loss",
                                             .x_label = "first direction",
                                             .y_label = "second direction",
                                             .log_color = true,
                                             .width = 485,
                                             .height = 460},
                                            upwards, labels, rows));
  }
  return section;
}

constexpr const char* kBoundText =
    "With probability 1 - delta the error on new data is at most the largest training loss within ρ plus the "
    "complexity "
    "(Foret et al. 2021, Theorem 2, with its O(1) set to 0). The theorem is about a loss between 0 and 1, "
    "and the "
    "largest loss is what projected ascent found. For networks, k far above n, the complexity is larger than "
    "1 and "
    "the bound says nothing; what is useful is the largest loss minus L(w), the sharpness above.";

}  // namespace

core::Table sharpness_table(const std::vector<NamedSharpness>& models) {
  std::vector<std::string> columns = {"measure", "rho", "m"};
  std::vector<std::vector<Row>> rows;
  std::vector<Row> places;
  for (const auto& [name, report] : models) {
    columns.push_back(name);
    rows.push_back(rows_of(report));
    for (const Row& row : rows.back())
      if (std::none_of(places.begin(), places.end(), [&](const Row& p) { return p.same_place(row); }))
        places.push_back(row);
  }
  core::Table table(columns);
  for (const Row& place : places) {
    std::vector<core::Cell> cells = {place.measure, place.rho, place.m};
    for (const auto& column : rows) {
      const auto found =
          std::find_if(column.begin(), column.end(), [&](const Row& row) { return row.same_place(place); });
      cells.push_back(found == column.end() ? core::Cell("") : found->value);
    }
    table.add(std::move(cells));
  }
  return table;
}

Page sharpness_page(const std::vector<NamedSharpness>& models, const std::string& subtitle) {
  Page page{.title = "Sharpness", .subtitle = subtitle, .headline = {}, .sections = {}};
  for (const auto& [name, report] : models)
    if (!report.spectrum.values.empty())
      page.headline.emplace_back(name + ", λ1", fmt::format("{:.4g}", report.spectrum.values.front()));
  Section numbers{.title = "Numbers", .text = kBoundText, .tables = {sharpness_table(models)}};
  for (Section& section : std::vector<Section>{against_rho(models), spectra(models), slices(models)})
    if (!section.charts.empty()) page.sections.push_back(std::move(section));
  page.sections.push_back(std::move(numbers));
  return page;
}

}  // namespace lathe::pipeline
