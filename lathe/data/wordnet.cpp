#include "lathe/data/wordnet.h"

#include <algorithm>
#include <array>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/text.h"
#include "lathe/data/wordnet_line.h"

namespace lathe::data {
namespace {

constexpr int64_t kFirstNounFile = 3, kFirstVerbFile = 29;

const std::array<std::string, kNumSupersenses> kNames = {
    "noun.Tops",        "noun.act",         "noun.animal",        "noun.artifact",   "noun.attribute",
    "noun.body",        "noun.cognition",   "noun.communication", "noun.event",      "noun.feeling",
    "noun.food",        "noun.group",       "noun.location",      "noun.motive",     "noun.object",
    "noun.person",      "noun.phenomenon",  "noun.plant",         "noun.possession", "noun.process",
    "noun.quantity",    "noun.relation",    "noun.shape",         "noun.state",      "noun.substance",
    "noun.time",        "verb.body",        "verb.change",        "verb.cognition",  "verb.communication",
    "verb.competition", "verb.consumption", "verb.contact",       "verb.creation",   "verb.emotion",
    "verb.motion",      "verb.perception",  "verb.possession",    "verb.social",     "verb.stative",
    "verb.weather"};

std::string_view stripped(std::string_view text) {
  text = trim(text);
  while (!text.empty() && (text.back() == ';' || text.back() == ':'))
    text = trim(text.substr(0, text.size() - 1));
  return text;
}

// Examples stand in quotation marks after the definition: where a quotation begins after ';' or ':', or the
// whole gloss does. Others belong to the definition.
size_t first_example(std::string_view gloss) {
  for (size_t at = gloss.find('"'); at != gloss.npos; at = gloss.find('"', at + 1)) {
    const std::string_view before = trim(gloss.substr(0, at));
    if (before.empty() || before.back() == ';' || before.back() == ':') return at;
  }
  return gloss.size();
}

Gloss parse_line(std::string_view line, LineOrigin origin) {
  SynsetLine fields = parse_synset_line(line, origin);
  const auto& [offset, file, type] = fields.head;
  if (type != "n" && type != "v")
    throw InputError("{}: the synset type must be n or v, got '{}'", origin.text(), excerpt(type));
  const bool noun = type == "n";
  const int64_t least = noun ? kFirstNounFile : kFirstVerbFile,
                end = noun ? kFirstVerbFile : kFirstNounFile + kNumSupersenses;
  if (file < least || file >= end)
    throw InputError("{}: the lexicographer file of a {} must be {} to {}, got {}", origin.text(),
                     noun ? "noun" : "verb", least, end - 1, file);
  Gloss gloss;
  gloss.part_of_speech = noun ? PartOfSpeech::noun : PartOfSpeech::verb;
  gloss.lexicographer_file = file;
  gloss.word = fields.rest.next("word");
  std::replace(gloss.word.begin(), gloss.word.end(), '_', ' ');
  GlossText text = split_gloss(fields.gloss);
  gloss.definition = std::move(text.definition);
  gloss.examples = std::move(text.examples);
  return gloss;
}

}  // namespace

GlossText split_gloss(std::string_view gloss) {
  GlossText text;
  const size_t begin = first_example(gloss);
  text.definition = stripped(gloss.substr(0, begin));
  for (size_t at = begin; at < gloss.size();) {
    const size_t end = std::min(gloss.find('"', at + 1), gloss.size());
    const std::string_view example = trim(gloss.substr(at + 1, end - at - 1));
    if (!example.empty()) text.examples.emplace_back(example);
    at = std::min(gloss.find('"', end + 1), gloss.size());
  }
  return text;
}

int64_t supersense(const Gloss& gloss) {
  return gloss.lexicographer_file - kFirstNounFile;
}

const std::string& supersense_name(int64_t sense) {
  if (sense < 0 || sense >= kNumSupersenses)
    throw InputError("a supersense is 0 to {}, got {}", kNumSupersenses - 1, sense);
  return kNames[static_cast<size_t>(sense)];
}

std::vector<Gloss> parse_wordnet(std::string_view text, const std::string& file) {
  std::vector<Gloss> glosses;
  for (SynsetLines lines(text, file); lines.next();)
    glosses.push_back(parse_line(lines.line(), lines.origin()));
  if (glosses.empty()) throw InputError("{}: there is no synset; data.noun of WordNet 3.0 has 82,115", file);
  return glosses;
}

std::string read_wordnet_file(const std::filesystem::path& directory, const std::string& name) {
  const std::filesystem::path file = directory / name;
  if (!std::filesystem::exists(file))
    throw InputError("there is no {}; apt install wordnet-base, or name a directory that has it",
                     file.string());
  return core::read_file(file);
}

std::vector<Gloss> read_wordnet(const std::filesystem::path& directory) {
  std::vector<Gloss> glosses;
  for (const char* name : {"data.noun", "data.verb"})
    for (Gloss& gloss : parse_wordnet(read_wordnet_file(directory, name), (directory / name).string()))
      glosses.push_back(std::move(gloss));
  return glosses;
}

}  // namespace lathe::data
