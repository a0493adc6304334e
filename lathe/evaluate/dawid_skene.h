#pragma once
#include <cstdint>
#include <vector>

#include "lathe/data/annotations.h"

namespace lathe::evaluate {

struct DawidSkeneOptions {
  int64_t max_iterations = 100;
  // Stop when a step gains less log-likelihood than this, per annotation.
  double tolerance = 1e-7;
  // Added to each cell of an annotator's counts: a Dirichlet prior of 1 + smoothing on each row, so that few
  // annotations give no probability of 0. 0: maximum likelihood, as published.
  double smoothing = 0.01;
};

// Each item has one true class k, drawn with the shares p_k, and annotator j calls an item of class k by l
// with probability pi_j(k, l) (Dawid & Skene 1979, Applied Statistics 28, "Maximum likelihood estimation of
// observer error-rates using the EM algorithm"). From the shares of votes as the first posteriors T_ik, in
// turn
//   pi_j(k, l) = (sum_i T_ik n_ijl + s) / (sum_il' T_ik n_ijl' + s C),  p_k = mean_i T_ik,
//   T_ik proportional to p_k prod_jl pi_j(k, l)^n_ijl,
// n_ijl how often j called i an l (all answers of a repeated question count). A step is one pass over the
// annotations; results do not depend on the number of threads.
//
// It assumes that there is one truth and that people err about it. Where the label is an opinion that
// assumption is what is to be examined: people who disagree consistently are taken for bad observers.
struct DawidSkene {
  int64_t num_classes = 0;
  std::vector<double> shares;     // p, [classes]
  std::vector<float> posteriors;  // T, [items, classes]; those of an item without annotations are the shares
  std::vector<float> confusions;  // pi, [annotators, truth, label]; uniform without annotations and smoothing
  // Of the parameters of each step, never falling: the log-likelihood, plus s sum log pi.
  std::vector<double> log_likelihoods;
  bool converged = false;
  const float* posterior_of(int64_t item) const { return posteriors.data() + item * num_classes; }
  const float* confusion_of(int64_t annotator) const {
    return confusions.data() + annotator * num_classes * num_classes;
  }
};
// Throws InputError for real labels, no annotation, negative smoothing, fewer than one iteration.
DawidSkene dawid_skene(const data::Annotations& annotations, const DawidSkeneOptions& options = {});

// The most probable class of each item; ties: the lowest.
std::vector<int32_t> most_probable(const DawidSkene& result);

}  // namespace lathe::evaluate
