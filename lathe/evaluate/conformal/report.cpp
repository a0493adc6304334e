#include "lathe/evaluate/conformal/report.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "lathe/evaluate/calibration.h"
#include "lathe/evaluate/conformal/quantile.h"
#include "lathe/evaluate/conformal/set_builder.h"
#include "lathe/evaluate/conformal/strata.h"
#include "lathe/evaluate/logit_rows.h"

namespace lathe::evaluate::conformal {
namespace {

struct Outcome {
  int64_t size = 0, rank = 0;
  bool covered = false;
  double confidence = 0, raw_confidence = 0;
};

std::vector<Outcome> outcomes(const Conformal& conformal, const LogitRows& logits, const Examples& examples,
                              const int64_t* labels) {
  const SetBuilder builder(conformal, logits, examples);
  std::vector<Outcome> result(static_cast<size_t>(logits.size()));
  for_each_chunk(logits.size(), [&](int64_t begin, int64_t end, int64_t) {
    RankedRow row(logits, conformal.fitted().temperature);
    std::vector<int64_t> set;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t example = logits.example(i), truth = labels[example];
      row.load(i);
      set.clear();
      builder.append_set(row, example, set);
      result[static_cast<size_t>(i)] = {.size = static_cast<int64_t>(set.size()),
                                        .rank = row.ranked(truth).rank,
                                        .covered = std::find(set.begin(), set.end(), truth) != set.end(),
                                        .confidence = row.confidence(),
                                        .raw_confidence = row.confidence_at(1)};
    }
  });
  return result;
}

// Sums over the examples of a slice, then their means.
void add(Slice& slice, const Outcome& outcome) {
  ++slice.count;
  slice.coverage += outcome.covered;
  slice.mean_size += static_cast<double>(outcome.size);
}
void finish(std::vector<Slice>& slices) {
  for (Slice& slice : slices) {
    slice.coverage /= static_cast<double>(slice.count);
    slice.mean_size /= static_cast<double>(slice.count);
  }
}

template <typename Value>
std::vector<Slice> slices_of(const std::vector<Outcome>& all, const std::vector<Stratum>& strata,
                             Value value) {
  std::vector<Slice> slices;
  for (const Stratum& stratum : strata) slices.push_back({stratum.name()});
  for (const Outcome& outcome : all)
    for (size_t j = 0; j < strata.size(); ++j)
      if (value(outcome) >= strata[j].low && value(outcome) <= strata[j].high) add(slices[j], outcome);
  finish(slices);
  return slices;
}

std::vector<Slice> slices_of(const std::vector<Outcome>& all, const LogitRows& logits, const int64_t* index,
                             const std::vector<std::string>& names) {
  std::vector<Slice> slices;
  for (const std::string& name : names) slices.push_back({name});
  for (int64_t i = 0; i < logits.size(); ++i) {
    const auto slice = static_cast<size_t>(index[logits.example(i)]);
    while (slices.size() <= slice) slices.push_back({std::to_string(slices.size())});
    add(slices[slice], all[static_cast<size_t>(i)]);
  }
  finish(slices);
  return slices;
}

std::vector<Stratum> difficulties(int64_t num_classes) {
  std::vector<Stratum> all = {{1, 1}, {2, 3}, {4, 6}, {7, 10}, {11, 100}, {101, num_classes}}, there;
  for (const Stratum& stratum : all)
    if (stratum.low <= num_classes) there.push_back({stratum.low, std::min(stratum.high, num_classes)});
  return there;
}

void measure_sizes(const std::vector<Outcome>& all, int64_t num_classes, Report& report) {
  std::vector<int64_t> sizes;
  std::vector<SizeAndCover> covers;
  report.size_counts.assign(static_cast<size_t>(num_classes) + 1, 0);
  for (const Outcome& outcome : all) {
    sizes.push_back(outcome.size);
    covers.push_back({outcome.size, outcome.covered});
    ++report.size_counts[static_cast<size_t>(outcome.size)];
    report.mean_size += static_cast<double>(outcome.size);
  }
  report.mean_size /= static_cast<double>(all.size());
  std::sort(sizes.begin(), sizes.end());
  report.median_size = static_cast<double>(sizes[(sizes.size() - 1) / 2] + sizes[sizes.size() / 2]) / 2;
  report.num_empty = report.size_counts.front();
  report.num_full = report.size_counts.back();
  const std::vector<Stratum> strata = size_strata(num_classes);
  report.by_size = slices_of(all, strata, [](const Outcome& o) { return o.size; });
  report.stratified_violation = stratified_violation(covers, strata, report.alpha);
}

void measure_confidence(const std::vector<Outcome>& all, Report& report) {
  std::vector<Confidence> before, after;
  int64_t first = 0, first_five = 0;
  for (const Outcome& outcome : all) {
    before.push_back({outcome.raw_confidence, outcome.rank == 1});
    after.push_back({outcome.confidence, outcome.rank == 1});
    first += outcome.rank == 1;
    first_five += outcome.rank <= 5;
  }
  const auto n = static_cast<double>(all.size());
  report.accuracy = static_cast<double>(first) / n;
  report.top5_accuracy = static_cast<double>(first_five) / n;
  report.ece_before = expected_calibration_error(reliability_curve(before));
  report.ece_after = expected_calibration_error(reliability_curve(after));
}

std::vector<std::string> notes_of(const Conformal& conformal, const Report& report) {
  std::vector<std::string> notes = conformal.warnings();
  const Rule& rule = conformal.fitted().rule;
  if (report.num_full > 0)
    notes.push_back(fmt::format("{} of {} sets hold all labels", report.num_full, report.num_examples));
  if (!rule.allow_empty && report.accuracy > 1 - report.alpha)
    notes.push_back(fmt::format(
        "without empty sets, coverage is at least the accuracy, {:.4f}, which is above {:.4g}: sets could be "
        "empty, or alpha smaller",
        report.accuracy, 1 - report.alpha));
  if (rule.method == Method::kNaive)
    notes.push_back("naive sets are not calibrated: nothing guarantees their coverage");
  return notes;
}

nlohmann::json to_json(const std::vector<Slice>& slices) {
  auto list = nlohmann::json::array();
  for (const Slice& s : slices)
    list.push_back(
        {{"name", s.name}, {"count", s.count}, {"coverage", s.coverage}, {"mean_size", s.mean_size}});
  return list;
}

}  // namespace

