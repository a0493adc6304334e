#pragma once
#include <memory>
#include <optional>

#include "lathe/core/seed.h"
#include "lathe/data/dataset.h"
#include "lathe/data/tasks.h"

namespace lathe::data {

// Random changes of uint8 images, drawn per image, in this order.
struct AugmentOptions {
  bool flip = false;    // left-right with probability 1/2
  int64_t crop = 0;     // pad by this many pixels on each side and cut out at a random offset
  double rotation = 0;  // degrees, uniform in ±rotation, bilinear
  int64_t cutout = 0;  // side of a square set to `fill`, its centre anywhere (DeVries & Taylor 2017); 0: none
  int64_t fill = 0;    // grey value of padding and cut-outs
  bool any() const { return flip || crop > 0 || rotation > 0 || cutout > 0; }
};

// rows `indices` (int64 [B]) of images (uint8 [N, C, H, W], CPU) -> uint8 [B, C, H, W], contiguous.
torch::Tensor gather_augmented(const torch::Tensor& images, const torch::Tensor& indices,
                               const AugmentOptions& options, core::Seed seed);

struct Batch {
  torch::Tensor inputs, targets, indices;
  // Where batches hold several tasks: of each block; of a micro-batch, which has one task, that.
  std::vector<int64_t> tasks = {};
};

// Batches of several tasks, drawn by a TaskSampler.
struct TaskBlocks {
  Tasks tasks;
  int64_t size = 0;        // examples of a block; divides the batch size
  double temperature = 5;  // τ
};

struct BatchOptions {
  int64_t size = 128;
  bool shuffle = true;
  bool drop_last = true;  // false: the last batch of an epoch is smaller
  // Texts: an epoch's order is cut into windows of so many batches, and each window sorted by length before
  // its batches are drawn in random order, so that a batch needs little padding; 1: none.
  int64_t length_window = 32;
  AugmentOptions augment;
  int64_t prefetch = 2;  // batches made ahead on a thread; 0: made when asked for
  std::optional<TaskBlocks> blocks = {};
};

// The batches of a data set as a function of the step: at(step) is the same whoever asked for what before, so
// a resumed run sees the batches that the uninterrupted one would have seen. Epoch e is a permutation drawn
// from seed.stream("shuffle").stream(e); batch s is augmented from seed.stream("augment").stream(s). With
// several tasks batch s is drawn from seed.stream("tasks").stream(s), whatever the epoch.
class Batches {
 public:
  Batches(Dataset dataset, BatchOptions options, core::Seed seed);  // throws InputError when no batch fits
  ~Batches();
  Batches(const Batches&) = delete;
  Batches& operator=(const Batches&) = delete;
  int64_t per_epoch() const;
  Batch at(int64_t step);  // and has at(step + 1) … made ahead; an error of the thread is rethrown here

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lathe::data
