#pragma once
#include "lathe/pipeline/study.h"
#include "studies/neural_subspaces_runs.h"

// The rows and charts of the study `neural-subspaces`.
namespace lathe::studies::neural_subspaces {

class Report {
 public:
  Report(const std::vector<Cell>& cells, pipeline::StudyResult& result) : cells_(cells), result_(result) {}
  void noise(const std::string& network);                       // D
  void clean(const std::string& network);                       // the midpoint on right labels
  void subspaces_hold_together(const std::string& network);     // ends differ, the middle is better than they
  void ensembles_of_two(const std::string& network);            // B
  void kinds(const std::string& network);                       // A
  void simplexes(const std::string& network, int64_t largest);  // C
  void tuned(const Plan& plan, const std::vector<Tuned>& tuned);
  void charts(const std::string& noise_network, const std::string& network, int64_t largest_simplex);

 private:
  void add(const std::string& metric, std::optional<double> baseline, double measured,
           std::optional<pipeline::Bar> bar = {});
  const Cell& cell(const std::string& network, double noise, const std::string& method) const;
  std::vector<double> rates(const std::string& network) const;
  core::Chart noise_chart(const std::string& network) const;
  std::vector<core::Chart> charts_along(const std::string& network) const;

  const std::vector<Cell>& cells_;
  pipeline::StudyResult& result_;
};

}  // namespace lathe::studies::neural_subspaces
