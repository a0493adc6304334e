#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/pipeline/continual_report.h"
#include "lathe/pipeline/continual_tasks.h"
#include "tests/support/message.h"

namespace lathe::pipeline {
namespace {

using core::Config;
using core::Seed;
using testing_support::message_of;

data::Dataset images(int64_t count, int64_t num_classes) {
  data::Dataset dataset;
  dataset.schema.shape = {1, 4, 4};
  for (int64_t c = 0; c < num_classes; ++c) dataset.schema.classes.push_back(std::to_string(c));
  dataset.targets = torch::arange(count).remainder(num_classes);
  dataset.inputs = torch::arange(count * 16).remainder(251).to(torch::kUInt8).view({count, 1, 4, 4});
  return dataset;
}

data::Splits splits(int64_t num_classes) {
  data::Splits splits;
  splits.train = images(24, num_classes);
  splits.holdout = images(8, num_classes);
  splits.test = images(12, num_classes);
  return splits;
}

TEST(ContinualTasks, OfPixelsHaveTheSameOrderInAllParts) {
  const TaskOptions options = continual_pipeline(Config::parse("tasks = 'permuted'\nnum_tasks = 3")).tasks;
  const auto tasks = make_tasks(splits(4), options, Seed(1));
  ASSERT_EQ(tasks.size(), 3u);
  EXPECT_TRUE(torch::equal(tasks[0].test.inputs, splits(4).test.inputs));
  EXPECT_FALSE(torch::equal(tasks[1].test.inputs, tasks[2].test.inputs));
  // The first images of the parts are the same image.
  EXPECT_TRUE(torch::equal(tasks[2].train.inputs[0], tasks[2].test.inputs[0]));
  EXPECT_TRUE(torch::equal(tasks[2].train.inputs[0], tasks[2].holdout.inputs[0]));
  const data::Splits measured = measured_together(splits(4), options, Seed(1));
  EXPECT_EQ(measured.test.size(), 36);
  EXPECT_EQ(measured.train.size(), 24);
  EXPECT_TRUE(torch::equal(measured.test.inputs.narrow(0, 24, 12), tasks[2].test.inputs));
}

TEST(ContinualTasks, OfClassesKeepTheirNumbersTogether) {
  const TaskOptions options = continual_pipeline(Config::parse("tasks = 'classes'")).tasks;
  const auto tasks = make_tasks(splits(4), options, Seed(1));
  ASSERT_EQ(tasks.size(), 2u);
  EXPECT_EQ(tasks[1].name, "2, 3");
  EXPECT_EQ(tasks[1].train.targets.max().item<int64_t>(), 1);
  EXPECT_TRUE(
      torch::equal(measured_together(splits(4), options, Seed(1)).test.targets, splits(4).test.targets));
}

TEST(ContinualTasks, OfAColumnAreItsValues) {
  data::Splits table;
  for (data::Dataset* part : {&table.train, &table.holdout, &table.test}) {
    part->schema.columns = {{"length", {}}, {"site", {"north", "south"}}};
    part->schema.shape = {2};
    part->schema.classes = {"a", "b"};
    part->inputs = torch::tensor({{0.1f, 1.0f}, {0.2f, 0.0f}, {0.3f, 1.0f}});
    part->targets = torch::tensor({0, 1, 1});
  }
  const Config config = Config::parse("tasks = 'column:site'");
  const TaskOptions options = continual_pipeline(config).tasks;
  const auto tasks = make_tasks(table, options, Seed(1));
  ASSERT_EQ(tasks.size(), 2u);
  EXPECT_EQ(tasks[1].name, "south");
  EXPECT_TRUE(torch::equal(tasks[1].train.targets, torch::tensor({0, 1})));
  EXPECT_NE(message_of<InputError>([&] {
              check_tasks(config, continual_pipeline(Config::parse("tasks = 'column:length'")).tasks,
                          table.train.schema);
            }).find("has numbers"),
            std::string::npos);
}

TEST(ContinualReport, ShowsTheHandMatrix) {
  const double nan = std::nan("");
  train::continual::ContinualResult result;
  result.accuracy = torch::tensor({0.8, 0.2, 0.7, 0.9}, torch::kFloat64).view({2, 2});
  result.measures = {.acc = 0.8, .bwt = -0.1, .fwt = nan};
  result.memory = {{{"body.linear0", {.inputs = 100, .vectors = 20, .energy = 0.97, .bytes = 8000}}},
                   {{"body.linear0", {.inputs = 100, .vectors = 30, .energy = 0.98, .bytes = 12000}}}};
  result.memory_bytes = 12000;
  result.seconds = {1, 2};
  result.interference = {{{"body.linear0"}, {{0.1, 0.3, 0.2, 0.4, 0.5}}}};
  result.warnings = {"no room left"};
  const Section section = continual_section({{"continual", to_json(result, {"first", "second"}, "gpm")}});
  EXPECT_NE(section.text.find("Warning: no room left"), std::string::npos);
  ASSERT_EQ(section.tables.size(), 3u);
  const std::string measures = section.tables[0].to_text(), tasks = section.tables[1].to_text(),
                    layers = section.tables[2].to_text();
  EXPECT_NE(measures.find("-10.0 points"), std::string::npos) << measures;
  EXPECT_EQ(measures.find("forward"), std::string::npos) << measures;  // not known
  EXPECT_NE(measures.find("for 7 more tasks"), std::string::npos) << measures;
  EXPECT_NE(measures.find("30.0 %"), std::string::npos) << measures;
  EXPECT_NE(tasks.find("second"), std::string::npos);
  EXPECT_NE(layers.find("70"), std::string::npos) << layers;
  ASSERT_EQ(section.charts.size(), 4u);
  EXPECT_EQ(section.charts[2].title, "Interference in each layer, %");
  EXPECT_NE(section.charts[2].spec.dump().find(R"("high":40.0,"low":20.0)"), std::string::npos)
      << section.charts[2].spec;
  EXPECT_GE(section.charts[0].num_marks, 4);
  EXPECT_TRUE(continual_section({{"curves", 1}}).charts.empty());
  EXPECT_TRUE(continual_section({{"continual", {{"tasks", 7}}}}).charts.empty());
}

}  // namespace
}  // namespace lathe::pipeline
