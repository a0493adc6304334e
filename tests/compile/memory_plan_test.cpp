#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "lathe/compile/passes.h"
#include "lathe/core/error.h"
#include "lathe/core/seed.h"

namespace lathe::compile {
namespace {

std::vector<Block> random_blocks(core::Random& random, int count, int steps) {
  std::vector<Block> blocks;
  for (int i = 0; i < count; ++i) {
    const int first = static_cast<int>(random.below(steps));
    blocks.push_back({1 + random.below(4000), first,
                      std::min(steps - 1, first + static_cast<int>(random.below(1 + steps / 2)))});
  }
  return blocks;
}

void expect_sound(const std::vector<Block>& blocks, const MemoryPlan& plan) {
  ASSERT_EQ(plan.offsets.size(), blocks.size());
  EXPECT_GE(plan.bytes, plan.lower_bound);
  for (size_t a = 0; a < blocks.size(); ++a) {
    EXPECT_EQ(plan.offsets[a] % 64, 0);
    EXPECT_GE(plan.offsets[a], 0);
    EXPECT_LE(plan.offsets[a] + blocks[a].bytes, plan.bytes);
    for (size_t b = 0; b < a; ++b) {
      if (blocks[a].first > blocks[b].last || blocks[b].first > blocks[a].last) continue;
      EXPECT_TRUE(plan.offsets[a] + blocks[a].bytes <= plan.offsets[b] ||
                  plan.offsets[b] + blocks[b].bytes <= plan.offsets[a])
          << "blocks " << a << " and " << b;
    }
  }
}

// Some optimal plan is found by putting the blocks, in the order of its offsets, as low as they go.
int64_t optimum(const std::vector<Block>& blocks) {
  std::vector<size_t> order(blocks.size());
  std::iota(order.begin(), order.end(), size_t{0});
  int64_t best = -1;
  do {
    std::vector<int64_t> offsets(blocks.size(), -1);
    int64_t bytes = 0;
    for (const size_t i : order) {
      int64_t at = 0;
      for (bool moved = true; moved;) {
        moved = false;
        for (size_t j = 0; j < blocks.size(); ++j) {
          if (offsets[j] < 0 || blocks[i].first > blocks[j].last || blocks[j].first > blocks[i].last)
            continue;
          const int64_t end = (offsets[j] + blocks[j].bytes + 63) / 64 * 64;
          if (at < end && offsets[j] < at + blocks[i].bytes) at = end, moved = true;
        }
      }
      offsets[i] = at;
      bytes = std::max(bytes, (at + blocks[i].bytes + 63) / 64 * 64);
    }
    if (best < 0 || bytes < best) best = bytes;
  } while (std::next_permutation(order.begin(), order.end()));
  return best;
}

TEST(PlanMemory, NoLiveBlocksOverlap) {
  core::Random random(1);
  for (int trial = 0; trial < 100; ++trial) {
    const auto blocks = random_blocks(random, 1 + static_cast<int>(random.below(60)), 40);
    expect_sound(blocks, plan_memory(blocks));
  }
}

TEST(PlanMemory, IsWithinATenthOfTheOptimum) {
  core::Random random(2);
  for (int trial = 0; trial < 60; ++trial) {
    const auto blocks = random_blocks(random, 2 + trial % 6, 8);
    const MemoryPlan plan = plan_memory(blocks);
    expect_sound(blocks, plan);
    EXPECT_LE(static_cast<double>(plan.bytes), 1.1 * static_cast<double>(optimum(blocks)));
  }
}

// Stages of blocks x → a → b, y = b + x, with x alive through the block, sizes halving from stage to stage.
TEST(PlanMemory, ResidualChainsNeedLittleMoreThanTheBound) {
  std::vector<Block> blocks;
  int step = 0;
  int64_t bytes = 64 * 112 * 112 * 4;
  blocks.push_back({bytes, step, step + 1});
  ++step;
  bytes = 64 * 56 * 56 * 4;
  for (int stage = 0; stage < 4; ++stage, bytes /= 2)
    for (int block = 0; block < 2; ++block) {
      blocks.push_back({block == 0 && stage > 0 ? bytes * 2 : bytes, step, step + 3});
      blocks.push_back({bytes, step + 1, step + 2});
      if (block == 0 && stage > 0) blocks.push_back({bytes, step + 2, step + 3});
      blocks.push_back({bytes, step + 2, step + 3});
      step += 3;
    }
  const MemoryPlan plan = plan_memory(blocks);
  expect_sound(blocks, plan);
  EXPECT_LE(static_cast<double>(plan.bytes), 1.1 * static_cast<double>(plan.lower_bound));
}

TEST(PlanMemory, ThousandsOfBlocksAreNoTrouble) {
  core::Random random(4);
  std::vector<Block> blocks;
  for (int step = 0; step < 3000; ++step)
    blocks.push_back({1 + random.below(100000), step, step + static_cast<int>(random.below(6))});
  const MemoryPlan plan = plan_memory(blocks);
  expect_sound(blocks, plan);
  EXPECT_LE(static_cast<double>(plan.bytes), 1.1 * static_cast<double>(plan.lower_bound));
}

TEST(PlanMemory, NothingNeedsNothing) {
  EXPECT_EQ(plan_memory({}).bytes, 0);
  const MemoryPlan plan = plan_memory({{0, 0, 5}, {100, 2, 3}, {0, 3, 3}});
  EXPECT_EQ(plan.bytes, 128);
  EXPECT_EQ(plan.lower_bound, 128);
}

TEST(PlanMemory, RefusesLivesThatEndBeforeTheyBegin) {
  EXPECT_THROW(plan_memory({{64, 3, 2}}), Error);
  EXPECT_THROW(plan_memory({{-1, 0, 0}}), Error);
}

}  // namespace
}  // namespace lathe::compile
