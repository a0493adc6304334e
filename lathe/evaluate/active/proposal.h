#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lathe/evaluate/active/weight_tree.h"

// How scores s_i >= 0 become probabilities q of being taken next, and points are drawn with them.
namespace lathe::evaluate::active {

enum class ProposalKind {
  kProportional,  // q ∝ s
  kSoftmax,       // q ∝ exp(T s / mean s)
  kUniform,       // q = 1 / remaining, whatever the scores
  kGreedy         // the highest score, always: no estimator can correct what it does
};
std::string to_string(ProposalKind kind);
ProposalKind parse_proposal(const std::string& text);  // throws InputError

enum class ZeroScores { kRefuse, kUniform };  // where no point has a score above 0

struct ProposalOptions {
  ProposalKind kind = ProposalKind::kProportional;  // q ∝ expected loss has the least variance: paper, §4
  double temperature = 1;  // T of softmax, an inverse temperature: paper, §6 (linear regression)
  // ε: q becomes (1 − ε) q + ε / remaining, so that 1 / (remaining · q) is at most 1 / ε. The paper has 0.
  double floor = 0;
  ZeroScores zero_scores = ZeroScores::kRefuse;
};

// "point 17", or what a caller calls it, for errors.
using NameOf = std::function<std::string(int64_t position)>;
std::string point_name(int64_t position);

// Throws InputError for the first score that is negative, NaN or infinite, no score at all, and where all are
// 0 unless the options say what to do then.
void check_scores(const std::vector<double>& scores, const ProposalOptions& options,
                  const NameOf& name_of = point_name);

struct Draw {
  int64_t position = 0;   // in the scores
  double q = 1;           // its probability among the points that remained
  int64_t remaining = 0;  // how many those were, itself included
};

// Points drawn one after the other without replacement, their scores frozen: O(n) to make, O(log n) a draw.
// A batch drawn from one Sampler is to the last bit what as many Samplers give that each remove() what the
// ones before have drawn.
class Sampler {
 public:
  // Throws InputError as check_scores, and for a floor outside [0, 1] and a temperature that is negative or
  // not finite. Softmax takes the mean over all the scores that are given.
  Sampler(const std::vector<double>& scores, const ProposalOptions& options,
          const NameOf& name_of = point_name);
  int64_t remaining() const { return remaining_; }
  // Points whose probability was less than 1e-300 of the largest, and is that now.
  int64_t num_floored() const { return num_floored_; }
  double probability(int64_t position) const;  // 0 for what is taken
  void remove(int64_t position);
  Draw draw(double u);  // u uniform in [0, 1); removes what it draws. Throws InputError when none remains

 private:
  int64_t greatest() const;

  ProposalOptions options_;
  int64_t num_floored_ = 0, remaining_ = 0;
  std::vector<double> scores_;    // of kGreedy only
  WeightTree weights_, present_;  // `present_`: 1 for each point that remains
};

// The floor ε that costs at most `limit` times the variance of uniform draws where the scores turn out to say
// nothing about the losses: the smallest with (1/N) Σ 1 / (N q_i) <= limit.
struct FloorAdvice {
  double floor = 0;
  double largest_weight = 0;  // max 1 / (N q_i), of the first draw, at that floor
  double if_useless = 1;      // variance beside uniform draws where losses have nothing to do with scores …
  double if_exact = 1;        // … and where they are proportional to them: E[s² / (N q)] / E[s²]
};
FloorAdvice measure_floor(const std::vector<double>& scores, ProposalOptions options);  // at options.floor
FloorAdvice advise_floor(const std::vector<double>& scores, ProposalOptions options, double limit = 2);

}  // namespace lathe::evaluate::active
