#include "lathe/evaluate/checklist/editor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "lathe/core/error.h"
#include "lathe/core/seed.h"
#include "lathe/data/text.h"
#include "lathe/evaluate/checklist/template_values.h"

namespace lathe::evaluate::checklist {
namespace {

using Json = nlohmann::json;

void check_size(const Template& parsed, const std::vector<size_t>& sizes, const ExpandOptions& options) {
  double product = 1;
  std::string factors;
  for (size_t size : sizes) {
    product *= static_cast<double>(size);
    factors += fmt::format("{}{}", factors.empty() ? "" : " × ", size);
  }
  if (product > static_cast<double>(options.max_cases))
    throw InputError("{}: {} = {:.0f} cases, more than {}; draw some of them with nsamples", quoted(parsed),
                     factors, product, options.max_cases);
}

// [cases × tags]
std::vector<uint32_t> combinations(const Template& parsed, const std::vector<size_t>& sizes,
                                   const ExpandOptions& options, core::Seed seed) {
  if (options.num_samples) {
    if (*options.num_samples < 1 || *options.num_samples > options.max_cases)
      throw InputError("{}: nsamples must be in [1, {}], got {}", quoted(parsed), options.max_cases,
                       *options.num_samples);
    core::Random random = seed.stream("samples").random();
    return draw(sizes, *options.num_samples, random);
  }
  if (sizes.empty()) return {};
  if (options.combine == Combine::kZip) {
    std::vector<uint32_t> indices;
    for (size_t t = 1; t < sizes.size(); ++t)
      if (sizes[t] != sizes[0])
        throw InputError("{}: zip needs lexicons of one length, but '{}' has {} entries and '{}' {}",
                         quoted(parsed), parsed.tags[0].lexicon, sizes[0], parsed.tags[t].lexicon, sizes[t]);
    for (size_t i = 0; i < sizes[0]; ++i)
      indices.insert(indices.end(), sizes.size(), static_cast<uint32_t>(i));
    return indices;
  }
  check_size(parsed, sizes, options);
  const size_t n = std::accumulate(sizes.begin(), sizes.end(), size_t{1}, std::multiplies<>());
  std::vector<uint32_t> indices(n * sizes.size()), current(sizes.size(), 0);
  for (size_t i = 0; i < n; ++i) {
    std::copy(current.begin(), current.end(),
              indices.begin() + static_cast<std::ptrdiff_t>(i * sizes.size()));
    for (size_t t = sizes.size(); t-- > 0;) {
      if (++current[t] < sizes[t]) break;
      current[t] = 0;
    }
  }
  return indices;
}

std::vector<uint32_t> without_duplicates(const std::vector<uint32_t>& indices, const Values& values) {
  // Equal texts get equal numbers, across tags.
  std::map<std::string, uint32_t> numbers;
  std::vector<std::vector<uint32_t>> number_of;
  for (const Lexicon& lexicon : values.lexicons) {
    std::vector<uint32_t>& of_entry = number_of.emplace_back();
    for (const Json& entry : lexicon)
      of_entry.push_back(
          numbers.emplace(whole_text(entry), static_cast<uint32_t>(numbers.size())).first->second);
  }
  const size_t num_tags = number_of.size();
  std::vector<uint32_t> kept, row(num_tags);
  for (size_t i = 0; i < indices.size(); i += num_tags) {
    for (size_t t = 0; t < num_tags; ++t) row[t] = number_of[t][indices[i + t]];
    std::sort(row.begin(), row.end());
    if (std::adjacent_find(row.begin(), row.end()) != row.end()) continue;
    kept.insert(kept.end(), indices.begin() + static_cast<std::ptrdiff_t>(i),
                indices.begin() + static_cast<std::ptrdiff_t>(i + num_tags));
  }
  return kept;
}

// A value of a reference with the fixed text behind it, so that a case is written with one copy a tag.
struct Column {
  size_t tag;
  std::vector<std::string> texts;
};
struct CompiledLeaf {
  std::string begin;
  std::vector<Column> columns;
};

CompiledLeaf compile(const Template& parsed, const Values& values, const Leaf& leaf) {
  CompiledLeaf compiled{leaf.pieces[0].text, {}};
  for (size_t p = 0; p + 1 < leaf.pieces.size(); ++p) {
    const size_t reference = *leaf.pieces[p].reference;
    Column& column =
        compiled.columns.emplace_back(Column{parsed.references[reference].tag, values.texts[reference]});
    for (std::string& text : column.texts) text += leaf.pieces[p + 1].text;
  }
  return compiled;
}

// The texts of `num_cases` cases, written into memory that is just large enough.
Texts write(const std::vector<CompiledLeaf>& leaves, const std::vector<uint32_t>& indices, size_t num_tags,
            size_t num_cases) {
  std::vector<size_t> ends(num_cases * leaves.size());
  size_t size = 0, text = 0;
  for (size_t i = 0; i < num_cases; ++i) {
    const uint32_t* row = indices.data() + i * num_tags;
    for (const CompiledLeaf& leaf : leaves) {
      size += leaf.begin.size();
      for (const Column& column : leaf.columns) size += column.texts[row[column.tag]].size();
      ends[text++] = size;
    }
  }
  std::string bytes(size, '\0');
  char* at = bytes.data();
  const auto copy = [&](const std::string& piece) {
    std::memcpy(at, piece.data(), piece.size());
    at += piece.size();
  };
  for (size_t i = 0; i < num_cases; ++i) {
    const uint32_t* row = indices.data() + i * num_tags;
    for (const CompiledLeaf& leaf : leaves) {
      copy(leaf.begin);
      for (const Column& column : leaf.columns) copy(column.texts[row[column.tag]]);
    }
  }
  return Texts(std::move(bytes), std::move(ends));
}

Meta make_meta(const Template& parsed, const Values& values, std::vector<uint32_t> indices) {
  Meta meta;
  for (size_t t = 0; t < parsed.tags.size(); ++t) {
    Meta::Tag& tag = meta.tags.emplace_back(Meta::Tag{parsed.tags[t].name, {}});
    for (const Json& entry : values.lexicons[t]) tag.values.push_back(whole_text(entry));
  }
  meta.indices = std::move(indices);
  return meta;
}

}  // namespace

void check_lexicon_name(const std::string& name) {
  const Json pattern = "{" + name + "}";
  const bool plain = !name.empty() && name.find_first_of("{}:.[]") == name.npos;
  if (!plain || name == "mask")
    throw InputError("'{}' cannot be the name of a lexicon; letters, digits, - and _ can, and no mask",
                     data::excerpt(name));
  const Template parsed = parse_template(pattern);
  if (parsed.tags[0].lexicon != name)
    throw InputError("the lexicon '{}' must not end in a digit: {{{}}} is another copy of {{{}}}",
                     data::excerpt(name), data::excerpt(name), data::excerpt(parsed.tags[0].lexicon));
}

std::string_view Expansion::label(size_t index, size_t of_case) const {
  return labels[labels.size() == labels_per_case ? of_case : index * labels_per_case + of_case];
}

Expansion expand(const Editor& editor, const Json& value, const ExpandOptions& options) {
  for (const Lexicons* lexicons : {&options.lexicons, &editor.lexicons})
    for (const auto& [name, entries] : *lexicons) check_lexicon_name(name);
  Template parsed = parse_template(value);
  const std::vector<Leaf> labels =
      options.labels.is_null() ? std::vector<Leaf>() : parse_with_tags(parsed, options.labels);
  const core::Seed seed(options.seed);
  const Values values = find_values(parsed, editor, options, seed);
  std::vector<size_t> sizes;
  for (const Lexicon& lexicon : values.lexicons) sizes.push_back(lexicon.size());
  std::vector<uint32_t> indices = combinations(parsed, sizes, options, seed);
  if (options.remove_duplicates) indices = without_duplicates(indices, values);
  const size_t num_tags = sizes.size();
  const size_t num_cases =
      num_tags == 0 ? static_cast<size_t>(options.num_samples.value_or(1)) : indices.size() / num_tags;

  const auto compiled = [&](const std::vector<Leaf>& leaves) {
    std::vector<CompiledLeaf> result;
    for (const Leaf& leaf : leaves) result.push_back(compile(parsed, values, leaf));
    return result;
  };
  Expansion expansion;
  for (const Leaf& leaf : parsed.leaves) expansion.leaves.push_back(leaf.name);
  expansion.texts = write(compiled(parsed.leaves), indices, num_tags, num_cases);
  const bool one_for_all =
      std::all_of(labels.begin(), labels.end(), [](const Leaf& l) { return l.pieces.size() == 1; });
  expansion.labels_per_case = labels.size();
  if (!labels.empty())
    expansion.labels = write(compiled(labels), indices, num_tags, one_for_all ? 1 : num_cases);
  if (options.meta) expansion.meta = make_meta(parsed, values, std::move(indices));
  return expansion;
}

Expansion& operator+=(Expansion& cases, const Expansion& more) {
  if (cases.leaves != more.leaves)
    throw InputError("cases whose texts have different names cannot be joined");
  if (cases.labels_per_case != more.labels_per_case)
    throw InputError("cases with {} labels each and cases with {} cannot be joined", cases.labels_per_case,
                     more.labels_per_case);
  const size_t num_first = cases.num_cases(), num_second = more.num_cases();
  if (cases.meta.has_value() != more.meta.has_value())
    throw InputError("cases with meta and cases without cannot be joined");
  const auto one_for_all = [](const Expansion& e) { return e.labels.size() == e.labels_per_case; };
  const bool same_labels = one_for_all(cases) && one_for_all(more) && cases.labels == more.labels;
  if (cases.labels_per_case > 0 && !same_labels) {
    Texts labels;
    for (const Expansion* part : {static_cast<const Expansion*>(&cases), &more})
      for (size_t i = 0; i < part->num_cases(); ++i)
        for (size_t l = 0; l < part->labels_per_case; ++l) labels.push_back(part->label(i, l));
    cases.labels = std::move(labels);
  }
  if (cases.meta) cases.meta = join(*cases.meta, num_first, *more.meta, num_second);
  cases.texts.append(more.texts);
  return cases;
}

}  // namespace lathe::evaluate::checklist
