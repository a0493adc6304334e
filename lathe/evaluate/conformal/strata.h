#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace lathe::evaluate::conformal {

// Set sizes 0–1, 2–3, 4–6, 7–10, 11–100, 101–1000 (paper, §E); below 1000 classes the limits are equally far
// apart in log K: K^(log limit / log 1000), at least one after the other.
struct Stratum {
  int64_t low = 0, high = 0;  // sizes, both included
  std::string name() const;
};
std::vector<Stratum> size_strata(int64_t num_classes);

struct SizeAndCover {
  int64_t size = 0;
  bool covered = false;
};
// SSCV = max_j | share of covered examples in stratum j − (1 − α) |, empty strata skipped.
double stratified_violation(const std::vector<SizeAndCover>& examples, const std::vector<Stratum>& strata,
                            double alpha);

}  // namespace lathe::evaluate::conformal
