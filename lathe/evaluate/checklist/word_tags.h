#pragma once
#include <array>
#include <string>
#include <string_view>
#include <vector>

// Parts of speech that the words of an English sentence can have, each with a probability: closed classes by
// lists of our own, open classes by how often WordNet's concordance has the word as noun, verb, adjective or
// adverb.
namespace lathe::evaluate::checklist {

enum class WordTag {
  determiner,    // the, my, this, which
  pronoun,       // he, it, everyone, who
  preposition,   // in, of
  coordinator,   // and, or, but
  subordinator,  // because, when, that
  to,
  be,
  have,
  do_,
  modal,       // can, could, will, would, should, may, might, must, shall, ought
  negation,    // not, n't, never, no, nothing, …
  possessive,  // 's and 'd: also is, has, would, had
  number,
  name,
  noun,
  plural,
  adjective,
  adverb,
  base,  // of verbs
  third,
  past,
  participle,
  gerund,
  punctuation,
  count
};

struct TaggedWord {
  std::string_view text;  // a view into the sentence; "n't", "'ll" are words of their own
  std::string lower;
  std::array<double, static_cast<size_t>(WordTag::count)> probabilities{};
  double operator[](WordTag tag) const { return probabilities[static_cast<size_t>(tag)]; }
  bool can_be(WordTag tag) const { return (*this)[tag] > 0; }
};

// Needs wordnet-base; throws InputError that names it where it is missing.
std::vector<TaggedWord> tag_words(std::string_view sentence);

}  // namespace lathe::evaluate::checklist
