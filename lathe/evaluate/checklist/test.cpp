#include "lathe/evaluate/checklist/test.h"

#include <fmt/format.h>

#include <numeric>

#include "lathe/core/error.h"
#include "lathe/core/seed.h"
#include "lathe/data/text.h"

namespace lathe::evaluate::checklist {
namespace {

// Between texts that are perturbed as one; no perturbation touches a blank line.
constexpr std::string_view kBetween = "\n\n";

std::string join(const Example& example, const std::vector<size_t>& fields) {
  std::string text;
  for (size_t f : fields) text += (text.empty() ? "" : std::string(kBetween)) + example[f];
  return text;
}

// Puts the parts of a joined text back; nothing where they are not as many.
std::optional<Example> split_into(Example example, const std::vector<size_t>& fields, std::string_view text) {
  for (size_t i = 0; i < fields.size(); ++i) {
    const size_t end = i + 1 < fields.size() ? text.find(kBetween) : text.size();
    if (end == text.npos) return std::nullopt;
    example[fields[i]] = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + kBetween.size()));
  }
  return example;
}

std::vector<Example> variants(const Example& original, const Perturbation& perturbation,
                              const PerturbOptions& options, const std::vector<size_t>& fields,
                              core::Random& random) {
  std::vector<Example> result;
  if (options.where == PerturbedFields::kTogether) {
    for (const Variant& variant : perturbation(join(original, fields), random))
      if (auto example = split_into(original, fields, variant.text)) result.push_back(std::move(*example));
    return result;
  }
  for (size_t f : fields)
    for (Variant& variant : perturbation(original[f], random)) {
      Example& example = result.emplace_back(original);
      example[f] = std::move(variant.text);
    }
  return result;
}

}  // namespace

std::string to_string(TestType type) {
  return type == TestType::kMft ? "MFT" : type == TestType::kInv ? "INV" : "DIR";
}

TestType parse_test_type(const std::string& name) {
  if (name == "MFT") return TestType::kMft;
  if (name == "INV") return TestType::kInv;
  if (name == "DIR") return TestType::kDir;
  throw InputError("a test's type is MFT, INV or DIR, got '{}'", data::excerpt(name));
}

Example Cases::example(int64_t index) const {
  Example result;
  for (size_t f = 0; f < num_fields; ++f) result.emplace_back(text(index, f));
  return result;
}

void Cases::add(const std::vector<Example>& examples) {
  for (const Example& one : examples) {
    if (one.size() != num_fields) throw InputError("an input has {} texts, got {}", num_fields, one.size());
    for (const std::string& text : one) texts.push_back(text);
  }
  ends.push_back(num_examples() + static_cast<int64_t>(examples.size()));
}

Cases to_cases(const Expansion& expansion, size_t num_fields, const std::vector<std::string>& classes) {
  const size_t leaves = expansion.leaves.size();
  if (leaves == 0 || leaves % num_fields != 0)
    throw InputError("a template of {} texts for inputs of {}", leaves, num_fields);
  Cases cases;
  cases.num_fields = num_fields;
  cases.texts = expansion.texts;
  const size_t examples = leaves / num_fields;
  for (size_t i = 1; i <= expansion.num_cases(); ++i)
    cases.ends.push_back(static_cast<int64_t>(i * examples));
  if (expansion.labels_per_case > 1 && expansion.labels_per_case != examples)
    throw InputError("{} labels for a case of {} inputs; one, or as many as inputs",
                     expansion.labels_per_case, examples);
  // One list for all cases is written out: a list is one a case or one an example.
  const size_t repeats = expansion.labels_per_case > 1 && expansion.labels.size() == expansion.labels_per_case
                             ? expansion.num_cases()
                             : 1;
  for (size_t r = 0; r < repeats; ++r)
    for (size_t i = 0; i < expansion.labels.size(); ++i)
      cases.labels.push_back(parse_label(expansion.labels[i], classes));
  if (expansion.meta) cases.meta = *expansion.meta;
  return cases;
}

const Label* Cases::labels_of(int64_t index) const {
  if (labels.empty()) return nullptr;
  if (labels.size() == 1) return labels.data();
  return labels.data() + (label_stride() == 1 ? begin(index) : index);
}

