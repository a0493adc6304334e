#include "lathe/train/opinion/mitigate.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lathe/core/edit_distance.h"
#include "lathe/core/error.h"
#include "lathe/core/progress.h"
#include "lathe/evaluate/conformal/quantile.h"
#include "lathe/train/opinion/examples.h"

namespace lathe::train::opinion {
namespace {

using evaluate::OpinionPredictions;
using evaluate::opinion::Balance;

constexpr double kCalibrationShare = 0.2;

std::vector<std::string> chosen(const data::Annotations& annotations, const MitigateOptions& options) {
  std::vector<std::string> known, names;
  for (const Strategy& strategy : strategies()) known.push_back(strategy.name);
  for (const std::string& name : options.strategies) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      const auto meant = core::nearest(name, known);
      throw InputError(
          "no strategy '{}'; {}", name,
          meant ? "did you mean '" + *meant + "'?" : fmt::format("there are {}", fmt::join(known, ", ")));
    }
    names.push_back(name);
  }
  if (!names.empty()) return names;
  for (const std::string& name : known) {
    const bool needs_groups = name == "group" || name == "balanced-groups" || name == "robust-groups";
    if (needs_groups && annotations.annotator_attributes.empty()) continue;
    if (name == "thresholds" && annotations.scale.num_classes() != 2) continue;
    names.push_back(name);
  }
  return names;
}

class Mitigation {
 public:
  Mitigation(const OpinionInputs& inputs, const data::Annotations& annotations,
             const data::AnnotationSplit& split, const MitigateOptions& options, core::Seed seed)
      : inputs_(inputs),
        annotations_(annotations),
        split_(split),
        options_(options),
        seed_(seed),
        training_(data::select(annotations, split.train)),
        training_profile_(evaluate::opinion::profile(training_)),
        every_row_(split.train.size()) {
    std::iota(every_row_.begin(), every_row_.end(), 0);
    bin_options_.attributes = options.attributes;
    if (bin_options_.attributes.empty())
      for (const data::Attribute& attribute : annotations.annotator_attributes)
        bin_options_.attributes.push_back(attribute.name);
  }

  OpinionPredictions run(const std::string& strategy) {
    if (strategy == "abstain") return abstaining();
    if (strategy == "thresholds") return with_thresholds();
    return predict(fitted(options_of(strategy), split_.train), inputs_, annotations_, split_.test);
  }

 private:
  FitOptions options_of(const std::string& strategy) const {
    FitOptions fit{.kind = Kind::all, .stop = options_.stop};
    if (strategy == "majority" || strategy == "group" || strategy == "person")
      fit.kind = parse_kind(strategy);
    if (strategy == "balanced-popularity") fit.weights = balanced(Balance::popularity);
    if (strategy == "balanced-disagreement") fit.weights = balanced(Balance::disagreement);
    if (strategy == "balanced-groups") fit.weights = balanced(Balance::groups);
    if (strategy == "robust-disagreement") fit.dro_groups = disagreement_bins();
    if (strategy == "robust-groups") fit.dro_groups = groups();
    return fit;
  }

  OpinionModel fitted(const FitOptions& fit, const std::vector<int64_t>& rows) const {
    return fit_best(inputs_, annotations_, rows, candidates(fit), seed_.stream("fit"));
  }

  std::vector<double> balanced(Balance balance) const {
    return evaluate::opinion::balanced_weights(training_, training_profile_, every_row_, balance,
                                               bin_options_);
  }

  std::vector<int32_t> disagreement_bins() const {
    std::vector<double> present;
    for (const double value : training_profile_.disagreement)
      if (std::isfinite(value)) present.push_back(value);
    const std::vector<double> edges = evaluate::opinion::bin_edges(present, bin_options_.num_bins);
    std::vector<int32_t> bins;
    for (const int32_t annotator : training_.annotator)
      bins.push_back(std::max(0, evaluate::opinion::bin_of(
                                     training_profile_.disagreement[static_cast<size_t>(annotator)], edges)));
    return bins;
  }

  std::vector<int32_t> groups() const {
    const data::Attribute of = data::annotator_groups(annotations_, bin_options_.attributes);
    std::vector<int32_t> codes;
    for (const int32_t annotator : training_.annotator)
      codes.push_back(of.codes[static_cast<size_t>(annotator)]);
    return codes;
  }

  OpinionPredictions with_thresholds() const {
    const OpinionModel model = fitted({.kind = Kind::all, .stop = options_.stop}, split_.train);
    const std::vector<double> thresholds = evaluate::opinion::personal_thresholds(
        annotations_, predict(model, inputs_, annotations_, split_.train), options_.min_labels);
    return evaluate::opinion::apply_thresholds(
        annotations_, predict(model, inputs_, annotations_, split_.test), thresholds);
  }

