#include "lathe/data/inspect.h"

#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

using namespace testing;

nlohmann::json property(const Inspection& inspection, const std::string& name) {
  for (const auto& row : inspection.summary.to_json())
    if (row["property"] == name) return row["value"];
  return "no property " + name;
}

bool warns(const Inspection& inspection, const std::string& part) {
  for (const std::string& warning : inspection.warnings)
    if (warning.find(part) != std::string::npos) return true;
  return false;
}

TEST(Inspect, CountsDuplicatesAndLeaks) {
  Source source = numbered_source({60, 40});
  source.train.inputs[10].copy_(source.train.inputs[20]);  // the same class
  source.train.inputs[11].copy_(source.train.inputs[20]);
  source.train.inputs[99].copy_(source.train.inputs[30]);  // another class
  source.test = source.train.select(torch::tensor({5, 99, 98}, torch::kInt64));
  source.test.inputs[2].fill_(255);
  Inspection inspection = inspect(source);
  EXPECT_EQ(property(inspection, "training examples"), 100);
  EXPECT_EQ(property(inspection, "duplicates within train"), 3);
  EXPECT_EQ(property(inspection, "duplicates of another class"), 1);
  EXPECT_EQ(property(inspection, "test examples also in train"), 2);
  EXPECT_TRUE(warns(inspection, "2 of 3 test examples are training examples too"));
  EXPECT_EQ(inspection.classes.to_json()[1],
            (nlohmann::json{{"class", "class 1"}, {"train", 40}, {"test", 2}}));
  EXPECT_EQ(inspection.columns.size(), 0u);
}

TEST(Inspect, CleanDataHasNoWarning) {
  EXPECT_TRUE(inspect(numbered_source({20, 20})).warnings.empty());
}

TEST(Inspect, SmallClasses) {
  EXPECT_TRUE(warns(inspect(numbered_source({20, 1})), "class 'class 1' has only 1 training example"));
  EXPECT_TRUE(warns(inspect(numbered_source({20})), "there is only one class"));
}

TEST(Inspect, Columns) {
  core::TemporaryDirectory directory;
  std::string text = "id,age,same,mixed,empty,class\n";
  for (int i = 0; i < 40; ++i)
    text += fmt::format("r{},{},7,{},,{}\n", i, i < 4 ? "" : std::to_string(i),
                        i == 9 ? "?" : std::to_string(i % 5), i % 2);
  save(directory.path() / "t.csv", text);
  Inspection inspection =
      inspect(load_source("csv:" + (directory.path() / "t.csv").string() + "?target=class"));
  nlohmann::json age = inspection.columns.to_json()[1];
  EXPECT_EQ(age["kind"], "number");
  EXPECT_EQ(age["missing"], 4);
  EXPECT_EQ(age["distinct"], 36);
  EXPECT_EQ(age["min"], 4.0);
  EXPECT_EQ(age["mean"], 21.5);
  EXPECT_EQ(age["max"], 39.0);
  EXPECT_EQ(inspection.columns.to_json()[0]["kind"], "category");
  EXPECT_TRUE(warns(inspection, "column 'id' has another text in every row, like a row id"));
  EXPECT_TRUE(warns(inspection, "column 'same' has one value only"));
  EXPECT_TRUE(warns(inspection, "column 'mixed' is read as categories because of cells like '?'"));
  EXPECT_TRUE(warns(inspection, "column 'empty' is empty"));
  EXPECT_EQ(inspection.warnings.size(), 4u);
}

TEST(Inspect, UnreadableFiles) {
  Source source = numbered_source({20, 20});
  source.image_sizes = "3×4";
  source.unreadable = {"a.png: broken"};
  Inspection inspection = inspect(source);
  EXPECT_EQ(property(inspection, "unreadable files"), 1);
  EXPECT_EQ(property(inspection, "image files"), "3×4");
  EXPECT_TRUE(warns(inspection, "left out: a.png: broken"));
}

}  // namespace
}  // namespace lathe::data
