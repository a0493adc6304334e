#include <algorithm>
#include <limits>
#include <numeric>

#include "lathe/compile/passes.h"
#include "lathe/core/error.h"

namespace lathe::compile {
namespace {

constexpr int64_t kAlignment = 64;
constexpr int64_t kRounds = 200;  // of moving what sets the peak to the front
constexpr int64_t kPlacements =
    200000;  // in all rounds of one order, so that thousands of blocks take no minutes

struct Placement {
  std::vector<int64_t> offsets;
  int64_t bytes = std::numeric_limits<int64_t>::max();
  size_t highest = 0;  // the block that ends where the arena ends
};

enum class Fit { best, lowest };

struct Problem {
  std::vector<int64_t> sizes;
  std::vector<std::vector<size_t>> neighbours;  // alive at the same time
};

// Blocks in the given order, each in a gap between its neighbours that lie already.
Placement place(const Problem& problem, const std::vector<size_t>& order, Fit fit) {
  Placement placement;
  placement.offsets.assign(problem.sizes.size(), -1);
  placement.bytes = 0;
  std::vector<std::pair<int64_t, int64_t>> taken;
  for (const size_t block : order) {
    taken.clear();
    for (const size_t other : problem.neighbours[block])
      if (placement.offsets[other] >= 0)
        taken.emplace_back(placement.offsets[other], placement.offsets[other] + problem.sizes[other]);
    std::sort(taken.begin(), taken.end());
    int64_t end = 0, offset = -1, smallest = std::numeric_limits<int64_t>::max();
    for (const auto& [from, to] : taken) {
      const int64_t gap = from - end;
      if (gap >= problem.sizes[block] && gap < smallest && (fit == Fit::best || offset < 0))
        smallest = gap, offset = end;
      end = std::max(end, to);
    }
    if (offset < 0) offset = end;
    placement.offsets[block] = offset;
    if (offset + problem.sizes[block] > placement.bytes)
      placement.bytes = offset + problem.sizes[block], placement.highest = block;
  }
  return placement;
}

int64_t most_alive(const std::vector<Block>& blocks, const std::vector<int64_t>& sizes) {
  std::vector<std::pair<int64_t, int64_t>>
      changes;                                  // at a step, by so many bytes; what begins at a step meets
  for (size_t i = 0; i < blocks.size(); ++i) {  // what ends there
    changes.emplace_back(blocks[i].first, sizes[i]);
    changes.emplace_back(int64_t{blocks[i].last} + 1, -sizes[i]);
  }
  std::sort(changes.begin(), changes.end());
  int64_t alive = 0, most = 0;
  for (const auto& [step, change] : changes) most = std::max(most, alive += change);
  return most;
}

}  // namespace

MemoryPlan plan_memory(const std::vector<Block>& blocks) {
  Problem problem;
  problem.neighbours.resize(blocks.size());
  for (const Block& block : blocks) {
    if (block.bytes < 0 || block.first > block.last)
      throw Error("a block of {} bytes that lives from step {} to {}", block.bytes, block.first, block.last);
    problem.sizes.push_back((block.bytes + kAlignment - 1) / kAlignment * kAlignment);
  }
  for (size_t a = 0; a < blocks.size(); ++a)
    for (size_t b = 0; b < blocks.size(); ++b)
      if (a != b && problem.sizes[a] > 0 && problem.sizes[b] > 0 && blocks[a].first <= blocks[b].last &&
          blocks[b].first <= blocks[a].last)
        problem.neighbours[a].push_back(b);
  MemoryPlan plan;
  plan.lower_bound = most_alive(blocks, problem.sizes);

  const auto life = [&](size_t i) { return int64_t{blocks[i].last} - blocks[i].first + 1; };
  const auto& sizes = problem.sizes;
  std::vector<size_t> by_size(blocks.size());
  std::iota(by_size.begin(), by_size.end(), size_t{0});
  auto by_life = by_size, by_start = by_size;
  const auto sort = [](std::vector<size_t>& order, auto key) {
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return key(a) < key(b); });
  };
  sort(by_size, [&](size_t i) { return std::pair(-sizes[i], -life(i)); });
  sort(by_life, [&](size_t i) { return std::pair(-life(i), -sizes[i]); });
  sort(by_start, [&](size_t i) { return std::pair(int64_t{blocks[i].first}, -sizes[i]); });

  const int64_t rounds = std::min(kRounds, kPlacements / (1 + static_cast<int64_t>(blocks.size())));
  Placement best;
  const auto attempt = [&](const std::vector<size_t>& order, Fit fit) {
    Placement placement = place(problem, order, fit);
    const size_t highest = placement.highest;
    if (placement.bytes < best.bytes) best = std::move(placement);
    return highest;
  };
  for (const auto* order : {&by_size, &by_life, &by_start})
    for (const Fit fit : {Fit::best, Fit::lowest}) {
      auto moved = *order;
      for (int64_t round = 0; round <= rounds && best.bytes > plan.lower_bound; ++round) {
        const size_t highest = attempt(moved, fit);
        const auto found = std::find(moved.begin(), moved.end(), highest);
        if (found != moved.end()) std::rotate(moved.begin(), found, found + 1);
      }
    }
  plan.offsets = std::move(best.offsets);
  plan.bytes = blocks.empty() ? 0 : best.bytes;
  return plan;
}

}  // namespace lathe::compile
