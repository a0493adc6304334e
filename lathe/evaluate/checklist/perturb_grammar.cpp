#include <map>

#include "lathe/evaluate/checklist/contractions.h"
#include "lathe/evaluate/checklist/negation.h"
#include "lathe/evaluate/checklist/perturbations.h"
#include "lathe/evaluate/checklist/text_edit.h"
#include "lathe/evaluate/checklist/word_tags.h"

namespace lathe::evaluate::checklist {
namespace {

Variants of_text(std::optional<std::string> text) {
  if (!text) return {};
  return {{std::move(*text), "", ""}};
}

// Whether "her" or "his" before that word belongs to it: "her old car", not "her in Rome".
bool is_possessed(const TaggedWord& word) {
  constexpr double kLikely = 0.3;
  double nominal = 0;
  for (const WordTag tag : {WordTag::noun, WordTag::plural, WordTag::adjective, WordTag::name,
                            WordTag::number, WordTag::participle, WordTag::gerund})
    nominal += word[tag];
  return nominal > kLikely;
}

std::string other_pronoun(const std::string& word, bool possessed) {
  static const std::map<std::string, std::string> others = {{"he", "she"},          {"him", "her"},
                                                            {"himself", "herself"}, {"she", "he"},
                                                            {"hers", "his"},        {"herself", "himself"}};
  if (word == "his") return possessed ? "her" : "hers";
  if (word == "her") return possessed ? "his" : "him";
  const auto found = others.find(word);
  return found == others.end() ? "" : found->second;
}

}  // namespace

Variants contract(const std::string& text) {
  return of_text(contracted(text));
}

Variants expand_contractions(const std::string& text) {
  return of_text(expanded(text));
}

Variants contractions(const std::string& text) {
  Variants variants = contract(text), more = expand_contractions(text);
  variants.insert(variants.end(), more.begin(), more.end());
  return variants;
}

Variants negate(const std::string& text) {
  return of_text(negated(text));
}

Variants remove_negation(const std::string& text) {
  return of_text(without_negation(text));
}

Variants change_pronouns(const std::string& text) {
  const std::vector<TaggedWord> words = tag_words(text);
  std::vector<TextEdit> edits;
  for (size_t at = 0; at < words.size(); ++at) {
    const bool possessed = at + 1 < words.size() && is_possessed(words[at + 1]);
    const std::string other = other_pronoun(words[at].lower, possessed);
    if (!other.empty())
      edits.push_back(replacement(text, words[at].text, with_case_of(other, words[at].text)));
  }
  if (edits.empty()) return {};
  return of_text(apply_edits(text, edits));
}

}  // namespace lathe::evaluate::checklist
