// What it costs to measure whose opinions a model serves: 1.6 million annotations of 160,000 items by 4,300
// users, as many as Wikipedia Talk Labels has.
//   bench_opinion                micro-benchmarks, and the memory that they took
//   bench_opinion --peers DIR    writes the table to DIR/opinion.csv and prints one line of JSON for
//                                bench/peers/opinion.py to compare with
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "bench/cost.h"
#include "bench/run.h"
#include "lathe/core/parallel.h"
#include "lathe/evaluate/opinion/explain.h"
#include "lathe/evaluate/opinion/slices.h"

namespace {

using namespace lathe;
using lathe::bench::best_of;
using lathe::bench::Cost;
using lathe::bench::peak_megabytes;
using namespace lathe::evaluate;
using namespace lathe::evaluate::opinion;

constexpr int32_t kItems = 160000, kUsers = 4300, kPerItem = 10;

// Ten people an item, prolific ones more often; one answer of the model to each item, and shares as
// probabilities.
struct Made {
  data::Annotations table;
  OpinionPredictions predictions;
};

const Made& made() {
  static const Made result = [] {
    Made m;
    m.table.scale.classes = {"no", "yes"};
    for (int32_t i = 0; i < kItems; ++i) m.table.items.push_back(std::to_string(i));
    data::Attribute group{"group", {"a", "b", "c", "d", "e", "f"}, {}};
    core::Random random(1);
    std::vector<double> leaning;
    for (int32_t a = 0; a < kUsers; ++a) {
      m.table.annotators.push_back(std::to_string(a));
      group.codes.push_back(static_cast<int32_t>(random.below(6)));
      leaning.push_back(0.15 * random.normal());
    }
    m.table.annotator_attributes.push_back(std::move(group));
    m.predictions.num_classes = 2;
    for (int32_t i = 0; i < kItems; ++i) {
      const double share = random.uniform() * random.uniform(),
                   predicted = 0.8 * share + 0.2 * random.uniform();
      std::vector<int32_t> people;
      while (people.size() < kPerItem) {
        const auto person = static_cast<int32_t>(kUsers * random.uniform() * random.uniform());
        if (std::find(people.begin(), people.end(), person) == people.end()) people.push_back(person);
      }
      std::sort(people.begin(), people.end());
      for (const int32_t person : people) {
        m.predictions.rows.push_back(static_cast<int64_t>(m.table.item.size()));
        m.predictions.probabilities.push_back(static_cast<float>(1 - predicted));
        m.predictions.probabilities.push_back(static_cast<float>(predicted));
        m.table.item.push_back(i);
        m.table.annotator.push_back(person);
        m.table.label.push_back(random.uniform() < share + leaning[static_cast<size_t>(person)]);
      }
    }
    m.table = data::in_order(std::move(m.table));
    return m;
  }();
  return result;
}

const MeasureOptions kFourByFive{
    .bins = {.metrics = {Metric::accuracy, Metric::tpr, Metric::fpr, Metric::f1, Metric::mae},
             .attributes = {"group"}},
    .num_replicates = 0};

// From the table and the predictions to all four criteria with five metrics, and all measures of unfairness.
Measurement four_criteria() {
  return measure(made().table, profile(made().table), made().predictions, kFourByFive);
}

Measurement with_intervals(int64_t num_replicates) {
  MeasureOptions options = kFourByFive;
  options.num_replicates = num_replicates;
  return measure(made().table, profile(made().table), made().predictions, options);
}

// One criterion and metric, as a peer's one call.
BinTable one_criterion(Criterion criterion) {
  return bins(made().table, profile(made().table), made().predictions, criterion, kFourByFive.bins);
}

void criteria(benchmark::State& state) {
  made();
  for (auto _ : state) benchmark::DoNotOptimize(four_criteria());
  state.SetItemsProcessed(state.iterations() * made().table.size());
}
BENCHMARK(criteria)->Unit(benchmark::kMillisecond);

void bootstrap(benchmark::State& state) {
  made();
  for (auto _ : state) benchmark::DoNotOptimize(with_intervals(state.range(0)));
}
BENCHMARK(bootstrap)->Arg(100)->Arg(1000)->Unit(benchmark::kSecond)->Iterations(1)->UseRealTime();

void worst(benchmark::State& state) {
  MeasureOptions options = kFourByFive;
  options.num_replicates = 1000;
  for (auto _ : state) benchmark::DoNotOptimize(worst_slices(made().table, made().predictions, options));
}
BENCHMARK(worst)->Unit(benchmark::kSecond)->Iterations(1)->UseRealTime();

void causes(benchmark::State& state) {
  const Profile p = profile(made().table);
  MeasureOptions options = kFourByFive;
  options.num_replicates = 100;
  for (auto _ : state)
    benchmark::DoNotOptimize(explain(made().table, p, {{"model", made().predictions}}, options));
}
BENCHMARK(causes)->Unit(benchmark::kSecond)->Iterations(1)->UseRealTime();

void compare(const std::string& directory) {
  const Made& m = made();
  const std::vector<int32_t> predicted = predicted_labels(m.predictions);
  std::ofstream file(directory + "/opinion.csv");
  file << "item,annotator,group,label,predicted\n";
  for (size_t i = 0; i < predicted.size(); ++i)
    file << m.table.item[i] << ',' << m.table.annotator[i] << ','
         << m.table.annotator_attributes[0].codes[static_cast<size_t>(m.table.annotator[i])] << ','
         << m.table.label[i] << ',' << predicted[i] << '\n';
  file.close();
  const double before = peak_megabytes();
  const Cost criteria_cost = best_of(5, four_criteria);
  const double memory = peak_megabytes() - before;
  nlohmann::json by_criterion, scores;
  for (const Criterion criterion : all_criteria()) {
    by_criterion[to_string(criterion)] = best_of(3, [&] { return one_criterion(criterion); }).cpu_seconds;
    scores[to_string(criterion)] = one_criterion(criterion).score(Metric::accuracy).fairness.value;
  }
  const Measurement measured = four_criteria();
  nlohmann::json users = nlohmann::json::object();  // to see that the peers compute the same
  for (size_t u = 0; u < measured.users.users.size(); u += 500)
    users[std::to_string(measured.users.users[u].annotator)] = measured.users.users[u].accuracy();
  const Cost bootstrap_cost = best_of(1, [] { return with_intervals(1000); });
  std::cout << nlohmann::json{{"annotations", m.table.size()},
                              {"threads", core::num_threads()},
                              {"criteria_seconds", criteria_cost.seconds},
                              {"criteria_cpu_seconds", criteria_cost.cpu_seconds},
                              {"one_criterion_cpu_seconds", by_criterion},
                              {"fairness", scores},
                              {"accuracy_of_users", users},
                              {"bootstrap_1000_seconds", bootstrap_cost.seconds},
                              {"bootstrap_1000_cpu_seconds", bootstrap_cost.cpu_seconds},
                              {"working_megabytes", memory},
                              {"peak_megabytes", peak_megabytes()}}
                   .dump()
            << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  const int code = bench::run(argc, argv, compare);
  std::cerr << fmt::format("peak memory {:.0f} MB\n", peak_megabytes());
  return code;
}
