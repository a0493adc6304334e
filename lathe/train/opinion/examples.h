#pragma once
#include <utility>
#include <vector>

#include "lathe/train/opinion/fit.h"

namespace lathe::train::opinion {

struct Owners {
  torch::Tensor item, annotator;  // int64 [N]
};
// Throws InputError for rows outside the table.
Owners owners_of(const data::Annotations& annotations, const std::vector<int64_t>& rows);

// What a model is trained on: an annotation each, or an item each (whose annotator is 0 and does not matter).
struct Examples {
  torch::Tensor item, annotator;  // int64 [N]
  torch::Tensor target;           // float32 [N, C], distributions
  torch::Tensor weight;           // float32 [N]
  torch::Tensor part;             // int64 [N]; undefined: no groups
  int64_t size() const { return item.size(0); }
  Examples select(const torch::Tensor& indices) const;
};
Examples make_examples(const data::Annotations& annotations, const std::vector<int64_t>& rows,
                       const FitOptions& options);

// Those of a share of the items, drawn at random, apart: training, held out.
std::pair<Examples, Examples> hold_out(const Examples& examples, double share, core::Seed seed);

}  // namespace lathe::train::opinion
