// Opinion fairness: a model that gives one answer to everybody serves some opinions worse than others.
#include <algorithm>
#include <cmath>
#include <map>

#include "lathe/core/progress.h"
#include "lathe/train/opinion/mitigate.h"
#include "studies/opinion_models.h"

namespace lathe::studies {
namespace {

using evaluate::opinion::Criterion;
using evaluate::opinion::Metric;
using pipeline::Scale;
using pipeline::StudyContext;
using pipeline::StudyResult;
using pipeline::StudyRow;

constexpr int64_t kLeastUsers = 10;  // of a bin whose accuracy says something

struct Plan {
  int64_t num_seeds = 3, num_null_runs = 20, num_replicates = 500;
  data::OpinionOptions features, texts = {.items = data::OpinionItems::texts};
  std::vector<double> minority_shares = {0.05, 0.1, 0.2, 0.3, 0.4};
};

Plan plan_of(Scale scale) {
  Plan plan;
  if (scale == Scale::smoke) {
    plan = {.num_seeds = 1, .num_null_runs = 1, .num_replicates = 0, .minority_shares = {}};
    plan.features.num_items = 600;
    plan.texts.num_items = 600;
  }
  if (scale == Scale::paper) plan.num_seeds = 10;
  return plan;
}

// What is looked at of each model: the same measures for all.
struct Served {
  double accuracy = 0, fairness = 0, worst_bin = 0, worst_decile = 0, minority_recall = 0;
  std::vector<std::pair<double, int64_t>> bins;  // accuracy and users, by rising disagreement
};

Served served(const evaluate::opinion::Measurement& m) {
  const auto& table = m.table(Criterion::annotator_disagreement);
  Served result{.accuracy = m.measure("accuracy").value,
                .fairness = table.score(Metric::accuracy).fairness.value,
                .worst_bin = 1,
                .worst_decile = m.measure("worst_decile").value,
                .minority_recall = m.measure("minority_recall").value,
                .bins = {}};
  for (const auto& bin : table.bins) {
    const double value = bin.values[0].value;
    if (!std::isfinite(value)) continue;
    result.bins.emplace_back(value, bin.num_annotators);
    result.worst_bin = std::min(result.worst_bin, value);
  }
  return result;
}

// Falls from bin to bin, of those with users enough.
bool falls(const Served& served) {
  double before = INFINITY;
  for (const auto& [accuracy, users] : served.bins) {
    if (users < kLeastUsers) continue;
    if (accuracy >= before) return false;
    before = accuracy;
  }
  return true;
}

using Results = std::map<std::string, std::vector<Served>>;  // by strategy, one a seed

Results run_world(const StudyContext& context, const data::OpinionOptions& options, const std::string& name,
                  const std::vector<std::string>& strategies, int64_t num_seeds) {
  Results results;
  for (int64_t s = 0; s < num_seeds; ++s) {
    const core::Seed seed = context.seed.stream(name).stream(static_cast<uint64_t>(s));
    const opinions::World world = opinions::make_world(options, seed);
    train::opinion::MitigateOptions mitigate{.strategies = strategies, .stop = context.stop};
    mitigate.measure.num_replicates = 0;
    for (const auto& one :
         train::opinion::mitigate(world.inputs, world.table(), world.split, mitigate, seed.stream("fit")))
      results[one.strategy].push_back(served(one.measurement));
  }
  return results;
}

std::vector<double> values(const std::vector<Served>& of, double Served::*measure) {
  std::vector<double> list;
  for (const Served& one : of) list.push_back(one.*measure);
  return list;
}

std::vector<double> gains(const Results& results, const char* better, const char* than,
                          double Served::*measure) {
  std::vector<double> list = values(results.at(better), measure);
  const std::vector<double> base = values(results.at(than), measure);
  for (size_t i = 0; i < list.size(); ++i) list[i] -= base[i];
  return list;
}

void add_models(StudyResult& result, const std::string& world, const Results& results,
                const std::vector<std::string>& strategies) {
  for (const std::string& strategy : strategies) {
    const auto& runs = results.at(strategy);
    const auto add = [&](const char* what, double Served::*measure) {
      result.rows.push_back(
          {fmt::format("{}: {}, {} ({})", world, strategy, what, opinions::spread(values(runs, measure))),
           {},
           {},
           opinions::mean(values(runs, measure)),
           {}});
    };
    add("accuracy of annotations", &Served::accuracy);
    add("fairness over disagreement bins", &Served::fairness);
    add("worst disagreement bin", &Served::worst_bin);
    add("worst decile of users", &Served::worst_decile);
    add("minority opinions recalled", &Served::minority_recall);
  }
}

void add_feature_bars(StudyResult& result, const Results& r) {
  const auto add = [&](const std::string& metric, const std::vector<double>& gain, double least) {
    result.rows.push_back({fmt::format("features: {}, least of the seeds", metric),
                           {},
                           {},
                           opinions::least(gain),
                           pipeline::Bar{.least = least}});
  };
  add("person − majority, accuracy", gains(r, "person", "majority", &Served::accuracy), 0.10);
  add("person − majority, worst disagreement bin", gains(r, "person", "majority", &Served::worst_bin), 0.12);
  add("person − majority, fairness", gains(r, "person", "majority", &Served::fairness), 0.025);
  add("group − majority, accuracy", gains(r, "group", "majority", &Served::accuracy), 0.03);
  double apart = 0;
  for (const double gain : gains(r, "all", "majority", &Served::accuracy))
    apart = std::max(apart, std::abs(gain));
  result.rows.push_back({"features: |all − majority|, accuracy, largest of the seeds",
                         {},
                         {},
                         apart,
                         pipeline::Bar{.most = 0.02}});
  const auto& mv = r.at("majority");
  result.rows.push_back(
      {"features: share of seeds in which the accuracy of a model of majority labels falls from bin to bin "
       "of disagreement",
       1.0,
       {},
       static_cast<double>(std::count_if(mv.begin(), mv.end(), falls)) / static_cast<double>(mv.size()),
       pipeline::Bar{.least = 1}});
}

// Where all have one opinion there is nothing to find: how often the interval of the users' true variance has
// 0.
double null_coverage(const StudyContext& context, const Plan& plan) {
  core::Progress progress("null", plan.num_null_runs, "runs");
  int64_t covered = 0;
  for (int64_t run = 0; run < plan.num_null_runs; ++run) {
    const core::Seed seed = context.seed.stream("null").stream(static_cast<uint64_t>(run));
    const opinions::World world = opinions::make_world(data::one_opinion(plan.features), seed);
    const auto model =
        train::opinion::fit(world.inputs, world.table(), world.split.train,
                            {.kind = train::opinion::Kind::all, .stop = context.stop}, seed.stream("fit"));
    const auto predictions = train::opinion::predict(model, world.inputs, world.table(), world.split.test);
    const auto m =
        evaluate::opinion::measure(world.table(), evaluate::opinion::profile(world.table()), predictions,
                                   {.criteria = {Criterion::annotator_disagreement},
                                    .num_replicates = std::max<int64_t>(plan.num_replicates, 50),
                                    .seed = seed.stream("bootstrap")});
    const auto& variance = m.measure("user_variance");
    covered += variance.interval.low <= 0 && variance.interval.high >= 0;
    progress.update(run + 1);
  }
  progress.finish();
  return static_cast<double>(covered) / static_cast<double>(plan.num_null_runs);
}

void add_sweep(StudyResult& result, const StudyContext& context, const Plan& plan) {
  if (plan.minority_shares.empty()) return;
  const std::vector<std::string> compared = {"majority", "group", "person"};
  std::map<std::string, core::Series> fairness, worst;
  for (const double share : plan.minority_shares) {
    data::OpinionOptions options = plan.features;
    options.groups = {1 - share, share};
    const Results results =
        run_world(context, options, fmt::format("minority of {:.0f} %", 100 * share), compared, 1);
    for (const auto& [name, runs] : results) {
      for (auto* of : {&fairness, &worst}) {
        (*of)[name].name = name;
        (*of)[name].x.push_back(share);
      }
      fairness[name].y.push_back(runs[0].fairness);
      worst[name].y.push_back(runs[0].worst_decile);
    }
  }
  const auto series = [](const std::map<std::string, core::Series>& of) {
    std::vector<core::Series> list;
    for (const auto& [name, one] : of) list.push_back(one);
    return list;
  };
  result.charts.push_back(core::line_chart(
      {.title = "Fairness over disagreement bins", .x_label = "share of the minority", .y_label = "F"},
      series(fairness)));
  result.charts.push_back(core::line_chart({.title = "The worst-served tenth of the users",
                                            .x_label = "share of the minority",
                                            .y_label = "accuracy"},
                                           series(worst)));
}

void add_bin_chart(StudyResult& result, const Results& results) {
  std::vector<core::Series> series;
  for (const char* name : {"majority", "all", "group", "person"}) {
    core::Series one{.name = name, .x = {}, .y = {}};
    const auto& bins = results.at(name)[0].bins;
    for (size_t b = 0; b < bins.size(); ++b) {
      one.x.push_back(static_cast<double>(b + 1));
      one.y.push_back(bins[b].first);
    }
    series.push_back(std::move(one));
  }
  result.charts.push_back(core::line_chart({.title = "Accuracy by how much users disagree with the majority",
                                            .x_label = "bin of disagreement",
                                            .y_label = "accuracy"},
                                           series));
}

StudyResult run(const StudyContext& context) {
  const Plan plan = plan_of(context.scale);
  StudyResult result;
  const std::vector<std::string> of_features = {
      "majority", "all",   "balanced-popularity", "balanced-disagreement", "robust-disagreement",
      "group",    "person"};
  const Results features = run_world(context, plan.features, "features", of_features, plan.num_seeds);
  add_feature_bars(result, features);
  result.rows.push_back(
      {fmt::format("one opinion: share of {} runs whose interval of the users' variance has 0",
                   plan.num_null_runs),
       {},
       {},
       null_coverage(context, plan),
       pipeline::Bar{.least = 0.9}});
  const std::vector<std::string> of_texts = {"majority", "all", "group", "person"};
  const Results texts = run_world(context, plan.texts, "texts", of_texts, plan.num_seeds);
  result.rows.push_back({"texts: person − majority, accuracy, least of the seeds",
                         {},
                         {},
                         opinions::least(gains(texts, "person", "majority", &Served::accuracy)),
                         pipeline::Bar{.least = 0.03}});
  add_models(result, "features", features, of_features);
  add_models(result, "texts", texts, of_texts);
  add_bin_chart(result, features);
  add_sweep(result, context, plan);
  result.notes = {
      "Every model is the best of six fits by the loss on a tenth of the training items: of penalties, and "
      "for those with vectors of two ranks.",
      "Disagreement is measured on the whole table, before the split; no model sees it of the items that "
      "judge.",
      "The paper's tables (F = 0.7788, G = 0.6250 over disagreement; 0.8288, 0.7231 over ambiguity) are of "
      "Wikipedia's toxicity labels, which are not here; that F and G of their bins are these numbers is a "
      "test."};
  if (context.scale == Scale::smoke) {
    for (pipeline::StudyRow& row : result.rows) row.bar.reset();
    result.notes.push_back("A fifth of the items and one seed: too few for the bars.");
  }
  return result;
}

const bool registered =
    pipeline::register_study({.name = "opinion-fairness",
                              .title = "Whose opinions a model serves",
                              .paper = "Balayn, Bozzon & Szlávik, CHI workshop 2019, arXiv 1911.02455",
                              .claim = "A model trained on majority labels serves users worse the more they "
                                       "disagree; models that know who is asked serve them better",
                              .module = "train",
                              .run = run});

}  // namespace
}  // namespace lathe::studies
