// CheckList: what behavioural tests find that accuracy does not show.
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lathe/core/error.h"
#include "lathe/core/progress.h"
#include "lathe/data/text_encoding.h"
#include "lathe/evaluate/checklist/ready_suites.h"
#include "lathe/pipeline/checklist_predictor.h"
#include "lathe/pipeline/checklist_suite.h"
#include "lathe/pipeline/study.h"
#include "studies/checklist_bugs.h"
#include "studies/checklist_models.h"

namespace lathe::studies::checklist {
namespace {

using evaluate::checklist::Results;
using evaluate::checklist::Suite;
using pipeline::Scale;
using pipeline::StudyContext;
using pipeline::StudyResult;
using pipeline::StudyRow;

constexpr double kMostlyFails = 0.5;

Suite suite_of(const std::string& name) {
  return evaluate::checklist::parse_suite_toml(*evaluate::checklist::ready_suite(name), name + ".toml",
                                               {.corpus = pipeline::generated_corpora()});
}

Results run_suite(const Suite& suite, std::shared_ptr<nn::Classifier> model, const std::string& name) {
  return evaluate::checklist::run(suite, pipeline::classifier_predictor(std::move(model), suite),
                                  {.model = name});
}

int64_t mostly_failing(const Results& results) {
  return std::count_if(results.tests.begin(), results.tests.end(),
                       [](const auto& test) { return test.failure_rate() >= kMostlyFails; });
}

// Of all cases of a capability.
double failure_rate(const Results& results, const std::string& capability) {
  int64_t failed = 0, applicable = 0;
  for (size_t i = 0; i < results.tests.size(); ++i)
    if (results.suite.tests[i].capability == capability) {
      failed += results.tests[i].num_failed;
      applicable += results.tests[i].num_applicable();
    }
  return static_cast<double>(failed) / static_cast<double>(applicable);
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::string range(const std::vector<double>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return fmt::format("{:.4g} to {:.4g}", *low, *high);
}

struct Plan {
  int64_t num_reviews = 20000, num_pairs = 20000, num_passages = 10000;
  double passage_epochs = 16, passage_lr = 2e-3;
  std::vector<Recipe> recipes = review_recipes();
  int64_t num_seeds = 3;
  std::vector<Fault> faults = all_faults();
  int64_t template_cases = 500;
};

core::Seed of_run(const StudyContext& context, int64_t i) {
  return context.seed.stream("run").stream(static_cast<uint64_t>(i));
}

std::string review_source(const Plan& plan, int64_t seed) {
  return fmt::format("reviews:?count={}&seed={}", plan.num_reviews, seed);
}

// A model on reviews of its own, and what the suite says about it.
struct ReviewRun {
  std::shared_ptr<nn::Classifier> model;
  double accuracy = 0;
  Results results;
};

ReviewRun train_and_run(const Recipe& recipe, const Suite& suite, const data::Splits& splits, core::Seed seed,
                        const core::StopToken& stop) {
  ReviewRun run;
  run.model = train_classifier(recipe, splits, seed, stop);
  run.accuracy = accuracy(*run.model, splits.test);
  run.results = run_suite(suite, run.model, recipe.name);
  return run;
}

core::Chart failure_map(const std::vector<Results>& columns) {
  std::vector<std::string> names, tests;
  std::vector<std::vector<double>> rates;
  for (const Results& results : columns) names.push_back(results.model);
  for (size_t i = 0; i < columns.front().tests.size(); ++i) {
    tests.push_back(columns.front().suite.tests[i].capability + ": " + columns.front().suite.tests[i].name);
    std::vector<double>& row = rates.emplace_back();
    for (const Results& results : columns) row.push_back(results.tests[i].failure_rate());
  }
  return core::heat_map({.title = "Failure rates of " + columns.front().suite.name + ", first seed",
                         .width = 1022,
                         .height = 80 + 20.0 * static_cast<double>(tests.size())},
                        tests, names, rates);
}

// Held-out accuracy says little about what the suite finds; and templates mend what they find.
void overestimates(const Plan& plan, const StudyContext& context, StudyResult& result) {
  const Suite suite = suite_of("sentiment");
  std::vector<Results> first_seed;
  std::vector<double> negation_before, negation_after, accuracy_lost;
  std::map<std::string, std::vector<double>> accuracies, failing;
  for (int64_t seed = 0; seed < plan.num_seeds; ++seed) {
    const data::Splits splits = encoded_splits(review_source(plan, seed), of_run(context, seed));
    for (const Recipe& recipe : plan.recipes) {
      const ReviewRun run = train_and_run(recipe, suite, splits, of_run(context, seed), context.stop);
      accuracies[recipe.name].push_back(run.accuracy);
      failing[recipe.name].push_back(static_cast<double>(mostly_failing(run.results)));
      if (seed == 0) first_seed.push_back(run.results);
      if (recipe.name != "GRU") continue;
      const data::Splits more =
          with_template_cases(splits, suite, plan.template_cases, of_run(context, seed));
      const ReviewRun mended = train_and_run(recipe, suite, more, of_run(context, seed), context.stop);
      negation_before.push_back(failure_rate(run.results, "Negation"));
      negation_after.push_back(failure_rate(mended.results, "Negation"));
      accuracy_lost.push_back(run.accuracy - mended.accuracy);
    }
  }
  for (const Recipe& recipe : plan.recipes) {
    const auto& counts = failing[recipe.name];
    result.rows.push_back({.metric = recipe.name + ": held-out accuracy",
                           .measured = mean(accuracies[recipe.name]),
                           .bar = pipeline::Bar{.least = 0.93}});
    result.rows.push_back({.metric = recipe.name + ": tests that fail half of their cases or more",
                           .measured = *std::min_element(counts.begin(), counts.end()),
                           .bar = pipeline::Bar{.least = recipe.name == "bag of words" ? 5.0 : 3.0}});
    result.notes.push_back(
        fmt::format("{}: accuracy {}, tests that fail half of their cases {}, over {} seeds.", recipe.name,
                    range(accuracies[recipe.name]), range(counts), plan.num_seeds));
  }
  result.charts.push_back(failure_map(first_seed));
  if (negation_before.empty()) return;
  result.rows.push_back(
      {.metric = fmt::format("GRU with {} template cases, ten times each: Negation failure rate",
                             plan.template_cases),
       .baseline = mean(negation_before),
       .measured = mean(negation_after)});
  result.rows.push_back({.metric = "… points fewer",
                         .measured = 100 * (mean(negation_before) - mean(negation_after)),
                         .bar = pipeline::Bar{.least = 50}});
  result.rows.push_back({.metric = "… points of held-out accuracy lost",
                         .measured = 100 * mean(accuracy_lost),
                         .bar = pipeline::Bar{.most = 1}});
  result.notes.push_back(fmt::format("Negation failure rate of the GRU {} before, {} after.",
                                     range(negation_before), range(negation_after)));
}

// What 15 lines of each kind of authoring find; tests, by hand, held-out reviews.
void authoring(const BugHunt& hunt, StudyResult& result) {
  double by_tests = 0, by_sentences = 0, by_held_out = 0;
  for (const FoundBug& bug : hunt.bugs) {
    by_tests += bug.by_tests;
    by_sentences += bug.by_sentences;
    by_held_out += bug.by_held_out;
  }
  result.rows.push_back({.metric = "faults found by 15 tests / by 15 sentences by hand",
                         .paper = 6.2 / 2.2,
                         .measured = by_tests / std::max(1.0, by_sentences),
                         .bar = pipeline::Bar{.least = 2}});
  result.rows.push_back({.metric = "faults found by 15 tests / by 15 held-out reviews",
                         .measured = by_tests / std::max(1.0, by_held_out),
                         .bar = pipeline::Bar{.least = 2}});
  result.rows.push_back({.metric = "cases for a line of authoring: tests / sentences",
                         .paper = 198 / 7.3,
                         .measured = static_cast<double>(hunt.cases_of_tests) / 15,
                         .bar = pipeline::Bar{.least = 10}});
  result.notes.push_back(fmt::format(
      "15 lines find {:g} faults as tests, {:g} as sentences by hand, {:.1f} as held-out reviews on average. "
      "This stands in for the paper's study with users, mechanically: the tests are the first of each "
      "capability, and sentences and tests have the same author.",
      by_tests, by_sentences, by_held_out));
}

void bugs(const Plan& plan, const StudyContext& context, StudyResult& result) {
  const std::vector<data::Review> held_out =
      data::generate_reviews(4000, context.seed.stream("held-out reviews"));
  const BugHunt hunt = hunt_bugs(suite_of("sentiment"), held_out, plan.faults, context.seed);
  double flagged = 0, unseen = 0;
  std::vector<std::string> names;
  std::vector<double> tests;
  for (const FoundBug& bug : hunt.bugs) {
    const bool found = bug.failing_tests > 0;
    flagged += found;
    unseen += found && hunt.oracle_accuracy - bug.accuracy < 0.01;
    names.push_back(name_of(bug.fault));
    tests.push_back(static_cast<double>(bug.failing_tests));
    result.notes.push_back(fmt::format(
        "Fault \"{}\": {}; accuracy {:.2f} %.", names.back(),
        found ? fmt::format("{} tests fail, first \"{}\"", bug.failing_tests, bug.first_test) : "not found",
        100 * bug.accuracy));
  }
  const double share = static_cast<double>(plan.faults.size()) / static_cast<double>(all_faults().size());
  result.rows.push_back({.metric = "oracle: held-out accuracy", .measured = hunt.oracle_accuracy});
  result.rows.push_back({.metric = "oracle: tests that fail",
                         .measured = static_cast<double>(hunt.oracle_failing_tests),
                         .bar = pipeline::Bar{.most = 0}});
  result.rows.push_back(
      {.metric = fmt::format("planted faults that the suite finds, of {}", plan.faults.size()),
       .measured = flagged,
       .bar = pipeline::Bar{.least = std::floor(18 * share)}});
  result.rows.push_back({.metric = "… that move held-out accuracy by less than a point",
                         .measured = unseen,
                         .bar = pipeline::Bar{.least = std::floor(10 * share)}});
  if (plan.faults.size() == all_faults().size()) authoring(hunt, result);
  result.charts.push_back(core::bar_chart({.title = "Failing tests by planted fault",
                                           .x_label = "tests",
                                           .height = 60 + 24.0 * static_cast<double>(names.size())},
                                          names, tests));
}

// One small model each: what it gets right, and how many tests it mostly fails.
void pairs_and_passages(const Plan& plan, const StudyContext& context, StudyResult& result) {
  const core::Seed seed = of_run(context, 0);
  const auto add = [&](const Results& results, const std::string& what, double right) {
    result.rows.push_back({.metric = results.model + ": held-out " + what, .measured = right});
    result.rows.push_back({.metric = results.model + ": tests that fail half of their cases or more",
                           .measured = static_cast<double>(mostly_failing(results))});
    result.charts.push_back(failure_map({results}));
  };
  const data::Splits splits = encoded_splits(fmt::format("questions:?count={}", plan.num_pairs), seed);
  const auto model = train_classifier(pair_recipe(), splits, seed, context.stop);
  add(run_suite(suite_of("questions"), model, "duplicate questions"), "accuracy",
      accuracy(*model, splits.test));
  const Comprehension spans =
      train_comprehension(plan.num_passages, plan.passage_epochs, plan.passage_lr, seed, context.stop);
  add(evaluate::checklist::run(suite_of("comprehension"), spans.predictor, {.model = "comprehension"}),
      "exact match", spans.exact_match);
}

StudyResult run(const StudyContext& context) {
  if (context.scale == Scale::paper)
    throw InputError(
        "the paper's models are services of 2020 that cannot be asked any more; use --scale desk");
  const core::QuietProgress quiet;
  Plan plan;
  if (context.scale == Scale::smoke)
    plan = {.num_reviews = 4000,
            .recipes = {review_recipes().front()},
            .num_seeds = 1,
            .faults = {all_faults().begin(), all_faults().begin() + 5}};
  StudyResult result;
  overestimates(plan, context, result);
  bugs(plan, context, result);
  if (context.scale != Scale::smoke) pairs_and_passages(plan, context, result);
  result.notes.push_back(
      "Reviews, pairs and passages are made up by grammars, so their labels are right by construction; the "
      "paper's models are commercial services and BERT, its texts tweets, Quora and SQuAD. Numbers of models "
      "of "
      "reviews are the mean over seeds, their counts of tests the smallest.");
  return result;
}

const bool registered = pipeline::register_study({
    .name = "checklist",
    .title = "CheckList: behavioural tests of text models",
    .paper = "Ribeiro, Wu, Guestrin & Singh, ACL 2020, arXiv 2005.04118",
    .claim = "Behavioural tests find failures that held-out accuracy hides, and more of them per hour of "
             "work than other "
             "ways to look.",
    .module = "pipeline",
    .run = run,
});

}  // namespace
}  // namespace lathe::studies::checklist
