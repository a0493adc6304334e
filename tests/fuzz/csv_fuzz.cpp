// CSV text as cells.
#include "lathe/data/csv.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

void read(std::string_view bytes) {
  const data::CsvFile csv = data::parse_csv(bytes, "table.csv");
  require(!csv.rows.empty() && csv.lines.size() == csv.rows.size(), "every row has its line");
  for (size_t i = 0; i < csv.rows.size(); ++i) {
    require(csv.rows[i].size() == csv.header.size(), "rows are as wide as the header");
    require(csv.lines[i] > (i == 0 ? 1 : csv.lines[i - 1]), "lines ascend");
  }
}

std::vector<std::string> seeds() {
  return {"a,b\n1,2\n", "\xef\xbb\xbf\"a, b\",c\r\n\"say \"\"so\"\"\",\"two\nlines\"\r\n\r\n,\n",
          "x\n\"\"\n1\n"};
}

const bool registered = add_target({"csv", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
