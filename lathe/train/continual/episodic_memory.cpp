#include "lathe/train/continual/episodic_memory.h"

#include <torch/torch.h>

#include "lathe/data/gather.h"

namespace lathe::train::continual {
namespace {

MixedBatch rows_of(const MixedBatch& batch, const torch::Tensor& rows) {
  return {data::gather_rows(batch.inputs, rows), data::gather_rows(batch.targets, rows),
          data::gather_rows(batch.tasks, rows)};
}

}  // namespace

void EpisodicMemory::add(const data::Dataset& examples, int64_t task) {
  const int64_t before = size();
  std::vector<int64_t> slots(static_cast<size_t>(before));  // row of [kept, examples] in each place
  for (int64_t i = 0; i < before; ++i) slots[static_cast<size_t>(i)] = i;
  core::Random random = seed_.stream(static_cast<uint64_t>(task)).random();
  for (int64_t i = 0; i < examples.size(); ++i) {
    ++seen_;
    if (static_cast<int64_t>(slots.size()) < capacity_) {
      slots.push_back(before + i);
    } else if (const int64_t place = random.below(seen_); place < capacity_) {
      slots[static_cast<size_t>(place)] = before + i;
    }
  }
  const MixedBatch added = {examples.inputs, examples.targets,
                            torch::full({examples.size()}, task, torch::kInt64)};
  const MixedBatch all = before == 0 ? added
                                     : MixedBatch{torch::cat({kept_.inputs, added.inputs}),
                                                  torch::cat({kept_.targets, added.targets}),
                                                  torch::cat({kept_.tasks, added.tasks})};
  kept_ = rows_of(all, torch::tensor(slots, torch::kInt64));
}

MixedBatch EpisodicMemory::draw(int64_t count, core::Seed seed) const {
  if (count >= size()) return kept_;
  // Floyd's algorithm: distinct numbers without a permutation of all.
  core::Random random = seed.random();
  std::vector<int64_t> rows;
  for (int64_t i = size() - count; i < size(); ++i) {
    const int64_t pick = random.below(i + 1);
    rows.push_back(std::find(rows.begin(), rows.end(), pick) == rows.end() ? pick : i);
  }
  return rows_of(kept_, torch::tensor(rows, torch::kInt64));
}

int64_t EpisodicMemory::bytes() const {
  if (size() == 0) return 0;
  int64_t bytes = 0;
  for (const torch::Tensor& tensor : {kept_.inputs, kept_.targets, kept_.tasks})
    bytes += tensor.numel() * tensor.element_size();
  return bytes;
}

void EpisodicMemory::save(torch::serialize::OutputArchive& archive) const {
  archive.write("seen", c10::IValue(seen_));
  archive.write("size", c10::IValue(size()));
  if (size() == 0) return;
  archive.write("inputs", kept_.inputs, /*is_buffer=*/true);
  archive.write("targets", kept_.targets, /*is_buffer=*/true);
  archive.write("tasks", kept_.tasks, /*is_buffer=*/true);
}

void EpisodicMemory::load(torch::serialize::InputArchive& archive) {
  c10::IValue seen, size;
  archive.read("seen", seen);
  archive.read("size", size);
  MixedBatch kept;
  if (size.toInt() > 0) {
    archive.read("inputs", kept.inputs, /*is_buffer=*/true);
    archive.read("targets", kept.targets, /*is_buffer=*/true);
    archive.read("tasks", kept.tasks, /*is_buffer=*/true);
  }
  seen_ = seen.toInt();
  kept_ = std::move(kept);
}

}  // namespace lathe::train::continual
