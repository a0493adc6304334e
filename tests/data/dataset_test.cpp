#include "lathe/data/dataset.h"

#include <set>

#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

using namespace testing;

std::vector<int64_t> to_vector(const torch::Tensor& indices) {
  return {indices.data_ptr<int64_t>(), indices.data_ptr<int64_t>() + indices.numel()};
}

std::vector<int64_t> counts(const Dataset& dataset) {
  return to_vector(dataset.targets.bincount({}, dataset.schema.num_classes()).contiguous());
}

TEST(Dataset, SelectTakesRows) {
  Dataset dataset = numbered_images(10, 3);
  Dataset some = dataset.select(torch::tensor({7, 0, 7}, torch::kInt64));
  EXPECT_TRUE(some.targets.equal(torch::tensor({1, 0, 1}, torch::kInt64)));
  EXPECT_TRUE(some.inputs.equal(dataset.inputs.index_select(0, torch::tensor({7, 0, 7}, torch::kInt64))));
  EXPECT_EQ(dataset.select(torch::empty({0}, torch::kInt64)).size(), 0);
  EXPECT_THROW(dataset.select(torch::tensor({10}, torch::kInt64)), Error);
  EXPECT_THROW(dataset.select(torch::tensor({-1}, torch::kInt64)), Error);
}

TEST(Schema, JsonRoundTrip) {
  Schema schema;
  schema.shape = {2};
  schema.columns = {{"age", {}}, {"colour", {"blé", "red"}}};
  schema.target = "class";
  schema.classes = {"no", "yes"};
  Schema back = schema_from_json(nlohmann::json::parse(to_json(schema).dump()));
  EXPECT_EQ(to_json(back), to_json(schema));
  EXPECT_EQ(back.columns[1].values, schema.columns[1].values);
  Schema images = numbered_images(1, 2).schema;
  EXPECT_EQ(to_json(schema_from_json(to_json(images))), to_json(images));
}

TEST(Schema, OtherJsonIsRefused) {
  for (const char* text :
       {"[]", "{}", "null", R"({"shape": [1, 2, 2]})", R"({"shape": [2, 2], "classes": ["a"]})",
        R"({"shape": [1, 0, 2], "classes": ["a"]})", R"({"shape": [1, 2, 2], "classes": []})",
        R"({"shape": [1, 2, 2], "classes": [1]})",
        R"({"shape": [2], "classes": ["a"], "columns": [{"name": "x"}]})",
        R"({"shape": [2], "classes": ["a"], "target": "y", "columns": [{"name": "x"}]})",
        R"({"shape": [1], "classes": ["a"], "target": "y", "columns": [{}]})"})
    EXPECT_INPUT_ERROR(schema_from_json(nlohmann::json::parse(text)), "not a schema of data");
}

TEST(Split, PartsAreDisjointAndCoverEverything) {
  Source source = numbered_source({50, 30, 20});
  Splits splits = split(source, {.holdout = 0.1, .test = 0.2}, core::Seed(1));
  EXPECT_EQ(splits.test.size(), 20);
  EXPECT_EQ(splits.holdout.size(), 8);
  EXPECT_EQ(splits.train.size(), 72);
  std::set<int64_t> all;
  for (const torch::Tensor* part : {&splits.train_indices, &splits.holdout_indices, &splits.test_indices})
    for (int64_t index : to_vector(*part)) EXPECT_TRUE(all.insert(index).second);
  EXPECT_EQ(all.size(), 100u);
  EXPECT_TRUE(splits.holdout.inputs.equal(source.train.inputs.index_select(0, splits.holdout_indices)));
  EXPECT_EQ(counts(splits.test), (std::vector<int64_t>{10, 6, 4}));
}

TEST(Split, EveryClassGetsItsShareToWithinOne) {
  core::Random random(3);
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<int64_t> class_counts(1 + random.below(12));
    int64_t total = 0;
    for (int64_t& count : class_counts) total += count = 1 + random.below(trial % 2 ? 4 : 60);
    if (total < 4) continue;
    double test = random.uniform(0, 0.45), holdout = random.uniform(0, 0.45);
    Splits splits =
        split(numbered_source(class_counts), {.holdout = holdout, .test = test}, core::Seed(trial));
    for (const Dataset* part : {&splits.train, &splits.holdout, &splits.test}) {
      std::vector<int64_t> found = counts(*part);
      for (size_t c = 0; c < class_counts.size(); ++c) {
        double share = static_cast<double>(class_counts[c] * part->size()) / static_cast<double>(total);
        EXPECT_LE(std::abs(static_cast<double>(found[c]) - share), 1.0)
            << "class " << c << " of trial " << trial;
      }
    }
  }
}

TEST(Split, HoldoutMayBeACount) {
  Source source = numbered_source({500, 500});
  EXPECT_EQ(split(source, {.holdout = 123, .test = 77}, core::Seed(0)).holdout.size(), 123);
  EXPECT_EQ(split(source, {.holdout = 0, .test = 1}, core::Seed(0)).test.size(), 1);
}

