// WordNet's data files.
#include "lathe/data/tokenize.h"
#include "lathe/data/wordnet.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

void read(std::string_view bytes) {
  for (const data::Gloss& gloss : data::parse_wordnet(bytes, "data.noun")) {
    require(!gloss.word.empty(), "every synset has a word");
    require(!data::supersense_name(data::supersense(gloss)).empty(), "every synset has a class of meaning");
    size_t length = gloss.definition.size();
    for (const std::string& example : gloss.examples) length += example.size();
    require(length <= bytes.size(), "the text comes from the file");
    for (const std::string& word : data::tokenize(gloss.definition))
      require(!word.empty(), "words have letters");
  }
}

std::vector<std::string> seeds() {
  return {
      "  1 licence\n02084071 05 n 02 dog 0 domestic_dog 0 001 @ 02083346 n 0000 | a wolf; \"dogs bark\"; "
      "\"b\"  \n",
      "00001740 29 v 01 breathe 0 000 01 + 02 00 | draw air: \"he breathed\n00001741 43 v 1 x | \"a\"\n"};
}

const bool registered = add_target({"wordnet", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
