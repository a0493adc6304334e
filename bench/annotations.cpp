// What a large annotation table costs: 160,000 items with 10 labels each by 4,300 annotators.
//   bench_annotations                  micro-benchmarks
//   bench_annotations --peers TABLE    writes the table (int32: item, annotator, label), prints JSON for
//                                      bench/peers/annotations.py
#include <benchmark/benchmark.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "bench/cost.h"
#include "bench/run.h"
#include "lathe/core/parallel.h"
#include "lathe/core/seed.h"
#include "lathe/evaluate/agreement.h"
#include "lathe/evaluate/dawid_skene.h"
#include "lathe/evaluate/subjective/evaluation.h"

namespace {

using namespace lathe;
using lathe::bench::best_of;
using lathe::bench::Cost;
using lathe::bench::peak_megabytes;

constexpr int64_t kItems = 160000, kPerItem = 10, kAnnotators = 4300, kIterations = 10;

// Two classes; people are right with probabilities from 0.6 to 0.95, and of three groups.
const data::Annotations& table() {
  static const data::Annotations made = [] {
    core::Random random = core::Seed(0).random();
    data::Annotations a;
    a.scale.classes = {"no", "yes"};
    std::vector<double> skill;
    data::Attribute group{"group", {"g0", "g1", "g2"}, {}};
    for (int64_t j = 0; j < kAnnotators; ++j) {
      a.annotators.push_back(std::to_string(j));
      skill.push_back(random.uniform(0.6, 0.95));
      group.codes.push_back(static_cast<int32_t>(random.below(3)));
    }
    a.annotator_attributes.push_back(std::move(group));
    for (int64_t i = 0; i < kItems; ++i) {
      a.items.push_back(std::to_string(i));
      const auto truth = static_cast<int32_t>(random.below(2));
      std::vector<int64_t> who;
      while (static_cast<int64_t>(who.size()) < kPerItem) {
        const int64_t person = random.below(kAnnotators);
        if (std::find(who.begin(), who.end(), person) == who.end()) who.push_back(person);
      }
      std::sort(who.begin(), who.end());
      for (const int64_t person : who) {
        a.item.push_back(static_cast<int32_t>(i));
        a.annotator.push_back(static_cast<int32_t>(person));
        a.label.push_back(random.uniform() < skill[static_cast<size_t>(person)] ? truth : 1 - truth);
      }
    }
    return a;
  }();
  return made;
}

const evaluate::OpinionPredictions& predictions() {
  static const evaluate::OpinionPredictions made = [] {
    core::Random random = core::Seed(1).random();
    evaluate::OpinionPredictions p;
    p.num_classes = 2;
    for (int64_t row = 0; row < table().size(); ++row) {
      const auto yes = static_cast<float>(random.uniform());
      p.rows.push_back(row);
      p.probabilities.insert(p.probabilities.end(), {1 - yes, yes});
    }
    return p;
  }();
  return made;
}

double alpha() {
  return evaluate::krippendorff(table(), evaluate::Distance::nominal).alpha;
}

evaluate::DawidSkene dawid_skene() {
  return evaluate::dawid_skene(table(), {.max_iterations = kIterations, .tolerance = -1, .smoothing = 0});
}

// Every metric of everything and of three groups.
evaluate::subjective::Evaluation evaluation(int64_t num_replicates) {
  return evaluate::subjective::evaluate(
      evaluate::subjective::parse_specification("[users]\nattributes = { value = ['group'] }", "bench"),
      table(), predictions(), {.bootstrap = {.num_replicates = num_replicates}});
}

std::vector<math::TwoWayEstimate> alpha_intervals(int64_t num_replicates) {
  return evaluate::krippendorff_intervals(table(), evaluate::Distance::nominal,
                                          data::annotator_groups(table(), {"group"}),
                                          {.num_replicates = num_replicates});
}

void krippendorff(benchmark::State& state) {
  table();
  for (auto _ : state) benchmark::DoNotOptimize(alpha());
  state.SetItemsProcessed(state.iterations() * table().size());
}
BENCHMARK(krippendorff)->Unit(benchmark::kMillisecond)->UseRealTime();

void dawid_skene_steps(benchmark::State& state) {
  table();
  for (auto _ : state) benchmark::DoNotOptimize(dawid_skene());
  state.SetItemsProcessed(state.iterations() * table().size() * kIterations);
}
BENCHMARK(dawid_skene_steps)->Unit(benchmark::kMillisecond)->UseRealTime();

void evaluation_replicates(benchmark::State& state) {
  predictions();
  for (auto _ : state) benchmark::DoNotOptimize(evaluation(state.range(0)));
}
BENCHMARK(evaluation_replicates)->Arg(2)->Arg(100)->Unit(benchmark::kMillisecond)->UseRealTime();

void alpha_replicates(benchmark::State& state) {
  table();
  for (auto _ : state) benchmark::DoNotOptimize(alpha_intervals(state.range(0)));
}
BENCHMARK(alpha_replicates)->Arg(100)->Unit(benchmark::kMillisecond)->UseRealTime();

// Processor time is what it would take on a machine of its own.
void write_table(const std::string& name) {
  std::ofstream file(name, std::ios::binary);
  for (size_t row = 0; row < table().item.size(); ++row)
    for (const int32_t value : {table().item[row], table().annotator[row], table().label[row]})
      file.write(reinterpret_cast<const char*>(&value), sizeof value);
}

// One core for what the peer does on one; the bootstraps on all.
void compare(const std::string& name) {
  write_table(name);
  const double table_megabytes = peak_megabytes();
  const int threads = core::num_threads();
  core::set_num_threads(1);
  nlohmann::json json = {{"annotations", table().size()},
                         {"iterations", kIterations},
                         {"alpha", alpha()},
                         {"alpha_seconds", best_of(5, alpha).seconds},
                         {"dawid_skene_seconds", best_of(3, dawid_skene).seconds}};
  const evaluate::DawidSkene fitted = dawid_skene();
  json["dawid_skene_labels"] = evaluate::most_probable(fitted);
  core::set_num_threads(threads);
  json["threads"] = threads;
  predictions();
  const Cost of_alpha = best_of(1, [] { return alpha_intervals(1000); });
  const Cost of_evaluation = best_of(1, [] { return evaluation(1000); });
  json["alpha_bootstrap_seconds"] = of_alpha.seconds;
  json["alpha_bootstrap_processor_seconds"] = of_alpha.cpu_seconds;
  json["evaluation_bootstrap_seconds"] = of_evaluation.seconds;
  json["evaluation_bootstrap_processor_seconds"] = of_evaluation.cpu_seconds;
  json["table_megabytes"] = table_megabytes;
  json["peak_megabytes"] = peak_megabytes();
  std::cout << json.dump() << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, compare);
}
