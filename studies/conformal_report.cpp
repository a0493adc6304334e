#include "studies/conformal_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace lathe::studies::conformal {
namespace {

using evaluate::conformal::Method;
using pipeline::Bar;

constexpr double kCoverageTolerance = 0.003;

// Angelopoulos et al., ResNet-152 on ImageNet-val at α = 0.1: mean sizes, naive coverage, SSCV.
constexpr double kPaperTopK = 2.64, kPaperAps = 10.4, kPaperRaps = 2.09, kPaperLac = 1.76,
                 kPaperNaive = 0.894;
constexpr double kPaperViolationAps = 0.070, kPaperViolationRaps = 0.041, kPaperViolationLac = 0.156;

std::optional<double> at_tenth(const Comparison& comparison, double value) {
  return comparison.alpha == 0.1 ? std::optional(value) : std::nullopt;
}

// NaN where no example is in a slice.
std::optional<double> beside_aps(const std::string& variant, double aps) {
  return variant == kAps || std::isnan(aps) ? std::nullopt : std::optional(aps);
}

double percent(const Slice& slice, const std::vector<Slice>& all) {
  double total = 0;
  for (const Slice& other : all) total += static_cast<double>(other.count);
  return 100 * static_cast<double>(slice.count) / total;
}

Bar around(double coverage) {
  return {.least = coverage - kCoverageTolerance, .most = coverage + kCoverageTolerance};
}

}  // namespace

const Summary& Comparison::of(const std::string& variant) const {
  for (size_t v = 0; v < variants.size(); ++v)
    if (variants[v].name == variant) return summaries[v];
  throw std::logic_error("no variant " + variant);
}

std::string Comparison::where() const {
  return fmt::format("{}, α = {:g}: ", pool, alpha);
}

std::optional<double> Published::size(const std::string& variant) const {
  for (const auto& [name, size] : sizes)
    if (name == variant) return size;
  return {};
}

void Report::add(const std::string& metric, std::optional<double> paper, std::optional<double> baseline,
                 double measured, std::optional<Bar> bar) {
  result_.rows.push_back(
      {.metric = metric, .paper = paper, .baseline = baseline, .measured = measured, .bar = bar});
}

void Report::coverage_and_size(const Comparison& comparison, const Published& published) {
  const double nominal = 1 - comparison.alpha, aps = comparison.of(kAps).size;
  std::vector<std::string> names;
  std::vector<double> sizes;
  for (size_t v = 0; v < comparison.variants.size(); ++v) {
    const auto& [name, options] = comparison.variants[v];
    const Summary& summary = comparison.summaries[v];
    const bool calibrated = options.method != Method::kNaive;
    add(comparison.where() + name + ", coverage (baseline: nominal)",
        calibrated ? std::nullopt : published.naive_coverage, nominal, summary.coverage,
        calibrated ? std::optional(around(nominal)) : std::nullopt);
    add(comparison.where() + name + ", mean size (baseline: APS)", published.size(name),
        beside_aps(name, aps), summary.size);
    names.push_back(name);
    sizes.push_back(summary.size);
  }
  result_.charts.push_back(
      core::bar_chart({.title = comparison.where() + "mean set size", .x_label = "labels"}, names, sizes));
}

void Report::naive_coverage(const std::vector<Comparison>& comparisons) {
  double furthest = 0;
  for (const Comparison& c : comparisons)
    furthest = std::max(furthest, std::abs(c.of(kNaive).coverage - (1 - c.alpha)));
  add("naive sets: largest distance of coverage from nominal", std::abs(kPaperNaive - 0.9), {}, furthest,
      Bar{.least = 0.004});
}

void Report::size_ratios(const Comparison& c) {
  const double top_k = c.of(kTopK).size, aps = c.of(kAps).size, raps = c.of(kRaps).size,
               lac = c.of(kLac).size;
  add(c.where() + "mean size, RAPS (size) / APS", at_tenth(c, kPaperRaps / kPaperAps), aps, raps / aps,
      Bar{.most = 0.6});
  add(c.where() + "mean size, RAPS (size) / top-k", at_tenth(c, kPaperRaps / kPaperTopK), top_k, raps / top_k,
      Bar{.most = 1});
  add(c.where() + "mean size, LAC / RAPS (size)", at_tenth(c, kPaperLac / kPaperRaps), raps, lac / raps,
      Bar{.most = 1});
}

