#pragma once
#include <cstdint>
#include <vector>

#include "lathe/evaluate/conformal/score.h"
#include "lathe/evaluate/logit_rows.h"
#include "lathe/evaluate/softmax_row.h"

namespace lathe::evaluate::conformal {

// p = softmax(z / T) of one example, with labels ranked by decreasing logit, equal ones by index, as far down
// as somebody asks. Kept by a thread and loaded again for each row.
class RankedRow {
 public:
  RankedRow(const LogitRows& logits, double temperature);
  void load(int64_t i);  // throws InputError when the row is no distribution

  RankedLabel ranked(int64_t label);
  double confidence() const { return 1 / sum_; }  // the largest probability
  double confidence_at(double temperature);       // of softmax(z / temperature)

  int64_t label_at(int64_t rank);  // rank from 1
  // The scores of the set's labels, those of ranks 1 .. L in this order: L = #{k : s_k <= τ}, changed as the
  // rule says. `u` is the example's draw; rules that are not randomised in prediction take 1 instead.
  const std::vector<double>& set_scores(const Rule& rule, double threshold, double u);
  int64_t set_size(const Rule& rule, double threshold, double u) {
    return static_cast<int64_t>(set_scores(rule, threshold, u).size());
  }

 private:
  void rank_more();

  const LogitRows& logits_;
  float inverse_temperature_;
  std::vector<float> scratch_, weights_, other_weights_;
  const float* row_ = nullptr;
  RowMaximum maximum_;
  double sum_ = 0;
  std::vector<double> scores_;
  std::vector<uint64_t> order_;  // sorts by rank; the low half is the label
  float bound_ = 0;              // logits from here up are ranked
  int rounds_ = 0;
};

}  // namespace lathe::evaluate::conformal
