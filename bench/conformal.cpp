// What prediction sets cost: half of the examples calibrate, the other half get sets and a report.
//   bench_conformal               micro-benchmarks
//   bench_conformal --peers DIR   writes DIR/logits.npy (50,000 × 1000 float32) and labels.npy, prints one
//   line of
//                                 JSON for bench/peers/conformal.py to compare with
#include <benchmark/benchmark.h>
#include <sys/resource.h>
#include <torch/torch.h>

#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>

#include "bench/run.h"
#include "lathe/core/parallel.h"
#include "lathe/data/npy.h"
#include "lathe/evaluate/conformal/report.h"
#include "lathe/evaluate/conformal/synthetic.h"

namespace {

using namespace lathe;
using namespace lathe::evaluate::conformal;

constexpr int64_t kExamples = 50000;

const Examples& all() {
  static const Examples examples = synthetic_logits(kExamples, core::Seed(0));
  return examples;
}

Examples rows(int64_t begin, int64_t end) {
  return {.logits = all().logits.slice(0, begin, end), .labels = all().labels.slice(0, begin, end)};
}

struct Seconds {
  double fit = 0, predict = 0, report = 0;
};

template <typename Action>
auto timed(double& seconds, const Action& action) {
  const auto start = std::chrono::steady_clock::now();
  auto result = action();
  seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

nlohmann::json run(Method method) {
  const Examples calibration = rows(0, kExamples / 2), test = rows(kExamples / 2, kExamples);
  Seconds seconds;
  const Conformal conformal =
      timed(seconds.fit, [&] { return Conformal::fit(calibration, {.method = method}); });
  timed(seconds.predict, [&] { return conformal.predict(test); });
  const Report result = timed(seconds.report, [&] { return report(conformal, test); });
  return {{"fit", seconds.fit},
          {"predict", seconds.predict},
          {"report", seconds.report},
          {"total", seconds.fit + seconds.predict + seconds.report},
          {"temperature", conformal.fitted().temperature},
          {"k_reg", conformal.fitted().rule.k_reg},
          {"lambda", conformal.fitted().rule.lambda},
          {"mean_size", result.mean_size},
          {"coverage", result.coverage}};
}

double peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

nlohmann::json best_of(Method method, int repeats) {
  nlohmann::json best = run(method);
  for (int i = 1; i < repeats; ++i) {
    const nlohmann::json next = run(method);
    if (next["total"] < best["total"]) best = next;
  }
  return best;
}

void compare(const std::filesystem::path& directory) {
  all();
  const double before = peak_megabytes();
  nlohmann::json json = {{"threads", core::num_threads()}, {"raps", best_of(Method::kRaps, 5)}};
  json["peak_megabytes"] = {{"with_logits", before}, {"after", peak_megabytes()}};
  for (const auto& [name, method] :
       {std::pair{"aps", Method::kAps}, {"lac", Method::kLac}, {"topk", Method::kTopK}})
    json[name] = best_of(method, 5);
  data::write_npy(directory / "logits.npy", all().logits);
  data::write_npy(directory / "labels.npy", all().labels);
  std::cout << json.dump() << "\n";
}

void fit_predict_report(benchmark::State& state, Method method) {
  all();
  for (auto _ : state) benchmark::DoNotOptimize(run(method));
}
BENCHMARK_CAPTURE(fit_predict_report, raps, Method::kRaps)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(fit_predict_report, aps, Method::kAps)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(fit_predict_report, lac, Method::kLac)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, compare);
}
