#pragma once
#include <cmath>

#include "lathe/math/intervals.h"

namespace lathe::evaluate::opinion {

struct Estimate {
  double value = std::nan("");                          // NaN: not defined
  math::Interval interval{std::nan(""), std::nan("")};  // NaN: no bootstrap, or not defined
};

}  // namespace lathe::evaluate::opinion
