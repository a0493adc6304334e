#pragma once
#include <cstdint>
#include <vector>

#include "lathe/math/intervals.h"

namespace lathe::evaluate::active {

struct AnytimeOptions {
  double confidence = 0.95;
  double lowest = 0, highest = 1;  // what a loss can be
};

// An interval for the mean loss of the pool that holds after every step at once: one may look after each
// label and stop when it is narrow enough. It needs no other assumption than lowest <= L_i <= highest and the
// q that were used, and is [mean, mean] at M = N.
//
// With the a_m of RunningRisk, A = (1/N) Σ_{t<m} L_t, losses shifted to be at least 0, and the mean R of the
// pool, E[a_m | past] = R and a_m, R >= A: so Π_m (1 + f (a_m − R) / (R − A)) is a nonnegative martingale for
// every share f in (0, 1), and so is its mean over 19 shares 0.05, 0.1, …, 0.95. By Ville's inequality it
// ever reaches 2 / α with probability α / 2 at most; every R at which it does is refused from below, and,
// with losses highest − L, from above. Bets with importance weights: Waudby-Smith & Ramdas, JRSS-B 2024
// (arXiv 2010.09686), §4 and §5; losses turned over, so that weights need no bound: Waudby-Smith, Wu, Ramdas,
// Karampatziakis & Mineiro 2022 (arXiv 2210.10768), §2.
//
// Throws InputError for q outside (0, 1], more steps than points, losses outside the range, confidence.
math::Interval anytime_interval(const std::vector<double>& losses, const std::vector<double>& q,
                                int64_t num_pool, const AnytimeOptions& options = {});

}  // namespace lathe::evaluate::active
