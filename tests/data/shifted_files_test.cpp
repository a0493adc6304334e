#include "lathe/data/shifted_files.h"

#include <torch/torch.h>

#include "lathe/data/inputs.h"
#include "lathe/data/npy.h"
#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

using namespace testing;
using core::Seed;

TEST(ColouredDigits, AreTheAuthorsRecipe) {
  const core::TemporaryDirectory directory;
  write_idx_files(directory.path(), /*num_train=*/120, /*num_test=*/60);
  const ColouredImages images = coloured_digits(directory.path(), Seed(1));
  const Source grey = load_source("idx:" + directory.path().string());
  // Without the zeros, a tenth: 100 images to train on, then 20.
  ASSERT_EQ(images.train.size(), 90);
  ASSERT_EQ(images.id_validation.size(), 18);
  EXPECT_EQ(images.id_test.size(), 54);
  EXPECT_EQ(images.anomalies.size(0), 6);
  EXPECT_EQ(images.train.schema.classes.front(), "1");
  // Image 0 of the validation set is number 101, the first after the hundred that is not a zero.
  const torch::Tensor shown = images.id_validation.inputs[0].amax(0).gt(0);
  EXPECT_TRUE(torch::equal(shown, grey.train.inputs[101][0].gt(127)));
}

class ShiftedArrays : public ::testing::Test {
 protected:
  ShiftedArrays() {
    for (const char* name :
         {"train", "validtest", "valoodtest", "valsgtest", "idtest", "oodtest", "sgtest"}) {
      write(std::string(name) + ".images", torch::rand({6, 3, 4, 5}));
      write(std::string(name) + ".y", torch::tensor({0, 1, 2, 0, 1, 2}, torch::kInt32));
    }
    write("train.g", torch::tensor({0, 0, 1, 0, 1, 0}, torch::kInt32));
    write("anotest.images", torch::full({2, 3, 4, 5}, 7, torch::kUInt8));
  }
  void write(const std::string& name, const torch::Tensor& tensor) const {
    write_npy(directory.path() / (name + ".npy"), tensor);
  }
  ShiftedImages read() const { return shifted_arrays(directory.path()); }
  core::TemporaryDirectory directory;
};

TEST_F(ShiftedArrays, AreReadAsTheyAre) {
  write("sgtest.images", torch::full({6, 3, 4, 5}, 0.2));
  const ShiftedImages images = read();
  EXPECT_EQ(images.train.schema.classes, (std::vector<std::string>{"0", "1", "2"}));
  EXPECT_EQ(images.train.schema.shape, (std::vector<int64_t>{3, 4, 5}));
  EXPECT_TRUE(torch::equal(images.train_minority, torch::tensor({0, 0, 1, 0, 1, 0}, torch::kUInt8)));
  EXPECT_TRUE(images.sg_test.inputs.eq(51).all().item<bool>());
  EXPECT_TRUE(torch::equal(images.xn_validation.targets, torch::tensor({0, 1, 2, 0, 1, 2})));
  EXPECT_TRUE(images.anomalies.eq(7).all().item<bool>());
}

TEST_F(ShiftedArrays, RefusesWhatDoesNotFit) {
  write("idtest.images", torch::rand({6, 3, 4, 4}));
  EXPECT_INPUT_ERROR(read(), "idtest.images.npy: its images are of another size");
  write("idtest.images", torch::rand({6, 3, 4, 5}) * 2 + 1);
  EXPECT_INPUT_ERROR(read(), "must lie in [0, 1]");
  write("idtest.images", torch::rand({6, 1, 4, 5}));
  EXPECT_INPUT_ERROR(read(), "[N, 3, H, W], not [6, 1, 4, 5]");
  write("idtest.images", torch::rand({5, 3, 4, 5}));
  EXPECT_INPUT_ERROR(read(), "idtest.y.npy: there must be 5 integers");
  write("validtest.y", torch::tensor({0, 1, 3, 0, 1, 2}));
  EXPECT_INPUT_ERROR(read(), "validtest.y.npy: class 3 is not among those of train.y.npy, 0 … 2");
  write("train.g", torch::tensor({0, 0, 1, 2, 1, 0}));
  EXPECT_INPUT_ERROR(read(), "train.g.npy: element 3 is 2, outside of 0 … 1");
  fs::remove(directory.path() / "train.g.npy");
  EXPECT_INPUT_ERROR(read(), "train.g.npy");
}

