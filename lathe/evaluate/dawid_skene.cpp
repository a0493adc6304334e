#include "lathe/evaluate/dawid_skene.h"

#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"
#include "lathe/core/parallel.h"
#include "lathe/evaluate/votes.h"

namespace lathe::evaluate {
namespace {

// What the posteriors of a block of items say of annotators and classes; blocks are added in their order.
struct Counts {
  std::vector<double> annotators;  // [annotators, label, truth]: one annotation touches one row
  std::vector<double> shares;
  double log_likelihood = 0;
};

class Em {
 public:
  Em(const data::Annotations& annotations, const DawidSkeneOptions& options)
      : annotations_(annotations),
        options_(options),
        offsets_(data::item_offsets(annotations)),
        classes_(static_cast<size_t>(annotations.scale.num_classes())),
        cells_(annotations.annotators.size() * classes_ * classes_) {
    const size_t most_cells = size_t{1} << 22;  // of all blocks together: 32 MB
    blocks_.resize(std::clamp<size_t>(most_cells / std::max<size_t>(cells_, 1), 1, 16));
    posteriors_.resize(annotations.items.size() * classes_);
    log_confusion_.resize(cells_);
    log_shares_.resize(classes_);
  }

  // The first posteriors.
  void start_from(const Votes& votes) {
    for (size_t i = 0; i < annotations_.items.size(); ++i) {
      const auto total = static_cast<float>(votes.total(static_cast<int64_t>(i)));
      for (size_t k = 0; k < classes_; ++k)
        posteriors_[i * classes_ + k] =
            total == 0 ? 0 : static_cast<float>(votes.of(static_cast<int64_t>(i))[k]) / total;
    }
    pass([](size_t, std::vector<double>&) { return 0.0; });
  }

  // New parameters from the counts, then new posteriors; the log-likelihood of those parameters.
  double step() {
    maximize();
    const double prior = log_prior();
    pass([&](size_t item, std::vector<double>& logits) { return expect(item, logits); });
    return counts_.log_likelihood + prior;
  }

  DawidSkene result() const {
    DawidSkene result{.num_classes = static_cast<int64_t>(classes_)};
    for (const double share : log_shares_) result.shares.push_back(std::exp(share));
    result.posteriors = posteriors_;
    for (size_t i = 0; i < annotations_.items.size(); ++i)
      if (offsets_[i] == offsets_[i + 1])
        for (size_t k = 0; k < classes_; ++k)
          result.posteriors[i * classes_ + k] = static_cast<float>(result.shares[k]);
    result.confusions.resize(cells_);
    for (size_t cell = 0; cell < cells_; cell += classes_ * classes_)
      for (size_t l = 0; l < classes_; ++l)
        for (size_t k = 0; k < classes_; ++k)
          result.confusions[cell + k * classes_ + l] = std::exp(log_confusion_[cell + l * classes_ + k]);
    return result;
  }

 private:
  // For each item that was annotated: its posteriors by `expect`, then its counts.
  template <typename Expect>
  void pass(const Expect& expect) {
    const auto num_blocks = static_cast<int64_t>(blocks_.size());
    const auto num_items = annotations_.num_items();
    core::parallel_for(num_blocks, 1, [&](int64_t begin, int64_t end) {
      std::vector<double> logits(classes_);
      for (int64_t b = begin; b < end; ++b) {
        Counts& counts = blocks_[static_cast<size_t>(b)];
        counts.annotators.assign(cells_, 0.0);
        counts.shares.assign(classes_, 0.0);
        counts.log_likelihood = 0;
        for (int64_t i = num_items * b / num_blocks; i < num_items * (b + 1) / num_blocks; ++i) {
          const auto item = static_cast<size_t>(i);
          if (offsets_[item] == offsets_[item + 1]) continue;
          counts.log_likelihood += expect(item, logits);
          add(item, counts);
        }
      }
    });
    counts_ = blocks_[0];
    for (size_t b = 1; b < blocks_.size(); ++b) {
      for (size_t c = 0; c < cells_; ++c) counts_.annotators[c] += blocks_[b].annotators[c];
      for (size_t k = 0; k < classes_; ++k) counts_.shares[k] += blocks_[b].shares[k];
      counts_.log_likelihood += blocks_[b].log_likelihood;
    }
  }

  size_t row_of(size_t annotation) const {
    return (static_cast<size_t>(annotations_.annotator[annotation]) * classes_ +
            static_cast<size_t>(annotations_.label[annotation])) *
           classes_;
  }

