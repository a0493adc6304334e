#include "studies/subjective_power.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "lathe/core/progress.h"
#include "lathe/evaluate/opinion/profile.h"
#include "lathe/evaluate/subjective/check.h"
#include "lathe/evaluate/subjective/evaluation.h"
#include "lathe/train/opinion/fit.h"

namespace lathe::studies::opinions {
namespace {

namespace subjective = evaluate::subjective;

constexpr const char* kExcluded = "g1";  // 15 % of the people

// Ten annotations of each of 250 samples by 100 people in the users' shares, a tenth asked for twice: 400
// answers of the smallest group.
constexpr int64_t kPeople = 100, kPerSample = 10;

constexpr const char* kSpecification = R"(
[use]
unit_of_service = { value = "group", rationale = "one answer is shown to every group" }
[users]
attributes = { value = ["group"], rationale = "opinions differ between groups" }
shares = { value = { group = { g0 = 0.85, g1 = 0.15 } }, rationale = "of the users" }
never_excluded = { value = ["g1"], rationale = "the smallest group" }
min_group_size = { value = 5, rationale = "fewer people could be recognised" }
[samples]
strata = { value = ["ambiguity"], rationale = "easy samples hide disagreement" }
shares = { value = { ambiguity = { low = 0.334, medium = 0.333, high = 0.333 } }, rationale = "as in use" }
[annotators]
match_tolerance = { value = 0.05, rationale = "quotas" }
annotations_per_sample = { value = 10, rationale = "every group sees every sample" }
repeat_rate = { value = 0.05, rationale = "for the ceiling" }
quality_control = { value = ["consistency"], rationale = "agreement would remove minorities" }
[target]
compared_with = { value = "own label", rationale = "opinions are what is served" }
[acceptance]
metric = { value = "accuracy", rationale = "usual" }
tolerated_gap = { value = 0, rationale = "no group may be served worse" }
confidence = { value = 0.95, rationale = "usual" }
correction = { value = "holm", rationale = "two groups" }
)";

// Everybody answers every sample, so that any recruitment can be drawn from it. Three quarters of them train
// the model that is to be judged, as usual: one answer, of their majorities.
struct Population {
  data::Opinions opinions;
  evaluate::OpinionPredictions predictions;  // of every annotation
  std::vector<char> judged;                  // [items]
  const data::Annotations& table() const { return opinions.annotations; }
};

Population make_population(data::OpinionOptions options, const core::StopToken& stop, core::Seed seed) {
  options.num_items = 1000;
  options.num_annotators = options.annotations_per_item = 2 * kPeople;
  options.repeat_rate = 0.1;
  Population population{data::generate_opinions(options, seed.stream("opinions")), {}, {}};
  const data::Annotations& table = population.table();
  const data::AnnotationSplit split = data::split(table, data::SplitBy::item, 0.25, seed.stream("split"));
  const auto inputs = train::opinion::opinion_inputs(table, train::opinion::table_features(table));
  const auto model = train::opinion::fit(
      inputs, table, split.train, {.kind = train::opinion::Kind::majority, .stop = stop}, seed.stream("fit"));
  std::vector<int64_t> rows(static_cast<size_t>(table.size()));
  std::iota(rows.begin(), rows.end(), 0);
  population.predictions = train::opinion::predict(model, inputs, table, rows);
  population.judged.assign(table.items.size(), 0);
  for (const int64_t row : split.test)
    population.judged[static_cast<size_t>(table.item[static_cast<size_t>(row)])] = 1;
  return population;
}

// How much less accurate the model is for the group than for the others, of everybody and every judged
// sample.
double true_gap(const Population& population) {
  const data::Annotations& table = population.table();
  const std::vector<int32_t> labels = evaluate::predicted_labels(population.predictions);
  double right[2] = {0, 0}, all[2] = {0, 0};
  for (size_t row = 0; row < labels.size(); ++row) {
    if (!population.judged[static_cast<size_t>(table.item[row])]) continue;
    const bool in_group = population.opinions.group[static_cast<size_t>(table.annotator[row])] == 1;
    right[in_group] += labels[row] == table.label[row];
    ++all[in_group];
  }
  return right[0] / all[0] - right[1] / all[1];
}

// A group may look at other features and yet mostly agree: those populations are drawn again.
Population make_planted(const PowerOptions& options, const core::StopToken& stop, core::Seed seed) {
  for (uint64_t attempt = 0;; ++attempt) {
    Population population = make_population(options.planted, stop, seed.stream(attempt));
    if (true_gap(population) >= options.planted_gap) return population;
  }
}

// Who is asked about what.
struct Design {
  std::string name;
  std::vector<double> shares = {0.85, 0.15};  // of the groups among those who are recruited
  int64_t per_sample = kPerSample;
  bool easy_only = false, without_repeats = false;
  double filtered = 0;  // share of the people who are removed for disagreeing with the majority
  bool majority_target = false;
};

std::vector<Design> designs() {
  std::vector<Design> all(7);
  all[0].name = "as specified";
  all[1].name = "unrepresentative annotators";
  all[1].shares = {0.97, 0.03};
  all[2].name = "3 annotations of a sample";
  all[2].per_sample = 3;
  all[3].name = "easy samples only";
  all[3].easy_only = true;
  all[4].name = "annotators filtered by agreement";
  all[4].filtered = 0.15;
  all[5].name = "majority as the target";
  all[5].majority_target = true;
  all[6].name = "no repeats";
  all[6].without_repeats = true;
  return all;
}

std::vector<char> recruit(const Population& population, const Design& design, core::Random random) {
  std::vector<std::vector<int64_t>> members(design.shares.size());
  for (size_t a = 0; a < population.opinions.group.size(); ++a)
    members[static_cast<size_t>(population.opinions.group[a])].push_back(static_cast<int64_t>(a));
  std::vector<char> recruited(population.opinions.group.size(), 0);
  double sum = 0;
  int64_t before = 0;
  for (size_t g = 0; g < members.size(); ++g) {
    sum += design.shares[g];
    const auto end = static_cast<int64_t>(std::llround(sum * kPeople));
    random.shuffle(members[g]);
    const auto quota = std::min(static_cast<size_t>(end - before), members[g].size());
    for (size_t i = 0; i < quota; ++i) recruited[static_cast<size_t>(members[g][i])] = 1;
    before = end;
  }
  return recruited;
}

// The rows of the annotations that are collected.
std::vector<int64_t> collect(const Population& population, const Design& design, core::Seed seed) {
  const data::Annotations& table = population.table();
  const std::vector<char> recruited = recruit(population, design, seed.stream("recruit").random());
  const std::vector<int64_t> offsets = data::item_offsets(table);
  const data::Attribute& ambiguity = data::find_attribute(table.item_attributes, "ambiguity");
  std::vector<int64_t> rows;
  for (int64_t item = 0; item < table.num_items(); ++item) {
    const auto i = static_cast<size_t>(item);
    if (!population.judged[i] || (design.easy_only && ambiguity.codes[i] != 0)) continue;
    std::vector<int32_t> people;
    for (size_t a = 0; a < recruited.size(); ++a)
      if (recruited[a]) people.push_back(static_cast<int32_t>(a));
    core::Random random = seed.stream("asked").stream(i).random();
    random.shuffle(people);
    people.resize(static_cast<size_t>(design.per_sample));
    int32_t before = -1;
    for (int64_t row = offsets[i]; row < offsets[i + 1]; ++row) {
      const int32_t annotator = table.annotator[static_cast<size_t>(row)];
      const bool repeat = annotator == before;
      before = annotator;
      if (repeat && design.without_repeats) continue;
      if (std::find(people.begin(), people.end(), annotator) != people.end()) rows.push_back(row);
    }
  }
  return rows;
}

// The people who disagree most with the majority are taken for careless.
std::vector<int64_t> without_disagreeing(const data::Annotations& table, const std::vector<int64_t>& rows,
                                         double share) {
  const auto profile = evaluate::opinion::profile(data::select(table, rows));
  std::vector<double> present;
  for (const double value : profile.disagreement)
    if (std::isfinite(value)) present.push_back(value);
  std::sort(present.begin(), present.end());
  const double limit = present[static_cast<size_t>((1 - share) * static_cast<double>(present.size() - 1))];
  std::vector<int64_t> kept;
  for (const int64_t row : rows)
    if (profile.disagreement[static_cast<size_t>(table.annotator[static_cast<size_t>(row)])] <= limit)
      kept.push_back(row);
  return kept;
}

struct Collected {
  data::Annotations table;
  evaluate::OpinionPredictions predictions;
};

Collected carry_out(const Population& population, const Design& design, core::Seed seed) {
  std::vector<int64_t> rows = collect(population, design, seed);
  if (design.filtered > 0) rows = without_disagreeing(population.table(), rows, design.filtered);
  Collected collected{data::select(population.table(), rows),
                      {.rows = {}, .num_classes = 2, .probabilities = {}}};
  for (size_t i = 0; i < rows.size(); ++i) {
    collected.predictions.rows.push_back(static_cast<int64_t>(i));
    const float* p = population.predictions.of(rows[i]);
    collected.predictions.probabilities.insert(collected.predictions.probabilities.end(), p, p + 2);
  }
  if (design.majority_target) {
    const std::vector<int32_t> majority = evaluate::majority(evaluate::count_votes(collected.table));
    for (size_t i = 0; i < rows.size(); ++i)
      collected.table.label[i] = majority[static_cast<size_t>(collected.table.item[i])];
  }
  return collected;
}

struct Outcome {
  bool excluded_found = false, any_found = false, flagged = false;
};

Outcome judge(const subjective::Specification& specification, const Population& population,
              const Design& design, const PowerOptions& options, core::Seed seed) {
  const Collected collected = carry_out(population, design, seed);
  const auto evaluation = subjective::evaluate(
      specification, collected.table, collected.predictions,
      {.bootstrap = {.num_replicates = options.num_bootstrap, .seed = seed.stream("bootstrap")}});
  Outcome outcome;
  for (const auto& verdict : evaluation.verdicts) {
    if (verdict.decision != subjective::Decision::violated || verdict.criterion.rfind("gap of ", 0) != 0)
      continue;
    outcome.any_found = true;
    outcome.excluded_found |= verdict.criterion.rfind(std::string("gap of ") + kExcluded, 0) == 0;
  }
  const auto report = subjective::check(specification, collected.table,
                                        {.bootstrap = {.num_replicates = options.num_bootstrap}});
  outcome.flagged = report.count(subjective::Status::violated) > 0;
  return outcome;
}

}  // namespace

