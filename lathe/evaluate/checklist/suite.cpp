#include "lathe/evaluate/checklist/suite.h"

#include <algorithm>

#include "lathe/core/error.h"
#include "lathe/core/glob.h"
#include "lathe/core/seed.h"
#include "lathe/data/text.h"

namespace lathe::evaluate::checklist {

std::vector<std::string> standard_capabilities() {
  return {"Vocabulary", "Taxonomy", "Robustness", "NER", "Fairness",
          "Temporal",   "Negation", "Coref",      "SRL", "Logic"};
}

std::vector<std::string> capabilities(const Suite& suite) {
  std::vector<std::string> rows;
  const auto add = [&](const std::string& row) {
    if (std::find(rows.begin(), rows.end(), row) == rows.end()) rows.push_back(row);
  };
  for (const std::string& row : standard_capabilities())
    if (std::any_of(suite.tests.begin(), suite.tests.end(),
                    [&](const Test& test) { return test.capability == row; }))
      add(row);
  for (const Test& test : suite.tests) add(test.capability);
  return rows;
}

Suite with_sample(Suite suite, int64_t num_cases, uint64_t seed) {
  if (num_cases < 1) throw InputError("at least one case of each test must run, got {}", num_cases);
  for (Test& test : suite.tests) {
    if (test.num_run() <= num_cases) continue;
    core::Random random = core::Seed(seed).stream("sample").stream(test.name).random();
    std::vector<int64_t> chosen = random.permutation(test.num_run());
    chosen.resize(static_cast<size_t>(num_cases));
    for (int64_t& index : chosen) index = test.run_case(index);
    std::sort(chosen.begin(), chosen.end());
    test.sample = std::move(chosen);
  }
  return suite;
}

bool matches_test(const std::string& capability, const std::string& name,
                  const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return core::matches(name, pattern) || core::matches(capability + '/' + name, pattern);
  });
}

Suite with_tests(Suite suite, const std::vector<std::string>& patterns) {
  for (const std::string& pattern : patterns)
    if (std::none_of(suite.tests.begin(), suite.tests.end(),
                     [&](const Test& test) { return matches_test(test.capability, test.name, {pattern}); }))
      throw InputError("no test of the suite {} is called '{}'", suite.name, data::excerpt(pattern));
  suite.tests.erase(
      std::remove_if(suite.tests.begin(), suite.tests.end(),
                     [&](const Test& test) { return !matches_test(test.capability, test.name, patterns); }),
      suite.tests.end());
  return suite;
}

Suite with_run_cases(const Suite& suite) {
  Suite result = suite;
  for (Test& test : result.tests) {
    if (test.sample.empty()) continue;
    test.cases = selected(test.cases, test.sample);
    test.sample.clear();
  }
  return result;
}

std::vector<std::string> warnings(const Suite& suite) {
  std::vector<std::string> lines;
  for (const Test& test : suite.tests)
    if (!test.not_run.empty()) lines.push_back("the test '" + test.name + "' is not run: " + test.not_run);
  return lines;
}

int64_t num_examples(const Test& test) {
  if (test.sample.empty()) return test.cases.num_examples();
  int64_t count = 0;
  for (int64_t index : test.sample) count += test.cases.end(index) - test.cases.begin(index);
  return count;
}

int64_t num_examples(const Suite& suite) {
  int64_t count = 0;
  for (const Test& test : suite.tests) count += num_examples(test);
  return count;
}

Job flatten(const Suite& suite) {
  Job job;
  job.examples.reserve(static_cast<size_t>(num_examples(suite)));
  for (const Test& test : suite.tests) {
    for (int64_t i = 0; i < test.num_run(); ++i) {
      const int64_t index = test.run_case(i);
      for (int64_t e = test.cases.begin(index); e < test.cases.end(index); ++e)
        job.examples.push_back(test.cases.example(e));
    }
    job.ends.push_back(static_cast<int64_t>(job.examples.size()));
  }
  return job;
}

}  // namespace lathe::evaluate::checklist
