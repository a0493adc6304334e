#include "lathe/evaluate/opinion/slices.h"

#include <algorithm>

namespace lathe::evaluate::opinion {
namespace {

// The values of an attribute with a last one for "not known"; without a name, everything is one value.
struct Factor {
  std::string name;
  std::vector<std::string> values;
  std::vector<int32_t> codes;  // of the levels that occur
  size_t size() const { return values.size(); }
};

Factor everything(size_t num_levels) {
  return {"", {""}, std::vector<int32_t>(num_levels, 0)};
}

Factor factor_of(const data::Attribute& attribute, const std::vector<int32_t>& occurring) {
  Factor factor{attribute.name, attribute.values, {}};
  factor.values.emplace_back("unknown");
  for (const int32_t level : occurring) {
    const int32_t code = attribute.codes[static_cast<size_t>(level)];
    factor.codes.push_back(code < 0 ? static_cast<int32_t>(attribute.values.size()) : code);
  }
  return factor;
}

struct Cell {
  double correct = 0, all = 0;
};

// Cells of every pair of a people's and an item's factor: cell(p, q, value of p, value of q).
struct Cube {
  std::vector<Factor> people, items;
  std::vector<size_t> offsets;  // [people, items]
  size_t num_cells = 0;
  size_t first(size_t p, size_t q) const { return offsets[p * items.size() + q]; }
};

Cube make_cube(std::vector<Factor> people, std::vector<Factor> items) {
  Cube cube{std::move(people), std::move(items), {}, 0};
  for (const Factor& p : cube.people)
    for (const Factor& q : cube.items) {
      cube.offsets.push_back(cube.num_cells);
      cube.num_cells += p.size() * q.size();
    }
  return cube;
}

template <typename Visit>  // visit(cell, annotation, item)
void for_each_cell(const Cube& cube, const Outcomes& outcomes, const Visit& visit) {
  for (size_t item = 0; item + 1 < outcomes.offsets.size(); ++item)
    for (auto i = static_cast<size_t>(outcomes.offsets[item]);
         i < static_cast<size_t>(outcomes.offsets[item + 1]); ++i) {
      const auto annotator = static_cast<size_t>(outcomes.annotator[i]);
      for (size_t p = 0; p < cube.people.size(); ++p)
        for (size_t q = 0; q < cube.items.size(); ++q)
          visit(cube.first(p, q) +
                    static_cast<size_t>(cube.people[p].codes[annotator]) * cube.items[q].size() +
                    static_cast<size_t>(cube.items[q].codes[item]),
                i, item);
    }
}

std::vector<Cell> count_cells(const Cube& cube, const Outcomes& outcomes,
                              const math::TwoWayWeights& weights) {
  std::vector<Cell> cells(cube.num_cells);
  for_each_cell(cube, outcomes, [&](size_t cell, size_t i, size_t item) {
    const double weight = static_cast<double>(weights.rows[item]) *
                          static_cast<double>(weights.columns[static_cast<size_t>(outcomes.annotator[i])]);
    cells[cell].all += weight;
    if (outcomes.correct(static_cast<int64_t>(i))) cells[cell].correct += weight;
  });
  return cells;
}

std::string name_of(const Factor& people, size_t person_value, const Factor& items, size_t item_value) {
  const auto one = [](const Factor& factor, size_t value) {
    return factor.name.empty() ? "" : factor.name + " = " + factor.values[value];
  };
  const std::string person = one(people, person_value), item = one(items, item_value);
  return person + (person.empty() || item.empty() ? "" : ", ") + item;
}

// How many people have annotations in each cell.
std::vector<int64_t> count_people(const Cube& cube, const Outcomes& outcomes) {
  std::vector<int64_t> people(cube.num_cells, 0);
  for (size_t p = 0; p < cube.people.size(); ++p)
    for (size_t q = 0; q < cube.items.size(); ++q) {
      const size_t num_values = cube.items[q].size();
      std::vector<char> met(outcomes.annotators.size() * num_values, 0);
      for (size_t item = 0; item + 1 < outcomes.offsets.size(); ++item)
        for (auto i = outcomes.offsets[item]; i < outcomes.offsets[item + 1]; ++i)
          met[static_cast<size_t>(outcomes.annotator[static_cast<size_t>(i)]) * num_values +
              static_cast<size_t>(cube.items[q].codes[item])] = 1;
      for (size_t a = 0; a < outcomes.annotators.size(); ++a)
        for (size_t value = 0; value < num_values; ++value)
          people[cube.first(p, q) + static_cast<size_t>(cube.people[p].codes[a]) * num_values + value] +=
              met[a * num_values + value];
    }
  return people;
}

}  // namespace

Slices worst_slices(const data::Annotations& annotations, const OpinionPredictions& predictions,
                    const MeasureOptions& options, const SliceOptions& slice_options) {
  const Outcomes outcomes = outcomes_of(annotations, predictions);
  Slices result;
  std::vector<Factor> people = {everything(outcomes.annotators.size())};
  std::vector<Factor> items = {everything(outcomes.items.size())};
  for (const data::Attribute& attribute : annotations.annotator_attributes)
    people.push_back(factor_of(attribute, outcomes.annotators));
  for (const data::Attribute& attribute : annotations.item_attributes) {
    if (static_cast<int64_t>(attribute.values.size()) > slice_options.max_item_values)
      result.left_out.push_back(attribute.name);
    else
      items.push_back(factor_of(attribute, outcomes.items));
  }
  const Cube cube = make_cube(std::move(people), std::move(items));
  const std::vector<Cell> counts = count_cells(cube, outcomes, ones(outcomes));
  const std::vector<int64_t> num_people = count_people(cube, outcomes);

  std::vector<size_t> shown;  // cells; the first is everything
  for (size_t p = 0; p < cube.people.size(); ++p)
    for (size_t q = 0; q < cube.items.size(); ++q)
      for (size_t value = 0; value < cube.people[p].size() * cube.items[q].size(); ++value) {
        const size_t cell = cube.first(p, q) + value;
        if (cell == 0 || counts[cell].all == 0) continue;
        if (num_people[cell] < options.bins.min_group_size ||
            counts[cell].all < static_cast<double>(slice_options.min_annotations)) {
          ++result.num_hidden;
          continue;
        }
        shown.push_back(cell);
        result.slices.push_back({name_of(cube.people[p], value / cube.items[q].size(), cube.items[q],
                                         value % cube.items[q].size()),
                                 num_people[cell],
                                 static_cast<int64_t>(counts[cell].all),
                                 {},
                                 {}});
      }
  std::vector<math::Interval> ranges;
  for (size_t s = 0; s < shown.size(); ++s) ranges.insert(ranges.end(), {{0, 1}, {-1, 1}});
  if (shown.empty()) return result;
  const std::vector<Estimate> estimates = bootstrap_estimates(
      outcomes,
      [&](const math::TwoWayWeights& weights) {
        const std::vector<Cell> cells = count_cells(cube, outcomes, weights);
        std::vector<double> values;
        for (const size_t cell : shown) {
          values.push_back(cells[cell].correct / cells[cell].all);
          values.push_back(values.back() - cells[0].correct / cells[0].all);
        }
        return values;
      },
      ranges, options);
  for (size_t s = 0; s < shown.size(); ++s) {
    result.slices[s].accuracy = estimates[2 * s];
    result.slices[s].gap = estimates[2 * s + 1];
  }
  std::stable_sort(result.slices.begin(), result.slices.end(),
                   [](const Slice& a, const Slice& b) { return a.accuracy.value < b.accuracy.value; });
  return result;
}

}  // namespace lathe::evaluate::opinion
