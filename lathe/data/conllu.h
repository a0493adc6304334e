#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace lathe::data {

// A word of a treebank in the CoNLL-U format (Universal Dependencies; Nivre et al. 2016).
struct ConlluWord {
  std::string form, part_of_speech;  // UPOS: "NOUN"
  int64_t head = -1;                 // position in the sentence, from 0; -1: the root
};
using ConlluSentence = std::vector<ConlluWord>;

// Words by their syntactic numbers: ranges of surface tokens (3-4) and empty nodes (5.1) are passed over. A
// head of "_" is the root's. Throws InputError with name:line.
std::vector<ConlluSentence> parse_conllu(std::string_view text, const std::string& name);
std::vector<ConlluSentence> read_conllu(const std::filesystem::path& file);

}  // namespace lathe::data
