#pragma once
#include <torch/types.h>

#include <Halide.h>
#include <utility>
#include <vector>

namespace lathe::compile::codegen {

// Winograd's minimal filtering F(m×m, 3×3) (Lavin & Gray, CVPR 2016): Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A, of floats
// or of integers.
//
// Floats interpolate at 0, ±5/8, ±3/2 for m = 4, whose rounding errors are four times smaller than those of
// 0, ±1, ±2; at 0, ±1 for m = 2. The scales that are usually G's are in Bᵀ.
//
// Integers interpolate at 0, ±1, ±2 with G and Bᵀ of integers, and A's columns multiplied by 24 times the
// scales, so that 24² Y is an integer: u8 · i8 gives |Bᵀ d B| <= 17,340 and |G g Gᵀ| <= 6,272 in 16 bits,
// products of 32 channels at most 9.2e8 in 32. What is summed further is right modulo 2³², and 576 = 9 · 64
// has an inverse there but for its factor 64, so Y is exact where |Y| < 2²⁵.
struct Filtering {
  int m;
  bool integers;
  int alpha() const { return m + 2; }
  double a() const { return integers || m == 2 ? 1 : 0.625; }
  double b() const { return integers ? 2 : 1.5; }
  double a2() const { return a() * a(); }
  double b2() const { return b() * b(); }
  // Of the points 0, ±a and ±b.
  double scale_0() const { return 1 / (a2() * b2()); }
  double scale_a() const { return m == 2 ? 0.5 : 0.5 / (a2() * (a2() - b2())); }
  double scale_b() const { return 0.5 / (b2() * (b2() - a2())); }
};

// Bᵀ d along one axis.
inline std::vector<Halide::Expr> input_transform(const Filtering& f, const std::vector<Halide::Expr>& d) {
  using Halide::Expr;
  const auto times = [&](double factor, const Expr& x) {
    return factor == 1 ? x : Halide::Internal::make_const(x.type(), factor) * x;
  };
  const auto scaled = [&](double scale, double factor, const Expr& x) {
    return times(f.integers ? factor : scale * factor, x);
  };
  const double a = f.a(), b = f.b(), a2 = f.a2(), b2 = f.b2(), sa = f.scale_a();
  if (f.m == 2) return {d[0] - d[2], times(sa, d[1] + d[2]), times(sa, d[2] - d[1]), d[1] - d[3]};
  const double s0 = f.scale_0(), sb = f.scale_b();
  const Expr even_a = scaled(sa, 1, d[4] - times(b2, d[2])), odd_a = scaled(sa, a, d[3] - times(b2, d[1]));
  const Expr even_b = scaled(sb, 1, d[4] - times(a2, d[2])), odd_b = scaled(sb, b, d[3] - times(a2, d[1]));
  return {scaled(s0, a2 * b2, d[0]) - scaled(s0, a2 + b2, d[2]) + scaled(s0, 1, d[4]),
          even_a + odd_a,
          even_a - odd_a,
          even_b + odd_b,
          even_b - odd_b,
          times(a2 * b2, d[1]) - times(a2 + b2, d[3]) + d[5]};
}

// G g along one axis, of expressions or tensors.
template <class T>
std::vector<T> filter_transform(const Filtering& f, const std::vector<T>& g) {
  const auto pair = [&](double p) {
    const auto factor = [&](double x) {
      if constexpr (std::is_same_v<T, Halide::Expr>)
        return Halide::Internal::make_const(g[0].type(), x);
      else
        return x;
    };
    const T even = g[0] + g[2] * factor(p * p), odd = g[1] * factor(p);
    return std::pair(even + odd, even - odd);
  };
  const auto [plus_a, minus_a] = pair(f.a());
  if (f.m == 2) return {g[0], plus_a, minus_a, g[2]};
  const auto [plus_b, minus_b] = pair(f.b());
  return {g[0], plus_a, minus_a, plus_b, minus_b, g[2]};
}

// Aᵀ v along one axis; integers as u32, where sums beyond 32 bits are defined.
inline std::vector<Halide::Expr> output_transform(const Filtering& f, const std::vector<Halide::Expr>& v) {
  using Halide::Expr;
  if (f.m == 2) return {v[0] + v[1] + v[2], v[1] - v[2] - v[3]};
  Expr first = v[0], sum_a = v[1] + v[2], difference_a = v[1] - v[2], last = v[5];
  const Expr sum_b = v[3] + v[4], difference_b = v[3] - v[4];
  const auto times = [&](double factor, const Expr& x) {
    return Halide::Internal::make_const(x.type(), factor) * x;
  };
  if (f.integers) {  // 24 · (1/4, −1/6, −1/6, 1/24, 1/24, 1)
    first = times(6, first), last = times(24, last);
    sum_a = times(4, -sum_a), difference_a = times(4, -difference_a);
  }
  const double a = f.a(), b = f.b();
  return {first + sum_a + sum_b, times(a, difference_a) + times(b, difference_b),
          times(a * a, sum_a) + times(b * b, sum_b),
          times(a * a * a, difference_a) + times(b * b * b, difference_b) + last};
}

// 24² Y as u32 -> Y.
inline Halide::Expr without_integer_scale(const Halide::Expr& y) {
  constexpr uint32_t kInverseOf9 = 954437177;  // modulo 2³²
  return Halide::reinterpret<int>(y * Halide::Expr(kInverseOf9)) >> 6;
}

// Whether |Y| < 2²⁵ for every input of bytes: weight i8 [O, C, 3, 3].
inline bool integers_fit(const torch::Tensor& weight) {
  const torch::Tensor rows = weight.to(torch::kInt64).flatten(1);
  const torch::Tensor most = torch::maximum(rows.clamp_min(0).sum(1), -rows.clamp_max(0).sum(1)) * 255;
  return most.max().item<int64_t>() < (int64_t{1} << 25);
}

}  // namespace lathe::compile::codegen
