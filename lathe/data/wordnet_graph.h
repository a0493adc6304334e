#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lathe/data/wordnet.h"

// WordNet 3.0 as a graph: synsets of all four parts of speech, and the pointers between them and their words
// (wndb(5WN), wninput(5WN)).
namespace lathe::data {

// Words are numbered from 1 within a synset; 0 means the synset as a whole.
struct SynsetPointer {
  std::string_view symbol;  // "!" antonym, "@" hypernym, "~" hyponym, "&" similar, …
  int32_t target = 0;       // index of a synset
  int16_t source_word = 0, target_word = 0;
};

struct Synset {
  PartOfSpeech part_of_speech = PartOfSpeech::noun;
  bool satellite = false;  // an adjective that is similar ("&") to the head of its cluster
  int32_t lexicographer_file = 0;
  std::vector<std::string_view> words;  // as spelt, "_" for a space: "Canis_familiaris"
  std::vector<SynsetPointer> pointers;
  std::string_view gloss;
};

// Owns the files' text, which the views above point into; so it can be moved, not copied.
class WordNet {
 public:
  // The texts of data.noun, data.verb, data.adj, data.adv, verb.exc, noun.exc, adj.exc, cntlist.rev in this
  // order. Throws InputError with file:line for what is none, such as a pointer to no synset.
  explicit WordNet(std::vector<std::string> texts);
  WordNet(WordNet&&) = default;
  WordNet(const WordNet&) = delete;

  const std::vector<Synset>& synsets() const { return synsets_; }
  // Of a word in any case, "_" or " " within: indices of its synsets, in the order of the files.
  const std::vector<int32_t>& senses(std::string_view word) const;
  bool has(std::string_view word, PartOfSpeech part_of_speech) const;
  // How often the word was met in the concordance that came with WordNet (cntlist.rev), all its senses
  // together.
  int64_t frequency(std::string_view word, PartOfSpeech part_of_speech) const;
  // Irregular forms: "went" is of "go", "geese" of "goose" (verb.exc, noun.exc, adj.exc). Of a form, its
  // lemmas; of a lemma, its forms.
  const std::vector<std::string>& irregular_lemmas(std::string_view form, PartOfSpeech part_of_speech) const;
  const std::vector<std::string>& irregular_forms(std::string_view lemma, PartOfSpeech part_of_speech) const;

 private:
  using Lists = std::unordered_map<std::string, std::vector<std::string>>;
  void resolve_pointers(const std::vector<int64_t>& keys, const std::vector<int64_t>& targets);
  void index_words();
  void add_irregular_forms(std::string_view text, const std::string& file, PartOfSpeech part_of_speech);
  void add_frequencies(std::string_view text, const std::string& file);

  std::vector<std::string> texts_;
  std::vector<Synset> synsets_;
  std::unordered_map<std::string, std::vector<int32_t>> senses_;
  std::unordered_map<std::string, int64_t> frequencies_[4];
  Lists lemmas_[4], forms_[4];
};

// Throws InputError that names the package where a file is missing.
WordNet read_wordnet_graph(const std::filesystem::path& directory = "/usr/share/wordnet");

// Debian's, read once for the whole program. Safe from several threads.
const WordNet& installed_wordnet();

// What to look up, and which of the answers to keep.
struct WordQuery {
  std::string word;                              // a lemma
  std::optional<PartOfSpeech> part_of_speech{};  // of the word; all where there is none
  bool multiword = false;                        // keep answers of several words, "_" between them
};

// Each in the order found, without the word itself, without duplicates.
std::vector<std::string> synonyms(const WordNet& wordnet, const WordQuery& query);   // of all senses
std::vector<std::string> hypernyms(const WordNet& wordnet, const WordQuery& query);  // up to the root
std::vector<std::string> hyponyms(const WordNet& wordnet, const WordQuery& query);   // to depth 3
// By the pointers of the word itself; of an adjective's satellite senses also the antonyms of the head.
std::vector<std::string> antonyms(const WordNet& wordnet, const WordQuery& query);
// The synsets above a word's, nearest first, and the words of a synset and of those below it to that depth.
std::vector<int32_t> synsets_above(const WordNet& wordnet, const WordQuery& query);
std::vector<std::string> words_below(const WordNet& wordnet, int32_t synset, int64_t depth = 3);

}  // namespace lathe::data
