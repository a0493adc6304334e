#pragma once
#include "lathe/pipeline/study.h"
#include "studies/gradient_projection_memory_runs.h"

// The rows and charts of the study `gradient-projection-memory`.
namespace lathe::studies::gpm {

// A method on a problem, once a seed.
struct Cell {
  Recipe recipe;
  std::vector<ContinualResult> seeds = {};

  std::vector<double> acc() const, bwt() const;  // percent
  double mean_acc() const, mean_bwt() const;
  double seconds() const;  // of one seed, mean
};
const Cell& cell_of(const std::vector<Cell>& cells, const std::string& method);

class Report {
 public:
  explicit Report(pipeline::StudyResult& result) : result_(result) {}
  void tuned(const std::vector<Tuned>& tuned);
  void accuracies(const std::vector<Cell>& cells);
  void permuted(const std::vector<Cell>& cells);                                // A, with its bars
  void interference(const std::vector<Cell>& cells);                            // D
  void with_heads(const std::string& problem, const std::vector<Cell>& cells);  // B
  void trade_off(const std::vector<Cell>& cells);                               // C
  void exhaustion(const ContinualResult& result);                               // E

 private:
  void add(const std::string& metric, std::optional<double> paper, std::optional<double> baseline,
           double measured, std::optional<pipeline::Bar> bar = {});
  pipeline::StudyResult& result_;
};

}  // namespace lathe::studies::gpm
