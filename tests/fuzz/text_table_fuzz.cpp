// Tab-separated values and JSON lines: the first byte says which.
#include "lathe/data/text.h"
#include "lathe/data/text_table.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

void read(std::string_view bytes) {
  const bool lines = !bytes.empty() && bytes[0] == 'j';
  if (!bytes.empty()) bytes.remove_prefix(1);
  const data::CsvFile table = lines ? data::parse_jsonl(bytes, "t.jsonl") : data::parse_tsv(bytes, "t.tsv");
  require(!table.rows.empty() && table.lines.size() == table.rows.size(), "every row has its line");
  for (size_t i = 0; i < table.rows.size(); ++i) {
    require(table.rows[i].size() == table.header.size(), "rows are as wide as the header");
    require(table.lines[i] > (i == 0 ? 0 : table.lines[i - 1]), "lines ascend");
    for (const std::string& cell : table.rows[i])
      require(data::is_utf8(cell) && cell.find('\0') == cell.npos, "cells are text");
  }
}

std::vector<std::string> seeds() {
  return {"ta\tb\n1\t\"x\n\n2\t\xc3\xa9\r\n",
          "j{\"a\": \"x\", \"b\": 1.5}\n\n{\"a\": null, \"c\": [true, {}]}\n"};
}

const bool registered = add_target({"text_table", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
