#include "lathe/data/inputs.h"

#include <png.h>

#include "lathe/data/image_codec.h"
#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

using namespace testing;

std::string png_of(png_uint_32 format, png_uint_32 width, png_uint_32 height,
                   const std::vector<uint8_t>& pixels) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = width;
  image.height = height;
  image.format = format;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::string bytes(size, '\0');
  EXPECT_TRUE(png_image_write_to_memory(&image, bytes.data(), &size, 0, pixels.data(), 0, nullptr))
      << image.message;
  bytes.resize(size);
  return bytes;
}

TEST(ImageCodec, PngRoundTrip) {
  for (int64_t channels : {1, 3}) {
    torch::Tensor image = random_image(channels, 17, 31, 5);
    std::string bytes = encode_png(image);
    EXPECT_TRUE(decode_image(bytes, "a.png", channels).equal(image));
    EXPECT_EQ(read_image_header(bytes, "a.png").channels, channels);
    EXPECT_EQ(read_image_header(bytes, "a.png").width, 31);
  }
}

TEST(ImageCodec, GreyAndColourConvert) {
  torch::Tensor grey = random_image(1, 5, 4, 6);
  EXPECT_TRUE(decode_image(encode_png(grey), "a.png", 3).equal(grey.expand({3, 5, 4})));
  // A colour image whose channels agree is that grey.
  EXPECT_TRUE(decode_image(encode_png(grey.expand({3, 5, 4})), "a.png", 1).equal(grey));
}

TEST(ImageCodec, TransparencyIsComposedOnWhite) {
  std::string bytes = png_of(PNG_FORMAT_RGBA, 3, 1, {10, 20, 30, 255, 10, 20, 30, 0, 0, 0, 0, 128});
  torch::Tensor image = decode_image(bytes, "a.png", 3);
  EXPECT_TRUE(image.select(2, 0).flatten().equal(torch::tensor({10, 20, 30}, torch::kUInt8)));
  EXPECT_TRUE(image.select(2, 1).eq(255).all().item<bool>());
  int64_t half = image[0][0][2].item<int64_t>();
  EXPECT_TRUE(half > 0 && half < 255) << half;
  EXPECT_EQ(read_image_header(bytes, "a.png").channels, 3);
}

TEST(ImageCodec, JpegIsCloseToItsSource) {
  for (int64_t channels : {1, 3}) {
    torch::Tensor ramp =
        torch::arange(64).mul(3).to(torch::kUInt8).reshape({1, 1, 64}).repeat({channels, 48, 1});
    std::string bytes = encode_jpeg(ramp);
    EXPECT_EQ(read_image_header(bytes, "a.jpg").channels, channels);
    torch::Tensor difference =
        decode_image(bytes, "a.jpg", channels).to(torch::kInt32) - ramp.to(torch::kInt32);
    EXPECT_LE(difference.abs().max().item<int64_t>(), 6);
  }
}

TEST(ImageCodec, DamageIsAnError) {
  std::string png = encode_png(random_image(3, 40, 40, 7)), jpeg = encode_jpeg(random_image(3, 40, 40, 7));
  EXPECT_INPUT_ERROR(decode_image(png.substr(0, png.size() / 2), "a.png", 3), "a.png: not a whole PNG image");
  EXPECT_INPUT_ERROR(decode_image(png.substr(0, 20), "a.png", 3), "a.png: not a whole PNG image");
  EXPECT_INPUT_ERROR(decode_image(jpeg.substr(0, jpeg.size() / 2), "a.jpg", 3),
                     "a.jpg: not a whole JPEG image");
  EXPECT_INPUT_ERROR(decode_image(jpeg.substr(0, 20), "a.jpg", 3), "a.jpg: not a whole JPEG image");
  EXPECT_INPUT_ERROR(decode_image("GIF89a", "a.gif", 3), "a.gif: neither a PNG nor a JPEG image");
  EXPECT_INPUT_ERROR(decode_image("", "empty", 3), "empty: neither a PNG nor a JPEG image");
}

TEST(ImageCodec, HugeImagesAreRefusedByTheirHeader) {
  std::string wide = png_of(PNG_FORMAT_GRAY, 16385, 1, std::vector<uint8_t>(16385));
  EXPECT_INPUT_ERROR(decode_image(wide, "wide.png", 1),
                     "16385×1 pixels are too many; the limit is 16384 a side");
  std::string large = png_of(PNG_FORMAT_GRAY, 10000, 10000, std::vector<uint8_t>(100000000));
  EXPECT_INPUT_ERROR(read_image_header(large, "large.png"), "take 300000000 bytes");
}

TEST(FitImage, SameSizeIsTheImage) {
  torch::Tensor image = random_image(3, 9, 7, 1);
  EXPECT_TRUE(fit_image(image, 9, 7).equal(image));
}

TEST(FitImage, ShrinkingByAWholeFactorAveragesBlocks) {
  torch::Tensor image = random_image(3, 24, 36, 2);
  torch::Tensor oracle = image.to(torch::kFloat64).reshape({3, 8, 3, 12, 3}).mean({2, 4});
  torch::Tensor difference = fit_image(image, 8, 12).to(torch::kFloat64) - oracle;
  EXPECT_LE(difference.abs().max().item<double>(), 0.5 + 1e-3);
}

TEST(FitImage, ShrinkingByAFractionKeepsTheMean) {
  torch::Tensor image = random_image(1, 50, 50, 3);
  double before = image.to(torch::kFloat64).mean().item<double>();
  EXPECT_NEAR(fit_image(image, 28, 28).to(torch::kFloat64).mean().item<double>(), before, 0.1);
}

