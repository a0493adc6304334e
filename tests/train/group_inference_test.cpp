#include "lathe/train/invariance/group_inference.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/nn/initialization.h"
#include "tests/support/message.h"

namespace lathe::train::invariance {
namespace {

using core::Seed;

// Three classes. In each, 20 % of the examples have a large loss, and one of eight features tells which.
struct Planted {
  torch::Tensor features, logits, targets, hard;
};
Planted planted(int64_t count, uint64_t seed) {
  const auto generator = nn::generator(Seed(seed));
  Planted p;
  p.targets = torch::arange(count).remainder(3);
  p.hard = torch::arange(count).floor_divide(3).remainder(5).eq(0);
  p.features = 0.3 * torch::randn({count, 8}, generator);
  p.features.select(1, 2).add_(torch::where(p.hard, torch::full({}, 2.0f), torch::full({}, -2.0f)));
  p.logits = 0.1 * torch::randn({count, 3}, generator);
  p.logits.scatter_add_(1, p.targets.unsqueeze(1),
                        torch::where(p.hard, torch::full({}, -2.0f), torch::full({}, 2.0f)).unsqueeze(1));
  return p;
}

double share_right(const Groups& groups, const torch::Tensor& hard) {
  return groups.assignment.eq(hard.to(torch::kUInt8)).to(torch::kFloat64).mean().item<double>();
}

Groups infer(const Planted& p, const GroupInferenceOptions& options) {
  return infer_groups(p.features, p.logits, p.targets, options, Seed(4));
}

// The published 100 steps of 1e-4 hardly leave the first weights; this data wants the optimum.
const GroupInferenceOptions kLong = {.lr = 2e-2, .iterations = 60};

TEST(InferGroups, FindsThePlantedParts) {
  const Planted p = planted(900, 1);
  for (const GroupInferenceOptions& options :
       {kLong, published_inference("eiil"), published_inference("loss")}) {
    const Groups groups = infer(p, options);
    EXPECT_GT(share_right(groups, p.hard), 0.95) << options.method;
    for (const ClassGroups& c : groups.per_class) {
      EXPECT_GT(c.losses[1], c.losses[0]) << options.method;
      EXPECT_EQ(c.left_whole, "");
      EXPECT_EQ(c.sizes[0] + c.sizes[1], 300);
    }
  }
}

TEST(InferGroups, HardPartIsPartOneWhateverTheSeed) {
  const Planted p = planted(300, 2);
  bool swapped = false, kept = false;
  for (uint64_t seed = 0; seed < 4; ++seed) {
    const Groups groups = infer_groups(p.features, p.logits, p.targets, kLong, Seed(seed));
    for (const ClassGroups& c : groups.per_class) {
      EXPECT_GT(c.losses[1], c.losses[0]);
      (c.swapped ? swapped : kept) = true;
    }
  }
  EXPECT_TRUE(swapped && kept) << "the rule was not put to the test";
}

TEST(InferGroups, PermutingExamplesPermutesTheParts) {
  const Planted p = planted(450, 3);
  const torch::Tensor order = torch::randperm(450, nn::generator(Seed(8)), torch::kInt64);
  const Planted q = {p.features.index_select(0, order), p.logits.index_select(0, order),
                     p.targets.index_select(0, order), p.hard.index_select(0, order)};
  for (const GroupInferenceOptions& options : {kLong, published_inference("loss")})
    EXPECT_TRUE(
        torch::equal(infer(q, options).assignment, infer(p, options).assignment.index_select(0, order)))
        << options.method;
}

TEST(InferGroups, LabelsOfOtherClassesDoNotMatter) {
  const Planted p = planted(450, 3);
  Planted q = p;
  q.targets = torch::where(p.targets.eq(0), p.targets, 3 - p.targets);  // classes 1 and 2 exchanged
  for (const GroupInferenceOptions& options : {kLong, published_inference("loss")}) {
    const torch::Tensor mine = p.targets.eq(0);
    EXPECT_TRUE(torch::equal(infer(p, options).assignment.masked_select(mine),
                             infer(q, options).assignment.masked_select(mine)));
  }
}

// All networks train side by side, the smaller classes' batches filled up.
TEST(InferGroups, SizesOfOtherClassesDoNotMatter) {
  const Planted p = planted(900, 6);
  const torch::Tensor early = torch::arange(900).lt(150);
  const auto class_two_of = [&](const torch::Tensor& kept) {
    const torch::Tensor rows = kept.nonzero().squeeze(1);
    const Planted q = {p.features.index_select(0, rows), p.logits.index_select(0, rows),
                       p.targets.index_select(0, rows), p.hard.index_select(0, rows)};
    return infer(q, kLong).assignment.masked_select(q.targets.eq(2));
  };
  EXPECT_TRUE(torch::equal(class_two_of(early), class_two_of(early.logical_or(p.targets.ne(2)))));
}

TEST(InferGroups, SameSeedSameParts) {
  const Planted p = planted(3000, 5);  // more of a class than a batch: batches are drawn
  const GroupInferenceOptions published = published_inference("pgi");
  EXPECT_TRUE(torch::equal(infer(p, published).assignment, infer(p, published).assignment));
}

// Sums of squares of every split, by brute force.
TEST(InferGroups, LossSplitsWhereTheSumOfSquaresIsLeast) {
  const torch::Tensor z = torch::randn({40, 2}, nn::generator(Seed(3)));
  const torch::Tensor y = torch::zeros({40}, torch::kInt64);
  const Groups groups = infer_groups({}, z, y, published_inference("loss"), Seed(0));
  const torch::Tensor losses = torch::cross_entropy_loss(z, y, {}, at::Reduction::None).to(torch::kFloat64);
  const auto cost = [&](const torch::Tensor& second) {
    double sum = 0;
    for (const torch::Tensor& side :
         {losses.masked_select(second), losses.masked_select(second.logical_not())})
      sum += (side - side.mean()).square().sum().item<double>();
    return sum;
  };
  const double chosen = cost(groups.assignment.eq(1));
  for (int64_t i = 0; i < 40; ++i) {
    const torch::Tensor second = losses.gt(losses[i]);
    if (second.any().item<bool>()) EXPECT_LE(chosen, cost(second) + 1e-9);
  }
}

TEST(InferGroups, SmallAndUniformClassesStayWhole) {
  Planted p = planted(303, 1);
  p.targets.slice(0, 0, 300).masked_fill_(p.targets.slice(0, 0, 300).eq(2), 1);  // class 2 keeps one example
  const Groups small = infer(p, kLong);
  EXPECT_NE(small.per_class[2].left_whole.find("fewer than 2 K = 6"), std::string::npos);
  EXPECT_EQ(small.per_class[2].sizes, (std::vector<int64_t>{1, 0}));
  EXPECT_EQ(small.per_class[0].left_whole, "");

  const Groups uniform = infer_groups({}, torch::zeros({60, 3}), torch::arange(60).remainder(3),
                                      published_inference("loss"), Seed(0));
  for (const ClassGroups& c : uniform.per_class)
    EXPECT_NE(c.left_whole.find("fell into one part"), std::string::npos);
  EXPECT_EQ(uniform.assignment.sum().item<int64_t>(), 0);
}

TEST(InferGroups, RefusesWhatDoesNotFit) {
  const Planted p = planted(90, 1);
  EXPECT_THROW(published_inference("kmeans"), InputError);
  EXPECT_THROW(infer_groups(p.features, p.logits, p.logits, kLong, Seed(0)), InputError);
  EXPECT_THROW(infer_groups(p.features.slice(0, 1), p.logits, p.targets, kLong, Seed(0)), InputError);
  EXPECT_THROW(infer(p, {.iterations = 0}), InputError);
  EXPECT_THROW(infer_groups(p.features, p.logits * NAN, p.targets, kLong, Seed(0)), Error);
}

TEST(GroupsFromValues, TheLargestPartIsZero) {
  const torch::Tensor y = torch::tensor({0, 0, 0, 1, 1, 1}, torch::kInt64);
  const Groups groups = groups_from_values(torch::tensor({7, 3, 3, 3, 5, 5}, torch::kInt64), y, 2, "place");
  EXPECT_EQ(groups.num_parts, 3);
  EXPECT_TRUE(torch::equal(groups.assignment, torch::tensor({2, 0, 0, 0, 1, 1}, torch::kUInt8)));
  EXPECT_TRUE(torch::equal(groups.sizes(), torch::tensor({2, 0, 1, 1, 2, 0}, torch::kInt64).view({2, 3})));
  EXPECT_TRUE(std::isnan(groups.per_class[0].losses[0]));
}

TEST(GroupsFromValues, RefusesMissingAndUselessColumns) {
  const torch::Tensor y = torch::zeros({4}, torch::kInt64);
  const auto message = [&](const torch::Tensor& values) {
    return testing_support::message_of<InputError>([&] { groups_from_values(values, y, 1, "place"); });
  };
  EXPECT_NE(message(torch::tensor(std::vector<double>{0, NAN, 1, NAN}))
                .find("column place are missing in 2 of 4 examples (rows 1, 3"),
            std::string::npos);
  EXPECT_NE(message(torch::tensor({0, 1, -1, 1})).find("rows 2"), std::string::npos);
  EXPECT_NE(message(torch::tensor({1, 1, 1, 1})).find("got 1"), std::string::npos);
  EXPECT_NE(message(torch::tensor({1, 1, 0})).find("4 examples"), std::string::npos);
}

TEST(Agreement, IsPrecisionAndRecallOfPartOne) {
  const Agreement a =
      agreement(torch::tensor({1, 1, 1, 0, 0}, torch::kUInt8), torch::tensor({1, 0, 0, 1, 0}));
  EXPECT_DOUBLE_EQ(a.precision, 1.0 / 3);
  EXPECT_DOUBLE_EQ(a.recall, 0.5);
}

TEST(Agreement, OfEachClassIsWithItsOwnMinority) {
  const torch::Tensor y = torch::tensor({0, 0, 0, 1, 1, 1}, torch::kInt64);
  const Groups given = groups_from_values(torch::tensor({7, 3, 3, 3, 5, 5}, torch::kInt64), y, 2, "place");
  const torch::Tensor minority = minority_of(given, y);  // 3 is usual in class 0, 5 in class 1
  EXPECT_TRUE(torch::equal(minority, torch::tensor({true, false, false, true, false, false})));
  const auto classes = class_agreement(torch::tensor({1, 1, 0, 0, 0, 0}, torch::kUInt8), minority, y, 2);
  EXPECT_DOUBLE_EQ(classes[0].precision, 0.5);
  EXPECT_DOUBLE_EQ(classes[0].recall, 1);
  EXPECT_TRUE(std::isnan(classes[1].precision)) << "nothing found";
  EXPECT_DOUBLE_EQ(classes[1].recall, 0);
}

}  // namespace
}  // namespace lathe::train::invariance
