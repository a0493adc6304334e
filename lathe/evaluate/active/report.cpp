#include "lathe/evaluate/active/report.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "lathe/core/error.h"
#include "lathe/data/cells.h"
#include "lathe/evaluate/active/anytime.h"
#include "lathe/evaluate/active/asking.h"

namespace lathe::evaluate::active {
namespace {

constexpr int64_t kTrajectoryPoints = 200;
constexpr double kLeastProbability = 1e-12;

// The steps that an estimate uses, as columns.
struct Used {
  std::vector<double> q, losses, cross_entropies;  // losses: given, or whether the prediction was wrong
  Labelled labelled;
  std::vector<std::string> classes;
  bool has_losses = false, has_labels = false, has_predictions = false;
};

std::vector<std::string> classes_of(const State& state, int64_t num_used) {
  if (!state.classes.empty()) return state.classes;
  std::set<std::string> names;
  for (int64_t i = 0; i < num_used; ++i) {
    const Asked& asked = state.steps[static_cast<size_t>(i)];
    if (!asked.answer->label.empty()) names.insert(asked.answer->label);
    if (!asked.prediction.empty()) names.insert(asked.prediction);
  }
  return {names.begin(), names.end()};
}

double cross_entropy(const std::vector<double>& probabilities, int64_t label) {
  return -std::log(std::max(kLeastProbability, probabilities[static_cast<size_t>(label)]));
}

Used used_steps(const State& state) {
  const int64_t n = state.num_answered();
  Used used{.classes = classes_of(state, n)};
  const data::TextIndex index(used.classes);
  used.labelled.num_pool = state.num_pool;
  used.labelled.num_classes = static_cast<int64_t>(used.classes.size());
  used.has_labels = n > 0 && !state.steps[0].answer->loss;
  used.has_predictions = used.has_labels && !state.steps[0].prediction.empty();
  used.has_losses = n > 0 && (used.has_predictions || !used.has_labels);
  const bool has_probabilities = used.has_labels && n > 0 && !state.steps[0].probabilities.empty();
  for (int64_t i = 0; i < n; ++i) {
    const Asked& asked = state.steps[static_cast<size_t>(i)];
    used.q.push_back(asked.q);
    if (!used.has_labels) {
      used.losses.push_back(*asked.answer->loss);
      continue;
    }
    const int64_t label = index.find(asked.answer->label);
    used.labelled.labels.push_back(label);
    if (used.has_predictions != !asked.prediction.empty() ||
        has_probabilities != !asked.probabilities.empty())
      throw InputError("step {}, id '{}': the model's outputs are there for some steps and not for others",
                       i + 1, asked.id);
    const int64_t prediction = used.has_predictions ? index.find(asked.prediction) : label;
    if (label < 0 || prediction < 0)
      throw InputError("step {}, id '{}': the prediction is none of the {} classes", i + 1, asked.id,
                       used.classes.size());
    used.labelled.predictions.push_back(prediction);
    if (used.has_predictions) used.losses.push_back(label != prediction);
    if (!has_probabilities) continue;
    used.cross_entropies.push_back(cross_entropy(asked.probabilities, label));
    if (used.classes.size() == 2) used.labelled.scores.push_back(asked.probabilities[1]);
  }
  used.labelled.q = used.q;
  return used;
}

EstimateRow mean_row(const std::string& name, const Used& used, const std::vector<double>& losses,
                     Estimator estimator, double confidence) {
  const Estimate estimate = risk(losses, used.q, used.labelled.num_pool, estimator);
  return {.name = name,
          .value = estimate.value,
          .standard_error = estimate.standard_error,
          .interval = interval(estimate, confidence),
          .plain = risk(losses, used.q, used.labelled.num_pool, Estimator::kNone).value};
}

double limited(double share) {
  return std::clamp(share, 0.0, 1.0);
}

math::Interval turned_over(const math::Interval& interval) {
  return {1 - interval.high, 1 - interval.low};
}

std::vector<EstimateRow> estimate_rows(const Used& used, Estimator estimator, const ReportOptions& options) {
  std::vector<EstimateRow> rows;
  if (used.q.empty()) return rows;
  const bool weighted = estimator != Estimator::kNone;
  if (!used.has_labels) {
    rows.push_back(mean_row("loss", used, used.losses, estimator, options.confidence));
    if (options.loss_range && weighted)
      rows.back().anytime = anytime_interval(used.losses, used.q, used.labelled.num_pool,
                                             {.confidence = options.confidence,
                                              .lowest = options.loss_range->low,
                                              .highest = options.loss_range->high});
    return rows;
  }
  if (!used.has_predictions) return rows;
  const auto plain = all_metrics(used.labelled, Estimator::kNone, options.confidence);
  const auto metrics = all_metrics(used.labelled, estimator, options.confidence);
  for (size_t i = 0; i < metrics.size(); ++i) {
    const Metric& m = metrics[i];
    if (m.name == "share") continue;  // has a table of its own
    rows.push_back({.name = m.name,
                    .of_class = m.of_class < 0 ? "" : used.classes[static_cast<size_t>(m.of_class)],
                    .value = m.value,
                    .standard_error = m.standard_error,
                    .interval = m.interval,
                    .plain = plain[i].value});
    if (m.name == "accuracy" && weighted)
      rows.back().anytime = turned_over(
          anytime_interval(used.losses, used.q, used.labelled.num_pool, {.confidence = options.confidence}));
  }
  if (!used.cross_entropies.empty())
    rows.insert(rows.begin() + 1,
                mean_row("cross-entropy", used, used.cross_entropies, estimator, options.confidence));
  return rows;
}

std::vector<TrajectoryPoint> trajectory(const Used& used, Estimator estimator, double confidence) {
  std::vector<TrajectoryPoint> points;
  if (!used.has_losses) return points;
  const auto n = static_cast<int64_t>(used.q.size());
  const int64_t every = (n + kTrajectoryPoints - 1) / kTrajectoryPoints;
  RunningRisk weighted(estimator, used.labelled.num_pool), plain(Estimator::kNone, used.labelled.num_pool);
  for (int64_t i = 0; i < n; ++i) {
    weighted.add(used.losses[static_cast<size_t>(i)], used.q[static_cast<size_t>(i)]);
    plain.add(used.losses[static_cast<size_t>(i)], used.q[static_cast<size_t>(i)]);
    if (i < 1 || ((i + 1) % every != 0 && i + 1 != n)) continue;
    const Estimate estimate = weighted.estimate();
    TrajectoryPoint point{.labels = i + 1,
                          .value = estimate.value,
                          .plain = plain.estimate().value,
                          .interval = interval(estimate, confidence)};
    if (used.has_labels) {  // accuracy
      point = {.labels = i + 1,
               .value = limited(1 - point.value),
               .plain = 1 - point.plain,
               .interval = {limited(1 - point.interval.high), limited(1 - point.interval.low)}};
    }
    points.push_back(point);
  }
  return points;
}

std::vector<ClassBalance> balance(const Used& used, Estimator estimator, double confidence) {
  std::vector<ClassBalance> classes;
  if (!used.has_labels) return classes;
  for (size_t c = 0; c < used.classes.size(); ++c) {
    const Metric estimate = share(used.labelled, static_cast<int64_t>(c), estimator, confidence);
    const auto& labels = used.labelled.labels;
    const auto count = std::count(labels.begin(), labels.end(), static_cast<int64_t>(c));
    classes.push_back({.name = used.classes[c],
                       .labels = count,
                       .share_of_labels = static_cast<double>(count) / static_cast<double>(labels.size()),
                       .share_of_pool = estimate.value,
                       .interval = estimate.interval});
  }
  return classes;
}

// All points labelled, each drawn for sure: estimates are the truth.
Used all_labelled(const Truth& truth, const Used& used) {
  const auto n = static_cast<size_t>(truth.pool.size());
  if (truth.labels.size() != n)
    throw InputError("{} true labels for {} points of the pool", truth.labels.size(), n);
  Used all{.classes = used.classes,
           .has_losses = true,
           .has_labels = true,
           .has_predictions = !truth.pool.predictions.empty()};
  const data::TextIndex index(all.classes);
  all.q.assign(n, 1);
  all.labelled = {.labels = truth.labels,
                  .q = all.q,
                  .num_pool = truth.pool.size(),
                  .num_classes = static_cast<int64_t>(all.classes.size())};
  for (size_t i = 0; i < n; ++i) {
    const int64_t prediction = all.has_predictions ? index.find(truth.pool.predictions[i]) : truth.labels[i];
    all.labelled.predictions.push_back(prediction);
    all.losses.push_back(prediction != truth.labels[i]);
  }
  if (!truth.pool.probabilities.defined()) return all;
  const at::Tensor& p = truth.pool.probabilities;
  all.cross_entropies = to_vector(losses(p, torch::tensor(truth.labels, torch::kInt64), Loss::kCrossEntropy));
  if (all.classes.size() == 2) all.labelled.scores = to_vector(p.select(1, 1));
  return all;
}

std::vector<std::string> notes_of(const Report& report, const State& state) {
  std::vector<std::string> notes;
  if (report.num_used == 0) {
    notes.push_back("no answer yet: nothing is known of the pool");
    return notes;
  }
  if (report.num_waiting > 0)
    notes.push_back(fmt::format(
        "{} answers wait: step {}, id '{}', comes before them and has none. Points must not be left out: "
        "those "
        "that are hard to label are not like the others",
        report.num_waiting, report.num_used + 1, state.steps[static_cast<size_t>(report.num_used)].id));
  if (report.options.estimator == Estimator::kNone &&
      report.options.proposal.kind != ProposalKind::kUniform &&
      report.options.acquisition != Acquisition::kRandom)
    notes.push_back("the estimator none ignores how points were chosen: its numbers are biased");
  if (report.num_used > 1 && report.effective_size < 0.5 * static_cast<double>(report.num_used))
    notes.push_back(fmt::format(
        "the weights are very unequal: {} labels count like {:.1f}; a larger floor makes them more equal",
        report.num_used, report.effective_size));
  if (report.estimates.empty())
    notes.push_back("the pool has no predictions: labels say which classes it has, not how good a model is");
  return notes;
}

}  // namespace

Report report(const State& state, const ReportOptions& options, const Truth* truth) {
  const Estimator estimator = state.options.estimator;
  const Used used = used_steps(state);
  Report result{.num_pool = state.num_pool,
                .num_asked = static_cast<int64_t>(state.steps.size()),
                .num_used = static_cast<int64_t>(used.q.size()),
                .options = state.options,
                .confidence = options.confidence};
  result.num_waiting = std::count_if(state.steps.begin() + result.num_used, state.steps.end(),
                                     [](const Asked& asked) { return asked.answer.has_value(); });
  const std::vector<double> all_weights = weights(estimator, used.q, state.num_pool);
  if (!used.q.empty())
    result.effective_size =
        risk(std::vector<double>(used.q.size(), 0), used.q, state.num_pool, estimator).effective_size;
  result.estimates = estimate_rows(used, estimator, options);
  if (truth && !result.estimates.empty()) {
    const std::vector<EstimateRow> exact =
        estimate_rows(all_labelled(*truth, used), Estimator::kNone, {.confidence = options.confidence});
    for (size_t i = 0; i < exact.size(); ++i) result.estimates[i].truth = exact[i].value;
  }
  result.classes = balance(used, estimator, options.confidence);
  result.followed = !used.has_losses ? "" : used.has_labels ? "accuracy" : "loss";
  result.trajectory = trajectory(used, estimator, options.confidence);
  for (size_t i = 0; i < used.q.size(); ++i) {
    const Asked& asked = state.steps[i];
    result.steps.push_back({.step = static_cast<int64_t>(i) + 1,
                            .id = asked.id,
                            .q = asked.q,
                            .score = asked.score,
                            .weight = all_weights[i],
                            .answer = asked.answer->loss ? "" : asked.answer->label,
                            .prediction = asked.prediction,
                            .loss = used.has_losses ? used.losses[i] : std::nan("")});
  }
  result.notes = notes_of(result, state);
  return result;
}

State simulate(const Pool& pool, const std::vector<int64_t>& labels, const ActiveOptions& options) {
  if (static_cast<int64_t>(labels.size()) != pool.size())
    throw InputError("{} labels for {} points of the pool", labels.size(), pool.size());
  State state = begin_state(pool, options);
  state.steps = draw_steps(state, pool, scores_of(pool, options), options.budget).steps;
  for (Asked& asked : state.steps)
    asked.answer =
        Answer{.label = pool.classes.at(static_cast<size_t>(labels[static_cast<size_t>(asked.index)]))};
  return state;
}

}  // namespace lathe::evaluate::active