TEST(FitImage, GrowingIsBilinear) {
  torch::Tensor image = random_image(2, 5, 7, 4);
  torch::Tensor oracle =
      at::upsample_bilinear2d(image.unsqueeze(0).to(torch::kFloat32), torch::IntArrayRef({15, 21}), false)[0];
  torch::Tensor difference = fit_image(image, 15, 21).to(torch::kFloat32) - oracle;
  EXPECT_LE(difference.abs().max().item<double>(), 0.5 + 1e-3);
}

TEST(FitImage, CropsTheCentre) {
  torch::Tensor image = random_image(1, 6, 10, 5);
  EXPECT_TRUE(fit_image(image, 6, 6).equal(image.slice(2, 2, 8)));
  EXPECT_TRUE(fit_image(image.transpose(1, 2), 6, 6).equal(image.transpose(1, 2).slice(1, 2, 8)));
  torch::Tensor one = torch::full({1, 1, 1}, 9, torch::kUInt8);
  EXPECT_TRUE(fit_image(one, 3, 5).eq(9).all().item<bool>());
}

class ImageFolders : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& bytes) const {
    fs::create_directories((directory.path() / name).parent_path());
    save(directory.path() / name, bytes);
  }
  Source load(SourceOptions options = {}) const {
    return load_source("images:" + directory.path().string(), options);
  }
  core::TemporaryDirectory directory;
};

TEST_F(ImageFolders, FoldersAreClasses) {
  torch::Tensor first = random_image(1, 6, 5, 1);
  write("cat/2.png", encode_png(random_image(1, 6, 5, 2)));
  write("cat/1.PNG", encode_png(first));
  write("ant/1.png", encode_png(random_image(1, 12, 10, 3)));
  write("ant/.hidden", "x");
  Source source = load();
  EXPECT_EQ(source.train.schema.classes, (std::vector<std::string>{"ant", "cat"}));
  EXPECT_EQ(source.train.schema.shape, (std::vector<int64_t>{1, 12, 10}));
  EXPECT_TRUE(source.train.targets.equal(torch::tensor({0, 1, 1}, torch::kInt64)));
  EXPECT_TRUE(source.train.inputs[1].equal(fit_image(first, 12, 10)));
  EXPECT_EQ(source.image_sizes, "5×6 to 10×12");
  EXPECT_EQ(source.test.size(), 0);
  EXPECT_EQ(load({.image_size = 4}).train.schema.shape, (std::vector<int64_t>{1, 4, 4}));
}

TEST_F(ImageFolders, OneColourImageMakesAllColour) {
  torch::Tensor grey = random_image(1, 8, 8, 1);
  write("a/1.png", encode_png(grey));
  write("b/1.jpg", encode_jpeg(random_image(3, 8, 8, 2)));
  Source source = load();
  EXPECT_EQ(source.train.schema.shape, (std::vector<int64_t>{3, 8, 8}));
  EXPECT_TRUE(source.train.inputs[0].equal(grey.expand({3, 8, 8})));
}

TEST_F(ImageFolders, TrainAndTest) {
  for (const char* name : {"train/a/1.png", "train/b/1.png", "test/b/1.png"})
    write(name, encode_png(random_image(1, 4, 4, 1)));
  Source source = load();
  EXPECT_EQ(source.train.size(), 2);
  EXPECT_EQ(source.test.targets[0].item<int64_t>(), 1);
  write("test/c/1.png", encode_png(random_image(1, 4, 4, 1)));
  EXPECT_INPUT_ERROR(load(), "test/c is a class that the training images do not have");
}

TEST_F(ImageFolders, BrokenFilesAreNamed) {
  std::string png = encode_png(random_image(1, 20, 20, 1));
  write("a/1.png", "not an image");
  write("a/2.png", png);
  write("a/3.png", png.substr(0, png.size() / 2));
  write("b/1.png", png);
  EXPECT_INPUT_ERROR(load(), "a/1.png: neither a PNG nor a JPEG image");
  write("b/notes.txt", "x");
  Source source = load({.skip_unreadable = true});
  EXPECT_TRUE(source.train.targets.equal(torch::tensor({0, 1}, torch::kInt64)));
  ASSERT_EQ(source.unreadable.size(), 3u);
  EXPECT_NE(source.unreadable[0].find("b/notes.txt"), std::string::npos);
  EXPECT_NE(source.unreadable[2].find("a/3.png: not a whole PNG image"), std::string::npos);
}

TEST_F(ImageFolders, NothingToRead) {
  EXPECT_INPUT_ERROR(load(), "it must hold one folder per class");
  fs::create_directory(directory.path() / "a");
  EXPECT_INPUT_ERROR(load(), "its folders hold no PNG or JPEG files");
  write("a/1.png", "x");
  EXPECT_INPUT_ERROR(load({.skip_unreadable = true}), "no image can be read");
  EXPECT_INPUT_ERROR(load({.image_size = -1}), "image_size must be between 0 and 16384, got -1");
  EXPECT_INPUT_ERROR(load_source("images:" + (directory.path() / "none").string()),
                     "cannot read the directory");
}

TEST_F(ImageFolders, MoreThanTheMemoryIsRefused) {
  for (int i = 0; i < 2000; ++i)
    write(fmt::format("a/{}.png", i), encode_png(torch::zeros({1, 1, 1}, torch::kUInt8)));
  EXPECT_INPUT_ERROR(load({.image_size = 16384}), "choose a smaller image_size");
}

}  // namespace
}  // namespace lathe::data
