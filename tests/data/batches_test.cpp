#include "lathe/data/batches.h"

#include <set>

#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

using namespace testing;

bool same(const Batch& a, const Batch& b) {
  return a.inputs.equal(b.inputs) && a.targets.equal(b.targets) && a.indices.equal(b.indices);
}

const BatchOptions kAugmented = {.size = 16, .augment = {.flip = true, .crop = 1, .cutout = 2, .fill = 255}};

TEST(Batches, AnEpochIsAPermutation) {
  Dataset dataset = numbered_images(100, 4);
  for (int64_t prefetch : {0, 2}) {
    Batches batches(dataset, {.size = 32, .drop_last = false, .prefetch = prefetch}, core::Seed(1));
    EXPECT_EQ(batches.per_epoch(), 4);
    std::vector<std::vector<int64_t>> epochs(2);
    for (int64_t step = 0; step < 8; ++step) {
      Batch batch = batches.at(step);
      EXPECT_EQ(batch.indices.numel(), step % 4 == 3 ? 4 : 32);
      EXPECT_TRUE(batch.inputs.equal(dataset.inputs.index_select(0, batch.indices)));
      EXPECT_TRUE(batch.targets.equal(dataset.targets.index_select(0, batch.indices)));
      for (int64_t i = 0; i < batch.indices.numel(); ++i)
        epochs[step / 4].push_back(batch.indices[i].item<int64_t>());
    }
    EXPECT_NE(epochs[0], epochs[1]);
    for (const auto& epoch : epochs) EXPECT_EQ(std::set<int64_t>(epoch.begin(), epoch.end()).size(), 100u);
  }
}

TEST(Batches, DropLastAndOrder) {
  Batches batches(numbered_images(100, 4), {.size = 32, .shuffle = false}, core::Seed(1));
  EXPECT_EQ(batches.per_epoch(), 3);
  EXPECT_TRUE(batches.at(1).indices.equal(torch::arange(32, 64)));
  EXPECT_TRUE(batches.at(3).indices.equal(torch::arange(0, 32)));
}

TEST(Batches, AnyOrderGivesTheSequence) {
  Dataset dataset = numbered_images(100, 4);
  BatchOptions direct = kAugmented;
  direct.prefetch = 0;
  Batches sequential(dataset, direct, core::Seed(7));
  std::vector<Batch> expected;
  for (int64_t step = 0; step < 40; ++step) expected.push_back(sequential.at(step));

  core::Random random(1);
  for (int64_t prefetch : {1, 2, 5}) {
    BatchOptions ahead = kAugmented;
    ahead.prefetch = prefetch;
    Batches batches(dataset, ahead, core::Seed(7));
    for (int64_t step = 0; step < 40; ++step) EXPECT_TRUE(same(batches.at(step), expected[step]));
    for (int trial = 0; trial < 100; ++trial) {
      int64_t step = random.below(40);
      EXPECT_TRUE(same(batches.at(step), expected[step]));
    }
  }
}

TEST(Batches, SeedsDiffer) {
  Dataset dataset = numbered_images(100, 4);
  EXPECT_FALSE(same(Batches(dataset, kAugmented, core::Seed(1)).at(0),
                    Batches(dataset, kAugmented, core::Seed(2)).at(0)));
}

TEST(Batches, TablesAreBatchedToo) {
  Dataset table;
  table.inputs = torch::arange(20).to(torch::kFloat32).reshape({10, 2});
  table.targets = torch::zeros({10}, torch::kInt64);
  table.schema.columns = {{"a", {}}, {"b", {}}};
  Batch batch = Batches(table, {.size = 5}, core::Seed(1)).at(0);
  EXPECT_TRUE(batch.inputs.select(1, 0).equal(batch.indices.to(torch::kFloat32) * 2));
  EXPECT_INPUT_ERROR(Batches(table, kAugmented, core::Seed(1)), "no batch fits");
  EXPECT_INPUT_ERROR(Batches(table, {.size = 5, .augment = {.flip = true}}, core::Seed(1)),
                     "augmentation is for uint8 images");
}

TEST(Batches, MistakesAreFoundAtOnce) {
  Dataset dataset = numbered_images(10, 2);
  EXPECT_INPUT_ERROR(Batches(dataset, {.size = 11}, core::Seed(1)),
                     "no batch fits: the batch size is 11, there are 10 examples");
  EXPECT_INPUT_ERROR(Batches(dataset, {.size = 0}, core::Seed(1)), "the batch size must be positive, got 0");
  EXPECT_INPUT_ERROR(Batches(dataset, {.size = 2, .augment = {.crop = 4}}, core::Seed(1)), "crop must be");
  EXPECT_EQ(Batches(dataset, {.size = 11, .drop_last = false}, core::Seed(1)).per_epoch(), 1);
  EXPECT_THROW(Batches(dataset, {.size = 2}, core::Seed(1)).at(-1), Error);
}

TEST(Batches, ErrorsOfTheThreadReachTheCaller) {
  Dataset broken = numbered_images(10, 2);
  broken.inputs = broken.inputs.slice(0, 0, 5);  // half of the rows are missing
  for (int64_t prefetch : {0, 2}) {
    Batches batches(broken, {.size = 10, .prefetch = prefetch}, core::Seed(1));
    EXPECT_THROW(batches.at(0), Error);
    EXPECT_THROW(batches.at(0), Error);
  }
}

TEST(Batches, MayBeDestroyedAtAnyTime) {
  Dataset dataset = numbered_images(1000, 4, 28);
  for (int trial = 0; trial < 100; ++trial) {
    Batches batches(dataset, {.size = 500, .augment = {.rotation = 10}}, core::Seed(1));
    if (trial % 3 == 1) batches.at(trial);
  }
}

}  // namespace
}  // namespace lathe::data
