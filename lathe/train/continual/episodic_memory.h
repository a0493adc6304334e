#pragma once
#include <torch/serialize.h>

#include "lathe/core/seed.h"
#include "lathe/train/continual/task.h"

namespace lathe::train::continual {

// At most `capacity` examples of all tasks so far, each equally likely to be there: reservoir sampling
// (Vitter 1985). Inputs are kept as they are stored.
class EpisodicMemory {
 public:
  EpisodicMemory(int64_t capacity, core::Seed seed) : capacity_(capacity), seed_(seed) {}
  void add(const data::Dataset& examples, int64_t task);
  // `count` different ones, or all there are.
  MixedBatch draw(int64_t count, core::Seed seed) const;
  int64_t size() const { return kept_.targets.defined() ? kept_.targets.size(0) : 0; }
  int64_t bytes() const;
  void save(torch::serialize::OutputArchive& archive) const;
  void load(torch::serialize::InputArchive& archive);

 private:
  int64_t capacity_;
  core::Seed seed_;
  int64_t seen_ = 0;
  MixedBatch kept_;
};

}  // namespace lathe::train::continual