std::vector<Detection> detection_power(const pipeline::StudyContext& context, const PowerOptions& options) {
  const auto specification = subjective::parse_specification(kSpecification, "the study's specification");
  const std::vector<Design> all = designs();
  std::vector<Detection> detections;
  for (const Design& design : all) detections.push_back({.design = design.name});
  core::Progress progress("replications", options.num_replications, "replications");
  const double share = 1 / static_cast<double>(options.num_replications);
  for (int64_t r = 0; r < options.num_replications; ++r) {
    const core::Seed seed = context.seed.stream("replication").stream(static_cast<uint64_t>(r));
    const Population planted = make_planted(options, context.stop, seed.stream("planted"));
    for (size_t d = 0; d < all.size(); ++d) {
      const Outcome outcome = judge(specification, planted, all[d], options, seed.stream("design"));
      detections[d].found += outcome.excluded_found ? share : 0;
      detections[d].flagged += outcome.flagged ? share : 0;
    }
    const Population none =
        make_population(data::one_opinion(options.planted), context.stop, seed.stream("none"));
    detections[0].false_alarms +=
        judge(specification, none, all[0], options, seed.stream("design")).any_found ? share : 0;
    progress.update(r + 1);
  }
  progress.finish();
  return detections;
}

}  // namespace lathe::studies::opinions
