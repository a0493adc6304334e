#pragma once
#include "lathe/data/csv.h"

namespace lathe::data {

// Rows of named cells, however a file writes them, as a CsvFile. Cells are UTF-8 without NUL bytes.

enum class RaggedRows { refuse, leave_out };

// Tab-separated values: a line of names, then a row a line. Cells are what stands between tabs: quotes mean
// nothing. Blank lines are passed over. Throws InputError with name:line, also for a row with more or fewer
// cells than there are names, unless such rows are left out.
CsvFile parse_tsv(std::string_view text, const std::string& name, RaggedRows ragged = RaggedRows::refuse);

// A JSON object a line. The columns are the keys of all of them in alphabetical order; a cell is a string, or
// the JSON text of what is none; null and a missing key are "". Throws InputError with name:line.
CsvFile parse_jsonl(std::string_view text, const std::string& name);

// By the file's name: .csv, .tsv, .jsonl. Throws InputError for another.
CsvFile read_text_table(const std::filesystem::path& file);

}  // namespace lathe::data
