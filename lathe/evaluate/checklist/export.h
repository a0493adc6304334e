#pragma once
#include <string>

#include "lathe/evaluate/checklist/suite.h"

namespace lathe::evaluate::checklist {

// The examples that a model has to answer, in the order of flatten(), for a program in any language:
//   lines   one text a line; line ends inside of a text become spaces
//   tsv     a header `id field …`, then a row each; tabs inside of a text become spaces
//   jsonl   {"id": 0, "text": …}; names such as "a/b" become nested objects
//   squad   SQuAD 1.1, ids from 0: the field called passage or context is the context, else the first
enum class ExportFormat { kLines, kTsv, kJsonl, kSquad };
ExportFormat parse_export_format(const std::string& name);  // throws InputError

// Throws InputError where the format cannot hold an input: lines have one field, squad two.
std::string export_text(const Suite& suite, ExportFormat format);
// Examples without a suite, as lines, tsv or jsonl.
std::string examples_text(const std::vector<std::string>& fields, const std::vector<Example>& examples,
                          ExportFormat format);
// An example as JSON by the names of its texts.
nlohmann::json example_json(const std::vector<std::string>& fields, const Example& example);

}  // namespace lathe::evaluate::checklist
