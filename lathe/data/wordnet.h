#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

// Short English texts with a meaning attached: WordNet's definitions of nouns and verbs (Fellbaum 1998), from
// Debian's wordnet-base.
namespace lathe::data {

enum class PartOfSpeech { noun, verb, adjective, adverb };

// What stands behind the bar of a data line: "a wolf; \"dogs bark\"".
struct GlossText {
  std::string definition;  // "" where there are only examples
  std::vector<std::string> examples;
};
GlossText split_gloss(std::string_view gloss);

// One synset.
struct Gloss {
  std::string word;                                  // the first of its words, "physical entity"
  PartOfSpeech part_of_speech = PartOfSpeech::noun;  // noun or verb
  int64_t lexicographer_file = 0;                    // 3 … 43, lexnames(5WN)
  std::string definition;                            // "" where there are only examples
  std::vector<std::string> examples;
};

// The lexicographer files of nouns and verbs, 26 and 15, are coarse classes of meaning ("supersenses":
// Ciaramita & Johnson 2003).
inline constexpr int64_t kNumSupersenses = 41;
int64_t supersense(const Gloss& gloss);             // 0 … 40
const std::string& supersense_name(int64_t sense);  // "noun.animal"; throws InputError outside of these

// The text of a data file of WordNet 3.0, data.noun or data.verb (format: wndb(5WN)). Throws InputError with
// `file` and the line for what is no such text.
std::vector<Gloss> parse_wordnet(std::string_view text, const std::string& file);

// The text of one of its files ("data.noun", "verb.exc"). Throws InputError that names the package where it
// is missing.
std::string read_wordnet_file(const std::filesystem::path& directory, const std::string& name);

// All nouns, then all verbs, of a directory with data.noun and data.verb. Throws InputError that names the
// package where they are missing.
std::vector<Gloss> read_wordnet(const std::filesystem::path& directory = "/usr/share/wordnet");

}  // namespace lathe::data
