#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

using namespace testing;

class Idx : public ::testing::Test {
 protected:
  Idx() { write_idx_files(directory.path()); }
  fs::path file(const char* name) const { return directory.path() / name; }
  void change(const char* name, size_t offset, char byte) const {
    std::string bytes = core::read_file(file(name));
    bytes.at(offset) = byte;
    save(file(name), bytes);
  }
  Source load() const { return load_source("idx:" + directory.path().string()); }
  core::TemporaryDirectory directory;
};

TEST_F(Idx, ReadsImagesAndLabels) {
  Source source = load();
  EXPECT_EQ(source.train.inputs.sizes(), torch::IntArrayRef({30, 1, 3, 2}));
  EXPECT_EQ(source.train.schema.shape, (std::vector<int64_t>{1, 3, 2}));
  EXPECT_EQ(source.test.size(), 10);
  EXPECT_EQ(source.train.schema.classes.front(), "0");
  EXPECT_EQ(source.train.schema.num_classes(), 10);
  for (int64_t i = 0; i < 30; ++i) {
    EXPECT_EQ(source.train.targets[i].item<int64_t>(), i % 10);
    for (int64_t pixel = 0; pixel < 6; ++pixel)
      EXPECT_EQ(source.train.inputs[i].flatten()[pixel].item<int64_t>(), (7 * i + pixel) % 256);
  }
}

TEST_F(Idx, GzipGivesTheSame) {
  Source plain = load();
  fs::path images = file("train-images-idx3-ubyte");
  save(images.string() + ".gz", gzip(core::read_file(images)));
  fs::remove(images);
  Source zipped = load();
  EXPECT_TRUE(plain.train.inputs.equal(zipped.train.inputs));
  EXPECT_EQ(plain.content_hash, zipped.content_hash);
}

TEST_F(Idx, ContentHashSeesEveryPart) {
  std::string hash = load().content_hash;
  EXPECT_EQ(hash, load().content_hash);
  change("train-images-idx3-ubyte", 16, 99);
  std::string other = load().content_hash;
  EXPECT_NE(hash, other);
  change("t10k-labels-idx1-ubyte", 8, 3);
  EXPECT_NE(other, load().content_hash);
}

