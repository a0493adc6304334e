#include "lathe/evaluate/logit_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <numeric>

#include "lathe/core/error.h"
#include "lathe/core/parallel.h"

namespace lathe::evaluate {

LogitRows::LogitRows(const at::Tensor& logits, const at::Tensor& rows) {
  if (!logits.defined() || logits.dim() != 2 || !logits.is_floating_point() || logits.numel() == 0)
    throw InputError("logits must be floating point [examples, classes], at least one of each, got {}",
                     logits.defined() ? fmt::format("{} [{}]", c10::toString(logits.scalar_type()),
                                                    fmt::join(logits.sizes(), ", "))
                                      : "none");
  const auto type = logits.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
  logits_ = logits.detach().to(torch::kCPU, type).contiguous();
  num_examples_ = logits_.size(0);
  num_classes_ = logits_.size(1);
  if (!rows.defined()) return;
  if (rows.dim() != 1 || rows.scalar_type() != torch::kInt64 || rows.numel() == 0)
    throw InputError("rows must be int64, one dimension, at least one, got {} [{}]",
                     c10::toString(rows.scalar_type()), fmt::join(rows.sizes(), ", "));
  const at::Tensor chosen = rows.to(torch::kCPU).contiguous();
  rows_.assign(chosen.data_ptr<int64_t>(), chosen.data_ptr<int64_t>() + chosen.numel());
  all_ = false;
  for (int64_t row : rows_)
    if (row < 0 || row >= num_examples_)
      throw InputError("row {} is none of the {} rows of the logits", row, num_examples_);
}

LogitRows::LogitRows(const LogitRows& other, std::vector<int64_t> rows)
    : logits_(other.logits_),
      rows_(std::move(rows)),
      all_(false),
      num_examples_(other.num_examples_),
      num_classes_(other.num_classes_) {}

std::vector<int64_t> LogitRows::examples() const {
  if (!all_) return rows_;
  std::vector<int64_t> all(static_cast<size_t>(num_examples_));
  std::iota(all.begin(), all.end(), int64_t{0});
  return all;
}

const float* LogitRows::row(int64_t i, std::vector<float>& scratch) const {
  const int64_t begin = example(i) * num_classes_;
  if (logits_.scalar_type() == torch::kFloat32) return logits_.data_ptr<float>() + begin;
  const double* logits = logits_.data_ptr<double>() + begin;
  const double maximum = *std::max_element(logits, logits + num_classes_);
  scratch.resize(static_cast<size_t>(num_classes_));
  std::transform(logits, logits + num_classes_, scratch.begin(),
                 [&](double z) { return static_cast<float>(z - maximum); });
  return scratch.data();
}

at::Tensor checked_labels(const at::Tensor& labels, const LogitRows& rows) {
  if (!labels.defined()) throw InputError("the logits have no labels");
  if (labels.dim() != 1 || labels.scalar_type() != torch::kInt64 || labels.size(0) != rows.num_examples())
    throw InputError("labels must be int64 [{}], one for each row of the logits, got {} [{}]",
                     rows.num_examples(), c10::toString(labels.scalar_type()),
                     fmt::join(labels.sizes(), ", "));
  at::Tensor result = labels.to(torch::kCPU).contiguous();
  const int64_t* label = result.data_ptr<int64_t>();
  for (int64_t i = 0; i < rows.size(); ++i) {
    const int64_t example = rows.example(i);
    if (label[example] < 0 || label[example] >= rows.num_classes())
      throw InputError("label {} (counted from 0) is {}; with {} classes it must be in [0, {}]", example,
                       label[example], rows.num_classes(), rows.num_classes() - 1);
  }
  return result;
}

int64_t num_chunks(int64_t n) {
  return (n + kRowsInChunk - 1) / kRowsInChunk;
}

void for_each_chunk(int64_t n, const std::function<void(int64_t begin, int64_t end, int64_t chunk)>& body) {
  core::parallel_for(num_chunks(n), 1, [&](int64_t first, int64_t last) {
    for (int64_t chunk = first; chunk < last; ++chunk)
      body(chunk * kRowsInChunk, std::min(n, (chunk + 1) * kRowsInChunk), chunk);
  });
}

void fail_no_distribution(int64_t example) {
  throw InputError(
      "row {} of the logits (counted from 0) is no distribution: it holds NaN, +inf or only -inf", example);
}

}  // namespace lathe::evaluate
