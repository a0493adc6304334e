#pragma once
#include <cstdint>
#include <vector>

// How unequally a benefit is spread over people. Benefits are not negative; weights say how often each person
// counts, those of weight 0 are left out. NaN where nobody is left.
namespace lathe::evaluate::opinion {

// Generalised entropy with α = 2, (1/2n) Σ [(b/μ)² − 1], half the squared coefficient of variation, and its
// exact split: between groups each person has the group's mean; within is the rest, Σ_g n_g μ_g² GE_g / (n
// μ²) (Speicher et al. 2018, "A unified approach to quantifying algorithmic unfairness", §3). 0 where all
// benefits are 0.
struct GeneralisedEntropy {
  double total = 0, between = 0, within = 0;
};
GeneralisedEntropy generalised_entropy(const std::vector<double>& benefits,
                                       const std::vector<int32_t>& groups,
                                       const std::vector<double>& weights);

// Gini's index, Σ_i Σ_j |b_i − b_j| / (2 n² μ); 0 where all benefits are 0.
double gini(const std::vector<double>& benefits, const std::vector<double>& weights);

// The mean of the `share` with the smallest benefits (CVaR); the person at the border counts in part.
double worst_mean(const std::vector<double>& benefits, const std::vector<double>& weights, double share);

}  // namespace lathe::evaluate::opinion
