#include <iostream>

#include "cli/compile.h"
#include "lathe/compile/import_onnx.h"
#include "lathe/compile/kernel_cache.h"
#include "lathe/compile/onnx_conformance.h"
#include "lathe/compile/operators_page.h"
#include "lathe/core/files.h"
#include "lathe/core/progress.h"

namespace lathe::cli {
namespace {

void add_targets(CLI::App& compile, Options& options) {
  CLI::App* verb =
      add_verb(compile, options, "targets", "What code can be made for", "lathe compile targets");
  verb->callback([&options] {
    const std::string host = compile::target("host").name;
    core::Table table({"target", "vector floats", "runs here", "is host"});
    for (const std::string& name : compile::targets()) {
      const compile::Target target = compile::target(name);
      table.add({name, target.vector_floats(), compile::runs_here(target) ? "yes" : "no",
                 name == host ? "yes" : ""});
    }
    print(options, {{"targets", table}});
  });
}

struct OperatorsArguments {
  std::string test_data;
  std::string output;
};

void show_operators(const Options& options, const OperatorsArguments& arguments) {
  std::vector<NamedTable> tables = {{"operators", compile::operators_table()}};
  if (arguments.test_data.empty()) {
    core::Table onnx({"ONNX operator"});
    for (const std::string& name : compile::onnx_operators()) onnx.add({name});
    tables.push_back({"onnx", onnx});
  } else {
    const auto rows = compile::onnx_conformance(arguments.test_data);
    if (!arguments.output.empty()) return core::write_file(arguments.output, compile::operators_page(rows));
    tables.push_back({"onnx", compile::onnx_table(rows)});
    tables.push_back({"refused", compile::refusals_table(rows)});
  }
  print(options, tables);
}

void add_operators(CLI::App& compile, Options& options) {
  auto arguments = std::make_shared<OperatorsArguments>();
  CLI::App* verb =
      add_verb(compile, options, "operators", "Operators of graphs, and those of ONNX that become them",
               "lathe compile operators\n"
               "  lathe compile operators --conformance --output operators.md");
  verb->add_option(
          "--conformance", arguments->test_data,
          fmt::format("Run ONNX's test cases below this folder (default: {})", compile::kOnnxTestData))
      ->type_name("DIR")
      ->expected(0, 1)
      ->default_str(compile::kOnnxTestData);
  verb->add_option("-o,--output", arguments->output, "With --conformance: a page in Markdown")
      ->type_name("FILE")
      ->needs("--conformance");
  verb->callback([&options, arguments] { show_operators(options, *arguments); });
}

void add_cache(CLI::App& compile, Options& options) {
  auto clear = std::make_shared<bool>(false);
  CLI::App* verb = add_verb(compile, options, "cache", "Kernels that are kept between runs",
                            "lathe compile cache --clear");
  verb->add_flag("--clear", *clear, "Remove them");
  verb->callback([&options, clear] {
    const auto directory = compile::kernel_cache_directory();
    if (*clear) compile::clear_kernel_cache(directory);
    const auto [files, bytes] = compile::kernel_cache_size(directory);
    core::Table table({"directory", "kernels", "size"});
    table.add({directory.string(), files, core::human_bytes(static_cast<uint64_t>(bytes))});
    print(options, {{"cache", table}});
  });
}

}  // namespace

void add_compile_tables(CLI::App& compile, Options& options) {
  add_targets(compile, options);
  add_operators(compile, options);
  add_cache(compile, options);
}

}  // namespace lathe::cli