void Report::size_stratified_violations(const Comparison& c) {
  const double aps = c.of(kAps).violation, raps = c.of(kRapsAdaptive).violation, lac = c.of(kLac).violation;
  add(c.where() + "SSCV, APS", at_tenth(c, kPaperViolationAps), {}, aps);
  add(c.where() + "SSCV, RAPS (adaptiveness) / APS", at_tenth(c, kPaperViolationRaps / kPaperViolationAps),
      aps, raps / aps, Bar{.most = 1});
  add(c.where() + "SSCV, RAPS (size)", {}, aps, c.of(kRaps).violation);
  add(c.where() + "SSCV, LAC / RAPS (adaptiveness)", at_tenth(c, kPaperViolationLac / kPaperViolationRaps),
      raps, lac / raps, Bar{.least = 1.5});
}

void Report::by_difficulty(const Comparison& c) {
  const std::vector<Slice>& aps = c.of(kAps).by_difficulty;
  std::vector<std::string> ranks;
  for (const Slice& slice : aps) ranks.push_back(slice.name);
  std::vector<std::string> names;
  std::vector<std::vector<double>> coverages;
  for (const auto& [name, options] : c.variants) {
    const std::vector<Slice>& slices = c.of(name).by_difficulty;
    names.push_back(name);
    coverages.emplace_back();
    for (size_t j = 0; j < slices.size(); ++j) {
      coverages.back().push_back(slices[j].coverage);
      if (slices[j].count == 0 || (name != kRaps && name != kLac)) continue;
      const std::string what = fmt::format("{}true label of rank {} ({:.1f} %), {}, ", c.where(),
                                           slices[j].name, percent(slices[j], slices), name);
      add(what + "coverage (baseline: APS)", {}, beside_aps(name, aps[j].coverage), slices[j].coverage);
      add(what + "mean size (baseline: APS)", {}, beside_aps(name, aps[j].mean_size), slices[j].mean_size);
    }
  }
  result_.charts.push_back(
      core::heat_map({.title = c.where() + "coverage by difficulty", .x_label = "rank of the true label"},
                     names, ranks, coverages));
}

void Report::by_size(const Comparison& c) {
  for (const std::string& name : {kAps, kRapsAdaptive, kLac}) {
    const std::vector<Slice>& slices = c.of(name).by_size;
    for (size_t j = 0; j < slices.size(); ++j)
      if (slices[j].count > 0)
        add(fmt::format("{}sets of {} labels ({:.1f} %), {}, coverage (baseline: APS)", c.where(),
                        slices[j].name, percent(slices[j], slices), name),
            {}, beside_aps(name, c.of(kAps).by_size[j].coverage), slices[j].coverage);
  }
}

void Report::synthetic_sizes(const Comparison& c) {
  const double aps = c.of(kAps).size;
  add(c.where() + "APS, mean size", {}, {}, aps, Bar{.least = 55});
  add(c.where() + kRaps + ", mean size (baseline: APS)", {}, aps, c.of(kRaps).size,
      Bar{.least = 4.4, .most = 5.4});
  add(c.where() + "LAC, mean size (baseline: APS)", {}, aps, c.of(kLac).size, Bar{.least = 1.9, .most = 2.3});
  for (size_t v = 0; v < c.variants.size(); ++v)
    add(c.where() + c.variants[v].name + ", coverage (baseline: nominal)", {}, 1 - c.alpha,
        c.summaries[v].coverage, around(1 - c.alpha));
}

void Report::size_table(const SizeTable& table) {
  std::vector<std::string> rows, columns;
  for (double lambda : table.lambdas) rows.push_back(fmt::format("λ = {:g}", lambda));
  for (int64_t k_reg : table.k_regs) columns.push_back(fmt::format("k_reg = {}", k_reg));
  const std::string where = fmt::format("{}, α = {:g}: RAPS, ", table.pool, table.alpha);
  for (size_t r = 0; r < rows.size(); ++r)
    for (size_t k = 0; k < columns.size(); ++k)
      add(where + rows[r] + ", " + columns[k] + ", mean size", {}, {}, table.sizes[r][k]);
  result_.charts.push_back(core::heat_map({.title = where + "mean size"}, rows, columns, table.sizes));
}

void Report::shift(const Comparison& kept, const Comparison& again, const Published& published) {
  const double nominal = 1 - kept.alpha;
  for (const auto& [name, options] : kept.variants) {
    if (options.method == Method::kNaive) continue;
    add(fmt::format("{}{}, points of coverage lost with the old calibration", kept.where(), name), {}, {},
        100 * (nominal - kept.of(name).coverage), Bar{.least = 2});
    add(fmt::format("{}{}, coverage after re-calibration (baseline: before)", kept.where(), name), {},
        kept.of(name).coverage, again.of(name).coverage, around(nominal));
    add(fmt::format("{}{}, mean size after re-calibration (baseline: APS)", kept.where(), name),
        published.size(name), beside_aps(name, again.of(kAps).size), again.of(name).size);
  }
}

}  // namespace lathe::studies::conformal
