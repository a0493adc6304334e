#include "lathe/data/tasks.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <map>
#include <set>

#include "lathe/data/batches.h"
#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

using namespace testing;

// n_i examples of task i, mixed.
Tasks tasks_of_sizes(const std::vector<int64_t>& sizes) {
  Tasks tasks;
  std::vector<int64_t> of_example;
  for (size_t t = 0; t < sizes.size(); ++t) {
    tasks.names.push_back("task" + std::to_string(t));
    of_example.insert(of_example.end(), static_cast<size_t>(sizes[t]), static_cast<int64_t>(t));
  }
  core::Seed(1).random().shuffle(of_example);
  tasks.of_example = torch::tensor(of_example, torch::kInt64);
  return tasks;
}

std::map<int64_t, int64_t> blocks_of(const TaskSampler::Draw& draw) {
  std::map<int64_t, int64_t> counts;
  for (int64_t task : draw.tasks) ++counts[task];
  return counts;
}

TEST(TaskSampler, SharesAreRootsOfTheSizes) {
  const TaskSampler sampler(tasks_of_sizes({32, 1024}), 5);
  EXPECT_NEAR(sampler.shares()[1] / sampler.shares()[0], 2, 1e-12);
  EXPECT_NEAR(TaskSampler(tasks_of_sizes({10, 30}), 1).shares()[1], 0.75, 1e-12);
  EXPECT_NEAR(TaskSampler(tasks_of_sizes({10, 3000}), INFINITY).shares()[0], 0.5, 1e-12);
}

TEST(TaskSampler, EqualSharesGiveEachTaskAsManyBlocks) {
  const TaskSampler sampler(tasks_of_sizes({5, 50, 500, 7, 70, 700, 8, 80}), INFINITY);
  core::Random random(3);
  for (int step = 0; step < 2000; ++step)
    for (const auto& [task, count] : blocks_of(sampler.draw(16, 1, random))) ASSERT_EQ(count, 2) << task;
}

TEST(TaskSampler, BlocksFollowTheShares) {
  const TaskSampler sampler(tasks_of_sizes({10, 30, 60}), 1);
  core::Random random(3);
  std::map<int64_t, int64_t> sums;
  constexpr int64_t kDraws = 20000, kBlocks = 4;
  for (int64_t i = 0; i < kDraws; ++i)
    for (const auto& [task, count] : blocks_of(sampler.draw(kBlocks, 1, random))) {
      const double share = sampler.shares()[static_cast<size_t>(task)] * kBlocks;
      EXPECT_GE(count, std::floor(share));
      EXPECT_LE(count, std::ceil(share));
      sums[task] += count;
    }
  for (int64_t task = 0; task < 3; ++task)
    EXPECT_NEAR(static_cast<double>(sums[task]) / (kDraws * kBlocks),
                sampler.shares()[static_cast<size_t>(task)], 0.005);
}

TEST(TaskSampler, RowsAreOfTheBlocksTaskAndDifferent) {
  const Tasks tasks = tasks_of_sizes({6, 40, 1000});
  const TaskSampler sampler(tasks, INFINITY);
  core::Random random(5);
  std::map<int64_t, int64_t> seen;
  for (int step = 0; step < 300; ++step) {
    const TaskSampler::Draw draw = sampler.draw(6, 4, random);
    std::map<int64_t, std::set<int64_t>> rows;
    for (size_t i = 0; i < draw.rows.size(); ++i) {
      const int64_t task = draw.tasks[i / 4];
      ASSERT_EQ(tasks.of_example[draw.rows[i]].item<int64_t>(), task);
      rows[task].insert(draw.rows[i]);
      if (task == 1) ++seen[draw.rows[i]];
    }
    EXPECT_EQ(rows[0].size(), 6u);  // eight are wanted of six: all of them, two twice
    EXPECT_EQ(rows[1].size(), 8u);
    EXPECT_EQ(rows[2].size(), 8u);
  }
  ASSERT_EQ(seen.size(), 40u);  // 2,400 draws of 40 rows: 60 each, standard deviation 7
  for (const auto& [row, count] : seen) EXPECT_NEAR(static_cast<double>(count), 60, 32) << row;
}

TEST(TaskSampler, MistakesAreNamed) {
  EXPECT_INPUT_ERROR(TaskSampler(tasks_of_sizes({4}), 5), "two tasks or more, got 1");
  EXPECT_INPUT_ERROR(TaskSampler(tasks_of_sizes({4, 0}), 5), "task \"task1\" has no training examples");
  EXPECT_INPUT_ERROR(TaskSampler(tasks_of_sizes({4, 4}), 0.5), "temperature must be at least 1, got 0.5");
  Tasks tasks = tasks_of_sizes({4, 4});
  tasks.of_example[3] = 2;
  EXPECT_INPUT_ERROR(TaskSampler(tasks, 5), "example 3 belongs to task 2, there are 2");
}

TEST(TasksFromColumn, AreItsValues) {
  Dataset table{torch::tensor({{0.0f, 1.5f}, {1.0f, 2.5f}, {0.0f, 3.5f}}),
                torch::zeros({3}, torch::kInt64),
                {.shape = {2},
                 .columns = {{"site", {"Rome", "Oslo"}}, {"size", {}}},
                 .target = "y",
                 .classes = {"a", "b"}}};
  const Tasks tasks = tasks_from_column(table, "site");
  EXPECT_EQ(tasks.names, (std::vector<std::string>{"Rome", "Oslo"}));
  EXPECT_TRUE(tasks.of_example.equal(torch::tensor({0, 1, 0}, torch::kInt64)));
  EXPECT_INPUT_ERROR(tasks_from_column(table, "town"), "there is no such column");
  EXPECT_INPUT_ERROR(tasks_from_column(table, "size"), "the column holds numbers");
  table.inputs[1][0] = -1;
  EXPECT_INPUT_ERROR(tasks_from_column(table, "site"),
                     "1 of 3 examples have no value there, the first is row 1");
}

TEST(TaskBlocks, BatchesAreAFunctionOfTheStep) {
  const Tasks tasks = tasks_of_sizes({20, 60});
  const Dataset dataset{torch::arange(80).view({80, 1}).to(torch::kFloat32),
                        torch::zeros({80}, torch::kInt64),
                        {.shape = {1}, .columns = {{"x", {}}}, .target = "y", .classes = {"a", "b"}}};
  const BatchOptions options{.size = 16, .blocks = TaskBlocks{.tasks = tasks, .size = 4}};
  Batches forward(dataset, options, core::Seed(2)), jumping(dataset, options, core::Seed(2));
  std::vector<Batch> batches;
  for (int64_t step = 0; step < 12; ++step) batches.push_back(forward.at(step));
  for (int64_t step : {7, 2, 11, 0}) {
    const Batch batch = jumping.at(step), &same = batches[static_cast<size_t>(step)];
    EXPECT_TRUE(batch.indices.equal(same.indices));
    EXPECT_TRUE(batch.inputs.flatten().equal(batch.indices.to(torch::kFloat32)));
    EXPECT_EQ(batch.tasks, same.tasks);
  }
  EXPECT_INPUT_ERROR(
      Batches(dataset, {.size = 16, .blocks = TaskBlocks{.tasks = tasks, .size = 5}}, core::Seed(2)),
      "a batch of 16 cannot be cut into blocks of 5");
}

}  // namespace
}  // namespace lathe::data
