// What a model predicts on: a CSV file or an array for a table's model, an array for one of images.
#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/data/inputs.h"
#include "tests/fuzz/seed_files.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

data::Schema table_schema() {
  return {.shape = {2},
          .columns = {{"length", {}}, {"colour", {"blue", "red"}}},
          .target = "kind",
          .classes = {"a", "b"}};
}

void read(std::string_view bytes) {
  const bool is_npy = bytes.substr(0, 1) == "\x93";
  const std::filesystem::path file = scratch() / (is_npy ? "inputs.npy" : "inputs.csv");
  save(file, bytes);
  data::Schema schema = table_schema();
  if (bytes.find("u1") != bytes.npos)
    schema = {.shape = {1, 2, 3}, .columns = {}, .target = "", .classes = {"a", "b"}};
  const data::Inputs inputs = data::read_inputs({file}, schema);
  require(inputs.values.sizes().slice(1) == torch::IntArrayRef(schema.shape),
          "inputs have the schema's shape");
  require(inputs.values.size(0) == static_cast<int64_t>(inputs.names.size()), "every input has its name");
  if (inputs.targets.defined()) require(inputs.targets.max().item<int64_t>() < 2, "labels are classes");
}

std::vector<std::string> seeds() {
  return {"colour,length\nred,1\ngreen,\n", "length,kind,colour\n-3e2,b,red\n",
          npy_file("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }", "abcdef"),
          npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }", std::string(8, '\0'))};
}

const bool registered = add_target({"inputs", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
