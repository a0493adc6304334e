// What behavioural tests cost: 100,000 cases of a template, and a suite of 35 tests and 87,470 examples from
// a file of predictions to rates and the page.
//   bench_checklist               micro-benchmarks
//   bench_checklist --peers       prints one line of JSON for bench/peers/checklist.py to compare with
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "lathe/core/files.h"
#include "lathe/evaluate/checklist/html_report.h"
#include "lathe/evaluate/checklist/prediction_file.h"

namespace {

using namespace lathe;
using namespace lathe::evaluate::checklist;

constexpr int64_t kTests = 35, kExamples = 87470;
constexpr const char* kTemplate = "{first} {last} is {a:job} in {city}.";

Lexicon words(const std::string& word, int n) {
  Lexicon lexicon;
  for (int i = 0; i < n; ++i)
    lexicon.push_back(word + std::string(1, static_cast<char>('a' + i % 26)) +
                      std::string(1, static_cast<char>('a' + i / 26)));
  return lexicon;
}

const Editor& editor() {  // 50 · 20 · 10 · 10 = 100,000
  static const Editor lexicons{{{"first", words("Mary", 50)},
                                {"last", words("Smith", 20)},
                                {"job", words("engineer", 10)},
                                {"city", words("London", 10)}},
                               {}};
  return lexicons;
}

Expansion expand_all() {
  return expand(editor(), kTemplate, {.labels = 1});
}

// 15 labelled tests, 15 of invariance and 5 directional ones, as large as each other; cases of ten examples
// but for the labelled.
const Suite& suite() {
  static const Suite made = [] {
    Suite result{"bench", "", {"text"}, {"negative", "neutral", "positive"}, {}};
    int64_t made_examples = 0;
    for (int64_t t = 0; t < kTests; ++t) {
      Test test;
      test.name = "test " + std::to_string(t);
      test.capability = standard_capabilities()[static_cast<size_t>(t % 10)];
      test.type = t < 15 ? TestType::kMft : t < 30 ? TestType::kInv : TestType::kDir;
      test.expect = t < 15 ? "eq" : t < 30 ? "inv(0.1)" : "monotonic(label=positive, increasing, tol=0.1)";
      const int64_t end = kExamples * (t + 1) / kTests, size = t < 15 ? 1 : 10;
      while (made_examples < end) {
        std::vector<Example> examples;
        for (int64_t i = 0; i < size && made_examples < end; ++i)
          examples.push_back(
              {"This is the text of the example number " + std::to_string(made_examples++) + "."});
        test.cases.add(examples);
        if (t < 15) test.cases.labels.push_back({.index = made_examples % 3, .text = ""});
      }
      result.tests.push_back(std::move(test));
    }
    return result;
  }();
  return made;
}

std::string softmax_file() {
  core::Random random = core::Seed(0).random();
  std::string text;
  for (int64_t i = 0; i < kExamples; ++i) {
    const double a = random.uniform(0.05, 0.9), b = random.uniform() * (1 - a);
    text += fmt::format("{:.6f} {:.6f} {:.6f}\n", a, b, 1 - a - b);
  }
  return text;
}

const std::filesystem::path& predictions_file() {
  static const core::TemporaryDirectory directory;
  static const std::filesystem::path file = [] {
    const auto name = directory.path() / "softmax.txt";
    std::ofstream(name) << softmax_file();
    return name;
  }();
  return file;
}

Results score_file() {
  return score(suite(),
               read_predictions(predictions_file(), PredictionFormat::kSoftmax, suite().classes, kExamples));
}

void expansion(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(expand_all());
  state.SetItemsProcessed(state.iterations() * 100000);
}
BENCHMARK(expansion)->Unit(benchmark::kMillisecond);

void scoring(benchmark::State& state) {
  predictions_file();
  for (auto _ : state) benchmark::DoNotOptimize(score_file());
  state.SetItemsProcessed(state.iterations() * kExamples);
}
BENCHMARK(scoring)->Unit(benchmark::kMillisecond);

void page(benchmark::State& state) {
  const Results results = score_file();
  for (auto _ : state) benchmark::DoNotOptimize(html_report(results));
}
BENCHMARK(page)->Unit(benchmark::kMillisecond);

template <typename Action>
double best_of(int repeats, const Action& action) {
  double best = 1e9;
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    benchmark::DoNotOptimize(action());
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

void compare() {
  predictions_file();
  const Results results = score_file();
  std::cout << nlohmann::json{{"cases", 100000},
                              {"expand_seconds", best_of(5, expand_all)},
                              {"tests", kTests},
                              {"examples", kExamples},
                              {"score_seconds", best_of(5, score_file)},
                              {"page_seconds", best_of(3, [&] { return html_report(results); })},
                              {"page_megabytes",
                               static_cast<double>(html_report(results).size()) / (1 << 20)}}
                   .dump()
            << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]) == "--peers") {
    compare();
    return 0;
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
