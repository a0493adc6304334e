#pragma once
#include <Eigen/Core>
#include <cstdint>

#include "lathe/core/seed.h"

namespace lathe::math {

// A Latin hypercube sample (McKay, Beckman & Conover 1979): count x dimension points in [0, 1), in each
// coordinate one in each of the `count` slices [i/count, (i+1)/count), uniform within it, the slices of
// different coordinates paired at random. Throws InputError unless count and dimension are at least 1.
Eigen::MatrixXd latin_hypercube(int64_t count, int64_t dimension, core::Seed seed);

}  // namespace lathe::math
