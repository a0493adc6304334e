#pragma once
#include <string>
#include <vector>

#include "lathe/core/seed.h"

// Pairs of questions, made up by a grammar and from WordNet's definitions, of which it is known whether they
// ask the same: for studies and tests of pair classifiers.
namespace lathe::data {

struct QuestionPair {
  std::string first, second;
  int64_t label = 0;  // of question_pair_classes()
};
const std::vector<std::string>& question_pair_classes();  // different, duplicate

struct QuestionPairOptions {
  double glosses = 0.3;  // share of the pairs that ask about a word of WordNet; 0 does not read it
};
// Half of the pairs are duplicates. A pair that is none differs in what is asked about (two goals, persons,
// words).
std::vector<QuestionPair> generate_question_pairs(int64_t count, core::Seed seed,
                                                  const QuestionPairOptions& options = {});

}  // namespace lathe::data
