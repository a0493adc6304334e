#pragma once
#include "lathe/pipeline/study.h"
#include "studies/conformal_splits.h"

// The rows and charts of the study `conformal`.
namespace lathe::studies::conformal {

// Several variants on one pool of examples at one α.
struct Comparison {
  std::string pool;
  double alpha = 0.1;
  std::vector<Variant> variants = {};
  std::vector<Summary> summaries = {};  // of each variant

  const Summary& of(const std::string& variant) const;
  std::string where() const;  // "glyph-1000, α = 0.1: "
};

// Mean sizes by variant, and the coverage of naive sets, that a paper reports at α = 0.1.
struct Published {
  std::vector<std::pair<std::string, double>> sizes = {};
  std::optional<double> naive_coverage = {};
  std::optional<double> size(const std::string& variant) const;
};

// Mean sizes of RAPS by λ (rows) and k_reg (columns).
struct SizeTable {
  std::string pool;
  double alpha = 0.1;
  std::vector<double> lambdas;
  std::vector<int64_t> k_regs;
  std::vector<std::vector<double>> sizes = {};
};

class Report {
 public:
  explicit Report(pipeline::StudyResult& result) : result_(result) {}
  void coverage_and_size(const Comparison& comparison, const Published& published = {});
  void naive_coverage(const std::vector<Comparison>& comparisons);
  // Ratios that have bars where classes are many, beside the paper's for ResNet-152.
  void size_ratios(const Comparison& comparison);
  void size_stratified_violations(const Comparison& comparison);
  void by_difficulty(const Comparison& comparison);
  void by_size(const Comparison& comparison);
  void synthetic_sizes(const Comparison& comparison);
  void size_table(const SizeTable& table);
  // Evaluated on shifted examples: calibrated on others, or on such.
  void shift(const Comparison& kept, const Comparison& recalibrated, const Published& published = {});

 private:
  void add(const std::string& metric, std::optional<double> paper, std::optional<double> baseline,
           double measured, std::optional<pipeline::Bar> bar = {});
  pipeline::StudyResult& result_;
};

}  // namespace lathe::studies::conformal
