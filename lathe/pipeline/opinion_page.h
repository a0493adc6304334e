#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lathe/evaluate/opinion/explain.h"
#include "lathe/evaluate/opinion/slices.h"
#include "lathe/pipeline/report.h"

namespace lathe::pipeline {

struct MeasuredOpinions {
  std::string name;  // of the model
  evaluate::OpinionPredictions predictions;
  evaluate::opinion::Measurement measurement;
};

// Everything that a page about opinions shows. The first model is the one that it is about; the others are
// beside it in the plane of fairness and performance.
struct OpinionReport {
  std::vector<MeasuredOpinions> models;
  evaluate::opinion::Slices slices;
  std::optional<evaluate::opinion::Causes> causes;
};

// Who is served badly, which slice hides it, by what it can be told (a to f of Balayn, Bozzon & Szlávik's
// pictures) and what it is caused by; every number with its interval. Groups of fewer people than the minimum
// are in no table and no picture.
Page opinion_page(const data::Annotations& annotations, const evaluate::opinion::Profile& profile,
                  const OpinionReport& report, const std::string& subtitle);

struct NamedTable {
  std::string name;  // of a file or a key: "users"
  core::Table table;
};
// All of the report's tables, whole.
std::vector<NamedTable> opinion_tables(const data::Annotations& annotations, const OpinionReport& report);
// Each as NAME.csv and NAME.json; the directory is made.
void write_tables(const std::vector<NamedTable>& tables, const std::filesystem::path& directory);

}  // namespace lathe::pipeline
