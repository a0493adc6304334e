#include "lathe/data/inputs.h"

#include <limits>

#include "lathe/data/npy.h"
#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

using namespace testing;

class ReadInputs : public ::testing::Test {
 protected:
  ReadInputs() {
    images.shape = {1, 4, 6};
    images.classes = {"a", "b"};
    table.shape = {2};
    table.columns = {{"age", {}}, {"colour", {"blue", "red"}}};
    table.target = "class";
    table.classes = {"no", "yes"};
  }
  fs::path text(const std::string& name, const std::string& bytes) const {
    save(directory.path() / name, bytes);
    return directory.path() / name;
  }
  fs::path array(const torch::Tensor& tensor) const {
    write_npy(directory.path() / "x.npy", tensor);
    return directory.path() / "x.npy";
  }
  core::TemporaryDirectory directory;
  Schema images, table;
};

TEST_F(ReadInputs, PicturesAreFitted) {
  torch::Tensor picture = random_image(3, 8, 12, 1);
  fs::path png = text("a.png", encode_png(picture)), jpg = text("b.jpg", encode_jpeg(picture));
  Inputs inputs = read_inputs({png, jpg}, images);
  EXPECT_EQ(inputs.values.sizes(), torch::IntArrayRef({2, 1, 4, 6}));
  EXPECT_TRUE(inputs.values[0].equal(fit_image(read_image(png, 1), 4, 6)));
  EXPECT_EQ(inputs.names, (std::vector<std::string>{png.string(), jpg.string()}));
  EXPECT_FALSE(inputs.targets.defined());
}

TEST_F(ReadInputs, ArraysOfImages) {
  torch::Tensor batch = torch::arange(48).to(torch::kUInt8).reshape({2, 1, 4, 6});
  EXPECT_TRUE(read_inputs({array(batch)}, images).values.equal(batch));
  EXPECT_TRUE(read_inputs({array(batch.squeeze(1))}, images).values.equal(batch));
  Inputs one = read_inputs({array(batch[1][0])}, images);
  EXPECT_TRUE(one.values.equal(batch.slice(0, 1)));
  EXPECT_EQ(one.names[0], (directory.path() / "x.npy[0]").string());
}

TEST_F(ReadInputs, ArraysThatAreNoImages) {
  torch::Tensor nan = torch::full({1, 1, 4, 6}, std::numeric_limits<float>::quiet_NaN());
  EXPECT_INPUT_ERROR(read_inputs({array(nan)}, images), "the images are Float; they must be uint8");
  EXPECT_INPUT_ERROR(read_inputs({array(torch::zeros({2, 6, 4}, torch::kUInt8))}, images),
                     "shape [2, 6, 4]; the model takes images [1, 4, 6]");
  EXPECT_INPUT_ERROR(read_inputs({array(torch::zeros({0, 4, 6}, torch::kUInt8))}, images), "shape [0, 4, 6]");
  EXPECT_INPUT_ERROR(read_inputs({array(torch::zeros({6}, torch::kUInt8))}, images), "shape [6]");
}

TEST_F(ReadInputs, TablesByColumnName) {
  fs::path file = text("t.csv", "extra,colour,age\nx,red,1\ny,green,\nz,,nan\n");
  Inputs inputs = read_inputs({file}, table);
  EXPECT_TRUE(inputs.values.select(1, 1).equal(torch::tensor({1.0f, -1.0f, -1.0f})));
  EXPECT_TRUE(inputs.values.select(1, 0).isnan().equal(torch::tensor({false, true, true})));
  EXPECT_EQ(inputs.names[2], file.string() + ":4");
  EXPECT_FALSE(inputs.targets.defined());
}

TEST_F(ReadInputs, TargetsWhereTheFilesHaveThem) {
  fs::path with = text("w.csv", "class,age,colour\nyes,1,red\nno,2,red\n"),
           without = text("o.csv", "age,colour\n1,red\n");
  EXPECT_TRUE(read_inputs({with}, table).targets.equal(torch::tensor({1, 0}, torch::kInt64)));
  EXPECT_INPUT_ERROR(read_inputs({with, without}, table), "only 1 of 2 files have the column 'class'");
  EXPECT_INPUT_ERROR(read_inputs({text("m.csv", "class,age,colour\nmaybe,1,red\n")}, table),
                     "m.csv:2: 'maybe' is none of the 2 classes of 'class'");
}

TEST_F(ReadInputs, TablesThatDoNotFit) {
  EXPECT_INPUT_ERROR(read_inputs({text("t.csv", "age\n1\n")}, table), "t.csv:1: no column 'colour'");
  EXPECT_INPUT_ERROR(read_inputs({text("t.csv", "age,colour\nold,red\n")}, table),
                     "t.csv:2: column 'age' must be a number, got 'old'");
  EXPECT_INPUT_ERROR(read_inputs({array(torch::zeros({2, 3}))}, table), "the model takes a table [rows, 2]");
  EXPECT_INPUT_ERROR(read_inputs({array(torch::tensor({{1.0, 2.0}}))}, table),
                     "a category's index from -1 (unknown) to 1, got 2");
  EXPECT_INPUT_ERROR(read_inputs({array(torch::tensor({{1e300, 1.0}}, torch::kFloat64))}, table),
                     "is infinite in float32");
  EXPECT_TRUE(
      read_inputs({array(torch::tensor({{5, -1}}))}, table).values.equal(torch::tensor({{5.0f, -1.0f}})));
}

TEST_F(ReadInputs, FilesOfTheWrongKind) {
  EXPECT_INPUT_ERROR(read_inputs({}, images), "no file to predict on");
  EXPECT_INPUT_ERROR(read_inputs({text("t.csv", "a\n1\n")}, images), "images: .png, .jpg and .npy files");
  EXPECT_INPUT_ERROR(read_inputs({text("t.png", "x")}, table), "tables: .csv and .npy files");
  EXPECT_INPUT_ERROR(read_inputs({directory.path() / "none.png"}, images), "none.png");
}

}  // namespace
}  // namespace lathe::data
