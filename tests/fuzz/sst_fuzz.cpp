// Trees of the Stanford Sentiment Treebank.
#include "lathe/data/sst.h"
#include "lathe/data/text.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

void read(std::string_view bytes) {
  size_t length = 0;
  for (const data::SentimentTree& tree : data::parse_sentiment_trees(bytes, "train.txt")) {
    require(tree.label >= 0 && tree.label <= 4, "a label is 0 to 4");
    require(data::is_utf8(tree.sentence), "a sentence is text");
    length += tree.sentence.size();
  }
  require(length <= bytes.size(), "the words come from the file");
}

std::vector<std::string> seeds() {
  return {"(3 (2 A) (4 (4 great) (2 film)))\n\n(0 (1 -LRB-) (0 1\\/2))\r\n"};
}

const bool registered = add_target({"sst", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
