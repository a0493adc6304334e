// NumPy arrays.
#include <torch/types.h>

#include "lathe/data/npy.h"
#include "tests/fuzz/seed_files.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

void read(std::string_view bytes) {
  const torch::Tensor tensor = data::parse_npy(bytes, "array.npy");
  // No more memory than the file has, but for an unsigned type that is widened.
  require(tensor.nbytes() <= 8 * bytes.size(), "the values come from the file");
  require(tensor.clone().numel() == tensor.numel(), "every value can be read");
}

std::vector<std::string> seeds() {
  return {npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", std::string(24, '\x3f')),
          npy_file("{'descr': '|b1', 'fortran_order': False, 'shape': (), }", "\x01", 2),
          npy_file("{'descr': '<f8', 'fortran_order': True, 'shape': (3, 1, 2), }", std::string(48, 'x')),
          npy_file("{\"shape\": (3,), \"fortran_order\": False, \"descr\": \"<u2\"}", "abcdef", 3),
          npy_file("{'descr': '|i1', 'fortran_order': False, 'shape': (0, 5), }", "")};
}

const bool registered = add_target({"npy", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
