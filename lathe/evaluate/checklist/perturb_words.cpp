#include <algorithm>

#include "lathe/data/tokenize.h"
#include "lathe/evaluate/checklist/article.h"
#include "lathe/evaluate/checklist/perturbations.h"
#include "lathe/evaluate/checklist/suggest.h"
#include "lathe/evaluate/checklist/text_edit.h"
#include "lathe/evaluate/checklist/word_tags.h"

namespace lathe::evaluate::checklist {
namespace {

// What the word most likely is; nothing for words of closed classes and names.
std::optional<data::PartOfSpeech> part_of_speech(const TaggedWord& word) {
  const std::pair<data::PartOfSpeech, double> likely[] = {
      {data::PartOfSpeech::noun, word[WordTag::noun] + word[WordTag::plural]},
      {data::PartOfSpeech::verb, word[WordTag::base] + word[WordTag::third] + word[WordTag::past] +
                                     word[WordTag::participle] + word[WordTag::gerund]},
      {data::PartOfSpeech::adjective, word[WordTag::adjective]},
      {data::PartOfSpeech::adverb, word[WordTag::adverb]}};
  const auto best = std::max_element(std::begin(likely), std::end(likely),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  return best->second > 0 ? std::optional(best->first) : std::nullopt;
}

// The text with one word replaced, and the article before it with it.
std::string with_word(const std::string& text, const std::vector<TaggedWord>& words, size_t at,
                      const std::string& other) {
  std::vector<TextEdit> edits;
  if (at > 0 && (words[at - 1].lower == "a" || words[at - 1].lower == "an"))
    edits.push_back(
        replacement(text, words[at - 1].text, with_case_of(article_of(other), words[at - 1].text)));
  edits.push_back(replacement(text, words[at].text, other));
  return apply_edits(text, edits);
}

}  // namespace

Variants swap_words(const std::string& text, WordRelation relation, int64_t count, core::Random& random) {
  const std::vector<TaggedWord> words = tag_words(text);
  const data::Sentence tokens = data::tokenize(text);
  Variants variants;
  for (size_t at = 0; at < words.size(); ++at) {
    const auto part = part_of_speech(words[at]);
    if (!part) continue;
    const std::string word(words[at].text);
    // The word counts where it stands first; a second one in the text would be masked in its place.
    const auto first = std::find_if(words.begin(), words.end(),
                                    [&](const TaggedWord& w) { return w.lower == words[at].lower; });
    const bool is_token =
        std::find(tokens.begin(), tokens.end(), words[at].lower) != tokens.end();  // not of "dog's"
    if (first != words.begin() + static_cast<int64_t>(at) || !is_token) continue;
    for (const Suggestion& suggestion :
         suggest_related(*ngram_language_model(), {text}, word, relation, {.part_of_speech = part})) {
      const std::string other = with_case_of(suggestion.word, word);
      variants.push_back({with_word(text, words, at, other), word, other});
    }
  }
  random.shuffle(variants);
  if (static_cast<int64_t>(variants.size()) > count) variants.resize(static_cast<size_t>(count));
  return variants;
}

}  // namespace lathe::evaluate::checklist