Report report(const Conformal& conformal, const Examples& examples) {
  const Fitted& fitted = conformal.fitted();
  const LogitRows logits(examples.logits, examples.rows);
  const at::Tensor labels = checked_labels(examples.labels, logits);
  const at::Tensor groups = checked_groups(examples, logits, fitted.condition);
  const std::vector<Outcome> all = outcomes(conformal, logits, examples, labels.data_ptr<int64_t>());

  Report report;
  report.num_examples = logits.size();
  report.num_calibration = conformal.num_calibration();
  report.alpha = fitted.alpha;
  const int64_t covered = std::count_if(all.begin(), all.end(), [](const Outcome& o) { return o.covered; });
  report.coverage = static_cast<double>(covered) / static_cast<double>(report.num_examples);
  report.coverage_interval = math::clopper_pearson_interval(covered, report.num_examples);
  const bool one_threshold = fitted.pools.size() == 1 && fitted.weights.empty();
  if (one_threshold && fitted.alpha > 0 && fitted.alpha < 1) {
    report.coverage_band = coverage_band(report.num_calibration, fitted.alpha);
    report.observed_band = observed_coverage_band(report.num_calibration, report.num_examples, fitted.alpha);
  }
  measure_sizes(all, logits.num_classes(), report);
  measure_confidence(all, report);
  report.by_difficulty =
      slices_of(all, difficulties(logits.num_classes()), [](const Outcome& o) { return o.rank; });
  std::vector<std::string> classes = fitted.classes;
  for (auto k = static_cast<int64_t>(classes.size()); k < logits.num_classes(); ++k)
    classes.push_back(std::to_string(k));
  report.by_class = slices_of(all, logits, labels.data_ptr<int64_t>(), classes);
  if (groups.defined()) report.by_group = slices_of(all, logits, groups.data_ptr<int64_t>(), fitted.groups);
  report.notes = notes_of(conformal, report);
  return report;
}

core::Table summary_table(const Report& r) {
  core::Table table({"quantity", "value"});
  const auto range = [](const math::Interval& i) { return fmt::format("{:.4f} – {:.4f}", i.low, i.high); };
  table.add({"examples", r.num_examples}).add({"calibration examples", r.num_calibration});
  table.add({"nominal coverage", 1 - r.alpha}).add({"coverage", r.coverage});
  table.add({"95 % interval", range(r.coverage_interval)});
  if (r.coverage_band) table.add({"99 % of calibrations", range(*r.coverage_band)});
  if (r.observed_band)
    table.add({fmt::format("… measured on {} examples", r.num_examples), range(*r.observed_band)});
  table.add({"mean size", {r.mean_size, 2}}).add({"median size", {r.median_size, 1}});
  table.add({"empty sets", r.num_empty}).add({"full sets", r.num_full});
  table.add({"stratified violation", r.stratified_violation});
  table.add({"accuracy", r.accuracy}).add({"top-5 accuracy", r.top5_accuracy});
  table.add({"calibration error, T = 1", r.ece_before}).add({"calibration error, fitted T", r.ece_after});
  return table;
}

core::Table slice_table(const std::string& what, const std::vector<Slice>& slices) {
  core::Table table({what, "examples", "coverage", "mean size"});
  for (const Slice& s : slices)
    if (s.count > 0) table.add({s.name, s.count, s.coverage, {s.mean_size, 2}});
  return table;
}

nlohmann::json to_json(const Report& r) {
  const auto range = [](const math::Interval& i) { return nlohmann::json{i.low, i.high}; };
  return {{"num_examples", r.num_examples},
          {"num_calibration", r.num_calibration},
          {"alpha", r.alpha},
          {"coverage", r.coverage},
          {"coverage_interval", range(r.coverage_interval)},
          {"coverage_band", r.coverage_band ? range(*r.coverage_band) : nlohmann::json()},
          {"observed_band", r.observed_band ? range(*r.observed_band) : nlohmann::json()},
          {"mean_size", r.mean_size},
          {"median_size", r.median_size},
          {"num_empty", r.num_empty},
          {"num_full", r.num_full},
          {"size_counts", r.size_counts},
          {"by_difficulty", to_json(r.by_difficulty)},
          {"by_size", to_json(r.by_size)},
          {"stratified_violation", r.stratified_violation},
          {"by_class", to_json(r.by_class)},
          {"by_group", to_json(r.by_group)},
          {"accuracy", r.accuracy},
          {"top5_accuracy", r.top5_accuracy},
          {"ece_before", r.ece_before},
          {"ece_after", r.ece_after},
          {"notes", r.notes}};
}

}  // namespace lathe::evaluate::conformal
