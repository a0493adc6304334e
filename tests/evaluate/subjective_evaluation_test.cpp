#include "lathe/evaluate/subjective/evaluation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "lathe/core/error.h"
#include "lathe/core/parallel.h"
#include "lathe/data/opinions.h"
#include "lathe/evaluate/subjective/post_stratification.h"
#include "lathe/math/rank.h"
#include "lathe/math/special.h"
#include "tests/support/message.h"

namespace lathe::evaluate::subjective {
namespace {

using data::Annotations;
using testing_support::message_of;

Specification specification(const std::string& toml) {
  return parse_specification(toml, "s.toml");
}

constexpr const char* kGroups =
    "[users]\nattributes = { value = ['group'] }\nmin_group_size = { value = 2 }\n";

// One answer for each annotation: probability 1 of a class.
OpinionPredictions answers(const Annotations& a, const std::vector<int32_t>& classes) {
  OpinionPredictions p{.rows = {}, .num_classes = a.scale.num_classes(), .probabilities = {}};
  for (int64_t row = 0; row < a.size(); ++row) {
    p.rows.push_back(row);
    for (int64_t c = 0; c < p.num_classes; ++c)
      p.probabilities.push_back(classes[static_cast<size_t>(row)] == c ? 1.0F : 0.0F);
  }
  return p;
}

OpinionPredictions answers_of_items(const Annotations& a, const std::vector<int32_t>& of_items) {
  std::vector<int32_t> classes;
  for (const int32_t item : a.item) classes.push_back(of_items[static_cast<size_t>(item)]);
  return answers(a, classes);
}

Annotations votes_table(const std::vector<std::pair<int, int>>& votes) {
  Annotations a;
  a.scale.classes = {"no", "yes"};
  for (int j = 0; j < 10; ++j) a.annotators.push_back("w" + std::to_string(j));
  for (size_t i = 0; i < votes.size(); ++i) {
    a.items.push_back("i" + std::to_string(i));
    for (int j = 0; j < votes[i].first + votes[i].second; ++j) {
      a.item.push_back(static_cast<int32_t>(i));
      a.annotator.push_back(j);
      a.label.push_back(j < votes[i].first ? 0 : 1);
    }
  }
  return a;
}

double estimate(const Slice& slice, const std::string& name) {
  return find_metric(slice, name).estimate;
}

Annotations opinions(const data::OpinionOptions& options, uint64_t seed) {
  return data::generate_opinions(options, core::Seed(seed)).annotations;
}

data::OpinionOptions small() {
  return {.num_items = 150, .num_annotators = 30, .annotations_per_item = 6, .num_features = 4};
}

const EvaluationOptions kFast{.bootstrap = {.num_replicates = 40}};

TEST(SubjectiveEvaluation, TheSingleAnswerCeilingIsReachedByTheMajorityAndByNothingAbove) {
  const Annotations a = votes_table({{7, 3}, {5, 5}, {10, 0}});
  const Evaluation oracle = evaluate({specification("")}, a, answers_of_items(a, {0, 0, 0}), kFast);
  EXPECT_NEAR(estimate(oracle.all, "ceiling_single"), 22.0 / 30, 1e-6);
  EXPECT_NEAR(estimate(oracle.all, "accuracy"), 22.0 / 30, 1e-6);
  EXPECT_NEAR(estimate(oracle.all, "prior"), 22.0 / 30, 1e-6);
  EXPECT_EQ(oracle.self.num_repeats, 0);

  core::Random random = core::Seed(1).random();
  std::vector<std::pair<int, int>> votes;
  for (int i = 0; i < 8; ++i) {
    const int yes = static_cast<int>(random.below(8));
    votes.emplace_back(yes, 8 - yes);
  }
  const Annotations b = votes_table(votes);
  double best = 0, ceiling = 0;
  for (int mask = 0; mask < 256; ++mask) {
    std::vector<int32_t> of_items;
    for (int i = 0; i < 8; ++i) of_items.push_back(mask >> i & 1);
    const Evaluation any =
        evaluate(specification(""), b, answers_of_items(b, of_items), {.bootstrap = {.num_replicates = 2}});
    best = std::max(best, estimate(any.all, "accuracy"));
    ceiling = estimate(any.all, "ceiling_single");
  }
  EXPECT_NEAR(best, ceiling, 1e-9);
}

// Everything that is a share, by going through the annotations one by one.
TEST(SubjectiveEvaluation, NumbersAreWhatTheirNamesSay) {
  const Annotations a = opinions(small(), 1);
  core::Random random = core::Seed(2).random();
  OpinionPredictions p{.rows = {}, .num_classes = 2, .probabilities = {}};
  for (int64_t row = 0; row < a.size(); ++row) {
    if (row % 7 == 3) continue;  // not answered
    p.rows.push_back(row);
    const auto yes = static_cast<float>(random.uniform());
    p.probabilities.insert(p.probabilities.end(), {1 - yes, yes});
  }
  const Evaluation e =
      evaluate(specification(std::string(kGroups) + "[use]\ncosts = { value = [0, 1, 5, 0] }\n"
                                                    "[samples]\nstrata = { value = ['ambiguity'] }\n"),
               a, p, kFast);
  EXPECT_EQ(e.num_missing, a.size() - static_cast<int64_t>(p.rows.size()));

  const data::Attribute groups = data::annotator_groups(a, {"group"});
  const data::Attribute& ambiguity = data::find_attribute(a.item_attributes, "ambiguity");
  struct Sums {
    double n = 0, right = 0, entropy = 0, cost = 0;
  };
  Sums all;
  std::map<std::string, Sums> by_group, by_stratum;
  std::map<int32_t, Sums> by_person;
  std::map<int32_t, std::array<double, 2>> votes;
  std::map<std::pair<int32_t, int32_t>, std::array<double, 2>> group_votes;
  for (size_t i = 0; i < p.rows.size(); ++i) {
    const auto row = static_cast<size_t>(p.rows[i]);
    const auto label = static_cast<size_t>(a.label[row]);
    const float* q = p.of(static_cast<int64_t>(i));
    const size_t answer = q[1] > q[0] ? 1 : 0;
    const int32_t group = groups.codes[static_cast<size_t>(a.annotator[row])];
    for (Sums* sums :
         {&all, &by_group[groups.values[static_cast<size_t>(group)]],
          &by_stratum[ambiguity
                          .values[static_cast<size_t>(ambiguity.codes[static_cast<size_t>(a.item[row])])]],
          &by_person[a.annotator[row]]}) {
      ++sums->n;
      sums->right += answer == label;
      sums->entropy -= std::log(static_cast<double>(q[label]));
      sums->cost += label == answer ? 0 : label == 0 ? 1 : 5;
    }
    ++votes[a.item[row]][label];
    ++group_votes[{a.item[row], group}][label];
  }
  EXPECT_NEAR(estimate(e.all, "accuracy"), all.right / all.n, 1e-9);
  EXPECT_NEAR(estimate(e.all, "cross_entropy"), all.entropy / all.n, 1e-6);
  EXPECT_NEAR(estimate(e.all, "cost"), all.cost / all.n, 1e-9);
  double single = 0, of_group = 0, macro = 0;
  for (const auto& [item, v] : votes) single += std::max(v[0], v[1]);
  for (const auto& [key, v] : group_votes) of_group += std::max(v[0], v[1]);
  for (const auto& [person, sums] : by_person) macro += sums.right / sums.n;
  EXPECT_NEAR(estimate(e.all, "ceiling_single"), single / all.n, 1e-9);
  EXPECT_NEAR(estimate(e.all, "ceiling_group"), of_group / all.n, 1e-9);
  EXPECT_NEAR(estimate(e.all, "macro_accuracy"), macro / static_cast<double>(by_person.size()), 1e-9);
  const double prior = estimate(e.all, "prior");
  EXPECT_NEAR(estimate(e.all, "gain_group"), (all.right / all.n - prior) / (of_group / all.n - prior), 1e-9);
  EXPECT_GE(estimate(e.all, "ceiling_group"), estimate(e.all, "ceiling_single"));
  for (const Slice& slice : e.groups) {
    const Sums& sums = by_group.at(slice.value);
    EXPECT_EQ(static_cast<double>(slice.num_annotations), sums.n);
    EXPECT_NEAR(estimate(slice, "accuracy"), sums.right / sums.n, 1e-9);
    EXPECT_NEAR(estimate(slice, "gap"), (all.right - sums.right) / (all.n - sums.n) - sums.right / sums.n,
                1e-9);
  }
  for (const Slice& slice : e.strata)
    EXPECT_NEAR(estimate(slice, "accuracy"), by_stratum.at(slice.value).right / by_stratum.at(slice.value).n,
                1e-9);
  for (const Metric& metric : e.all.metrics) {
    EXPECT_FALSE(std::isnan(metric.estimate)) << metric.name;
    EXPECT_LE(metric.interval.low, metric.estimate + 1e-9) << metric.name;
    EXPECT_GE(metric.interval.high, metric.estimate - 1e-9) << metric.name;
  }
}

// p = (3/4, 1/4) and q = (1/2, 1/2).
TEST(SubjectiveEvaluation, SoftLabelsByHand) {
  const Annotations a = votes_table({{3, 1}, {3, 1}});
  OpinionPredictions p = answers_of_items(a, {0, 0});
  p.probabilities.assign(p.probabilities.size(), 0.5F);
  const Evaluation e = evaluate(specification(""), a, p, kFast);
  EXPECT_NEAR(estimate(e.all, "share_cross_entropy"), std::log(2), 1e-6);
  EXPECT_NEAR(estimate(e.all, "share_brier"), 2 * 0.0625, 1e-6);
  EXPECT_NEAR(estimate(e.all, "share_error"), 0.25, 1e-6);
  EXPECT_NEAR(estimate(e.all, "share_jensen_shannon"),
              (0.75 * std::log2(0.75 / 0.625) + 0.25 * std::log2(0.25 / 0.375) +
               0.5 * std::log2(0.5 / 0.625) + 0.5 * std::log2(0.5 / 0.375)) /
                  2,
              1e-6);
}

// Of 2 : 1 the majority is that of two in three. But the others of each of the two are 1 : 1, which counts as
// "yes", and those of the third 2 : 0: nobody is of the others' opinion.
TEST(SubjectiveEvaluation, OthersMajorityIsWithoutOnesOwnVote) {
  const Annotations a = votes_table({{2, 1}, {2, 1}});
  const Evaluation e = evaluate(specification(""), a, answers_of_items(a, {0, 0}), kFast);
  EXPECT_NEAR(estimate(e.all, "ceiling_single"), 2.0 / 3, 1e-6);
  EXPECT_EQ(estimate(e.all, "others_majority"), 0);
}

TEST(SubjectiveEvaluation, PersonCorrelationIsSpearmans) {
  data::Annotations a;
  a.scale = {data::LabelScale::Kind::ordinal, {"1", "2", "3", "4"}};
  a.annotators = {"x", "y", "always the same"};
  core::Random random = core::Seed(3).random();
  std::vector<std::vector<double>> said(2), expected(2);
  OpinionPredictions p{.rows = {}, .num_classes = 4, .probabilities = {}};
  for (int i = 0; i < 30; ++i) {
    a.items.push_back(std::to_string(i));
    for (int32_t j = 0; j < 3; ++j) {
      const auto label = j == 2 ? 1 : static_cast<int32_t>(random.below(4));
      const auto answer = static_cast<int32_t>(random.below(4));
      p.rows.push_back(a.size());
      a.item.push_back(i);
      a.annotator.push_back(j);
      a.label.push_back(label);
      for (int32_t c = 0; c < 4; ++c) p.probabilities.push_back(c == answer ? 1.0F : 0.0F);
      if (j < 2) {
        said[static_cast<size_t>(j)].push_back(label);
        expected[static_cast<size_t>(j)].push_back(answer);
      }
    }
  }
  const Evaluation e = evaluate(specification(""), a, p, kFast);
  EXPECT_NEAR(estimate(e.all, "person_correlation"),
              (math::spearman(said[0], expected[0]).value + math::spearman(said[1], expected[1]).value) / 2,
              1e-6);
}

TEST(SubjectiveEvaluation, PostStratification) {
  const Annotations a = opinions(small(), 5);
  const data::Attribute groups = data::annotator_groups(a, {"group"});
  std::map<std::string, double> counts;
  for (const int32_t code : groups.codes) ++counts[groups.values[static_cast<size_t>(code)]];
  Shares observed{"group", {}}, other{"group", {{"g0", 0.2}, {"g1", 0.2}, {"g2", 0.6}}};
  for (const auto& [name, count] : counts) observed.of.emplace_back(name, count / 30);
  const std::vector<int32_t> people = active_annotators(a);
  for (const double weight : post_stratify(a, people, {observed}).weights) EXPECT_NEAR(weight, 1, 1e-12);

  const PostStratification weighted = post_stratify(a, people, {other});
  for (size_t i = 0; i < people.size(); ++i) {
    const std::string& group =
        groups.values[static_cast<size_t>(groups.codes[static_cast<size_t>(people[i])])];
    const double wanted = group == "g2" ? 0.6 : 0.2;
    EXPECT_NEAR(weighted.weights[i], std::min(5.0, wanted / (counts[group] / 30)), 1e-9);
  }
  EXPECT_EQ(post_stratify(a, people, {other}, {.largest_weight = 1.5}).num_capped,
            static_cast<int64_t>(counts["g2"]));

  // Two attributes at once: the margins of both are as wanted.
  const data::Attribute& ages = data::find_attribute(a.annotator_attributes, "age");
  Shares wanted_age{"age", {}};
  for (const std::string& value : ages.values)
    wanted_age.of.emplace_back(value, 1.0 / static_cast<double>(ages.values.size()));
  const std::vector<double> raked =
      post_stratify(a, people, {other, wanted_age}, {.largest_weight = 1e6}).weights;
  double total = 0, of_g2 = 0, of_first_age = 0;
  for (size_t i = 0; i < people.size(); ++i) {
    total += raked[i];
    if (groups.values[static_cast<size_t>(groups.codes[static_cast<size_t>(people[i])])] == "g2")
      of_g2 += raked[i];
    if (ages.codes[static_cast<size_t>(people[i])] == 0) of_first_age += raked[i];
  }
  EXPECT_NEAR(of_g2 / total, 0.6, 1e-6);
  EXPECT_NEAR(of_first_age / total, wanted_age.of[0].second, 1e-6);

  const Evaluation e =
      evaluate(specification("[users]\nshares = { value = { group = { g0 = 0.2, g1 = 0.2, g2 = 0.6 } } }"), a,
               answers(a, std::vector<int32_t>(a.label.size(), 1)), kFast);
  EXPECT_NE(estimate(e.all, "post_stratified_accuracy"), estimate(e.all, "macro_accuracy"));
}

TEST(SubjectiveEvaluation, SmallGroupsAreSuppressedAndNamed) {
  const Annotations a = opinions(small(), 6);
  const Evaluation e =
      evaluate(specification("[users]\nattributes = { value = ['group'] }\nmin_group_size = { value = 5 }\n"
                             "[acceptance]\ntolerated_gap = { value = 0.5 }\nconfidence = { value = 0.9 }\n"),
               a, answers(a, a.label), kFast);
  const data::Attribute groups = data::annotator_groups(a, {"group"});
  ASSERT_EQ(e.groups.size(), 3u);
  EXPECT_TRUE(e.groups[2].suppressed);  // 30 people, 15 %: 4 or 5
  EXPECT_TRUE(e.groups[2].metrics.empty());
  EXPECT_EQ(suppressed_groups(e), std::vector<std::string>{"group: g2"});
  const nlohmann::json json = to_json(e);
  EXPECT_FALSE(json["groups"][2].contains("metrics"));
  EXPECT_FALSE(json["groups"][2].contains("annotators"));
  EXPECT_NE(groups_table({e}).to_text().find("suppressed"), std::string::npos);
  EXPECT_NE(exclusion_table({e}).to_text().find("suppressed"), std::string::npos);
  EXPECT_EQ(e.decision, Decision::undecided);  // nothing passes on a group that cannot be told of
}

const char* const kAcceptance =
    "[use]\nunit_of_service = { value = 'group' }\n"
    "[users]\nattributes = { value = ['group'] }\nmin_group_size = { value = 3 }\nnever_excluded = { value = "
    "['g2'] }\n"
    "[acceptance]\nmetric = { value = 'accuracy' }\nminimum = { value = 0.6 }\ntolerated_gap = { value = 0.1 "
    "}\n"
    "person_minimum = { value = 0.55 }\nexcluded_share = { value = 0.1 }\nconfidence = { value = 0.95 }\n";

// Right with probability 0.9, but of the last group with `of_last`.
OpinionPredictions unfair_answers(const Annotations& a, double of_last, uint64_t seed) {
  const data::Attribute groups = data::annotator_groups(a, {"group"});
  core::Random random = core::Seed(seed).random();
  std::vector<int32_t> classes;
  for (size_t row = 0; row < a.label.size(); ++row) {
    const bool last = groups.codes[static_cast<size_t>(a.annotator[row])] == 2;
    classes.push_back(random.uniform() < (last ? of_last : 0.9) ? a.label[row] : 1 - a.label[row]);
  }
  return answers(a, classes);
}

TEST(SubjectiveEvaluation, VerdictsFindPlantedExclusionAndNothingElse) {
  const Specification wanted = specification(kAcceptance);
  int found = 0, false_alarms = 0, met = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Annotations a = opinions(
        {.num_items = 200, .num_annotators = 40, .annotations_per_item = 8, .num_features = 4}, seed);
    const EvaluationOptions options{.bootstrap = {.num_replicates = 60, .seed = core::Seed(seed)}};
    found += evaluate(wanted, a, unfair_answers(a, 0.5, seed), options).decision == Decision::violated;
    const Evaluation fair = evaluate(wanted, a, unfair_answers(a, 0.9, seed), options);
    false_alarms += fair.decision == Decision::violated;
    for (const Verdict& v : fair.verdicts) met += v.decision == Decision::met && v.criterion.find("gap") == 0;
  }
  EXPECT_EQ(found, 20);
  EXPECT_LE(false_alarms, 1);
  EXPECT_GT(met, 40);  // of 60 gaps
}

TEST(SubjectiveEvaluation, NothingIsMetWithoutBeingAskedFor) {
  const Annotations a = opinions(small(), 8);
  const Evaluation e = evaluate(specification(""), a, answers(a, a.label), kFast);
  EXPECT_FALSE(e.verdicts.empty());
  for (const Verdict& v : e.verdicts) {
    EXPECT_EQ(v.decision, Decision::undecided);
    EXPECT_NE(v.found.find("is not stated"), std::string::npos) << v.found;
  }
  EXPECT_EQ(e.decision, Decision::undecided);
  EXPECT_EQ(overall({}), Decision::undecided);
}

TEST(SubjectiveEvaluation, ExclusionCountsPeople) {
  const Annotations a = votes_table({{7, 3}, {7, 3}, {7, 3}, {7, 3}, {7, 3}, {7, 3}, {0, 1}});
  const Evaluation e = evaluate(specification("[acceptance]\nperson_minimum = { value = 0.9 }"), a,
                                answers_of_items(a, {0, 0, 0, 0, 0, 0, 0}), kFast);
  ASSERT_EQ(e.exclusions.size(), 1u);
  EXPECT_EQ(e.exclusions[0].num_people, 10);
  EXPECT_EQ(e.exclusions[0].below_chance, 3);
  EXPECT_EQ(e.exclusions[0].below_minimum, 4);  // one is right 6 times of 7
  EXPECT_EQ(e.exclusions[0].minimum_interval.low, math::wilson_interval(4, 10).low);
  const Evaluation strict = evaluate(specification(""), a, answers_of_items(a, {0, 0, 0, 0, 0, 0, 0}),
                                     {.min_labels_per_person = 7, .bootstrap = {.num_replicates = 2}});
  EXPECT_EQ(strict.exclusions[0].num_people, 1);
  EXPECT_EQ(strict.exclusions[0].num_too_few_labels, 9);
}

// Accuracy with effects of samples and people: labels are 1 where mu + u_i + v_j + e > 0, the model always
// says 1.
TEST(SubjectiveEvaluation, TwoWayIntervalsCoverAndOneWayOnesDoNot) {
  core::Random random = core::Seed(11).random();
  const double truth = math::normal_cdf(0.5 / std::sqrt(1 + 0.3 + 0.8));
  int two_way = 0, one_way = 0;
  const int simulations = 400;
  for (int s = 0; s < simulations; ++s) {
    Annotations a;
    a.scale.classes = {"no", "yes"};
    std::vector<double> u, v;
    for (int i = 0; i < 40; ++i) {
      a.items.push_back(std::to_string(i));
      u.push_back(std::sqrt(0.3) * random.normal());
    }
    for (int j = 0; j < 40; ++j) {
      a.annotators.push_back(std::to_string(j));
      v.push_back(std::sqrt(0.8) * random.normal());
    }
    for (int32_t i = 0; i < 40; ++i)
      for (int32_t j = 0; j < 40; ++j) {
        if (random.uniform() < 0.5) continue;
        a.item.push_back(i);
        a.annotator.push_back(j);
        a.label.push_back(0.5 + u[static_cast<size_t>(i)] + v[static_cast<size_t>(j)] + random.normal() > 0);
      }
    const math::BootstrapOptions bootstrap{.num_replicates = 200,
                                           .seed = core::Seed(static_cast<uint64_t>(s))};
    const Evaluation e = evaluate(specification(""), a, answers(a, std::vector<int32_t>(a.label.size(), 1)),
                                  {.bootstrap = bootstrap});
    const math::Interval interval = find_metric(e.all, "accuracy").interval;
    two_way += interval.low <= truth && truth <= interval.high;
    const math::Interval items_only = math::bootstrap_one_way(
                                          a.item,
                                          [&](const std::vector<double>& w) {
                                            double sum = 0, n = 0;
                                            for (size_t i = 0; i < w.size(); ++i) {
                                              sum += w[i] * a.label[i];
                                              n += w[i];
                                            }
                                            return sum / n;
                                          },
                                          bootstrap)
                                          .percentile;
    one_way += items_only.low <= truth && truth <= items_only.high;
  }
  EXPECT_GE(two_way, 0.93 * simulations);
  EXPECT_LE(two_way, 0.97 * simulations);
  EXPECT_LT(one_way, 0.85 * simulations);
  RecordProperty("two_way", two_way);
  RecordProperty("one_way", one_way);
}

// Equal people with few labels look unequal; the spread without chance is about 0.
TEST(SubjectiveEvaluation, SpreadOfPeopleIsWithoutChance) {
  double sum = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Annotations a = opinions(
        {.num_items = 300, .num_annotators = 150, .annotations_per_item = 5, .num_features = 4}, seed);
    core::Random random = core::Seed(seed).random();
    std::vector<int32_t> classes;
    for (const int32_t label : a.label) classes.push_back(random.uniform() < 0.7 ? label : 1 - label);
    const Evaluation e =
        evaluate(specification(""), a, answers(a, classes), {.bootstrap = {.num_replicates = 2}});
    const double spread = estimate(e.all, "person_sd");
    sum += spread * spread;
  }
  EXPECT_LT(sum / 20, 0.004);  // 10 labels make 0.021 by chance
}

