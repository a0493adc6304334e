// MNIST's four IDX files, each plain or a gzip file.
#include <torch/types.h>

#include "lathe/data/sources.h"
#include "tests/fuzz/seed_files.h"
#include "tests/fuzz/target.h"
#include "tests/support/gzip.h"

namespace lathe::fuzz {
namespace {

constexpr const char* kNames[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                  "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

void read(std::string_view bytes) {
  const auto files = split(bytes, 4);
  for (size_t i = 0; i < 4; ++i) {
    const std::filesystem::path plain = scratch() / kNames[i], zipped = plain.string() + ".gz";
    const bool is_gzip = files[i].substr(0, 2) == "\x1f\x8b";
    std::filesystem::remove(is_gzip ? plain : zipped);
    save(is_gzip ? zipped : plain, files[i]);
  }
  const data::Source source = data::read_idx(scratch().string(), {});
  for (const data::Dataset& set : {source.train, source.test}) {
    require(set.inputs.size(0) == set.size(), "as many images as labels");
    require(set.targets.min().item<int64_t>() >= 0, "labels are classes");
    require(set.targets.max().item<int64_t>() < set.schema.num_classes(), "labels are classes");
  }
}

std::vector<std::string> seeds() {
  const std::string train_images(
      "\0\0\x08\x03\0\0\0\x04\0\0\0\x02\0\0\0\x03"
      "abcdefghijklmnopqrstuvwx",
      40);
  const std::string train_labels("\0\0\x08\x01\0\0\0\x04\0\x01\x02\x01", 12);
  const std::string test_images(
      "\0\0\x08\x03\0\0\0\x01\0\0\0\x02\0\0\0\x03"
      "abcdef",
      22);
  const std::string test_labels("\0\0\x08\x01\0\0\0\x01\x02", 9);
  return {join({train_images, train_labels, test_images, test_labels}),
          join({testing_support::gzip(train_images), testing_support::gzip(train_labels), test_images,
                test_labels}),
          join({train_images, train_labels, testing_support::gzip(test_images),
                testing_support::gzip(test_labels)})};
}

const bool registered = add_target({"idx", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
