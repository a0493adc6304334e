#include "lathe/data/annotations.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "lathe/core/edit_distance.h"
#include "lathe/core/error.h"
#include "lathe/core/seed.h"
#include "lathe/data/text.h"

namespace lathe::data {
namespace {

void check_length(const char* what, size_t length, size_t expected) {
  if (length != expected)
    throw InputError("annotations: {} {}, but there are {} of them", length, what, expected);
}

void check_indices(const char* what, const std::vector<int32_t>& indices, int64_t least, int64_t end) {
  for (size_t i = 0; i < indices.size(); ++i)
    if (indices[i] < least || indices[i] >= end)
      throw InputError("annotations: {} must be below {}, got {} at annotation {}", what, end, indices[i], i);
}

void check_attributes(const std::vector<Attribute>& attributes, size_t size) {
  for (const Attribute& attribute : attributes) {
    check_length("values of an attribute", attribute.codes.size(), size);
    check_indices("an attribute's value", attribute.codes, -1, static_cast<int64_t>(attribute.values.size()));
  }
}

void check(const Annotations& a) {
  const size_t size = a.item.size();
  check_length("annotators of annotations", a.annotator.size(), size);
  const bool real = a.scale.kind == LabelScale::Kind::real;
  check_length("labels", a.label.size(), real ? 0 : size);
  check_length("values", a.value.size(), real ? size : 0);
  if (!a.seconds.empty()) check_length("times", a.seconds.size(), size);
  if (!a.texts.empty()) check_length("texts", a.texts.size(), a.items.size());
  if (!a.features.empty())
    check_length("features", a.features.size() % std::max<size_t>(a.items.size(), 1), 0);
  check_indices("an item", a.item, 0, a.num_items());
  check_indices("an annotator", a.annotator, 0, a.num_annotators());
  check_indices("a label", a.label, 0, a.scale.num_classes());
  check_attributes(a.item_attributes, a.items.size());
  check_attributes(a.annotator_attributes, a.annotators.size());
  for (const double value : a.value)
    if (!std::isfinite(value)) throw InputError("annotations: a label must be finite, got {}", value);
}

template <typename T>
std::vector<T> gather(const std::vector<T>& values, const std::vector<int64_t>& rows) {
  std::vector<T> gathered;
  if (values.empty()) return gathered;
  gathered.reserve(rows.size());
  for (const int64_t row : rows) gathered.push_back(values[static_cast<size_t>(row)]);
  return gathered;
}

// Where the entries of each of `size` owners begin when they are put in order.
std::vector<int64_t> offsets_of(const std::vector<int32_t>& owners, int64_t size) {
  std::vector<int64_t> offsets(static_cast<size_t>(size) + 1, 0);
  for (const int32_t owner : owners) ++offsets[static_cast<size_t>(owner) + 1];
  std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
  return offsets;
}

}  // namespace

Annotations in_order(Annotations annotations) {
  check(annotations);
  std::vector<int64_t> rows(annotations.item.size());
  std::iota(rows.begin(), rows.end(), 0);
  const auto key = [&](int64_t row) {
    return std::pair(annotations.item[static_cast<size_t>(row)],
                     annotations.annotator[static_cast<size_t>(row)]);
  };
  const auto before = [&](int64_t a, int64_t b) { return key(a) < key(b); };
  if (std::is_sorted(rows.begin(), rows.end(), before)) return annotations;
  std::stable_sort(rows.begin(), rows.end(), before);
  return select(annotations, rows);
}

std::vector<int64_t> item_offsets(const Annotations& annotations) {
  return offsets_of(annotations.item, annotations.num_items());
}

AnnotatorIndex annotator_index(const Annotations& annotations) {
  AnnotatorIndex index{offsets_of(annotations.annotator, annotations.num_annotators()), {}};
  std::vector<int64_t> next(index.offsets.begin(), index.offsets.end() - 1);
  index.rows.resize(annotations.annotator.size());
  for (size_t row = 0; row < annotations.annotator.size(); ++row)
    index.rows[static_cast<size_t>(next[static_cast<size_t>(annotations.annotator[row])]++)] =
        static_cast<int32_t>(row);
  return index;
}

Annotations select(const Annotations& annotations, const std::vector<int64_t>& rows) {
  Annotations selected = annotations;
  selected.item = gather(annotations.item, rows);
  selected.annotator = gather(annotations.annotator, rows);
  selected.label = gather(annotations.label, rows);
  selected.value = gather(annotations.value, rows);
  selected.seconds = gather(annotations.seconds, rows);
  return selected;
}

Annotations occurring(const Annotations& annotations) {
  struct Renumbering {
    std::vector<int64_t> old;     // of those that occur
    std::vector<int32_t> number;  // of all, -1 where they do not
  };
  const auto renumber = [](std::vector<int32_t>& owners, int64_t size) {
    const std::vector<int64_t> offsets = offsets_of(owners, size);
    std::vector<int64_t> kept;
    std::vector<int32_t> number(static_cast<size_t>(size), -1);
    for (size_t i = 0; i < number.size(); ++i) {
      if (offsets[i + 1] == offsets[i]) continue;
      number[i] = static_cast<int32_t>(kept.size());
      kept.push_back(static_cast<int64_t>(i));
    }
    for (int32_t& owner : owners) owner = number[static_cast<size_t>(owner)];
    return Renumbering{std::move(kept), std::move(number)};
  };
  const auto keep = [](std::vector<Attribute>& attributes, const std::vector<int64_t>& kept) {
    for (Attribute& attribute : attributes) attribute.codes = gather(attribute.codes, kept);
  };
  Annotations result = annotations;
  const auto [items, item_number] = renumber(result.item, annotations.num_items());
  const auto [annotators, annotator_number] = renumber(result.annotator, annotations.num_annotators());
  result.items = gather(annotations.items, items);
  result.texts = gather(annotations.texts, items);
  result.features.clear();
  const int64_t width = annotations.num_features();
  for (const int64_t item : items)
    result.features.insert(result.features.end(), annotations.features.begin() + item * width,
                           annotations.features.begin() + (item + 1) * width);
  result.annotators = gather(annotations.annotators, annotators);
  keep(result.item_attributes, items);
  keep(result.annotator_attributes, annotators);
  result.missing_annotators.clear();
  for (const int32_t missing : annotations.missing_annotators)
    if (const int32_t number = annotator_number[static_cast<size_t>(missing)]; number >= 0)
      result.missing_annotators.push_back(number);
  return result;
}

const Attribute& find_attribute(const std::vector<Attribute>& attributes, const std::string& name) {
  std::vector<std::string> names;
  for (const Attribute& attribute : attributes) {
    if (attribute.name == name) return attribute;
    names.push_back(excerpt(attribute.name));
  }
  const std::optional<std::string> meant = core::nearest(name, names);
  throw InputError("no attribute '{}'; {}", excerpt(name),
                   names.empty() ? "the table has none"
                   : meant       ? "did you mean '" + *meant + "'?"
                                 : fmt::format("there are {}", fmt::join(names, ", ")));
}

Attribute annotator_groups(const Annotations& annotations, const std::vector<std::string>& attributes) {
  Attribute groups{.name = fmt::format("{}", fmt::join(attributes, ", ")),
                   .values = {},
                   .codes = std::vector<int32_t>(annotations.annotators.size(), 0)};
  std::vector<const Attribute*> chosen;
  for (const std::string& name : attributes)
    chosen.push_back(&find_attribute(annotations.annotator_attributes, name));
  if (chosen.empty()) {
    groups.name = "group";
    groups.values = {"all"};
    return groups;
  }
  std::map<std::vector<int32_t>, std::vector<size_t>> members;
  for (size_t a = 0; a < annotations.annotators.size(); ++a) {
    std::vector<int32_t> key;
    for (const Attribute* attribute : chosen) key.push_back(attribute->codes[a]);
    members[std::move(key)].push_back(a);
  }
  for (const auto& [key, annotators] : members) {
    std::vector<std::string> names;
    for (size_t c = 0; c < chosen.size(); ++c)
      names.push_back(key[c] < 0 ? "unknown" : chosen[c]->values[static_cast<size_t>(key[c])]);
    for (const size_t a : annotators) groups.codes[a] = static_cast<int32_t>(groups.values.size());
    groups.values.push_back(fmt::format("{}", fmt::join(names, ", ")));
  }
  return groups;
}

AnnotationSplit split(const Annotations& annotations, SplitBy by, double test_share, core::Seed seed) {
  if (!(test_share > 0 && test_share < 1))
    throw InputError("the share of annotations that judge must lie between 0 and 1, got {}", test_share);
  const auto draw = [&](const char* name, const std::vector<int32_t>& owners, int64_t size) {
    std::vector<char> test(static_cast<size_t>(size), 0);
    std::vector<int64_t> present;
    const std::vector<int64_t> offsets = offsets_of(owners, size);
    for (size_t i = 0; i < test.size(); ++i)
      if (offsets[i + 1] > offsets[i]) present.push_back(static_cast<int64_t>(i));
    seed.stream(name).random().shuffle(present);
    const auto count = static_cast<size_t>(std::llround(test_share * static_cast<double>(present.size())));
    if (count == 0 || count == present.size())
      throw InputError("{} {}s cannot be parted into {} and {}", present.size(), name, present.size() - count,
                       count);
    for (size_t i = 0; i < count; ++i) test[static_cast<size_t>(present[i])] = 1;
    return test;
  };
  std::vector<char> of_item, of_annotator;
  if (by != SplitBy::annotator) of_item = draw("item", annotations.item, annotations.num_items());
  if (by != SplitBy::item)
    of_annotator = draw("annotator", annotations.annotator, annotations.num_annotators());

  AnnotationSplit split;
  for (size_t row = 0; row < annotations.item.size(); ++row) {
    const int item = of_item.empty() ? -1 : of_item[static_cast<size_t>(annotations.item[row])];
    const int annotator =
        of_annotator.empty() ? -1 : of_annotator[static_cast<size_t>(annotations.annotator[row])];
    if (item != 0 && annotator != 0) split.test.push_back(static_cast<int64_t>(row));
    if (item != 1 && annotator != 1) split.train.push_back(static_cast<int64_t>(row));
  }
  return split;
}

}  // namespace lathe::data
