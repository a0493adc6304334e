#include <iostream>

#include "cli/verb.h"
#include "lathe/data/inspect.h"

namespace lathe::cli {
namespace {

void check(const Options& options, const std::string& file) {
  const auto config = load_config(options, file);
  const auto pipeline = pipeline::pipeline_options(config);
  auto source_options = pipeline.source_options;
  source_options.skip_unreadable = true;  // report them all instead of stopping at the first
  const auto inspection = data::inspect(data::load_source(pipeline.source, source_options));
  core::Table warnings({"warning"});
  for (const auto& warning : inspection.warnings) warnings.add({warning});
  std::vector<NamedTable> tables = {{"summary", inspection.summary}, {"classes", inspection.classes}};
  if (inspection.columns.size() > 0) tables.push_back({"columns", inspection.columns});
  if (warnings.size() > 0 || options.json) tables.push_back({"warnings", warnings});
  print(options, tables);
}

}  // namespace

void add_data(CLI::App& app, Options& options) {
  CLI::App* data = app.add_subcommand("data", "Look at a pipeline's data");
  data->require_subcommand(1);
  data->footer("Example:\n  lathe data check examples/fashion_mnist.toml");
  auto file = std::make_shared<std::string>();
  CLI::App* verb = add_verb(*data, options, "check", "What is in it, and what looks wrong",
                            "lathe data check examples/fashion_mnist.toml");
  verb->add_option("pipeline", *file, "The pipeline file (TOML)")->required()->type_name("P.toml");
  verb->callback([&options, file] { check(options, *file); });
}

}  // namespace lathe::cli
