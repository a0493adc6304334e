#pragma once
#include <array>
#include <memory>
#include <set>
#include <string>
#include <vector>

// A sentiment classifier that understands the language of the sentiment suite, by rules, and what it becomes
// when one of its rules is broken.
namespace lathe::studies::checklist {

// A way to be wrong. Most are of the kind that a held-out set hardly shows.
enum class Fault {
  ignores_not,           // "not" is skipped
  ignores_contractions,  // "n't" is skipped
  short_negation,        // a negation reaches two words far
  negated_neutral,       // what is not neutral is bad
  negation_at_the_end,   // "…, but it was not" is skipped
  negated_negative,      // "not bad" is bad
  first_mention,         // of what was and what is, what was counts
  others_count,          // what other people think counts like what the author thinks
  answer_no,             // "Was it good? No." is read without its answer
  case_sensitive,        // knows words in lower case only
  needs_full_stop,       // without a punctuation mark at the end it has no opinion
  afraid_of_links,       // a URL is bad
  no_spelling,           // a misspelt word is no word
  first_words,           // reads twelve words
  biased_by_name,        // women's first names are bad
  biased_by_place,       // so are countries
  biased_by_group,       // so are words for religions and sexual orientations
  small_vocabulary,      // knows the commonest half of the opinion words
  intensifiers_reverse,  // "very good" is less than "good"
  reducers_negate,       // "somewhat good" is not good
};
const std::vector<Fault>& all_faults();
std::string name_of(Fault fault);

class Oracle {
 public:
  explicit Oracle(std::set<Fault> faults = {});
  // Probabilities of negative, neutral, positive.
  std::array<float, 3> classify(const std::string& text) const;

 private:
  std::set<Fault> faults_;
};

}  // namespace lathe::studies::checklist
