// CIFAR-10's binary files: one of training, and the test file; the other four are valid.
#include <torch/types.h>

#include "lathe/data/sources.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

std::string record(char label) {
  return label + std::string(3 * 32 * 32, static_cast<char>(7 * label));
}

void read(std::string_view bytes) {
  static const bool prepared = [] {
    for (char i = '2'; i <= '5'; ++i) save(scratch() / (std::string("data_batch_") + i + ".bin"), record(1));
    return true;
  }();
  require(prepared, "the other files are there");
  const auto files = split(bytes, 2);
  save(scratch() / "data_batch_1.bin", files[0]);
  save(scratch() / "test_batch.bin", files[1]);
  const data::Source source = data::read_cifar10(scratch().string(), {});
  for (const data::Dataset& set : {source.train, source.test}) {
    require(set.inputs.size(0) == set.size(), "as many images as labels");
    require(set.targets.max().item<int64_t>() < 10, "labels are classes");
  }
}

std::vector<std::string> seeds() {
  return {join({record(0) + record(9), record(3)}), join({record(5), record(2)})};
}

const bool registered = add_target({"cifar10", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
