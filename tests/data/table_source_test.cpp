#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

using namespace testing;
using Texts = std::vector<std::string>;

class TableSource : public ::testing::Test {
 protected:
  Source load(const std::string& text, const std::string& settings) const {
    save(file, text);
    return load_source("csv:" + file.string() + settings);
  }
  core::TemporaryDirectory directory;
  fs::path file = directory.path() / "t.csv";
};

TEST_F(TableSource, TellsNumbersFromCategories) {
  Source source = load(
      "age,colour,class\n"
      "1.5,red,yes\n"
      ",blue,no\n"
      "nan,,yes\n"
      " -2 , red,no\n",
      "?target=class");
  const Schema& schema = source.train.schema;
  EXPECT_EQ(schema.shape, std::vector<int64_t>{2});
  EXPECT_EQ(schema.columns[0].name, "age");
  EXPECT_FALSE(schema.columns[0].categorical());
  EXPECT_EQ(schema.columns[1].values, (Texts{"blue", "red"}));
  EXPECT_EQ(schema.classes, (Texts{"no", "yes"}));
  EXPECT_EQ(schema.target, "class");
  EXPECT_TRUE(source.train.targets.equal(torch::tensor({1, 0, 1, 0}, torch::kInt64)));
  torch::Tensor inputs = source.train.inputs;
  EXPECT_TRUE(inputs.select(1, 1).equal(torch::tensor({1.0f, 0.0f, -1.0f, 1.0f})));
  EXPECT_EQ(inputs[0][0].item<float>(), 1.5f);
  EXPECT_TRUE(std::isnan(inputs[1][0].item<float>()) && std::isnan(inputs[2][0].item<float>()));
  EXPECT_EQ(inputs[3][0].item<float>(), -2.0f);
  EXPECT_EQ(source.test.size(), 0);
}

TEST_F(TableSource, NumericClassesAreSortedAsNumbers) {
  EXPECT_EQ(load("x,y\n1,10\n1,9\n1,-1\n1,9\n", "?target=y").train.schema.classes, (Texts{"-1", "9", "10"}));
  EXPECT_EQ(load("x,y\n1,10\n1,9\n1,nan\n1,9\n", "?target=y").train.schema.classes,
            (Texts{"10", "9", "nan"}));
}

TEST_F(TableSource, DropsColumns) {
  Source source = load("id,x,name,y\n1,2,a,p\n2,3,b,p\n", "?target=y&drop=id,name");
  EXPECT_EQ(source.train.schema.columns.size(), 1u);
  EXPECT_EQ(source.train.schema.columns[0].name, "x");
}

TEST_F(TableSource, Mistakes) {
  const std::string text = "x,y\n1,a\n2,b\n3,a\n";
  EXPECT_INPUT_ERROR(load(text, ""), "names no column to predict; it is written csv:FILE?target=COLUMN");
  EXPECT_INPUT_ERROR(load(text, "?target=z"), "t.csv:1: no column 'z'; did you mean 'x'? there are x, y");
  EXPECT_INPUT_ERROR(load(text, "?target=y&drop=z"), "no column 'z'");
  EXPECT_INPUT_ERROR(load(text, "?target=y&drop=y"), "cannot be dropped");
  EXPECT_INPUT_ERROR(load(text, "?target=y&drop=x"), "no column is left to predict 'y' from");
  EXPECT_INPUT_ERROR(load(text, "?label=y"), "there is no setting 'label'; there are target, drop");
  EXPECT_INPUT_ERROR(load(text, "?target=x"), "has 3 distinct values in 3 rows; lathe trains classifiers");
  EXPECT_INPUT_ERROR(load("x,y\n1,a\n2,\n3,a\n", "?target=y"), "t.csv:3: the target 'y' is empty");
  std::string many = "x,y\n";
  for (int i = 0; i < 3000; ++i) many += "1," + std::to_string(i / 2) + "\n";
  EXPECT_INPUT_ERROR(load(many, "?target=y"), "at most 1000 classes");
}

}  // namespace
}  // namespace lathe::data