TEST_F(Idx, LabelsMayBeginAtOne) {
  save(file("train-labels-idx1-ubyte"), idx_bytes({30}, std::string(15, 1) + std::string(15, 2)));
  save(file("t10k-labels-idx1-ubyte"), idx_bytes({10}, std::string(10, 2)));
  Source source = load();
  EXPECT_EQ(source.train.schema.classes, (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(source.test.targets[0].item<int64_t>(), 1);
}

TEST_F(Idx, LabelOutOfRangeNamesFileAndOffset) {
  change("train-labels-idx1-ubyte", 8 + 4, static_cast<char>(200));
  EXPECT_INPUT_ERROR(load(), "train-labels-idx1-ubyte: offset 12: label 200 is out of range");
  change("train-labels-idx1-ubyte", 8 + 4, 4);
  change("t10k-labels-idx1-ubyte", 8, 10);
  EXPECT_INPUT_ERROR(load(), "t10k-labels-idx1-ubyte: offset 8: label 10 is out of range");
}

TEST_F(Idx, HeaderIsCheckedBeforeMemoryIsTaken) {
  change("train-images-idx3-ubyte", 3, 4);
  EXPECT_INPUT_ERROR(load(), "offset 0: an IDX file of bytes with 3 dimensions begins with 0x00000803");
  change("train-images-idx3-ubyte", 3, 3);
  change("train-images-idx3-ubyte", 4, 0x7f);
  EXPECT_INPUT_ERROR(load(), "truncated");
  change("train-images-idx3-ubyte", 8, 0x7f);
  EXPECT_INPUT_ERROR(load(), "offset 8: size 2130706435 is outside of 1 … 16384");
}

TEST_F(Idx, WrongLengthsAreErrors) {
  fs::path images = file("train-images-idx3-ubyte");
  std::string bytes = core::read_file(images);
  save(images, bytes + "x");
  EXPECT_INPUT_ERROR(load(), "more bytes follow where its content should end, at offset 196");
  save(images, bytes.substr(0, 100));
  EXPECT_INPUT_ERROR(load(), "truncated");
  save(images, "");
  EXPECT_INPUT_ERROR(load(), "truncated");
  save(images, idx_bytes({29, 3, 2}, std::string(29 * 6, 'x')));
  EXPECT_INPUT_ERROR(load(), "has 29 images, but");
  save(images, idx_bytes({30, 2, 3}, std::string(30 * 6, 'x')));
  EXPECT_INPUT_ERROR(load(), "has images of 2×3, but");
  fs::remove(images);
  EXPECT_INPUT_ERROR(load(), "neither train-images-idx3-ubyte nor train-images-idx3-ubyte.gz is there");
}

TEST_F(Idx, DamagedGzipIsAnError) {
  fs::path images = file("train-images-idx3-ubyte"), zipped = images.string() + ".gz";
  const std::string content = core::read_file(images), good = gzip(content);
  fs::remove(images);
  save(zipped, good.substr(0, good.size() / 2));
  EXPECT_INPUT_ERROR(load(), "gzip stream is truncated");
  save(zipped, good.substr(0, good.size() - 3));
  EXPECT_INPUT_ERROR(load(), "gzip stream is truncated");
  std::string wrong_checksum = good;
  wrong_checksum[good.size() - 6] ^= 1;
  save(zipped, wrong_checksum);
  EXPECT_INPUT_ERROR(load(), "incorrect data check");
  save(zipped, good + "trailing");
  EXPECT_INPUT_ERROR(load(), "more bytes follow the gzip stream");
  save(zipped, gzip(content + "x"));
  EXPECT_INPUT_ERROR(load(), "more bytes follow where its content should end");
  save(zipped, gzip(content.substr(0, 50)));
  EXPECT_INPUT_ERROR(load(), "truncated");
}

TEST(FashionMnist, IsReadAndChecked) {
  Source source = load_source("fashion-mnist");
  EXPECT_EQ(source.train.inputs.sizes(), torch::IntArrayRef({60000, 1, 28, 28}));
  EXPECT_EQ(source.test.inputs.sizes(), torch::IntArrayRef({10000, 1, 28, 28}));
  EXPECT_TRUE(source.train.targets.bincount().eq(6000).all().item<bool>());
  EXPECT_EQ(source.train.schema.classes[9], "Ankle boot");
  EXPECT_EQ(source.train.targets[0].item<int64_t>(), 9);
  // The data set's published mean pixel, 0.2860.
  EXPECT_NEAR(source.train.inputs.to(torch::kFloat32).mean().item<double>() / 255, 0.2860, 5e-5);
}

TEST(FashionMnist, OtherDataIsRefused) {
  core::TemporaryDirectory directory;
  EXPECT_INPUT_ERROR(load_source("fashion-mnist:" + (directory.path() / "none").string()),
                     "dataset-fashion-mnist");
  write_idx_files(directory.path());
  EXPECT_INPUT_ERROR(load_source("fashion-mnist:" + directory.path().string()),
                     "is not Fashion-MNIST's: SHA-256");
}

TEST(Cifar10, ReadsRecords) {
  core::TemporaryDirectory directory;
  auto record = [](int label) {
    return std::string(1, static_cast<char>(label)) + std::string(1024, 'r') + std::string(1024, 'g') +
           std::string(1024, 'b');
  };
  for (int i = 1; i <= 5; ++i)
    save(directory.path() / fmt::format("data_batch_{}.bin", i), record(i) + record(0));
  save(directory.path() / "test_batch.bin", record(9));
  auto load = [&] { return load_source("cifar10:" + directory.path().string()); };
  Source source = load();
  EXPECT_EQ(source.train.inputs.sizes(), torch::IntArrayRef({10, 3, 32, 32}));
  EXPECT_EQ(source.train.targets[4].item<int64_t>(), 3);
  EXPECT_EQ(source.test.schema.classes[9], "truck");
  EXPECT_EQ(source.train.inputs[3][1][31][31].item<int64_t>(), 'g');

  save(directory.path() / "data_batch_3.bin", record(3) + record(10));
  EXPECT_INPUT_ERROR(load(), "data_batch_3.bin: offset 3073: label 10 is out of range 0 … 9");
  save(directory.path() / "data_batch_3.bin", record(3).substr(1));
  EXPECT_INPUT_ERROR(load(), "3072 bytes are no whole number of records of 3073 bytes");
  fs::remove(directory.path() / "data_batch_3.bin");
  EXPECT_INPUT_ERROR(load(), "data_batch_3.bin");
}

TEST(Cifar100, ReadsFineAndCoarseLabels) {
  const core::TemporaryDirectory directory;
  const fs::path& path = directory.path();
  const auto record = [](int coarse, int fine) {
    return std::string{static_cast<char>(coarse), static_cast<char>(fine)} + std::string(1024, 'r') +
           std::string(1024, 'g') + std::string(1024, 'b');
  };
  save(path / "train.bin", record(19, 99) + record(3, 0));
  save(path / "test.bin", record(0, 42));
  const auto load = [&](const std::string& setting = "") {
    return load_source("cifar100:" + path.string() + setting);
  };
  const Source fine = load(), coarse = load("?labels=coarse");
  EXPECT_EQ(fine.train.inputs.sizes(), torch::IntArrayRef({2, 3, 32, 32}));
  EXPECT_EQ(fine.train.inputs[0][1][31][31].item<int64_t>(), 'g');
  EXPECT_TRUE(torch::equal(fine.train.targets, torch::tensor({99, 0})));
  EXPECT_TRUE(torch::equal(coarse.train.targets, torch::tensor({19, 3})));
  EXPECT_EQ(fine.test.targets[0].item<int64_t>(), 42);
  EXPECT_EQ(fine.train.schema.classes[99], "99");
  EXPECT_EQ(coarse.test.schema.num_classes(), 20);
  EXPECT_TRUE(torch::equal(load("?labels=fine").train.targets, fine.train.targets));

  std::string names;
  for (int i = 0; i < 100; ++i) names += fmt::format("thing_{}\r\n", i);
  save(path / "fine_label_names.txt", names + "\n");
  EXPECT_EQ(load().train.schema.classes[99], "thing_99");
  EXPECT_EQ(load("?labels=coarse").train.schema.classes[19], "19");
  save(path / "fine_label_names.txt", names + "thing_7\n");
  EXPECT_INPUT_ERROR(load(), "must be 100 different names, one a line; it has 101, 100 of them different");
  save(path / "fine_label_names.txt", "\xff" + names);
  EXPECT_INPUT_ERROR(load(), "is not UTF-8");
  fs::remove(path / "fine_label_names.txt");

  EXPECT_INPUT_ERROR(load("?labels=both"), "'labels=both' is neither labels=fine nor labels=coarse");
  save(path / "test.bin", record(0, 1) + record(20, 1));
  EXPECT_INPUT_ERROR(load(), "test.bin: offset 3074: label 20 is out of range 0 … 19");
  save(path / "test.bin", record(0, 100));
  EXPECT_INPUT_ERROR(load("?labels=coarse"), "test.bin: offset 1: label 100 is out of range 0 … 99");
  save(path / "test.bin", record(0, 1).substr(1));
  EXPECT_INPUT_ERROR(load(), "3073 bytes are no whole number of records of 3074 bytes");
  fs::remove(path / "test.bin");
  EXPECT_INPUT_ERROR(load(), "test.bin");
}

TEST(LoadSource, UnknownNamesAreErrors) {
  EXPECT_INPUT_ERROR(load_source("mnist"),
                     "unknown data source 'mnist'; there are fashion-mnist[:DIR], idx:DIR");
  EXPECT_INPUT_ERROR(load_source("idx"), "names no file or directory; it is written idx:DIR");
  EXPECT_INPUT_ERROR(load_source(""), "unknown data source ''");
}

}  // namespace
}  // namespace lathe::data
