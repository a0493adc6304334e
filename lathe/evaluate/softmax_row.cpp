#include "lathe/evaluate/softmax_row.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

// One body, compiled for each width of vectors and chosen when the program starts.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LATHE_ONE_WIDTH  // the choice would run before the sanitizer is there
#endif
#endif
#if defined(__x86_64__) && !defined(LATHE_ONE_WIDTH)
#define LATHE_EVERY_WIDTH __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define LATHE_EVERY_WIDTH
#endif

namespace lathe::evaluate {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr int64_t kBlock = 16;

inline float exp_of_nonpositive(float x) {
  x = x < -87 ? -87 : x;
  const auto exponent = static_cast<int32_t>(x * 1.44269504f - 0.5f);  // rounds: x <= 0
  const auto n = static_cast<float>(exponent);
  // ln 2 in two parts, so that n ln 2 is exact to the last bit of r.
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  // Taylor's series to r⁷, |r| <= ln 2 / 2: relative remainder 5·10⁻⁹.
  float p = 1 / 5040.0f;
  p = p * r + 1 / 720.0f;
  p = p * r + 1 / 120.0f;
  p = p * r + 1 / 24.0f;
  p = p * r + 1 / 6.0f;
  p = p * r + 0.5f;
  p = p * r + 1;
  p = p * r + 1;
  const int32_t bits = (exponent + 127) << 23;
  float power;
  std::memcpy(&power, &bits, sizeof power);
  return p * power;
}

// To a multiple of 2⁻³⁶: a float from 2⁻¹³ up is one, and the spacing of floats in [2⁻¹³, 2⁻¹²) is 2⁻³⁶.
inline float rounded(float weight) {
  constexpr float kStep = 0x1p-13f;
  const float small = (weight + kStep) - kStep;
  return weight < kStep ? small : weight;
}

// clang 14 compiles a function that was declared before without the attribute for the first width alone, so
// that a processor without it stops at an illegal instruction: these are declared nowhere else.
namespace every_width {

LATHE_EVERY_WIDTH RowMaximum row_maximum(const float* logits, int64_t num_classes) {
  RowMaximum result;
  float* lanes = result.lanes;
  int32_t bad[kRowLanes] = {};
  std::fill_n(lanes, kRowLanes, -kInfinity);
  int64_t begin = 0;
  for (; begin + kRowLanes <= num_classes; begin += kRowLanes) {
    for (int64_t j = 0; j < kRowLanes; ++j) {
      const float z = logits[begin + j];
      lanes[j] = lanes[j] < z ? z : lanes[j];
      bad[j] |= !(z < kInfinity);
    }
  }
  for (int64_t j = 0; begin + j < num_classes; ++j) {
    const float z = logits[begin + j];
    lanes[j] = lanes[j] < z ? z : lanes[j];
    bad[j] |= !(z < kInfinity);
  }
  result.value = *std::max_element(lanes, lanes + kRowLanes);
  result.distribution =
      result.value > -kInfinity && std::none_of(bad, bad + kRowLanes, [](int32_t b) { return b != 0; });
  return result;
}

LATHE_EVERY_WIDTH double softmax_weights(const float* logits, int64_t num_classes, float maximum,
                                         float inverse_temperature, float* weights) {
  for (int64_t k = 0; k < num_classes; ++k)
    weights[k] = rounded(exp_of_nonpositive((logits[k] - maximum) * inverse_temperature));
  double sums[kBlock] = {};
  int64_t begin = 0;
  for (; begin + kBlock <= num_classes; begin += kBlock)
    for (int64_t j = 0; j < kBlock; ++j) sums[j] += weights[begin + j];
  double sum = 0;
  for (; begin < num_classes; ++begin) sum += weights[begin];
  for (double part : sums) sum += part;
  return sum;
}

LATHE_EVERY_WIDTH Before before_label(const float* logits, const float* weights, int64_t num_classes,
                                      int64_t label) {
  const float z = logits[label];
  double sums[kBlock] = {};
  int32_t counts[kBlock] = {};
  int64_t begin = 0;
  for (; begin + kBlock <= num_classes; begin += kBlock) {
    for (int64_t j = 0; j < kBlock; ++j) {
      const float weight = weights[begin + j];  // loaded in any case: a mask instead of a branch
      counts[j] += logits[begin + j] > z;
      sums[j] += logits[begin + j] > z ? weight : 0.0f;
    }
  }
  Before result;
  for (; begin < num_classes; ++begin) {
    result.count += logits[begin] > z;
    result.weight += logits[begin] > z ? weights[begin] : 0.0f;
  }
  for (int64_t j = 0; j < kBlock; ++j) {
    result.count += counts[j];
    result.weight += sums[j];
  }
  int64_t ties = 0;
  for (int64_t k = 0; k < label; ++k) ties += logits[k] == z;
  result.count += ties;
  result.weight += static_cast<double>(ties) * weights[label];
  return result;
}

LATHE_EVERY_WIDTH WeightedMoments weighted_moments(const float* logits, const float* weights,
                                                   int64_t num_classes, float maximum) {
  double first[kBlock] = {}, second[kBlock] = {};
  int64_t begin = 0;
  const auto offset = [&](int64_t k) {
    constexpr float kFar = -1e15f;  // instead of -inf: its weight is 0
    const float x = logits[k] - maximum;
    return x < kFar ? kFar : x;
  };
  for (; begin + kBlock <= num_classes; begin += kBlock) {
    for (int64_t j = 0; j < kBlock; ++j) {
      const double x = offset(begin + j), wx = weights[begin + j] * x;
      first[j] += wx;
      second[j] += wx * x;
    }
  }
  WeightedMoments result;
  for (; begin < num_classes; ++begin) {
    const double x = offset(begin), wx = weights[begin] * x;
    result.first += wx;
    result.second += wx * x;
  }
  for (int64_t j = 0; j < kBlock; ++j) {
    result.first += first[j];
    result.second += second[j];
  }
  return result;
}

}  // namespace every_width
}  // namespace

RowMaximum row_maximum(const float* logits, int64_t num_classes) {
  return every_width::row_maximum(logits, num_classes);
}

double softmax_weights(const float* logits, int64_t num_classes, float maximum, float inverse_temperature,
                       float* weights) {
  return every_width::softmax_weights(logits, num_classes, maximum, inverse_temperature, weights);
}

Before before_label(const float* logits, const float* weights, int64_t num_classes, int64_t label) {
  return every_width::before_label(logits, weights, num_classes, label);
}

WeightedMoments weighted_moments(const float* logits, const float* weights, int64_t num_classes,
                                 float maximum) {
  return every_width::weighted_moments(logits, weights, num_classes, maximum);
}

}  // namespace lathe::evaluate
