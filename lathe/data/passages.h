#pragma once
#include <string>
#include <vector>

#include "lathe/core/seed.h"

// Short passages with a question whose answer stands in the passage, made up by a grammar and from WordNet's
// definitions: for studies and tests of machine comprehension.
namespace lathe::data {

struct Passage {
  std::string text, question, answer;
  int64_t answer_begin = 0;  // byte of the text where the answer that is meant begins
};

struct PassageOptions {
  double glosses = 0.2;  // share that asks which of three words has a definition; 0 does not read WordNet
};
// Two to four persons and what is said about each; asked is for the one of whom something is true.
std::vector<Passage> generate_passages(int64_t count, core::Seed seed, const PassageOptions& options = {});

}  // namespace lathe::data
