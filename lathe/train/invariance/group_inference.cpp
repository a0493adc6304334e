#include "lathe/train/invariance/group_inference.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"
#include "lathe/nn/initialization.h"
#include "lathe/train/invariance/partition_network.h"
#include "lathe/train/invariance/penalties.h"

namespace lathe::train::invariance {
namespace {

void check(const torch::Tensor& features, const torch::Tensor& logits, const torch::Tensor& targets,
           const GroupInferenceOptions& o) {
  published_inference(o.method);
  if (logits.dim() != 2 || targets.scalar_type() != torch::kInt64 || targets.dim() != 1 ||
      targets.size(0) != logits.size(0))
    throw InputError("groups are inferred from logits [N, K] and int64 targets [N]");
  if (o.method == "pgi" && (features.dim() != 2 || features.size(0) != logits.size(0)))
    throw InputError("groups are inferred from features [N, D] of the same {} examples as the logits",
                     logits.size(0));
  if (!(o.temperature > 0 && o.penalty >= 0 && o.lr > 0 && o.iterations >= 1 && o.batch >= 2))
    throw InputError(
        "group inference needs temperature > 0, penalty ≥ 0, lr > 0, iterations ≥ 1 and batch ≥ 2");
  if (!logits.isfinite().all().item<bool>())
    throw Error("groups cannot be inferred: the model's logits are not finite; lower optim.lr");
}

// One logit for each example; with d_i the scalar dummy gradients and s = σ(q), the objective
//   ½ (mean(s d)² + mean((1 − s) d)²)
// has the derivative (mean(s d) − mean((1 − s) d)) d_i / N in s_i.
torch::Tensor soft_environments(const torch::Tensor& gradients, const GroupInferenceOptions& o,
                                core::Seed seed) {
  const torch::Tensor d = gradients.squeeze(1).to(torch::kFloat64);
  const auto n = static_cast<double>(d.size(0));
  torch::Tensor q = torch::randn({d.size(0)}, nn::generator(seed), torch::kFloat64).to(d.device());
  torch::optim::Adam adam({q}, torch::optim::AdamOptions(o.lr));
  for (int64_t i = 0; i < o.iterations; ++i) {
    const torch::Tensor s = q.sigmoid();
    const torch::Tensor first = torch::dot(s, d) / n, second = d.mean() - first;
    q.mutable_grad() = -(first - second) * d / n * s * (1 - s);
    adam.step();
  }
  return q.ge(0);
}

// The split of sorted values with the least sum of squares within both sides; none where all are equal.
torch::Tensor two_means(const torch::Tensor& losses) {
  const auto [sorted, order] = losses.to(torch::kFloat64).sort();
  const int64_t n = sorted.size(0);
  const torch::Tensor below = sorted.cumsum(0).narrow(0, 0, n - 1), above = sorted.sum() - below;
  const torch::Tensor count = torch::arange(1, n, sorted.options());
  const torch::Tensor explained = below.square() / count + above.square() / (n - count);
  const int64_t size = explained.argmax().item<int64_t>() + 1;
  if (sorted[0].item<double>() == sorted[n - 1].item<double>()) return torch::zeros_like(order, torch::kBool);
  return losses.to(torch::kFloat64).gt(sorted[size - 1]);
}

struct Split {
  torch::Tensor second;  // bool, of the class's examples
  bool swapped = false;
  std::string left_whole;
};

// Part 1 is the harder one.
Split arrange(const torch::Tensor& second, const torch::Tensor& losses) {
  const int64_t found = second.sum().item<int64_t>();
  if (found == 0 || found == second.size(0))
    return {torch::zeros_like(second), false,
            fmt::format("all {} examples fell into one part", second.size(0))};
  const bool swapped = losses.masked_select(second).mean().item<double>() <
                       losses.masked_select(second.logical_not()).mean().item<double>();
  return {swapped ? second.logical_not() : second, swapped, ""};
}

}  // namespace

GroupInferenceOptions published_inference(const std::string& method) {
  if (method == "eiil") return {.method = method, .lr = 1e-3, .iterations = 10000};
  if (method != "pgi" && method != "loss")
    throw InputError("unknown way to infer groups \"{}\"; there are pgi, eiil, loss", method);
  return {.method = method};
}

Groups infer_groups(const torch::Tensor& features, const torch::Tensor& logits, const torch::Tensor& targets,
                    const GroupInferenceOptions& options, core::Seed seed) {
  check(features, logits, targets, options);
  const int64_t num_classes = logits.size(1);
  const torch::Tensor labels = targets.to(logits.device());
  const torch::Tensor losses = torch::cross_entropy_loss(logits, labels, {}, at::Reduction::None);
  const auto members = [&](int64_t c) { return labels.eq(c).nonzero().squeeze(1); };

  std::vector<Split> splits(static_cast<size_t>(num_classes));
  std::vector<int64_t> split_classes;
  for (int64_t c = 0; c < num_classes; ++c) {
    const int64_t size = members(c).size(0);
    if (size >= 2 * num_classes)
      split_classes.push_back(c);
    else
      splits[static_cast<size_t>(c)].left_whole =
          fmt::format("{} examples are fewer than 2 K = {}", size, 2 * num_classes);
  }

  torch::Tensor second;  // of all classes at once; loss goes class by class
  if (options.method == "eiil")
    second = soft_environments(dummy_gradients(logits, labels, DummyScale::scalar), options, seed);
  if (options.method == "pgi") {
    std::vector<ClassRows> classes;
    for (int64_t c : split_classes) classes.push_back({members(c), seed.stream(static_cast<uint64_t>(c))});
    second = soft_partition(features, losses, dummy_gradients(logits, labels, DummyScale::vector), classes,
                            options);
  }

  torch::Tensor assignment = torch::zeros({labels.size(0)}, labels.options().dtype(torch::kUInt8));
  for (int64_t c : split_classes) {
    const torch::Tensor rows = members(c), of_class = losses.index_select(0, rows);
    Split& split = splits[static_cast<size_t>(c)];
    split = arrange(second.defined() ? second.index_select(0, rows) : two_means(of_class), of_class);
    assignment.index_put_({rows}, split.second.to(torch::kUInt8));
  }

  Groups groups;
  groups.assignment = assignment.cpu();
  groups.per_class = class_groups(groups.assignment, labels.cpu(), num_classes, 2, losses.cpu());
  for (size_t c = 0; c < splits.size(); ++c) {
    groups.per_class[c].swapped = splits[c].swapped;
    groups.per_class[c].left_whole = splits[c].left_whole;
  }
  return groups;
}

}  // namespace lathe::train::invariance
