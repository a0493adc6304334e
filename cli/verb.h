#pragma once
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lathe/core/config.h"
#include "lathe/core/table.h"
#include "lathe/pipeline/job.h"

namespace lathe::cli {

// The options that every verb has.
struct Options {
  bool json = false;
  bool quiet = false;
  std::vector<std::string> set;  // key=value
  std::optional<uint64_t> seed;
  std::string threads = "auto";
  std::string device = "cpu";
};

// Adds `lathe NAME` (or a method below a verb) with those options; `example` is a command that works as
// printed.
CLI::App* add_verb(CLI::App& parent, Options& options, const std::string& name,
                   const std::string& description, const std::string& example);

core::Config load_config(const Options& options, const std::string& file);  // with --set and --seed
pipeline::JobOptions job_options(const Options& options);

// Tables go to stdout: as text, or under --json as one object {name: rows}.
struct NamedTable {
  std::string name;  // JSON key, and heading in text unless empty
  core::Table table;
};
void print(const Options& options, const std::vector<NamedTable>& tables);

void add_run(CLI::App& app, Options& options);
void add_init(CLI::App& app, Options& options);
void add_data(CLI::App& app, Options& options);
void add_train(CLI::App& app, Options& options);
void add_evaluate(CLI::App& app, Options& options);
void add_sharpness(CLI::App& evaluate, Options& options);
void add_conformal(CLI::App& evaluate, Options& options);
void add_checklist(CLI::App& evaluate, Options& options);
void add_active(CLI::App& evaluate, Options& options);
void add_subjective(CLI::App& evaluate, Options& options);
void add_opinion(CLI::App& evaluate, Options& options);
void add_subspace(CLI::App& evaluate, Options& options);
void add_compile(CLI::App& app, Options& options);
void add_predict(CLI::App& app, Options& options);
void add_report(CLI::App& app, Options& options);
void add_study(CLI::App& app, Options& options);
void add_runs(CLI::App& app, Options& options);
void add_doctor(CLI::App& app, Options& options);
void add_completion(CLI::App& app);

}  // namespace lathe::cli
