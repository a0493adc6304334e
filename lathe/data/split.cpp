#include <algorithm>
#include <cmath>
#include <numeric>

#include "lathe/core/error.h"
#include "lathe/data/dataset.h"

namespace lathe::data {
namespace {

using Indices = std::vector<int64_t>;

torch::Tensor to_tensor(const Indices& indices) {
  torch::Tensor tensor = torch::empty({static_cast<int64_t>(indices.size())}, torch::kInt64);
  std::copy(indices.begin(), indices.end(), tensor.data_ptr<int64_t>());
  return tensor;
}

// Rounds the exact share of every part in every class down or up so that all parts get their totals. The
// fractions left by rounding down are a doubly bounded table, so 0-1 increments with its margins exist, and
// giving each class's to the parts that lack most finds them (Gale 1957, Ryser 1957).
std::vector<Indices> allot(const Indices& class_counts, const Indices& part_totals) {
  int64_t total = std::accumulate(class_counts.begin(), class_counts.end(), int64_t{0});
  std::vector<Indices> counts(class_counts.size(), Indices(part_totals.size()));
  Indices lacking = part_totals;
  for (size_t c = 0; c < counts.size(); ++c)
    for (size_t p = 0; p < part_totals.size(); ++p)
      lacking[p] -= counts[c][p] = class_counts[c] * part_totals[p] / total;
  for (size_t c = 0; c < counts.size(); ++c) {
    Indices order(part_totals.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](int64_t a, int64_t b) { return lacking[a] > lacking[b]; });
    int64_t left = class_counts[c] - std::accumulate(counts[c].begin(), counts[c].end(), int64_t{0});
    for (int64_t i = 0; i < left; ++i) {
      ++counts[c][order[i]];
      --lacking[order[i]];
    }
  }
  return counts;
}

// Parts of `candidates` with the given totals, which add up to all of them, each stratified by class and
// ascending.
std::vector<Indices> stratify(const Dataset& dataset, const Indices& candidates, const Indices& part_totals,
                              core::Seed seed) {
  torch::Tensor targets = dataset.targets.contiguous();
  std::vector<Indices> by_class(dataset.schema.classes.size());
  for (int64_t index : candidates) by_class[targets.data_ptr<int64_t>()[index]].push_back(index);
  Indices class_counts;
  for (const Indices& members : by_class) class_counts.push_back(static_cast<int64_t>(members.size()));

  std::vector<Indices> counts = allot(class_counts, part_totals), parts(part_totals.size());
  for (size_t c = 0; c < by_class.size(); ++c) {
    seed.stream(c).random().shuffle(by_class[c]);
    auto next = by_class[c].begin();
    for (size_t p = 0; p < parts.size(); ++p) {
      parts[p].insert(parts[p].end(), next, next + counts[c][p]);
      next += counts[c][p];
    }
  }
  for (Indices& part : parts) std::sort(part.begin(), part.end());
  return parts;
}

int64_t part_size(const char* name, double amount, int64_t total) {
  bool is_share = amount < 1;
  if (!(amount >= 0) || !std::isfinite(amount) || (!is_share && amount != std::floor(amount)))
    throw InputError("{} must be a share below 1 or a whole number of examples, got {}", name, amount);
  double size = is_share ? std::round(amount * static_cast<double>(total)) : amount;
  if (size > static_cast<double>(total))
    throw InputError("{} asks for {} examples, but there are only {}", name, size, total);
  return static_cast<int64_t>(size);
}

}  // namespace

Splits split(const Source& source, const SplitOptions& options, core::Seed seed) {
  int64_t total = source.train.size();
  bool has_test = source.test.size() > 0;
  int64_t num_test = has_test ? 0 : part_size("test", options.test, total);
  int64_t num_holdout = part_size("holdout", options.holdout, total - num_test);
  int64_t num_train = total - num_test - num_holdout;
  if (num_train < 1)
    throw InputError("{}: {} for test and {} for holdout leave nothing to train on of {} examples",
                     source.name, num_test, num_holdout, total);
  if (options.subset < 0 || options.subset > num_train)
    throw InputError("subset must be between 0 and the {} training examples, got {}", num_train,
                     options.subset);

  Indices all(total);
  std::iota(all.begin(), all.end(), 0);
  std::vector<Indices> parts =
      stratify(source.train, all, {num_test, num_holdout, num_train}, seed.stream("split"));
  if (options.subset > 0)
    parts[2] = stratify(source.train, parts[2], {options.subset, num_train - options.subset},
                        seed.stream("subset"))[0];

  Splits splits;
  splits.test_indices = to_tensor(parts[0]);
  splits.holdout_indices = to_tensor(parts[1]);
  splits.train_indices = to_tensor(parts[2]);
  splits.train = source.train.select(splits.train_indices);
  splits.holdout = source.train.select(splits.holdout_indices);
  splits.test = has_test ? source.test : source.train.select(splits.test_indices);
  return splits;
}

CorruptedLabels corrupt_labels(const Dataset& dataset, double rate, core::Seed seed) {
  if (!(rate >= 0 && rate <= 1))
    throw InputError("the rate of corrupted labels must be in [0, 1], got {}", rate);
  Indices order = seed.stream("order").random().permutation(dataset.size());
  order.resize(std::llround(rate * static_cast<double>(dataset.size())));
  CorruptedLabels result{dataset, to_tensor(order)};
  result.dataset.targets = dataset.targets.clone();
  core::Random random = seed.stream("labels").random();
  for (int64_t index : order)
    result.dataset.targets.data_ptr<int64_t>()[index] = random.below(dataset.schema.num_classes());
  return result;
}

}  // namespace lathe::data
