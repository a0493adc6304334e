#pragma once
#include <string>
#include <vector>

#include "lathe/core/table.h"
#include "lathe/evaluate/checklist/suite.h"

// What helps to think of tests (Ribeiro et al. 2020, §2: the matrix capability × type of test is filled cell
// by cell).
namespace lathe::evaluate::checklist {

// What to ask oneself in each cell: capability | MFT | INV | DIR.
core::Table ideation_table();
// How far a suite is: "3 tests, 1500 cases" a cell; "–" where nothing tests that yet.
core::Table coverage_table(const Suite& suite);

struct NewSuite {
  std::string name = "mine";
  std::vector<std::string> fields = {"text"};
  std::vector<std::string> classes = {"negative", "positive"};
};
// A suite to begin with, as parse_suite_toml reads it: one test that runs, and the matrix's questions as
// comments, each with a test that only has to be uncommented and filled.
std::string new_suite_toml(const NewSuite& options);

}  // namespace lathe::evaluate::checklist
