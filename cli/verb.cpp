#include "cli/verb.h"

#include <cstdio>
#include <iostream>

namespace lathe::cli {

CLI::App* add_verb(CLI::App& parent, Options& options, const std::string& name,
                   const std::string& description, const std::string& example) {
  CLI::App* verb = parent.add_subcommand(name, description);
  verb->footer("Example:\n  " + example);
  verb->add_flag("--json", options.json, "Print JSON instead of tables");
  verb->add_flag("--quiet", options.quiet, "No progress bars");
  verb->add_option("--set", options.set, "Override a key of the pipeline, e.g. --set train.epochs=3")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  verb->add_option("--seed", options.seed, "Seed of every random stream (default: the pipeline's)");
  verb->add_option("--threads", options.threads, "Threads, or auto: the faster of one and all")
      ->check([](const std::string& text) {
        const bool number = !text.empty() && text.size() < 5 &&
                            text.find_first_not_of("0123456789") == std::string::npos && text != "0";
        return number || text == "auto" ? std::string() : "must be auto or a positive number, got " + text;
      })
      ->capture_default_str();
  verb->add_option("--device", options.device, "cpu, cuda or cuda:N")->capture_default_str();
  return verb;
}

core::Config load_config(const Options& options, const std::string& file) {
  std::vector<std::string> overrides = options.set;
  if (options.seed) overrides.push_back("seed=" + std::to_string(*options.seed));
  return core::Config::load(file, overrides);
}

pipeline::JobOptions job_options(const Options& options) {
  return {.threads = options.threads, .device = options.device};
}

void print(const Options& options, const std::vector<NamedTable>& tables) {
  if (options.json) {
    nlohmann::json json = nlohmann::json::object();
    for (const NamedTable& table : tables) json[table.name] = table.table.to_json();
    std::cout << json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
    return;
  }
  for (size_t i = 0; i < tables.size(); ++i) {
    if (i > 0) std::cout << "\n";
    std::cout << tables[i].table.to_text();
  }
}

}  // namespace lathe::cli
