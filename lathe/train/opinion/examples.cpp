#include "lathe/train/opinion/examples.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"
#include "lathe/evaluate/dawid_skene.h"

namespace lathe::train::opinion {
namespace {

bool of_items(Kind kind) {
  return kind == Kind::majority || kind == Kind::soft || kind == Kind::dawid_skene;
}

// The distribution that each item's one answer is trained on, [items, C].
torch::Tensor item_targets(const data::Annotations& training, const evaluate::Votes& votes,
                           const FitOptions& options) {
  const torch::Tensor counts =
      torch::tensor(votes.counts, torch::kFloat32).view({votes.num_items, votes.num_classes});
  if (options.kind == Kind::soft) return counts / counts.sum(1, /*keepdim=*/true).clamp_min(1);
  if (options.kind == Kind::dawid_skene) {
    const evaluate::DawidSkene truth = evaluate::dawid_skene(training);
    return torch::tensor(truth.posteriors).view({votes.num_items, votes.num_classes});
  }
  const torch::Tensor winners = torch::tensor(evaluate::majority(votes, options.ties), torch::kInt64);
  return torch::one_hot(winners.clamp_min(0), votes.num_classes).to(torch::kFloat32);
}

Examples examples_of_items(const data::Annotations& annotations, const std::vector<int64_t>& rows,
                           const FitOptions& options) {
  if (!options.weights.empty() || !options.dro_groups.empty())
    throw InputError("opinion model {}: it is trained on items; weights and groups are of annotations",
                     to_string(options.kind));
  const data::Annotations training = data::select(annotations, rows);
  const evaluate::Votes votes = evaluate::count_votes(training);
  std::vector<int64_t> items;
  for (int64_t item = 0; item < votes.num_items; ++item)
    if (votes.total(item) > 0) items.push_back(item);
  Examples examples{.item = torch::tensor(items)};
  examples.annotator = torch::zeros_like(examples.item);
  examples.target = item_targets(training, votes, options).index_select(0, examples.item);
  examples.weight = torch::ones(examples.item.sizes());
  return examples;
}

Examples examples_of_annotations(const data::Annotations& annotations, const std::vector<int64_t>& rows,
                                 const FitOptions& options) {
  const Owners owners = owners_of(annotations, rows);
  Examples examples{.item = owners.item, .annotator = owners.annotator};
  std::vector<int64_t> labels;
  for (const int64_t row : rows) labels.push_back(annotations.label[static_cast<size_t>(row)]);
  examples.target =
      torch::one_hot(torch::tensor(labels), annotations.scale.num_classes()).to(torch::kFloat32);
  examples.weight = torch::ones(examples.item.sizes());
  if (!options.weights.empty()) {
    if (options.weights.size() != rows.size())
      throw InputError("opinion model: {} weights for {} annotations", options.weights.size(), rows.size());
    examples.weight = torch::tensor(options.weights, torch::kFloat32);
    if (!(examples.weight.ge(0) & examples.weight.isfinite()).all().item<bool>())
      throw InputError("opinion model: weights must be finite and not negative");
  }
  if (!options.dro_groups.empty()) {
    if (options.dro_groups.size() != rows.size())
      throw InputError("opinion model: {} groups for {} annotations", options.dro_groups.size(), rows.size());
    if (*std::min_element(options.dro_groups.begin(), options.dro_groups.end()) < 0)
      throw InputError("opinion model: groups count from 0");
    examples.part = torch::tensor(options.dro_groups, torch::kInt64);
  }
  return examples;
}

}  // namespace

Owners owners_of(const data::Annotations& annotations, const std::vector<int64_t>& rows) {
  std::vector<int64_t> item, annotator;
  for (const int64_t row : rows) {
    if (row < 0 || row >= annotations.size())
      throw InputError("annotation {} of a table of {}", row, annotations.size());
    item.push_back(annotations.item[static_cast<size_t>(row)]);
    annotator.push_back(annotations.annotator[static_cast<size_t>(row)]);
  }
  return {torch::tensor(item, torch::kInt64), torch::tensor(annotator, torch::kInt64)};
}

Examples Examples::select(const torch::Tensor& indices) const {
  return {item.index_select(0, indices), annotator.index_select(0, indices), target.index_select(0, indices),
          weight.index_select(0, indices), part.defined() ? part.index_select(0, indices) : part};
}

Examples make_examples(const data::Annotations& annotations, const std::vector<int64_t>& rows,
                       const FitOptions& options) {
  if (rows.empty())
    throw InputError("opinion model {}: there are no annotations to train on", to_string(options.kind));
  return of_items(options.kind) ? examples_of_items(annotations, rows, options)
                                : examples_of_annotations(annotations, rows, options);
}

std::pair<Examples, Examples> hold_out(const Examples& examples, double share, core::Seed seed) {
  const int64_t num_items = examples.item.max().item<int64_t>() + 1;
  const torch::Tensor present = (torch::bincount(examples.item, {}, num_items) > 0).nonzero().squeeze(1);
  const auto count = std::llround(share * static_cast<double>(present.size(0)));
  const torch::Tensor order = torch::tensor(seed.random().permutation(present.size(0)));
  torch::Tensor held = torch::zeros({num_items}, torch::kBool);
  held.index_fill_(0, present.index_select(0, order.slice(0, 0, count)), true);
  const torch::Tensor apart = held.index_select(0, examples.item);
  return {examples.select(apart.logical_not().nonzero().squeeze(1)),
          examples.select(apart.nonzero().squeeze(1))};
}

}  // namespace lathe::train::opinion
