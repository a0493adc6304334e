#pragma once
#include <torch/types.h>

#include <functional>
#include <vector>

namespace lathe::evaluate {

// Rows of logits [N, K] as float, one at a time, without a copy of all: float32 rows are used where they lie,
// a float64 row is converted after its maximum has been subtracted. Other types and devices are converted to
// float32 on the CPU once.
class LogitRows {
 public:
  // `rows`, int64 [M]: the examples meant, all of them if undefined. Throws InputError for other shapes and
  // types, no example, and a row out of range.
  explicit LogitRows(const at::Tensor& logits, const at::Tensor& rows = {});
  LogitRows(const LogitRows& other, std::vector<int64_t> rows);

  int64_t size() const { return all_ ? num_examples_ : static_cast<int64_t>(rows_.size()); }
  int64_t num_examples() const { return num_examples_; }  // N
  int64_t num_classes() const { return num_classes_; }
  int64_t example(int64_t i) const { return all_ ? i : rows_[static_cast<size_t>(i)]; }
  std::vector<int64_t> examples() const;
  const float* row(int64_t i, std::vector<float>& scratch) const;

 private:
  at::Tensor logits_;
  std::vector<int64_t> rows_;
  bool all_ = true;
  int64_t num_examples_ = 0, num_classes_ = 0;
};

// The labels of all N examples, int64 on the CPU. Throws InputError for other shapes and types, and a label
// out of [0, K) among the rows.
at::Tensor checked_labels(const at::Tensor& labels, const LogitRows& rows);

// Calls body(begin, end, chunk) in parallel for chunks of consecutive rows that depend on nothing but n.
constexpr int64_t kRowsInChunk = 256;
int64_t num_chunks(int64_t n);
void for_each_chunk(int64_t n, const std::function<void(int64_t begin, int64_t end, int64_t chunk)>& body);

// "row 17 of the logits (counted from 0) is no distribution: …"
[[noreturn]] void fail_no_distribution(int64_t example);

}  // namespace lathe::evaluate
