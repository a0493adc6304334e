#include "studies/group_invariance_report.h"

#include <fmt/format.h>

#include <algorithm>

namespace lathe::studies::group_invariance {
namespace {

using pipeline::Bar;
using pipeline::StudyResult;

constexpr double kAboveZero = 1e-6;  // points; one test image of one seed is 0.004

const std::map<std::string, std::string> kNames = {{"pgi", "PGI"},           {"irm_v1", "IRMv1"},
                                                   {"rex", "REx"},           {"group_dro", "GroupDRO"},
                                                   {"reweight", "Reweight"}, {"cmmd", "cMMD"}};

void add(StudyResult& result, const std::string& metric, std::optional<double> baseline, double measured,
         std::optional<Bar> bar = {}) {
  result.rows.push_back(
      {.metric = metric, .paper = {}, .baseline = baseline, .measured = measured, .bar = bar});
}

double gain(const Cell& cell, const Results& results, double Outcome::*number) {
  return cell.mean(number) - results.erm_mean(number);
}

std::string where(const Cell& cell) {
  return fmt::format("{}, {}, {}", cell.network, to_string(cell.parts), to_string(cell.rule));
}

std::string setting(const Cell& cell) {
  return cell.weight == 0 ? "no λ: ERM" : fmt::format("λ = {:g}", cell.weight);
}

void add_gains(const Results& results, Parts parts, double least_sg, double least_id, StudyResult& result) {
  const Cell& cell = results.cell("pgi", parts, Rule::shifted);
  add(result, fmt::format("{}: PGI ({}) − ERM on sg, points", where(cell), setting(cell)),
      results.erm_mean(&Outcome::sg), gain(cell, results, &Outcome::sg), Bar{.least = least_sg});
  add(result, where(cell) + ": the same on id, points", results.erm_mean(&Outcome::id),
      gain(cell, results, &Outcome::id), Bar{.least = least_id});
}

}  // namespace

void report_gated(const Results& results, StudyResult& result) {
  add_gains(results, Parts::given, 15, -6, result);
  add_gains(results, Parts::inferred, 8, -8, result);
  const Cell& id_only = results.cell("pgi", Parts::inferred, Rule::id_only);
  add(result, fmt::format("{}: PGI ({}) − ERM on sg, points", where(id_only), setting(id_only)),
      results.erm_mean(&Outcome::sg), gain(id_only, results, &Outcome::sg), Bar{.least = 4});
  const Cell& given = results.cell("pgi", Parts::given, Rule::id_only);
  add(result, fmt::format("{}: PGI ({}) − ERM on sg, points", where(given), setting(given)),
      results.erm_mean(&Outcome::sg), gain(given, results, &Outcome::sg));
  for (const Parts parts : {Parts::given, Parts::inferred}) {
    const Cell& pgi = results.cell("pgi", parts, Rule::shifted);
    double best = 0;
    for (const char* other : {"irm_v1", "rex", "group_dro"})
      best = std::max(best, results.cell(other, parts, Rule::shifted).mean(&Outcome::sg));
    add(result, where(pgi) + ": PGI − best of IRMv1, REx, GroupDRO on sg, points (not gated)", best,
        pgi.mean(&Outcome::sg) - best);
  }
}

void report_sign(const Results& results, StudyResult& result) {
  for (const Parts parts : {Parts::given, Parts::inferred}) {
    const Cell& cell = results.cell("pgi", parts, Rule::shifted);
    add(result, fmt::format("{}: PGI ({}) − ERM on sg, points", where(cell), setting(cell)),
        results.erm_mean(&Outcome::sg), gain(cell, results, &Outcome::sg), Bar{.least = kAboveZero});
  }
}

void report_partition(const Results& results, StudyResult& result) {
  double precision = 0, recall = 0;
  const Cell& cell = results.cell("pgi", Parts::inferred, Rule::shifted);
  for (const Outcome& o : cell.seeds) {
    precision += o.agreement.precision / static_cast<double>(cell.seeds.size());
    recall += o.agreement.recall / static_cast<double>(cell.seeds.size());
  }
  add(result, cell.network + ": inferred part 1, precision for the true minority", {}, precision,
      Bar{.least = 0.6});
  add(result, cell.network + ": inferred part 1, recall of the true minority", {}, recall, Bar{.least = 0.4});
}

void report_accuracies(const Results& results, StudyResult& result) {
  add(result,
      fmt::format("{}, ERM: sg accuracy % (id {:.1f}, xn {:.1f}, anomaly AP {:.1f})", results.network,
                  results.erm_mean(&Outcome::id), results.erm_mean(&Outcome::xn),
                  results.erm_mean(&Outcome::ap)),
      {}, results.erm_mean(&Outcome::sg));
  for (const Cell& cell : results.cells) {
    const auto collapsed =
        std::count_if(cell.seeds.begin(), cell.seeds.end(), [](const Outcome& o) { return o.collapsed; });
    add(result,
        fmt::format("{}: {} ({}), sg accuracy % (id {:.1f}, xn {:.1f}, anomaly AP {:.1f}{})", where(cell),
                    kNames.at(cell.method), setting(cell), cell.mean(&Outcome::id), cell.mean(&Outcome::xn),
                    cell.mean(&Outcome::ap),
                    collapsed > 0 ? fmt::format("; {} of {} collapsed", collapsed, cell.seeds.size()) : ""),
        results.erm_mean(&Outcome::sg), cell.mean(&Outcome::sg));
  }
}

void chart_weights(const Results& results, StudyResult& result) {
  for (const Parts parts : {Parts::given, Parts::inferred}) {
    std::vector<core::Series> series;
    for (const auto& [name, number] :
         {std::pair{"id", &Outcome::id}, std::pair{"xn", &Outcome::xn}, std::pair{"sg", &Outcome::sg}}) {
      core::Series& line = series.emplace_back(core::Series{.name = name, .x = {}, .y = {}});
      for (const auto& [weight, o] : results.tried.at({"pgi", parts})) {
        line.x.push_back(weight);
        line.y.push_back(o.*number);
      }
    }
    result.charts.push_back(core::line_chart(
        {.title = fmt::format("{}, {}: PGI against its λ, first seed", results.network, to_string(parts)),
         .x_label = "λ",
         .y_label = "test accuracy, %",
         .log_x = true},
        series));
  }
}

}  // namespace lathe::studies::group_invariance