size_t Cases::label_stride() const {
  return labels.size() > 1 && static_cast<int64_t>(labels.size()) == num_examples() ? 1 : 0;
}

Cases joined(Cases first, const Cases& second) {
  if (first.labels.empty() != second.labels.empty())
    throw InputError("cases with labels and cases without cannot be joined");
  const bool one_label = first.labels.size() == 1 && first.labels == second.labels;
  if (!first.labels.empty() && !one_label) {
    std::vector<Label> labels;  // one an example, whatever they were
    for (const Cases* part : {static_cast<const Cases*>(&first), &second})
      for (int64_t i = 0; i < part->num_cases(); ++i)
        for (int64_t e = 0; e < part->end(i) - part->begin(i); ++e)
          labels.push_back(part->labels_of(i)[static_cast<size_t>(e) * part->label_stride()]);
    first.labels = std::move(labels);
  }
  first.meta = join(first.meta, static_cast<size_t>(first.num_cases()), second.meta,
                    static_cast<size_t>(second.num_cases()));
  first.texts.append(second.texts);
  const int64_t offset = first.num_examples();
  for (int64_t end : second.ends) first.ends.push_back(offset + end);
  return first;
}

Cases selected(const Cases& cases, const std::vector<int64_t>& indices) {
  Cases kept;
  kept.num_fields = cases.num_fields;
  kept.meta.tags = cases.meta.tags;
  const size_t num_tags = kept.meta.tags.size();
  const bool one_label = cases.labels.size() == 1;
  if (one_label) kept.labels = cases.labels;
  for (int64_t index : indices) {
    const int64_t size = cases.end(index) - cases.begin(index);
    for (int64_t e = cases.begin(index); e < cases.end(index); ++e)
      for (size_t f = 0; f < kept.num_fields; ++f) kept.texts.push_back(cases.text(e, f));
    kept.ends.push_back(kept.num_examples() + size);
    if (const Label* labels = cases.labels_of(index); labels != nullptr && !one_label)
      kept.labels.insert(kept.labels.end(), labels, labels + (cases.label_stride() == 1 ? size : 1));
    const auto meta = cases.meta.indices.begin() + index * static_cast<int64_t>(num_tags);
    kept.meta.indices.insert(kept.meta.indices.end(), meta, meta + static_cast<int64_t>(num_tags));
  }
  return kept;
}

Perturbed perturb(const Cases& originals, const std::vector<Perturbation>& perturbations,
                  const PerturbOptions& options) {
  if (originals.num_cases() != originals.num_examples())
    throw InputError("what is perturbed must have one input a case");
  std::vector<size_t> fields = options.fields;
  if (fields.empty()) {
    fields.resize(originals.num_fields);
    std::iota(fields.begin(), fields.end(), size_t{0});
  }
  const core::Seed seed = core::Seed(options.seed).stream("perturb");
  const size_t num_tags = originals.meta.tags.size();
  Perturbed result;
  result.cases.num_fields = originals.num_fields;
  result.cases.meta.tags = originals.meta.tags;
  for (int64_t i = 0; i < originals.num_cases(); ++i) {
    const Example original = originals.example(i);
    core::Random random = seed.stream(static_cast<uint64_t>(i)).random();
    std::vector<Example> examples;
    if (options.keep_original) examples.push_back(original);
    const size_t num_originals = examples.size();
    for (const Perturbation& perturbation : perturbations)
      for (Example& variant : variants(original, perturbation, options, fields, random))
        examples.push_back(std::move(variant));
    if (examples.size() == num_originals) {
      ++result.num_dropped;
      continue;
    }
    result.cases.add(examples);
    if (originals.labels.size() > 1) result.cases.labels.push_back(originals.labels[static_cast<size_t>(i)]);
    const auto meta = originals.meta.indices.begin() + i * static_cast<int64_t>(num_tags);
    result.cases.meta.indices.insert(result.cases.meta.indices.end(), meta,
                                     meta + static_cast<int64_t>(num_tags));
  }
  if (originals.labels.size() == 1) result.cases.labels = originals.labels;
  return result;
}

}  // namespace lathe::evaluate::checklist
