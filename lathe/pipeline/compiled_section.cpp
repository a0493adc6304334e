#include "lathe/pipeline/compiled_section.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "lathe/core/progress.h"
#include "lathe/pipeline/details.h"

namespace lathe::pipeline {
namespace {

using nlohmann::json;

constexpr double kHalfRow = 485;
constexpr size_t kSlowest = 12;

double number(const json& details, const std::string& path) {
  const json& value = detail(details, path);
  return value.is_number() ? value.get<double>() : 0;
}

void add_operations(const json& compile, Section& section) {
  const json& listed = detail(compile, "/operations");
  std::vector<json> operations;
  double sum = 0;
  for (const json& operation : listed.is_array() ? listed : json::array()) {
    operations.push_back(operation);
    sum += number(operation, "/milliseconds");
  }
  if (operations.empty() || sum <= 0) return;
  std::stable_sort(operations.begin(), operations.end(), [](const json& a, const json& b) {
    return number(a, "/milliseconds") > number(b, "/milliseconds");
  });
  core::Table table({"slowest operations", "variant", "µs", "%", "GFLOP/s", "GB/s"});
  for (size_t i = 0; i < std::min(kSlowest, operations.size()); ++i) {
    const json& operation = operations[i];
    table.add({detail_text(operation, "/source"),
               detail_text(operation, "/variant"),
               {1e3 * number(operation, "/milliseconds"), 2},
               {100 * number(operation, "/milliseconds") / sum, 1},
               {number(operation, "/gflops"), 1},
               {number(operation, "/gbytes"), 1}});
  }
  section.tables.push_back(std::move(table));
}

}  // namespace

Section compiled_section(const std::vector<StageReport>& stages, const json& compile) {
  Section section{.title = "Compiled"};
  const std::string skipped = detail_text(compile, "/skipped");
  if (!skipped.empty() && skipped != "compile.enabled is false")
    section.text = "Not compiled: " + skipped + ".";
  const auto compiled = find_metric(stages, "compiled_latency", ""),
             libtorch = find_metric(stages, "libtorch_latency", ""),
             error = find_metric(stages, "compiled_max_error", ""),
             arena = find_metric(stages, "arena_bytes", "");
  if (!skipped.empty() || !compiled || !libtorch) return section;
  section.text = fmt::format(
      "The model as native code for {} (compiled/ in the bundle) takes {:.3g} ms for one example with {} "
      "thread(s), libtorch {:.3g} ms: {:.1f} times as long.",
      detail_text(compile, "/target"), *compiled, detail_text(compile, "/threads"), *libtorch,
      *libtorch / *compiled);
  if (error)
    section.text +=
        fmt::format(" Its outputs differ from those in double precision by {:.2g} of the largest.", *error);
  if (const auto externals = detail_texts(compile, "/externals"); !externals.empty())
    section.text += fmt::format(" {} of its {} operations are kernels of {}, which running it needs.",
                                detail_text(compile, "/num_external"),
                                detail_text(compile, "/num_operations"), fmt::join(externals, ", "));
  if (const auto share = find_metric(stages, "int8_share", ""))
    section.text += fmt::format(
        " Layers with {:.1f} % of the multiply-adds run in bytes; on held-out examples accuracy fell by "
        "{:.2f} "
        "points.",
        100 * *share, 100 * find_metric(stages, "int8_accuracy_drop", "").value_or(0));
  if (arena)
    section.text +=
        fmt::format(" It needs {} for activations and {} for parameters.",
                    core::human_bytes(static_cast<uint64_t>(*arena)),
                    core::human_bytes(static_cast<uint64_t>(number(compile, "/parameter_bytes"))));
  section.charts.push_back(
      core::bar_chart({.title = "Latency of one example", .x_label = "ms", .width = kHalfRow, .height = 110},
                      {"compiled", "libtorch"}, {*compiled, *libtorch}));
  add_operations(compile, section);
  return section;
}

}  // namespace lathe::pipeline
