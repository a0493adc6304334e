#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lathe::data {

// A sentence of the Stanford Sentiment Treebank (Socher et al. 2013): its words, parted by spaces, and the
// label of the whole, 0 (very negative) to 4 (very positive).
struct SentimentTree {
  std::string sentence;
  int64_t label = 0;
};

// A tree a line, "(3 (2 A) (4 (4 great) (2 film)))"; -LRB- and the like become the brackets they stand for.
// Throws InputError with name:line for what is no such tree.
std::vector<SentimentTree> parse_sentiment_trees(std::string_view text, const std::string& name);

}  // namespace lathe::data