TEST(SubjectiveEvaluation, DoesNotDependOnThreads) {
  const Annotations a = opinions(small(), 9);
  const int before = core::num_threads();
  core::set_num_threads(1);
  const auto one = to_json(evaluate(specification(kGroups), a, unfair_answers(a, 0.6, 1), kFast));
  core::set_num_threads(3);
  const auto three = to_json(evaluate(specification(kGroups), a, unfair_answers(a, 0.6, 1), kFast));
  core::set_num_threads(before);
  EXPECT_EQ(one.dump(), three.dump());
}

TEST(SubjectiveEvaluation, RefusesBadInput) {
  const Annotations a = opinions(small(), 1);
  OpinionPredictions none{.rows = {}, .num_classes = 2, .probabilities = {}};
  EXPECT_EQ(message_of<InputError>([&] { evaluate(specification(""), a, none); }),
            "there is no prediction to judge");
  EXPECT_EQ(message_of<InputError>([&] {
              evaluate(specification("[use]\ncosts = { value = [1, 2, 3] }"), a, answers(a, a.label), kFast);
            }),
            "use.costs must be 4 numbers, one for each pair of 2 classes, got 3");
  OpinionPredictions other = answers(a, a.label);
  other.num_classes = 1;
  EXPECT_THROW(evaluate(specification(""), a, other), InputError);
  Annotations real = a;
  real.scale = {data::LabelScale::Kind::real, {}};
  real.value.assign(real.label.begin(), real.label.end());
  real.label.clear();
  EXPECT_THROW(evaluate(specification(""), real, answers(a, a.label)), InputError);
}

}  // namespace
}  // namespace lathe::evaluate::subjective
