#include <filesystem>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/cells.h"
#include "lathe/data/sources.h"
#include "lathe/data/text.h"
#include "lathe/data/text_table.h"

namespace lathe::data {
namespace {

// id, qid1, qid2, question1, question2, is_duplicate. GLUE's own file has rows that lack cells; like other
// readers of it, this one leaves them out.
Dataset to_dataset(const CsvFile& table, const std::string& name) {
  const size_t first = require_column(table, name, "question1"),
               second = require_column(table, name, "question2"),
               label = require_column(table, name, "is_duplicate");
  Dataset dataset;
  dataset.schema.target = "is_duplicate";
  dataset.schema.fields = {"question1", "question2"};
  dataset.schema.classes = {"different", "duplicate"};
  dataset.targets = encode_targets(table, name, label, {"0", "1"});
  dataset.texts.resize(2);
  for (const auto& row : table.rows) {
    dataset.texts[0].push_back(row[first]);
    dataset.texts[1].push_back(row[second]);
  }
  return dataset;
}

}  // namespace

Source read_qqp(const std::string& operand, const SourceOptions&) {
  Source source;
  const auto read = [&](const char* name) {
    const std::filesystem::path file = std::filesystem::path(operand) / name;
    const CsvFile table = parse_tsv(core::read_file(file), file.string(), RaggedRows::leave_out);
    const auto rows = static_cast<int64_t>(table.rows.size());
    if (const int64_t lost = table.lines.back() - 1 - rows; lost > 0)
      source.unreadable.push_back(
          fmt::format("{}: {} lines without {} cells", file.string(), lost, table.header.size()));
    return to_dataset(table, file.string());
  };
  source.train = read("train.tsv");
  source.test = read("dev.tsv");  // test.tsv has no labels
  return source;
}

}  // namespace lathe::data
