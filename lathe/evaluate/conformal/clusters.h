#pragma once
#include <cstdint>
#include <vector>

#include "lathe/core/seed.h"

namespace lathe::evaluate::conformal {

// Classes with alike distributions of scores (Ding, Angelopoulos, Bates, Jordan & Tibshirani, NeurIPS 2023,
// §2.2 and appendix B), from each class's scores on a tuning part.
//
// A class with ñ = max(min_k n_k, ⌈1/α⌉ − 1) scores or more is embedded as the quantiles of its scores at
// 0.5, 0.6, 0.7, 0.8, 0.9 and 1 − α; k-means with weights √n_k makes ⌊ñ/2⌋ clusters of them. The result is
// each class's cluster from 1, or 0 where it is too rare.
std::vector<int64_t> cluster_classes(const std::vector<std::vector<double>>& scores_of_class, double alpha,
                                     core::Seed seed);

}  // namespace lathe::evaluate::conformal
