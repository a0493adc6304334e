#pragma once
#include <string>
#include <vector>

#include "lathe/compile/onnx_conformance.h"
#include "lathe/core/table.h"

namespace lathe::compile {

// A row for each operator of graphs: its number of inputs, how it fuses, where its code is.
core::Table operators_table();
// A row for each ONNX operator that a case has or that can be imported: how many of its cases are right.
core::Table onnx_table(const std::vector<ConformanceRow>& rows);
// The cases that are refused (or wrong), equal reasons together.
core::Table refusals_table(const std::vector<ConformanceRow>& rows);

// docs/operators.md.
std::string operators_page(const std::vector<ConformanceRow>& rows);

}  // namespace lathe::compile
