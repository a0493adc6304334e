// Subjective evaluation: what a specification of the evaluation makes visible.
#include <algorithm>
#include <map>
#include <optional>

#include "lathe/core/progress.h"
#include "studies/opinion_models.h"
#include "studies/subjective_power.h"

namespace lathe::studies {
namespace {

using pipeline::Scale;
using pipeline::StudyContext;
using pipeline::StudyResult;
using train::opinion::Kind;

struct Plan {
  int64_t num_seeds = 3;
  data::OpinionOptions features, texts = {.items = data::OpinionItems::texts};
  opinions::PowerOptions power;
};

Plan plan_of(Scale scale) {
  Plan plan;
  if (scale == Scale::smoke) {
    plan.num_seeds = 1;
    plan.features.num_items = plan.texts.num_items = 600;
    plan.power = {.num_replications = 5, .num_bootstrap = 100};
  }
  if (scale == Scale::paper) plan.num_seeds = 10, plan.power.num_replications = 500;
  return plan;
}

constexpr std::pair<const char*, Kind> kModels[] = {{"MV", Kind::majority},
                                                    {"ALL", Kind::all},
                                                    {"SOFT", Kind::soft},
                                                    {"GROUP", Kind::group},
                                                    {"PERSON", Kind::person}};

struct Scores {
  std::vector<double> own, majority, pooled;  // accuracy against each label, one a seed
};
using Results = std::map<std::string, Scores>;

Results run_world(const StudyContext& context, const data::OpinionOptions& options, const std::string& name,
                  int64_t num_seeds) {
  Results results;
  core::Progress progress(name, num_seeds * static_cast<int64_t>(std::size(kModels)), "models");
  int64_t done = 0;
  for (int64_t s = 0; s < num_seeds; ++s) {
    const core::Seed seed = context.seed.stream(name).stream(static_cast<uint64_t>(s));
    const opinions::World world = opinions::make_world(options, seed);
    for (const auto& [model, kind] : kModels) {
      const auto predictions =
          opinions::tuned_predictions(world, {.kind = kind}, context, seed.stream("fit"));
      results[model].own.push_back(opinions::accuracy(world, predictions));
      results[model].majority.push_back(opinions::majority_accuracy(world, predictions));
      results[model].pooled.push_back(opinions::pooled_majority_accuracy(world, predictions));
      progress.update(++done);
    }
  }
  progress.finish();
  return results;
}

std::vector<double> differences(std::vector<double> a, const std::vector<double>& b) {
  for (size_t i = 0; i < a.size(); ++i) a[i] -= b[i];
  return a;
}

void add_scores(StudyResult& result, const std::string& world, const Results& results) {
  for (const auto& [model, kind] : kModels) {
    const Scores& scores = results.at(model);
    const auto add = [&, &model = model](const char* what, const std::vector<double>& values) {
      result.rows.push_back({fmt::format("{}: {}, {} ({})", world, model, what, opinions::spread(values)),
                             {},
                             {},
                             opinions::mean(values),
                             {}});
    };
    add("accuracy against the majority (conventional)", scores.majority);
    add("accuracy of annotations", scores.own);
    add("what it says most people answer, against the majority", scores.pooled);
  }
}

void add_rank_flip(StudyResult& result, const Results& results) {
  const Scores &mv = results.at("MV"), &person = results.at("PERSON");
  result.rows.push_back({"features: MV − PERSON, accuracy against the majority, least of the seeds",
                         {},
                         {},
                         opinions::least(differences(mv.majority, person.majority)),
                         pipeline::Bar{.least = 0.08}});
  result.rows.push_back({"features: PERSON − MV, accuracy of annotations, least of the seeds",
                         {},
                         {},
                         opinions::least(differences(person.own, mv.own)),
                         pipeline::Bar{.least = 0.08}});
}

bool must_lose(const std::string& design) {
  return design == "majority as the target" || design == "unrepresentative annotators" ||
         design == "annotators filtered by agreement";
}

void add_power(StudyResult& result, const std::vector<opinions::Detection>& detections) {
  const double full = detections[0].found;
  result.rows.push_back({"planted exclusion found, as specified", {}, {}, full, pipeline::Bar{.least = 0.9}});
  result.rows.push_back({"false alarms without one, as specified",
                         {},
                         {},
                         detections[0].false_alarms,
                         pipeline::Bar{.most = 0.08}});
  std::vector<std::string> labels;
  std::vector<double> found;
  for (const auto& detection : detections) {
    labels.push_back(detection.design);
    found.push_back(detection.found);
    if (&detection == &detections[0]) continue;
    std::optional<pipeline::Bar> bar;
    if (must_lose(detection.design)) bar = pipeline::Bar{.least = 0.3};
    result.rows.push_back(
        {fmt::format("power lost: {} (found in {:.0f} %)", detection.design, 100 * detection.found),
         {},
         {},
         full - detection.found,
         bar});
  }
  for (const auto& detection : detections)
    result.rows.push_back({fmt::format("the check finds fault with the data: {}", detection.design),
                           {},
                           {},
                           detection.flagged,
                           {}});
  result.charts.push_back(core::bar_chart({.title = "How often the planted exclusion is found",
                                           .x_label = "share of replications",
                                           .y_label = ""},
                                          labels, found));
}

void add_chart(StudyResult& result, const Results& results) {
  std::vector<core::Series> series;
  for (const auto& [model, kind] : kModels)
    series.push_back({.name = model, .x = results.at(model).majority, .y = results.at(model).own});
  result.charts.push_back(core::scatter_chart({.title = "Two ways to judge the same models",
                                               .x_label = "accuracy against the majority",
                                               .y_label = "accuracy of annotations"},
                                              series));
}

StudyResult run(const StudyContext& context) {
  const Plan plan = plan_of(context.scale);
  StudyResult result;
  const Results features = run_world(context, plan.features, "features", plan.num_seeds);
  add_rank_flip(result, features);
  add_power(result, opinions::detection_power(context, plan.power));
  const Results texts = run_world(context, plan.texts, "texts", plan.num_seeds);
  result.rows.push_back({"texts: PERSON − ALL, accuracy of annotations, least of the seeds",
                         {},
                         {},
                         opinions::least(differences(texts.at("PERSON").own, texts.at("ALL").own)),
                         pipeline::Bar{.least = 0.03}});
  add_scores(result, "features", features);
  add_scores(result, "texts", texts);
  add_chart(result, features);
  result.notes = {
      "The paper is a position paper without numbers; its claim is that the specification is what makes the "
      "bias visible.",
      "Every model is the best of six fits by the loss on a tenth of the training items.",
      "Each replication makes up other people and samples, and a model of the majority's labels. The planted "
      "effect: a "
      "group of 15 % of the people looks at other features than the rest, so that the model is at least 15 "
      "points "
      "less accurate for it; populations in which it happens to agree with the rest are drawn again."};
  if (context.scale == Scale::smoke) {
    for (pipeline::StudyRow& row : result.rows) row.bar.reset();
    result.notes.push_back("A fifth of the items and one seed: too few for the bars.");
  }
  return result;
}

const bool registered =
    pipeline::register_study({.name = "subjective-evaluation",
                              .title = "Evaluations when the label is an opinion",
                              .paper = "Balayn & Bozzon, REAIS workshop at HCOMP 2019, arXiv 1911.02471",
                              .claim = "Which model is better depends on whose labels judge it, and leaving "
                                       "out a line of the specification hides who is excluded",
                              .module = "train",
                              .run = run});

}  // namespace
}  // namespace lathe::studies
