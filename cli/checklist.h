#pragma once
#include <string>
#include <vector>

#include "cli/verb.h"
#include "lathe/evaluate/checklist/suite.h"

// What the methods of `lathe evaluate checklist` share.
namespace lathe::cli {

struct SuiteArguments {
  std::string suite;
  std::vector<std::string> tests;
  int64_t n = 0;                // 0: as the suite says
  bool allow_programs = false;  // that perturbations run
};
void add_suite_options(CLI::App& verb, SuiteArguments& arguments);
void add_programs_option(CLI::App& verb, SuiteArguments& arguments);  // the last of them, by itself
// A ready suite or a file; warns on stderr of tests that have no cases.
evaluate::checklist::Suite open_suite(const Options& options, const SuiteArguments& arguments);

// To the file, or to standard output where none is named.
void write_output(const std::string& file, const std::string& text);

void add_checklist_run(CLI::App& checklist, Options& options);
void add_checklist_report(CLI::App& checklist, Options& options);
void add_checklist_diff(CLI::App& checklist, Options& options);
void add_checklist_suggest(CLI::App& checklist, Options& options);

}  // namespace lathe::cli
