#pragma once
#include <vector>

#include "lathe/evaluate/conformal/conformal.h"
#include "lathe/evaluate/conformal/ranked_row.h"
#include "lathe/evaluate/conformal/truth.h"

namespace lathe::evaluate::conformal {

// The set of one example, for predict, p_values and the report. Shared by threads.
class SetBuilder {
 public:
  SetBuilder(const Conformal& conformal, const LogitRows& logits, const Examples& examples);
  // The labels of the example whose logits `row` holds.
  void append_set(RankedRow& row, int64_t example, std::vector<int64_t>& labels) const;
  void p_values(RankedRow& row, int64_t example, double* values) const;  // [K]

 private:
  double threshold(int64_t example) const;  // the largest over labels
  size_t pool_of(int64_t example, int64_t label) const;
  double p_value(size_t pool, int64_t example, double score) const;

  const Conformal& conformal_;
  const Fitted& fitted_;
  Uniforms uniforms_;
  at::Tensor groups_, weights_;
  bool by_class_;
};

// Groups and weights of all N examples on the CPU, undefined where the condition has no use for them. Throw
// InputError where they are missing, do not fit, or make no sense among the rows.
at::Tensor checked_groups(const Examples& examples, const LogitRows& logits, Condition condition);
at::Tensor checked_weights(const Examples& examples, const LogitRows& logits);

}  // namespace lathe::evaluate::conformal
