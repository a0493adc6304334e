#pragma once
#include <torch/types.h>

#include <string>
#include <vector>

namespace lathe::train::invariance {

struct ClassGroups {
  std::vector<int64_t> sizes;  // of each part
  std::vector<double> losses;  // mean of each part; NaN where it is empty, or where losses are not known
  bool swapped = false;        // inferred: the parts were exchanged, so that part 1 is the harder one
  std::string left_whole;      // inferred: why the class is not split, all of it part 0; else empty
};

// Which part of its class each training example belongs to. Part 0 is the majority.
struct Groups {
  torch::Tensor assignment;  // uint8 [N], in [0, num_parts)
  int64_t num_parts = 2;
  std::vector<ClassGroups> per_class;
  torch::Tensor sizes() const;  // int64 [C, E]
};

// Parts as given: values [N], a number for each part and NaN (or, in integers, -1) where it is missing; part
// 0 is the most frequent value, and so on; of equally frequent ones the lower. targets: int64 [N] in
// [0, num_classes). Throws InputError naming `name`: missing values (with their rows, from 0), a single
// value, or more than 255.
Groups groups_from_values(const torch::Tensor& values, const torch::Tensor& targets, int64_t num_classes,
                          const std::string& name);

// The examples outside of the largest part of their class; bool [N].
torch::Tensor minority_of(const Groups& groups, const torch::Tensor& targets);

// How well part 1 finds the examples that a given column marks (nonzero): NaN where there is nothing to find
// or nothing found.
struct Agreement {
  double precision = 0, recall = 0;
};
Agreement agreement(const torch::Tensor& assignment, const torch::Tensor& minority);  // both [N]

std::vector<Agreement> class_agreement(const torch::Tensor& assignment, const torch::Tensor& minority,
                                       const torch::Tensor& targets, int64_t num_classes);  // of each class

// per_class of an assignment, with `losses` [N] (undefined: not known).
std::vector<ClassGroups> class_groups(const torch::Tensor& assignment, const torch::Tensor& targets,
                                      int64_t num_classes, int64_t num_parts, const torch::Tensor& losses);

}  // namespace lathe::train::invariance
