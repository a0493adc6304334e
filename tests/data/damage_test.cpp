// Damaged files of every kind give an InputError or data, never a crash or another exception.
#include <functional>

#include "lathe/data/csv.h"
#include "lathe/data/image_codec.h"
#include "lathe/data/inputs.h"
#include "lathe/data/npy.h"
#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

using namespace testing;

struct Outcome {
  int read = 0, refused = 0;
};

// Flips each bit of every `stride`-th byte in turn, then cuts the file at every such byte.
Outcome damage(const std::string& good, size_t stride, const std::function<void(const std::string&)>& read) {
  Outcome outcome;
  auto attempt = [&](const std::string& bytes) {
    try {
      read(bytes);
      ++outcome.read;
    } catch (const InputError& error) {
      ++outcome.refused;
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    }
  };
  for (size_t at = 0; at < good.size(); at += stride) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bytes = good;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
      EXPECT_NO_THROW(attempt(bytes)) << "bit " << bit << " of byte " << at;
    }
    EXPECT_NO_THROW(attempt(good.substr(0, at))) << "cut at " << at;
  }
  return outcome;
}

class Damage : public ::testing::Test {
 protected:
  core::TemporaryDirectory directory;
};

TEST_F(Damage, Idx) {
  write_idx_files(directory.path());
  fs::path images = directory.path() / "train-images-idx3-ubyte", zipped = images.string() + ".gz";
  const std::string good = core::read_file(images);
  auto load = [&] { load_source("idx:" + directory.path().string()); };
  auto plain = [&](const std::string& bytes) {
    save(images, bytes);
    load();
  };
  EXPECT_GT(damage(good, 1, plain).refused, 100);
  fs::remove(images);
  Outcome gzipped = damage(gzip(good), 1, [&](const std::string& bytes) {
    save(zipped, bytes);
    load();
  });
  EXPECT_GT(gzipped.refused, 20 * gzipped.read);  // only the header's time, name and flags go unchecked

  fs::remove(zipped);
  save(images, good);
  fs::path labels = directory.path() / "train-labels-idx1-ubyte";
  damage(core::read_file(labels), 1, [&](const std::string& bytes) {
    save(labels, bytes);
    load();
  });
}

TEST_F(Damage, Csv) {
  fs::path file = directory.path() / "t.csv";
  std::string good = "age,\"the colour\",class\n";
  for (int i = 0; i < 20; ++i)
    good += fmt::format("{},\"ré,d{}\",{}\n", i * 0.5, i % 3, i % 2 ? "yes" : "no");
  damage(good, 1, [&](const std::string& bytes) {
    save(file, bytes);
    load_source("csv:" + file.string() + "?target=class");
  });
}

TEST_F(Damage, Npy) {
  fs::path file = directory.path() / "a.npy";
  write_npy(file, torch::arange(24).to(torch::kFloat32).reshape({2, 3, 4}));
  damage(core::read_file(file), 1, [&](const std::string& bytes) {
    save(file, bytes);
    read_npy(file);
  });
}

TEST_F(Damage, Images) {
  for (int64_t channels : {1, 3}) {
    torch::Tensor image = random_image(channels, 24, 20, 1);
    auto decode = [&](const std::string& bytes) { decode_image(bytes, "file", channels); };
    damage(encode_jpeg(image), 7, decode);
    Outcome png = damage(encode_png(image), 1, decode);
    EXPECT_GT(png.refused, 20 * png.read);  // every chunk that is read has a checksum
  }
}

TEST_F(Damage, Schema) {
  const std::string good = to_json(numbered_images(1, 3).schema).dump();
  damage(good, 1, [](const std::string& bytes) {
    nlohmann::json json = nlohmann::json::parse(bytes, nullptr, false);
    if (!json.is_discarded()) schema_from_json(json);
  });
}

}  // namespace
}  // namespace lathe::data
