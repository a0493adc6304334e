#include "tests/data/fixtures.h"

#include <turbojpeg.h>

#include <fstream>
#include <numeric>

namespace lathe::data::testing {

void save(const fs::path& file, const std::string& bytes) {
  fs::remove(file);  // ext4 flushes a file that is truncated and written again
  std::ofstream(file, std::ios::binary) << bytes;
}

std::string idx_bytes(const std::vector<int64_t>& shape, const std::string& values) {
  std::string bytes = {0, 0, 8, static_cast<char>(shape.size())};
  for (int64_t size : shape)
    for (int shift : {24, 16, 8, 0}) bytes += static_cast<char>(size >> shift & 0xff);
  return bytes + values;
}

void write_idx_files(const fs::path& directory, int64_t num_train, int64_t num_test) {
  for (auto [name, count] : {std::pair{"train", num_train}, {"t10k", num_test}}) {
    std::string images, labels;
    for (int64_t i = 0; i < count; ++i) {
      for (int64_t pixel = 0; pixel < 6; ++pixel) images += static_cast<char>(7 * i + pixel);
      labels += static_cast<char>(i % 10);
    }
    save(directory / fmt::format("{}-images-idx3-ubyte", name), idx_bytes({count, 3, 2}, images));
    save(directory / fmt::format("{}-labels-idx1-ubyte", name), idx_bytes({count}, labels));
  }
}

torch::Tensor random_image(int64_t channels, int64_t height, int64_t width, uint64_t seed) {
  core::Random random(seed);
  torch::Tensor image = torch::empty({channels, height, width}, torch::kUInt8);
  for (int64_t i = 0; i < image.numel(); ++i)
    image.data_ptr<uint8_t>()[i] = static_cast<uint8_t>(random.below(256));
  return image;
}

std::string encode_jpeg(const torch::Tensor& image) {
  torch::Tensor interleaved = image.permute({1, 2, 0}).contiguous();
  bool grey = image.size(0) == 1;
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  tjhandle handle = tjInitCompress();
  EXPECT_EQ(tjCompress2(handle, interleaved.data_ptr<uint8_t>(), static_cast<int>(image.size(2)), 0,
                        static_cast<int>(image.size(1)), grey ? TJPF_GRAY : TJPF_RGB, &bytes, &size,
                        grey ? TJSAMP_GRAY : TJSAMP_444, 95, 0),
            0);
  std::string result(reinterpret_cast<char*>(bytes), size);
  tjFree(bytes);
  tjDestroy(handle);
  return result;
}

Dataset numbered_images(int64_t count, int64_t num_classes, int64_t side) {
  Dataset dataset;
  dataset.schema.shape = {1, side, side};
  for (int64_t c = 0; c < num_classes; ++c) dataset.schema.classes.push_back("class " + std::to_string(c));
  dataset.targets = torch::arange(count) % num_classes;
  dataset.inputs =
      torch::arange(count).remainder(256).to(torch::kUInt8).reshape({-1, 1, 1, 1}).repeat({1, 1, side, side});
  return dataset;
}

Source numbered_source(const std::vector<int64_t>& class_counts) {
  int64_t count = std::accumulate(class_counts.begin(), class_counts.end(), int64_t{0});
  Source source;
  source.name = "numbered";
  source.train = numbered_images(count, static_cast<int64_t>(class_counts.size()));
  int64_t* target = source.train.targets.data_ptr<int64_t>();
  for (size_t c = 0; c < class_counts.size(); ++c)
    target = std::fill_n(target, class_counts[c], static_cast<int64_t>(c));
  return source;
}

}  // namespace lathe::data::testing
