#include "lathe/evaluate/checklist/template_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lathe/core/edit_distance.h"
#include "lathe/core/error.h"
#include "lathe/data/text.h"
#include "lathe/evaluate/checklist/article.h"

namespace lathe::evaluate::checklist {
namespace {

using Json = nlohmann::json;

std::string short_dump(const Json& value) {
  return data::excerpt(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

[[noreturn]] void fail_unknown(const Template& parsed, const Tag& tag, const Editor& editor,
                               const ExpandOptions& options) {
  std::set<std::string> names;
  for (const Lexicons* lexicons : {&options.lexicons, &editor.lexicons})
    for (const auto& [name, entries] : *lexicons) names.insert(name);
  for (const std::string& name : builtin_lexicon_names()) names.insert(name);
  std::vector<std::pair<size_t, std::string>> by_distance;
  for (const std::string& name : names)
    by_distance.emplace_back(core::edit_distance(tag.lexicon, name), name);
  std::sort(by_distance.begin(), by_distance.end());
  std::string nearest;
  for (size_t i = 0; i < std::min<size_t>(3, by_distance.size()); ++i)
    nearest += (i > 0 ? ", " : "") + by_distance[i].second;
  throw InputError("{}: there is no lexicon '{}' for the tag '{}'; the nearest are {}", quoted(parsed),
                   tag.lexicon, tag.name, nearest);
}

Lexicon find_lexicon(const Template& parsed, const Tag& tag, const Editor& editor,
                     const ExpandOptions& options) {
  const auto checked = [&](Lexicon lexicon) {
    if (lexicon.empty()) throw InputError("{}: the lexicon '{}' has no entries", quoted(parsed), tag.lexicon);
    return lexicon;
  };
  for (const Lexicons* lexicons : {&options.lexicons, &editor.lexicons})
    if (const auto found = lexicons->find(tag.lexicon); found != lexicons->end())
      return checked(found->second);
  if (auto builtin = builtin_lexicon(tag.lexicon)) return checked(std::move(*builtin));
  fail_unknown(parsed, tag, editor, options);
}

std::string text_of(const Template& parsed, const Tag& tag, const Reference& reference, const Json& entry) {
  const auto at = [&] { return reference.field.empty() ? "" : " at " + reference.field.to_string(); };
  const bool there = reference.field.empty() || (entry.is_structured() && entry.contains(reference.field));
  if (!there)
    throw InputError("{}: the entry {} of the lexicon '{}' has nothing{}", quoted(parsed), short_dump(entry),
                     tag.lexicon, at());
  const Json& value = reference.field.empty() ? entry : entry.at(reference.field);
  std::string text;
  if (value.is_string()) {
    text = value.get<std::string>();
  } else if (value.is_number() || value.is_boolean()) {
    text = value.dump();
  } else {
    throw InputError(
        "{}: the entry {} of the lexicon '{}' is no text{}; a part of it is {{{}}}", quoted(parsed),
        short_dump(value), tag.lexicon, at(),
        value.is_object() && !value.empty() ? tag.name + '.' + value.begin().key() : tag.name + "[0]");
  }
  if (reference.article == Article::kNone) return text;
  std::string article = article_of(text);
  if (reference.article == Article::kCapital) article[0] = 'A';
  return article + ' ' + text;
}

std::vector<std::string> texts_of(const Template& parsed, const Reference& reference,
                                  const Lexicon& lexicon) {
  std::vector<std::string> texts;
  texts.reserve(lexicon.size());
  for (const Json& entry : lexicon)
    texts.push_back(text_of(parsed, parsed.tags[reference.tag], reference, entry));
  return texts;
}

// The texts with gaps that the language model gets: up to 5 combinations of the other tags, with both
// articles where a mask has one, at most 20.
std::vector<GappedText> contexts(const Template& parsed, const Values& values, core::Random random) {
  constexpr int64_t kMostCombinations = 5;
  constexpr size_t kMostContexts = 20;
  std::vector<size_t> sizes;
  for (size_t t = 0; t < parsed.tags.size(); ++t)
    sizes.push_back(t == parsed.mask->tag ? 1 : values.lexicons[t].size());
  const std::vector<uint32_t> drawn = draw(sizes, kMostCombinations, random);
  std::vector<GappedText> result;
  for (size_t i = 0; i < kMostCombinations; ++i) {
    for (const Leaf& leaf : parsed.leaves) {
      for (const char* article : {"a ", "an "}) {
        GappedText text(1);
        for (const Piece& piece : leaf.pieces) {
          text.back() += piece.text;
          if (!piece.reference) continue;
          const Reference& reference = parsed.references[*piece.reference];
          if (reference.tag == parsed.mask->tag) {
            if (reference.article == Article::kSmall) text.back() += article;
            if (reference.article == Article::kCapital) text.back() += article[1] == ' ' ? "A " : "An ";
            text.emplace_back();
          } else {
            text.back() += values.texts[*piece.reference][drawn[i * sizes.size() + reference.tag]];
          }
        }
        const bool known = std::find(result.begin(), result.end(), text) != result.end();
        if (text.size() > 1 && !known && result.size() < kMostContexts) result.push_back(std::move(text));
      }
    }
  }
  return result;
}

Lexicon fills(const Template& parsed, const Values& values, const Editor& editor, core::Random random) {
  if (!editor.fill_masks)
    throw InputError("{}: a mask needs a language model that fills it, and none was given", quoted(parsed));
  Lexicon lexicon;
  for (const MaskFill& fill : editor.fill_masks(contexts(parsed, values, random), parsed.mask->most_fills)) {
    if (fill.words.size() != parsed.mask->num_words)
      throw Error("{}: a fill of {} words for {} masks", quoted(parsed), fill.words.size(),
                  parsed.mask->num_words);
    lexicon.push_back(fill.words);
  }
  if (lexicon.empty()) throw InputError("{}: the language model has no fill for the masks", quoted(parsed));
  return lexicon;
}

}  // namespace

std::string quoted(const Template& parsed) {
  return "template '" + data::excerpt(parsed.text) + "'";
}

std::string whole_text(const Json& entry) {
  if (entry.is_string()) return entry.get<std::string>();
  return entry.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<uint32_t> draw(const std::vector<size_t>& sizes, int64_t n, core::Random& random) {
  std::vector<uint32_t> indices;
  indices.reserve(static_cast<size_t>(n) * sizes.size());
  for (int64_t i = 0; i < n; ++i)
    for (size_t size : sizes)
      indices.push_back(static_cast<uint32_t>(random.below(static_cast<int64_t>(size))));
  return indices;
}

Values find_values(const Template& parsed, const Editor& editor, const ExpandOptions& options,
                   core::Seed seed) {
  Values values;
  for (const Tag& tag : parsed.tags)
    values.lexicons.push_back(tag.lexicon == "mask" ? Lexicon() : find_lexicon(parsed, tag, editor, options));
  for (const Reference& reference : parsed.references)
    values.texts.push_back(texts_of(parsed, reference, values.lexicons[reference.tag]));
  if (!parsed.mask) return values;
  values.lexicons[parsed.mask->tag] = fills(parsed, values, editor, seed.stream("contexts").random());
  for (size_t r = 0; r < parsed.references.size(); ++r)
    if (parsed.references[r].tag == parsed.mask->tag)
      values.texts[r] = texts_of(parsed, parsed.references[r], values.lexicons[parsed.mask->tag]);
  return values;
}

}  // namespace lathe::evaluate::checklist
