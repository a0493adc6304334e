#include "lathe/compile/roofline.h"

#include <immintrin.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>
#include <vector>

namespace lathe::compile {
namespace {

constexpr int kChains = 12;  // independent sums: latency times throughput of the units
constexpr int kSteps = 400'000;
constexpr int kTrials = 7;
constexpr size_t kBytes = size_t{64} << 20;  // of each thread, beyond its share of the caches

// Each returns the operations that it did; `sink` keeps the compiler from leaving them out.
double multiply_adds(float* sink) {
  float sums[kChains] = {};
  for (int step = 0; step < kSteps; ++step)
    for (float& sum : sums) sum = sum * 0.5f + 1.0f;
  for (const float sum : sums) *sink += sum;
  return 2.0 * kChains * kSteps;
}

__attribute__((target("avx2,fma"))) double multiply_adds_avx2(float* sink) {
  __m256 sums[kChains];
  for (auto& sum : sums) sum = _mm256_setzero_ps();
  const __m256 half = _mm256_set1_ps(0.5f), one = _mm256_set1_ps(1.0f);
  for (int step = 0; step < kSteps; ++step)
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c) sums[c] = _mm256_fmadd_ps(sums[c], half, one);
  for (const auto& sum : sums) *sink += _mm256_cvtss_f32(sum);
  return 2.0 * 8 * kChains * kSteps;
}

__attribute__((target("avx512f"))) double multiply_adds_avx512(float* sink) {
  __m512 sums[kChains];
  for (auto& sum : sums) sum = _mm512_setzero_ps();
  const __m512 half = _mm512_set1_ps(0.5f), one = _mm512_set1_ps(1.0f);
  for (int step = 0; step < kSteps; ++step)
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c) sums[c] = _mm512_fmadd_ps(sums[c], half, one);
  for (const auto& sum : sums) *sink += _mm512_cvtss_f32(sum);
  return 2.0 * 16 * kChains * kSteps;
}

double read_all(const std::vector<uint64_t>& words, float* sink) {
  uint64_t sums[8] = {};
  for (size_t i = 0; i + 8 <= words.size(); i += 8)
    for (size_t j = 0; j < 8; ++j) sums[j] += words[i + j];
  for (const uint64_t sum : sums) *sink += static_cast<float>(sum & 1);
  return static_cast<double>(words.size() * sizeof(uint64_t));
}

// The best of some trials of all threads together, in units a second.
double rate(int threads, const std::function<double(int thread, float* sink)>& work) {
  double best = 0;
  std::vector<float> sinks(static_cast<size_t>(threads) * 16);
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> done(static_cast<size_t>(threads));
    std::vector<std::thread> helpers;
    const auto start = std::chrono::steady_clock::now();
    const auto one = [&](int t) {
      done[static_cast<size_t>(t)] = work(t, &sinks[static_cast<size_t>(t) * 16]);
    };
    for (int t = 1; t < threads; ++t) helpers.emplace_back(one, t);
    one(0);
    for (std::thread& helper : helpers) helper.join();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    double all = 0;
    for (const double units : done) all += units;
    best = std::max(best, all / seconds);
  }
  return best;
}

}  // namespace

double Roofline::seconds(double work, double bytes) const {
  return std::max(work / flops, bytes / bandwidth);
}

Roofline measure_roofline(int threads) {
  Roofline roofline;
  const auto fastest = __builtin_cpu_supports("avx512f") ? multiply_adds_avx512
                       : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? multiply_adds_avx2
                                                                                         : multiply_adds;
  roofline.flops = rate(threads, [&](int, float* sink) { return fastest(sink); });
  const std::vector<std::vector<uint64_t>> words(static_cast<size_t>(threads),
                                                 std::vector<uint64_t>(kBytes / sizeof(uint64_t), 1));
  roofline.bandwidth =
      rate(threads, [&](int t, float* sink) { return read_all(words[static_cast<size_t>(t)], sink); });
  return roofline;
}

}  // namespace lathe::compile