  // Split conformal sets of the score 1 - p of the label: calibrated on items that the model does not see.
  OpinionPredictions abstaining() const {
    const data::AnnotationSplit parts =
        data::split(training_, data::SplitBy::item, kCalibrationShare, seed_.stream("calibration"));
    std::vector<int64_t> fitting, calibrating;
    for (const int64_t i : parts.train) fitting.push_back(split_.train[static_cast<size_t>(i)]);
    for (const int64_t i : parts.test) calibrating.push_back(split_.train[static_cast<size_t>(i)]);
    const OpinionModel model = fitted({.kind = Kind::all, .stop = options_.stop}, fitting);
    const OpinionPredictions calibration = predict(model, inputs_, annotations_, calibrating);
    std::vector<double> scores;
    for (size_t i = 0; i < calibrating.size(); ++i)
      scores.push_back(1 - calibration.of(static_cast<int64_t>(
                               i))[annotations_.label[static_cast<size_t>(calibrating[i])]]);
    std::sort(scores.begin(), scores.end());
    const double largest = evaluate::conformal::conformal_quantile(scores, options_.abstain_alpha);

    const OpinionPredictions all = predict(model, inputs_, annotations_, split_.test);
    OpinionPredictions answered{.rows = {}, .num_classes = all.num_classes, .probabilities = {}};
    for (size_t i = 0; i < all.rows.size(); ++i) {
      const float* row = all.of(static_cast<int64_t>(i));
      const auto in_set =
          std::count_if(row, row + all.num_classes, [&](float p) { return 1 - p <= largest; });
      if (in_set > 1) continue;
      answered.rows.push_back(all.rows[i]);
      answered.probabilities.insert(answered.probabilities.end(), row, row + all.num_classes);
    }
    return answered;
  }

  const OpinionInputs& inputs_;
  const data::Annotations& annotations_;
  const data::AnnotationSplit& split_;
  const MitigateOptions& options_;
  const core::Seed seed_;
  const data::Annotations training_;
  const evaluate::opinion::Profile training_profile_;
  std::vector<int64_t> every_row_;  // of training_
  evaluate::opinion::BinOptions bin_options_;
};

}  // namespace

const std::vector<Strategy>& strategies() {
  static const std::vector<Strategy> kStrategies = {
      {"majority", "one answer, trained on majority labels"},
      {"all", "one answer, trained on all annotations"},
      {"balanced-popularity", "all, bins of popularity weighted to equal mass"},
      {"balanced-disagreement", "all, bins of the annotators' disagreement weighted to equal mass"},
      {"balanced-groups", "all, groups weighted to equal mass"},
      {"robust-disagreement", "all, group-DRO on bins of disagreement"},
      {"robust-groups", "all, group-DRO on groups"},
      {"thresholds", "all, a threshold for each annotator"},
      {"abstain", "all, no answer where both labels are plausible"},
      {"group", "the model knows the annotator's attributes"},
      {"person", "the model knows the annotator"},
  };
  return kStrategies;
}

std::vector<Mitigated> mitigate(const OpinionInputs& inputs, const data::Annotations& annotations,
                                const data::AnnotationSplit& split, const MitigateOptions& options,
                                core::Seed seed) {
  const std::vector<std::string> names = chosen(annotations, options);
  const evaluate::opinion::Profile profile = evaluate::opinion::profile(annotations);
  Mitigation mitigation(inputs, annotations, split, options, seed);
  evaluate::opinion::MeasureOptions measure = options.measure;
  measure.criteria = {options.criterion};
  core::Progress progress("mitigate", static_cast<int64_t>(names.size()), "strategies");
  std::vector<Mitigated> results;
  std::vector<evaluate::opinion::FairnessPoint> points;
  for (const std::string& name : names) {
    Mitigated& result =
        results.emplace_back(Mitigated{.strategy = name, .predictions = mitigation.run(name)});
    result.answered =
        static_cast<double>(result.predictions.rows.size()) / static_cast<double>(split.test.size());
    if (result.predictions.rows.empty())
      throw InputError("strategy {}: no test annotation is answered; a larger abstain_alpha answers more",
                       name);
    result.measurement = evaluate::opinion::measure(annotations, profile, result.predictions, measure);
    const auto& score =
        result.measurement.table(options.criterion).score(evaluate::opinion::Metric::accuracy);
    points.push_back({score.general.value, score.fairness.value});
    progress.update(static_cast<int64_t>(results.size()), name);
  }
  progress.finish();
  for (const size_t i : evaluate::opinion::pareto_front(points)) results[i].on_front = true;
  return results;
}

}  // namespace lathe::train::opinion