// Three classes, of which "c" is the anomaly; objects are red squares, masks their left halves; places are of
// one grey each.
class ObjectsOnPlaces : public ::testing::Test {
 protected:
  ObjectsOnPlaces() {
    torch::Tensor mask = torch::zeros({1, 16, 16}, torch::kUInt8);
    mask.slice(2, 0, 8).fill_(255);
    torch::Tensor red = torch::zeros({3, 16, 16}, torch::kUInt8);
    red[0].fill_(200);
    for (const char* name : {"a", "b", "c"})
      for (int i = 0; i < 40; ++i) {
        write(fs::path("objects") / name / (std::to_string(i) + ".png"), red);
        write(fs::path("masks") / name / (std::to_string(i) + ".png"), mask);
      }
    place("own_places/a", {10, 11});
    place("own_places/b", {20});
    place("other_places/training", {30, 31, 32});
    place("other_places/validation", {40});
    place("other_places/test", {50, 51});
  }
  void place(const fs::path& folder, const std::vector<int>& greys) const {
    for (int grey : greys)
      write(folder / (std::to_string(grey) + ".png"), torch::full({3, 20, 16}, grey, torch::kUInt8));
  }
  void write(const fs::path& name, const torch::Tensor& image) const {
    fs::create_directories((directory.path() / name).parent_path());
    save(directory.path() / name, encode_png(image));
  }
  ShiftedImages make(uint64_t seed = 3) const {
    return objects_on_places(directory.path(), Seed(seed), {.size = 16});
  }
  // What lies right of the object.
  static int64_t grey_of(const Dataset& set, int64_t i) { return set.inputs[i][2][8][12].item<int64_t>(); }
  core::TemporaryDirectory directory;
};

TEST_F(ObjectsOnPlaces, EachSetShowsItsPlaces) {
  const ShiftedImages images = make();
  EXPECT_EQ(images.train.schema.classes, (std::vector<std::string>{"a", "b"}));
  ASSERT_EQ(images.train.size(), 64);  // 80 % of 80
  EXPECT_EQ(images.anomalies.size(0), 4);
  EXPECT_TRUE(images.train.inputs.select(1, 0).slice(2, 0, 8).eq(200).all().item<bool>());
  for (int64_t i = 0; i < images.train.size(); ++i) {
    const int64_t tens = grey_of(images.train, i) / 10;
    if (images.train_minority[i].item<int>())
      EXPECT_EQ(tens, 3);
    else
      EXPECT_EQ(tens, images.train.targets[i].item<int64_t>() + 1);
  }
  const auto all_of = [](const Dataset& set, int64_t tens) {
    for (int64_t i = 0; i < set.size(); ++i) EXPECT_EQ(grey_of(set, i) / 10, tens);
  };
  all_of(images.xn_validation, 4);
  all_of(images.xn_test, 5);
  for (int64_t i = 0; i < images.sg_test.size(); ++i)
    EXPECT_EQ(grey_of(images.sg_test, i) / 10, 2 - images.sg_test.targets[i].item<int64_t>());
  EXPECT_TRUE(torch::equal(make().train.inputs, images.train.inputs));
  EXPECT_FALSE(torch::equal(make(4).train.inputs, images.train.inputs));
}

TEST_F(ObjectsOnPlaces, NamesWhatIsMissing) {
  fs::rename(directory.path() / "masks/b/7.png", directory.path() / "masks/b/x.png");
  EXPECT_INPUT_ERROR(make(), "objects/b/7.png has no mask in");
  fs::remove(directory.path() / "masks/b/x.png");
  write("masks/b/7.png", torch::zeros({1, 8, 8}, torch::kUInt8));
  EXPECT_INPUT_ERROR(make(), "masks/b/7.png is not as large as");
  write("masks/b/7.png", torch::zeros({1, 16, 16}, torch::kUInt8));
  write("masks/a/40.png", torch::zeros({1, 16, 16}, torch::kUInt8));
  EXPECT_INPUT_ERROR(make(), "masks/a has masks that no object has");
  fs::remove(directory.path() / "masks/a/40.png");
  place("own_places/c", {1});
  EXPECT_INPUT_ERROR(make(), "a folder for each class of objects but one");
  fs::remove_all(directory.path() / "own_places/c");
  fs::remove_all(directory.path() / "other_places/test");
  EXPECT_INPUT_ERROR(make(), "must hold the folders training, validation and test");
  fs::remove_all(directory.path() / "other_places");
  EXPECT_INPUT_ERROR(make(), "other_places is not there");
}

}  // namespace
}  // namespace lathe::data
