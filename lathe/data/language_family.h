#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lathe/core/seed.h"
#include "lathe/data/tokenize.h"

// Languages that descend from English along a binary tree, for studies of what related languages share. How
// far two of them lie apart is known.
namespace lathe::data {

struct LanguageFamilyOptions {
  int64_t depth = 3;  // 2^depth languages
  // Shares of the stems that a branch changes, on average; each branch has its own, 1/2 to 3/2 of it.
  double replaced = 0.15;  // by a new word: no cognate any more
  double shifted = 0.1;    // by the branch's shift of consonants and vowels: a cognate spelt otherwise
  double suffixes = 0.2;   // chance that a branch renews a suffix (-s, -ed, -ing, -ly)
  double reorders = 0.2;   // chance that a branch puts prepositions after their phrase, or back before it
};

// What happened to a language on one branch of the tree. Changes are decided for each stem by its own random
// stream, so a language is defined on all words.
struct LanguageBranch {
  std::string name;  // the path from the root, "0", "01", …
  core::Seed seed{0};
  double replaced = 0, shifted = 0;
  std::map<char, char> letters;  // the shift; a permutation of some consonants and of some vowels
  std::map<std::string, std::string> suffixes;
  bool reorders = false;

  bool replaces(const std::string& stem) const;  // the English stem
};

class Language {
 public:
  explicit Language(
      std::vector<std::shared_ptr<const LanguageBranch>> branches);  // from the root to the leaf
  const std::string& name() const;
  // A word of lower-case letters; others (numbers, punctuation) stay.
  std::string word(const std::string& english) const;
  // As many words, in the language's order: an English preposition opens a phrase that reaches to the next
  // preposition, conjunction or punctuation; languages with postpositions put it at the phrase's end.
  Sentence sentence(const Sentence& english) const;
  bool postpositions() const;
  const std::vector<std::shared_ptr<const LanguageBranch>>& branches() const { return branches_; }

 private:
  std::vector<std::shared_ptr<const LanguageBranch>> branches_;
};

// The leaves, from left to right, so that relatives are neighbours. Throws InputError for options out of
// range.
std::vector<Language> language_family(const LanguageFamilyOptions& options, core::Seed seed);

// Branches on the way from one leaf to the other.
int64_t tree_distance(const Language& a, const Language& b);
// Share of these English words, those of letters alone, that are not cognates in the two languages: replaced
// on a branch that only one of them came along. 0 where there is none.
double non_cognates(const Language& a, const Language& b, const std::vector<std::string>& english);

// Sizes for corpora from `least` to `most` in equal ratios, in an order drawn from `seed`.
std::vector<int64_t> corpus_sizes(int64_t count, int64_t least, int64_t most, core::Seed seed);

}  // namespace lathe::data
