// Treebanks in the CoNLL-U format.
#include "lathe/data/conllu.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

void read(std::string_view bytes) {
  for (const data::ConlluSentence& sentence : data::parse_conllu(bytes, "t.conllu")) {
    require(!sentence.empty(), "a sentence has words");
    for (const data::ConlluWord& word : sentence) {
      require(!word.form.empty(), "a word has letters");
      require(word.head >= -1 && word.head < static_cast<int64_t>(sentence.size()), "heads are words");
    }
  }
}

std::vector<std::string> seeds() {
  return {
      "# text = x\n1-2\tVamonos\t_\t_\t_\t_\t_\t_\t_\t_\n1\tVamos\tir\tVERB\t_\t_\t0\troot\t_\t_\n"
      "2\tnos\tnos\tPRON\t_\t_\t1\tobj\t_\t_\n2.1\tx\tx\tX\t_\t_\t_\t_\t_\t_\n\n"};
}

const bool registered = add_target({"conllu", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
