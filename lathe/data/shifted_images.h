#pragma once
#include <functional>
#include <vector>

#include "lathe/core/seed.h"
#include "lathe/data/dataset.h"

namespace lathe::data {

// Objects in contexts (a colour, a place) that give the class away in most training images, as in Ahmed et
// al., ICLR 2021, §4. Images are uint8 [N, 3, H, W], classes those of the objects without the anomaly class.
//   id   as in training: the class's own context with probability `bias`, else another
//   xn   contexts that training never shows        (a shift that is not systematic)
//   sg   the own context of another class          (a systematic shift)
struct ShiftedImages {
  Dataset train;
  torch::Tensor train_minority;  // uint8 [N]: 1 where the image is not in its class's own context
  Dataset id_validation, xn_validation, sg_validation;
  Dataset id_test, xn_test, sg_test;
  torch::Tensor
      anomalies;  // uint8 [M, 3, H, W]: test objects of the anomaly class in any class's own context
};

struct ShiftedImagesOptions {
  double bias = 0.8;              // share of a class's images in its own context; paper
  int64_t anomaly_class = 0;      // left out of training; paper
  int64_t contexts_per_set = 10;  // paper
};

// Contexts have numbers: c is class c's own; then contexts_per_set each of training's minority, of xn_test
// and of xn_validation.
struct ContextNumbers {
  int64_t num_classes = 0, per_set = 0;
  int64_t own(int64_t target) const { return target; }
  int64_t other(int64_t i) const { return num_classes + i; }
  int64_t test(int64_t i) const { return num_classes + per_set + i; }
  int64_t validation(int64_t i) const { return num_classes + 2 * per_set + i; }
};

// uint8 [M, 3, H, W] of M objects, each in its context.
using PutIntoContext = std::function<torch::Tensor(const torch::Tensor& objects,
                                                   const std::vector<int64_t>& contexts, core::Seed seed)>;

// Each set draws from a stream of its own. Throws InputError for options out of range and fewer than three
// classes.
ShiftedImages shifted_images(const Dataset& train, const Dataset& validation, const Dataset& test,
                             const PutIntoContext& put, core::Seed seed,
                             const ShiftedImagesOptions& options = {});

}  // namespace lathe::data
