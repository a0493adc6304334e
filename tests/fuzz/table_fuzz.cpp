// A CSV file as a data set: what follows FILE? in the source's name, then the file.
#include <torch/types.h>

#include <algorithm>
#include <cctype>

#include "lathe/data/sources.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

void read(std::string_view bytes) {
  const auto parts = split(bytes, 2);
  // The source's name is the user's own and quoted as it is.
  if (std::any_of(parts[0].begin(), parts[0].end(), [](unsigned char c) { return std::iscntrl(c); })) return;
  const std::filesystem::path file = scratch() / "table.csv";
  save(file, parts[1]);
  const data::Source source = data::read_table(file.string() + "?" + std::string(parts[0]), {});
  const data::Dataset& table = source.train;
  require(table.inputs.size(0) == table.size(), "as many rows as labels");
  require(table.inputs.size(1) == static_cast<int64_t>(table.schema.columns.size()),
          "a number for each column");
  require(table.targets.min().item<int64_t>() >= 0, "labels are classes");
  require(table.targets.max().item<int64_t>() < table.schema.num_classes(), "labels are classes");
}

std::vector<std::string> seeds() {
  const std::string table =
      "id,length,colour,kind\n1,0.5,red,a\n2,,blue,b\n3,1e-3,red,a\n4,-7,\" green\",b\n";
  return {join({"target=kind&drop=id", table}), join({"target=colour", table + "5,nan,red,a\n"})};
}

const bool registered = add_target({"table", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