  void add(size_t item, Counts& counts) const {
    const float* posterior = &posteriors_[item * classes_];
    for (auto a = static_cast<size_t>(offsets_[item]); a < static_cast<size_t>(offsets_[item + 1]); ++a) {
      double* row = &counts.annotators[row_of(a)];
      for (size_t k = 0; k < classes_; ++k) row[k] += posterior[k];
    }
    for (size_t k = 0; k < classes_; ++k) counts.shares[k] += posterior[k];
  }

  double expect(size_t item, std::vector<double>& logits) {
    logits = log_shares_;
    for (auto a = static_cast<size_t>(offsets_[item]); a < static_cast<size_t>(offsets_[item + 1]); ++a) {
      const float* row = &log_confusion_[row_of(a)];
      for (size_t k = 0; k < classes_; ++k) logits[k] += row[k];
    }
    const double largest = *std::max_element(logits.begin(), logits.end());
    double sum = 0;
    for (double& logit : logits) sum += logit = std::exp(logit - largest);
    for (size_t k = 0; k < classes_; ++k)
      posteriors_[item * classes_ + k] = static_cast<float>(logits[k] / sum);
    return largest + std::log(sum);
  }

  void maximize() {
    constexpr double kSmallest = 1e-30;  // its logarithm is far below all others, and finite
    double items = 0;
    for (const double share : counts_.shares) items += share;
    for (size_t k = 0; k < classes_; ++k)
      log_shares_[k] = std::log(std::max(counts_.shares[k] / items, kSmallest));
    for (size_t cell = 0; cell < cells_; cell += classes_ * classes_)
      for (size_t k = 0; k < classes_; ++k) {
        const auto count = [&](size_t l) {
          return counts_.annotators[cell + l * classes_ + k] + options_.smoothing;
        };
        double total = 0;
        for (size_t l = 0; l < classes_; ++l) total += count(l);
        for (size_t l = 0; l < classes_; ++l)
          log_confusion_[cell + l * classes_ + k] = static_cast<float>(std::log(
              total > 0 ? std::max(count(l) / total, kSmallest) : 1 / static_cast<double>(classes_)));
      }
  }

  double log_prior() const {
    if (options_.smoothing == 0) return 0;
    double sum = 0;
    for (const float value : log_confusion_) sum += value;
    return options_.smoothing * sum;
  }

  const data::Annotations& annotations_;
  DawidSkeneOptions options_;
  std::vector<int64_t> offsets_;
  size_t classes_, cells_;
  std::vector<Counts> blocks_;
  Counts counts_;
  std::vector<float> posteriors_, log_confusion_;  // [annotators, label, truth]
  std::vector<double> log_shares_;
};

}  // namespace

DawidSkene dawid_skene(const data::Annotations& annotations, const DawidSkeneOptions& options) {
  if (annotations.size() == 0) throw InputError("dawid_skene: there is no annotation");
  if (options.max_iterations < 1)
    throw InputError("dawid_skene: max_iterations must be at least 1, got {}", options.max_iterations);
  if (!(options.smoothing >= 0 && std::isfinite(options.smoothing)))
    throw InputError("dawid_skene: smoothing must be at least 0, got {}", options.smoothing);
  Em em(annotations, options);
  em.start_from(count_votes(annotations));
  std::vector<double> log_likelihoods;
  const double least_gain = options.tolerance * static_cast<double>(annotations.size());
  bool converged = false;
  for (int64_t i = 0; i < options.max_iterations && !converged; ++i) {
    log_likelihoods.push_back(em.step());
    converged =
        i > 0 && log_likelihoods[log_likelihoods.size() - 1] - log_likelihoods[log_likelihoods.size() - 2] <
                     least_gain;
  }
  DawidSkene result = em.result();
  result.log_likelihoods = std::move(log_likelihoods);
  result.converged = converged;
  return result;
}

std::vector<int32_t> most_probable(const DawidSkene& result) {
  std::vector<int32_t> classes;
  const auto num_items = static_cast<int64_t>(result.posteriors.size()) / result.num_classes;
  for (int64_t i = 0; i < num_items; ++i) {
    const float* of = result.posterior_of(i);
    classes.push_back(static_cast<int32_t>(std::max_element(of, of + result.num_classes) - of));
  }
  return classes;
}

}  // namespace lathe::evaluate
