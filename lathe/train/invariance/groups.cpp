#include "lathe/train/invariance/groups.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "lathe/core/error.h"
#include "lathe/train/invariance/parts.h"

namespace lathe::train::invariance {
namespace {

constexpr int64_t kMostParts = 255;
constexpr int64_t kMostRowsNamed = 10;

void require_no_missing(const torch::Tensor& values, const std::string& name) {
  const torch::Tensor missing = values.isnan().logical_or(values.eq(-1)).nonzero().squeeze(1);
  if (missing.size(0) == 0) return;
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < std::min(missing.size(0), kMostRowsNamed); ++i)
    rows.push_back(missing[i].item<int64_t>());
  throw InputError(
      "the groups of column {} are missing in {} of {} examples (rows {}{}, counted from 0); fill them in",
      name, missing.size(0), values.size(0), fmt::join(rows, ", "),
      missing.size(0) > kMostRowsNamed ? ", …" : "");
}

}  // namespace

torch::Tensor Groups::sizes() const {
  std::vector<int64_t> flat;
  for (const ClassGroups& of_class : per_class)
    flat.insert(flat.end(), of_class.sizes.begin(), of_class.sizes.end());
  return torch::tensor(flat, torch::kInt64).view({-1, num_parts});
}

std::vector<ClassGroups> class_groups(const torch::Tensor& assignment, const torch::Tensor& targets,
                                      int64_t num_classes, int64_t num_parts, const torch::Tensor& losses) {
  const Parts parts = parts_of(targets, assignment, num_classes, num_parts);
  const double unknown = std::numeric_limits<double>::quiet_NaN();
  const torch::Tensor counts = parts.counts;
  const torch::Tensor means = losses.defined() ? cell_means(parts, losses.to(torch::kFloat64))
                                               : torch::full(counts.sizes(), unknown, torch::kFloat64);
  std::vector<ClassGroups> result(static_cast<size_t>(num_classes));
  for (int64_t c = 0; c < num_classes; ++c)
    for (int64_t e = 0; e < num_parts; ++e) {
      const int64_t size = counts[c][e].item<int64_t>();
      result[static_cast<size_t>(c)].sizes.push_back(size);
      result[static_cast<size_t>(c)].losses.push_back(size > 0 ? means[c][e].item<double>() : unknown);
    }
  return result;
}

Groups groups_from_values(const torch::Tensor& values, const torch::Tensor& targets, int64_t num_classes,
                          const std::string& name) {
  const torch::Tensor column = values.to(torch::kFloat64).cpu();
  if (column.dim() != 1 || column.size(0) != targets.size(0))
    throw InputError("the groups of column {} must be one value for each of {} examples, got {}", name,
                     targets.size(0), column.dim() == 1 ? column.size(0) : column.numel());
  require_no_missing(column, name);
  const auto [unique, index, counts] =
      at::_unique2(column, /*sorted=*/true, /*inverse=*/true, /*counts=*/true);
  const int64_t num_parts = unique.size(0);
  if (num_parts < 2 || num_parts > kMostParts)
    throw InputError("the groups of column {} must be 2 to {} different values, got {}", name, kMostParts,
                     num_parts);
  std::vector<int64_t> order(static_cast<size_t>(num_parts));
  std::iota(order.begin(), order.end(), 0);
  const int64_t* count = counts.data_ptr<int64_t>();
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return count[a] > count[b]; });
  const torch::Tensor part_of_value = torch::empty({num_parts}, torch::kUInt8);
  for (size_t part = 0; part < order.size(); ++part)
    part_of_value[order[part]].fill_(static_cast<int64_t>(part));

  Groups groups;
  groups.num_parts = num_parts;
  groups.assignment = part_of_value.index_select(0, index);
  groups.per_class = class_groups(groups.assignment, targets.cpu(), num_classes, num_parts, {});
  return groups;
}

torch::Tensor minority_of(const Groups& groups, const torch::Tensor& targets) {
  const torch::Tensor largest = groups.sizes().argmax(1);
  return groups.assignment.cpu().ne(largest.index_select(0, targets.cpu()));
}

Agreement agreement(const torch::Tensor& assignment, const torch::Tensor& minority) {
  const torch::Tensor found = assignment.cpu().ne(0), wanted = minority.cpu().ne(0);
  const auto hits = found.logical_and(wanted).sum().item<double>();
  return {hits / found.sum().item<double>(), hits / wanted.sum().item<double>()};
}

std::vector<Agreement> class_agreement(const torch::Tensor& assignment, const torch::Tensor& minority,
                                       const torch::Tensor& targets, int64_t num_classes) {
  std::vector<Agreement> result;
  for (int64_t c = 0; c < num_classes; ++c) {
    const torch::Tensor of_class = targets.cpu().eq(c);
    result.push_back(
        agreement(assignment.cpu().masked_select(of_class), minority.cpu().masked_select(of_class)));
  }
  return result;
}

}  // namespace lathe::train::invariance
