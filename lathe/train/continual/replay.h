#pragma once
#include "lathe/train/continual/continual_method.h"
#include "lathe/train/continual/episodic_memory.h"

namespace lathe::train::continual {

// Methods that keep examples.
struct RecallOptions {
  int64_t memory = 1000;  // examples kept, of all tasks together
  int64_t batch = 0;      // of them in a step; 0: as many as the task's own
  double label_smoothing = 0;
};

// Experience replay: every batch of a later task comes with remembered examples, and the loss is the mean
// over both (Chaudhry et al. 2019, "On tiny episodic memories", arXiv 1902.10486).
class Replay : public ContinualMethod {
 public:
  Replay(RecallOptions options, core::Seed seed)
      : options_(options), seed_(seed), memory_(options.memory, seed.stream("reservoir")) {}
  optim::Objective objective() override;  // refers to this
  std::vector<std::string> end_task(const Task& task, const Forward& forward) override;
  int64_t memory_bytes() const override { return memory_.bytes(); }
  void save(torch::serialize::OutputArchive& archive) const override { memory_.save(archive); }
  void load(torch::serialize::InputArchive& archive) override { memory_.load(archive); }

 private:
  RecallOptions options_;
  core::Seed seed_;
  EpisodicMemory memory_;
};

}  // namespace lathe::train::continual
