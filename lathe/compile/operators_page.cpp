#include "lathe/compile/operators_page.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <tuple>

#include "lathe/compile/compile.h"
#include "lathe/compile/import_onnx.h"
#include "lathe/compile/op.h"

namespace lathe::compile {
namespace {

std::string name_of(OpClass kind) {
  switch (kind) {
    case OpClass::injective:
      return "injective";
    case OpClass::reduction:
      return "reduction";
    case OpClass::complex:
      return "complex";
    case OpClass::opaque:
      return "opaque";
  }
  return "";
}

int64_t count(const std::vector<ConformanceRow>& rows, Verdict verdict) {
  return std::count_if(rows.begin(), rows.end(),
                       [verdict](const ConformanceRow& row) { return row.verdict == verdict; });
}

}  // namespace

core::Table operators_table() {
  core::Table table({"operator", "inputs", "fuses as", "code"});
  for (const std::string& name : op_names()) {
    const Op& op = compile::op(name);
    const std::string most = op.max_inputs < 0 ? "…" : std::to_string(op.max_inputs);
    table.add({name, op.min_inputs == op.max_inputs ? most : fmt::format("{} to {}", op.min_inputs, most),
               name_of(op.kind), kernel_of(name)});
  }
  return table;
}

core::Table onnx_table(const std::vector<ConformanceRow>& rows) {
  struct Counts {
    int64_t right = 0, refused = 0, wrong = 0;
    std::set<int64_t> opsets;
  };
  std::map<std::string, Counts> operators;
  const std::vector<std::string> read = onnx_operators();
  for (const std::string& name : read) operators[name];
  for (const ConformanceRow& row : rows) {
    std::istringstream names(row.op);
    for (std::string name; names >> name;) {
      Counts& counts = operators[name];
      ++(row.verdict == Verdict::right     ? counts.right
         : row.verdict == Verdict::refused ? counts.refused
                                           : counts.wrong);
      counts.opsets.insert(row.opset);
    }
  }
  core::Table table({"ONNX operator", "read", "right", "refused", "wrong", "opsets of the cases"});
  for (const auto& [name, counts] : operators)
    table.add({name, std::binary_search(read.begin(), read.end(), name) ? "yes" : "no", counts.right,
               counts.refused, counts.wrong, fmt::format("{}", fmt::join(counts.opsets, ", "))});
  return table;
}

core::Table refusals_table(const std::vector<ConformanceRow>& rows) {
  std::map<std::tuple<std::string, int64_t, std::string>, std::vector<std::string>> cases;
  for (const ConformanceRow& row : rows)
    if (row.verdict != Verdict::right) cases[{row.op, row.opset, row.message}].push_back(row.name);
  core::Table table({"operators", "opset", "why", "cases"});
  for (const auto& [reason, names] : cases) {
    const auto& [operators, opset, why] = reason;
    table.add({operators, opset, why, fmt::format("{}", fmt::join(names, ", "))});
  }
  return table;
}

std::string operators_page(const std::vector<ConformanceRow>& rows) {
  constexpr const char* kPage = R"(# Operators

Written by `lathe compile operators --conformance --output docs/operators.md`.

## Of graphs

What each takes and computes is said in `lathe/compile/op.h`. *Code*: an operator has a kernel of its own, is part of the
kernels around it (alone, a kernel of one loop), or is taken apart into others.

{}
## Of ONNX

Opsets 7 to 17 are read, and older files whose operators already meant the same. Each of the {} cases of ONNX's test data
(Debian's libonnx-testdata) is imported and evaluated: {} give the right outputs, {} are refused, {} give others. A case
counts for each of its operators.

{}
## Refused cases

{})";
  return fmt::format(kPage, operators_table().to_markdown(), rows.size(), count(rows, Verdict::right),
                     count(rows, Verdict::refused), count(rows, Verdict::wrong),
                     onnx_table(rows).to_markdown(), refusals_table(rows).to_markdown());
}

}  // namespace lathe::compile
