#include "lathe/evaluate/subjective/post_stratification.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/core/error.h"
#include "lathe/math/special.h"

namespace lathe::evaluate::subjective {
namespace {

std::vector<char> that_occur(const std::vector<int32_t>& indices, size_t size) {
  std::vector<char> has(size, 0);
  for (const int32_t index : indices) has[static_cast<size_t>(index)] = 1;
  return has;
}

size_t place_of(const std::vector<std::string>& names, const std::string& name) {
  return static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

// Which of the people have each value that has a wanted share.
struct Margin {
  std::vector<double> wanted;
  std::vector<std::vector<size_t>> people;
};

Margin margin_of(const data::Annotations& annotations, const std::vector<int32_t>& who,
                 const Shares& shares) {
  const data::Attribute& attribute = data::find_attribute(annotations.annotator_attributes, shares.attribute);
  Margin margin;
  for (const auto& [name, share] : shares.of) {
    const auto code = static_cast<int32_t>(place_of(attribute.values, name));
    margin.wanted.push_back(share);
    std::vector<size_t>& people = margin.people.emplace_back();
    for (size_t i = 0; i < who.size(); ++i)
      if (attribute.codes[static_cast<size_t>(who[i])] == code) people.push_back(i);
  }
  return margin;
}

// Makes the shares of one margin those wanted, among the values that somebody has; the largest change.
double rake(std::vector<double>& weights, const Margin& margin) {
  double total = 0, wanted = 0, change = 0;
  std::vector<double> sums;
  for (size_t v = 0; v < margin.people.size(); ++v) {
    double sum = 0;
    for (const size_t person : margin.people[v]) sum += weights[person];
    sums.push_back(sum);
    total += sum;
    if (!margin.people[v].empty()) wanted += margin.wanted[v];
  }
  if (wanted == 0) return 0;
  for (size_t v = 0; v < margin.people.size(); ++v) {
    if (sums[v] == 0) continue;
    const double factor = margin.wanted[v] / wanted * total / sums[v];
    change = std::max(change, std::abs(factor - 1));
    for (const size_t person : margin.people[v]) weights[person] *= factor;
  }
  return change;
}

Match match(const data::Attribute& attribute, const std::vector<char>& has, const Shares& shares) {
  Match result{.attribute = shares.attribute};
  for (const auto& [name, share] : shares.of) {
    result.values.push_back(name);
    result.wanted.push_back(share);
  }
  result.counts.assign(result.values.size(), 0);
  int64_t known = 0;
  for (size_t a = 0; a < has.size(); ++a) {
    if (!has[a]) continue;
    if (attribute.codes[a] < 0) {
      ++result.num_unknown;
      continue;
    }
    const std::string& value = attribute.values[static_cast<size_t>(attribute.codes[a])];
    const size_t place = place_of(result.values, value);
    if (place == result.values.size()) {
      result.values.push_back(value);
      result.wanted.push_back(0);
      result.counts.push_back(0);
    }
    ++result.counts[place];
    ++known;
  }
  const auto n = static_cast<double>(known);
  for (size_t v = 0; v < result.values.size(); ++v) {
    const double wanted = result.wanted[v];
    const double observed = known > 0 ? static_cast<double>(result.counts[v]) / n : 0;
    result.observed.push_back(observed);
    result.total_variation += std::abs(observed - wanted) / 2;
    if (wanted > 0)
      result.chi_square += n * (observed - wanted) * (observed - wanted) / wanted;
    else if (observed > 0)
      result.chi_square = std::numeric_limits<double>::infinity();
  }
  if (known == 0) result.total_variation = 1;
  if (std::isinf(result.chi_square))
    result.p_value = 0;
  else if (result.values.size() > 1)
    result.p_value =
        math::chi_square_upper_tail(result.chi_square, static_cast<double>(result.values.size() - 1));
  return result;
}

}  // namespace

Match match_annotators(const data::Annotations& annotations, const Shares& shares) {
  return match(data::find_attribute(annotations.annotator_attributes, shares.attribute),
               that_occur(annotations.annotator, annotations.annotators.size()), shares);
}

Match match_samples(const data::Annotations& annotations, const Shares& shares) {
  return match(data::find_attribute(annotations.item_attributes, shares.attribute),
               that_occur(annotations.item, annotations.items.size()), shares);
}

std::vector<int32_t> active_annotators(const data::Annotations& annotations) {
  const std::vector<char> has = that_occur(annotations.annotator, annotations.annotators.size());
  std::vector<int32_t> active;
  for (size_t a = 0; a < has.size(); ++a)
    if (has[a]) active.push_back(static_cast<int32_t>(a));
  return active;
}

PostStratification post_stratify(const data::Annotations& annotations, const std::vector<int32_t>& people,
                                 const std::vector<Shares>& shares,
                                 const PostStratificationOptions& options) {
  if (!(options.largest_weight >= 1))
    throw InputError("post_stratify: largest_weight must be at least 1, got {}", options.largest_weight);
  std::vector<Margin> margins;
  for (const Shares& of : shares) margins.push_back(margin_of(annotations, people, of));
  PostStratification result{.weights = std::vector<double>(people.size(), 1.0)};
  constexpr int kMostRounds = 200;
  double change = 1;
  for (int round = 0; round < kMostRounds && change > 1e-9; ++round) {
    change = 0;
    for (const Margin& margin : margins) change = std::max(change, rake(result.weights, margin));
  }
  for (double& weight : result.weights)
    if (weight > options.largest_weight) {
      weight = options.largest_weight;
      ++result.num_capped;
    }
  return result;
}

}  // namespace lathe::evaluate::subjective
