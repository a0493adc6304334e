// WordNet's files as a graph: data.noun, data.adj, verb.exc and cntlist.rev in one input.
#include "lathe/data/morphology.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

void read(std::string_view bytes) {
  const auto files = split(bytes, 4);
  const data::WordNet wordnet({std::string(files[0]), "", std::string(files[1]), "", std::string(files[2]),
                               "", "", std::string(files[3])});
  const auto& synsets = wordnet.synsets();
  for (const data::Synset& synset : synsets) {
    require(!synset.words.empty(), "every synset has a word");
    for (const data::SynsetPointer& pointer : synset.pointers) {
      require(pointer.target >= 0 && static_cast<size_t>(pointer.target) < synsets.size(),
              "pointers lead to synsets");
      require(static_cast<size_t>(pointer.source_word) <= synset.words.size(), "pointers come from words");
    }
  }
  const std::string word(synsets[0].words[0]);
  require(!wordnet.senses(word).empty(), "every word is found");
  for (const bool multiword : {false, true}) {
    const data::WordQuery query = {.word = word, .multiword = multiword};
    for (const auto& words : {synonyms(wordnet, query), antonyms(wordnet, query), hypernyms(wordnet, query),
                              hyponyms(wordnet, query)})
      for (const std::string& other : words)
        require(!other.empty() && other != word, "answers are other words");
  }
  require(!inflect(wordnet, word, data::VerbForm::past).empty(), "every word has a past");
  verb_readings(wordnet, word);
  plural(wordnet, word);
}

std::vector<std::string> seeds() {
  return {join({"  1 licence\n00000100 03 n 01 animal 0 001 ~ 00000200 n 0000 | a\n"
                "00000200 05 n 02 dog 0 wolf_dog 0 001 @ 00000100 n 0000 | b; \"c\"\n",
                "00000100 00 a 01 hot 0 001 ! 00000200 a 0101 | x\n00000200 00 s 01 cold(p) 0 002 ! 00000100 "
                "a 0101 & "
                "00000100 a 0000 | y\n",
                "went go\naxes ax axis\n", "dog%1:05:00:: 1 42\n"}),
          join({"00000100 03 n 01 a 0 000 | a\n", "", "", ""})};
}

const bool registered = add_target({"wordnet_graph", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