TEST(Split, TheSourcesOwnTestSetIsKept) {
  Source source = numbered_source({50, 50});
  source.test = numbered_images(7, 2);
  Splits splits = split(source, {.holdout = 10, .test = 0.5}, core::Seed(0));
  EXPECT_EQ(splits.test.size(), 7);
  EXPECT_EQ(splits.test_indices.numel(), 0);
  EXPECT_EQ(splits.train.size(), 90);
}

TEST(Split, SeedDecides) {
  Source source = numbered_source({100, 100});
  Splits one = split(source, {}, core::Seed(1)), again = split(source, {}, core::Seed(1)),
         other = split(source, {}, core::Seed(2));
  EXPECT_TRUE(one.train_indices.equal(again.train_indices));
  EXPECT_FALSE(one.train_indices.equal(other.train_indices));
}

TEST(Split, SubsetIsStratifiedAndLeavesTheOthersAlone) {
  Source source = numbered_source({300, 100});
  Splits whole = split(source, {.holdout = 40, .test = 40}, core::Seed(1));
  Splits part = split(source, {.holdout = 40, .test = 40, .subset = 80}, core::Seed(1));
  EXPECT_EQ(counts(part.train), (std::vector<int64_t>{60, 20}));
  EXPECT_TRUE(part.holdout_indices.equal(whole.holdout_indices));
  std::vector<int64_t> from = to_vector(whole.train_indices), taken = to_vector(part.train_indices);
  EXPECT_TRUE(std::includes(from.begin(), from.end(), taken.begin(), taken.end()));
}

TEST(Split, Mistakes) {
  Source source = numbered_source({50, 50});
  EXPECT_INPUT_ERROR(split(source, {.holdout = -0.1}, core::Seed(0)),
                     "holdout must be a share below 1 or a whole number");
  EXPECT_INPUT_ERROR(split(source, {.holdout = 1.5}, core::Seed(0)),
                     "holdout must be a share below 1 or a whole number");
  EXPECT_INPUT_ERROR(split(source, {.holdout = 500}, core::Seed(0)),
                     "holdout asks for 500 examples, but there are only 80");
  EXPECT_INPUT_ERROR(split(source, {.holdout = 80}, core::Seed(0)),
                     "leave nothing to train on of 100 examples");
  EXPECT_INPUT_ERROR(split(source, {.subset = 73}, core::Seed(0)),
                     "subset must be between 0 and the 72 training examples");
  EXPECT_INPUT_ERROR(split(source, {.test = NAN}, core::Seed(0)), "test must be a share");
}

TEST(CorruptLabels, ExactCountAndUniform) {
  Dataset dataset = numbered_images(20000, 10);
  CorruptedLabels corrupted = corrupt_labels(dataset, 0.5, core::Seed(4));
  EXPECT_EQ(corrupted.indices.numel(), 10000);
  std::set<int64_t> chosen;
  for (int64_t index : to_vector(corrupted.indices)) EXPECT_TRUE(chosen.insert(index).second);
  int64_t changed = 0;
  for (int64_t i = 0; i < dataset.size(); ++i) {
    bool differs = dataset.targets[i].item<int64_t>() != corrupted.dataset.targets[i].item<int64_t>();
    changed += differs;
    EXPECT_TRUE(!differs || chosen.count(i));
  }
  // One draw in ten is the true class. Five standard deviations, here and below.
  EXPECT_NEAR(static_cast<double>(changed), 9000, 5 * std::sqrt(10000 * 0.09));
  torch::Tensor drawn = corrupted.dataset.targets.index_select(0, corrupted.indices).bincount();
  for (int64_t c = 0; c < 10; ++c) EXPECT_NEAR(drawn[c].item<double>(), 1000, 5 * std::sqrt(10000 * 0.09));
}

TEST(CorruptLabels, HigherRatesCorruptASuperset) {
  Dataset dataset = numbered_images(1000, 5);
  torch::Tensor original = dataset.targets.clone();
  CorruptedLabels low = corrupt_labels(dataset, 0.2, core::Seed(4)),
                  high = corrupt_labels(dataset, 0.7, core::Seed(4));
  EXPECT_TRUE(low.indices.equal(high.indices.slice(0, 0, 200)));
  EXPECT_TRUE(low.dataset.targets.index_select(0, low.indices)
                  .equal(high.dataset.targets.index_select(0, low.indices)));
  EXPECT_TRUE(dataset.targets.equal(original));
  EXPECT_TRUE(corrupt_labels(dataset, 0, core::Seed(4)).dataset.targets.equal(original));
  EXPECT_EQ(corrupt_labels(dataset, 1, core::Seed(4)).indices.numel(), 1000);
  EXPECT_INPUT_ERROR(corrupt_labels(dataset, 1.1, core::Seed(4)), "must be in [0, 1], got 1.1");
}

}  // namespace
}  // namespace lathe::data
