#pragma once
#include "lathe/pipeline/study.h"
#include "studies/sam_runs.h"

// The rows and charts of the study `sam`.
namespace lathe::studies::sam {

// Over trained cells of which `gated` names the network with bars.
class Report {
 public:
  Report(const std::vector<Cell>& cells, std::string gated, pipeline::StudyResult& result)
      : cells_(cells), gated_(std::move(gated)), result_(result) {}
  void tuned(const Plan& plan, const Tuned& tuned);
  void accuracies();
  void gains_under_noise();
  void gains_on_clean_labels();
  void memorisation(double noise);
  void micro_batches();
  void hessian();
  void charts();

 private:
  void add(const std::string& metric, std::optional<double> paper, std::optional<double> baseline,
           double measured, std::optional<pipeline::Bar> bar = {});
  const Cell& cell(const std::string& network, double noise, const std::string& recipe) const;
  const Cell& gated(double noise, const std::string& recipe) const { return cell(gated_, noise, recipe); }

  const std::vector<Cell>& cells_;
  std::string gated_;
  pipeline::StudyResult& result_;
};

}  // namespace lathe::studies::sam
