// CIFAR-100's binary files and the names of its classes.
#include <torch/types.h>

#include "lathe/data/sources.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

std::string record(char coarse, char fine) {
  return std::string{coarse, fine} + std::string(3 * 32 * 32, fine);
}

void read(std::string_view bytes) {
  const auto files = split(bytes, 3);
  save(scratch() / "train.bin", files[0]);
  save(scratch() / "test.bin", files[1]);
  save(scratch() / "coarse_label_names.txt", files[2]);
  for (const auto& [labels, num_classes] : {std::pair{"fine", 100}, std::pair{"coarse", 20}}) {
    const data::Source source = data::read_cifar100(scratch().string() + "?labels=" + labels, {});
    for (const data::Dataset& set : {source.train, source.test}) {
      require(set.inputs.size(0) == set.size(), "as many images as labels");
      require(set.targets.max().item<int64_t>() < num_classes, "labels are classes");
      require(set.schema.num_classes() == num_classes, "classes have names");
    }
  }
}

std::vector<std::string> seeds() {
  std::string names;
  for (char name = 'a'; name < 'a' + 20; ++name) names += {name, '\n'};
  return {join({record(0, 0) + record(19, 99), record(3, 7), names})};
}

const bool registered = add_target({"cifar100", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
