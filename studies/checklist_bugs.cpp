#include "studies/checklist_bugs.h"

#include <torch/torch.h>

#include <algorithm>
#include <map>

#include "lathe/data/text_encoding.h"

namespace lathe::studies::checklist {
namespace {

using evaluate::checklist::Example;
using evaluate::checklist::Prediction;
using evaluate::checklist::Results;
using evaluate::checklist::Suite;

constexpr size_t kLines = 15;
constexpr int kDraws = 20;
constexpr size_t kRepeats = 10;  // of a template case among the examples to train on

// What a tester writes down who has an hour and no tool.
const std::vector<data::Review>& sentences() {
  static const std::vector<data::Review> kSentences = {
      {"The flight was great and the crew was friendly.", 2},
      {"Terrible service, I hate this airline.", 0},
      {"We flew from Boston to Denver.", 1},
      {"The food was not good.", 0},
      {"I loved the seat.", 2},
      {"What an awful trip!", 0},
      {"The plane was dirty and the staff was rude.", 0},
      {"I had seat 12.", 1},
      {"The pilot was excellent.", 2},
      {"It was a comfortable flight from London to Paris.", 2},
      {"I don't like the food.", 0},
      {"The boarding was horrible, but the crew was wonderful.", 2},
      {"My brother Tom came with me.", 1},
      {"I really enjoyed the entertainment.", 2},
      {"The cabin was very uncomfortable.", 0}};
  return kSentences;
}

// The first test of every capability, then the second of every one, and so on.
Suite first_tests(const Suite& suite, size_t count) {
  Suite chosen = suite;
  chosen.tests.clear();
  std::map<std::string, size_t> seen;
  std::vector<std::pair<size_t, size_t>> order;  // round, test
  for (size_t i = 0; i < suite.tests.size(); ++i) order.emplace_back(seen[suite.tests[i].capability]++, i);
  std::sort(order.begin(), order.end());
  for (size_t i = 0; i < std::min(count, order.size()); ++i)
    chosen.tests.push_back(suite.tests[order[i].second]);
  return chosen;
}

int64_t class_of(const Oracle& oracle, const std::string& text) {
  const auto probabilities = oracle.classify(text);
  return std::max_element(probabilities.begin(), probabilities.end()) - probabilities.begin();
}

std::vector<bool> right_answers(const Oracle& oracle, const std::vector<data::Review>& reviews) {
  std::vector<bool> right;
  for (const data::Review& review : reviews) right.push_back(class_of(oracle, review.text) == review.label);
  return right;
}

double share(const std::vector<bool>& values) {
  return static_cast<double>(std::count(values.begin(), values.end(), true)) /
         static_cast<double>(values.size());
}

std::vector<std::string> failing_tests(const Results& results) {
  std::vector<std::string> names;
  for (size_t i = 0; i < results.tests.size(); ++i)
    if (results.tests[i].failure_rate() > kFlag) names.push_back(results.suite.tests[i].name);
  return names;
}

// The share of draws of so many reviews that hold one that only the oracle gets right.
double found_by_draws(const std::vector<bool>& oracle, const std::vector<bool>& faulty, core::Random random) {
  int found = 0;
  for (int draw = 0; draw < kDraws; ++draw) {
    const std::vector<int64_t> order = random.permutation(static_cast<int64_t>(oracle.size()));
    found += std::any_of(order.begin(), order.begin() + kLines, [&](int64_t i) {
      return oracle[static_cast<size_t>(i)] && !faulty[static_cast<size_t>(i)];
    });
  }
  return static_cast<double>(found) / kDraws;
}

}  // namespace

data::Splits with_template_cases(const data::Splits& splits, const Suite& suite, int64_t count,
                                 core::Seed seed) {
  std::vector<const evaluate::checklist::Test*> tests;
  for (const auto& test : suite.tests)
    if (test.capability == "Negation") tests.push_back(&test);
  data::Splits more = splits;
  std::vector<int64_t> targets;
  for (size_t t = 0; t < tests.size(); ++t) {
    const auto& test = *tests[t];
    const auto share = static_cast<int64_t>((t + 1) * static_cast<size_t>(count) / tests.size() -
                                            t * static_cast<size_t>(count) / tests.size());
    std::vector<int64_t> unused;
    for (int64_t i = 0; i < test.cases.num_cases(); ++i)
      if (!std::binary_search(test.sample.begin(), test.sample.end(), i)) unused.push_back(i);
    seed.stream(test.name).random().shuffle(unused);
    for (int64_t i = 0; i < std::min(share, static_cast<int64_t>(unused.size())); ++i) {
      const int64_t index = unused[static_cast<size_t>(i)];
      const int64_t label = test.cases.labels_of(index)->index;
      more.train.texts[0].insert(more.train.texts[0].end(), kRepeats,
                                 test.cases.example(test.cases.begin(index)).at(0));
      targets.insert(targets.end(), kRepeats, test.expect == "not" ? 2 - label : label);
    }
  }
  more.train.targets = torch::cat({splits.train.targets, torch::tensor(targets, torch::kInt64)});
  return data::encode(std::move(more), data::TextEncodingOptions{});
}

evaluate::checklist::Predictor predictor_of(const Oracle& oracle) {
  return [oracle](const std::vector<Example>& examples) {
    std::vector<Prediction> predictions(examples.size());
    for (size_t i = 0; i < examples.size(); ++i) {
      const auto probabilities = oracle.classify(examples[i].at(0));
      predictions[i].confidence.assign(probabilities.begin(), probabilities.end());
      predictions[i].label =
          std::max_element(probabilities.begin(), probabilities.end()) - probabilities.begin();
    }
    return predictions;
  };
}

BugHunt hunt_bugs(const Suite& suite, const std::vector<data::Review>& held_out,
                  const std::vector<Fault>& faults, core::Seed seed) {
  const Suite few = first_tests(suite, kLines);
  const Oracle oracle;
  const std::vector<bool> oracle_right = right_answers(oracle, held_out);
  BugHunt hunt;
  hunt.oracle_failing_tests = static_cast<int64_t>(failing_tests(run(suite, predictor_of(oracle))).size());
  hunt.oracle_accuracy = share(oracle_right);
  for (const auto& test : few.tests) hunt.cases_of_tests += test.num_run();
  for (const Fault fault : faults) {
    const Oracle faulty({fault});
    const std::vector<std::string> failing = failing_tests(run(suite, predictor_of(faulty)));
    const std::vector<bool> right = right_answers(faulty, held_out),
                            by_hand = right_answers(faulty, sentences());
    FoundBug bug{
        .fault = fault, .failing_tests = static_cast<int64_t>(failing.size()), .accuracy = share(right)};
    if (!failing.empty()) bug.first_test = failing.front();
    bug.by_tests = std::any_of(few.tests.begin(), few.tests.end(), [&](const auto& test) {
      return std::find(failing.begin(), failing.end(), test.name) != failing.end();
    });
    bug.by_sentences = std::find(by_hand.begin(), by_hand.end(), false) != by_hand.end();
    bug.by_held_out = found_by_draws(oracle_right, right, seed.stream(name_of(fault)).random());
    hunt.bugs.push_back(std::move(bug));
  }
  return hunt;
}

}  // namespace lathe::studies::checklist
