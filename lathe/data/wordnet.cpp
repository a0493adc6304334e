#include "lathe/data/wordnet.h"

#include <array>
#include <charconv>
#include <optional>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/text.h"

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

std::optional<int64_t> parse_integer(std::string_view text, int base) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The fields of a line, one space between two.
class Fields {
 public:
  Fields(std::string_view line, std::string where) : rest_(line), where_(std::move(where)) {}
  std::string_view next(const char* what) {
    const size_t end = std::min(rest_.find(' '), rest_.size());
    if (end == 0) throw InputError("{}: there is no {}", where_, what);
    const std::string_view field = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return field;
  }
  int64_t number(const char* what, int base) {
    const std::string_view field = next(what);
    const std::optional<int64_t> value = parse_integer(field, base);
    if (!value || *value < 0)
      throw InputError("{}: {} must be a base-{} number, got '{}'", where_, what, base, excerpt(field));
    return *value;
  }

 private:
  std::string_view rest_;
  std::string where_;
};

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

void add_text(std::string_view text, Gloss& gloss) {
  const size_t begin = first_example(text);
  gloss.definition = stripped(text.substr(0, begin));
  for (size_t at = begin; at < text.size();) {
    const size_t end = std::min(text.find('"', at + 1), text.size());
    const std::string_view example = trim(text.substr(at + 1, end - at - 1));
    if (!example.empty()) gloss.examples.emplace_back(example);
    at = std::min(text.find('"', end + 1), text.size());
  }
}

Gloss parse_line(std::string_view line, const std::string& where) {
  const size_t bar = line.find(" | ");
  if (bar == line.npos) throw InputError("{}: there is no gloss after ' | '", where);
  Fields fields(line.substr(0, bar), where);
  fields.number("synset offset", 10);
  Gloss gloss;
  gloss.lexicographer_file = fields.number("lexicographer file", 10);
  const std::string_view type = fields.next("synset type");
  if (type != "n" && type != "v")
    throw InputError("{}: the synset type must be n or v, got '{}'", where, excerpt(type));
  gloss.part_of_speech = type == "n" ? PartOfSpeech::noun : PartOfSpeech::verb;
  const bool noun = type == "n";
  const int64_t least = noun ? kFirstNounFile : kFirstVerbFile,
                end = noun ? kFirstVerbFile : kFirstNounFile + kNumSupersenses;
  if (gloss.lexicographer_file < least || gloss.lexicographer_file >= end)
    throw InputError("{}: the lexicographer file of a {} must be {} to {}, got {}", where,
                     noun ? "noun" : "verb", least, end - 1, gloss.lexicographer_file);
  if (fields.number("count of words", 16) < 1) throw InputError("{}: a synset has a word or more", where);
  gloss.word = fields.next("word");
  for (char& c : gloss.word)
    if (c == '_') c = ' ';
  add_text(line.substr(bar + 3), gloss);
  return gloss;
}

}  // namespace

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
  for (size_t line = 1, at = 0; at < text.size(); ++line) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view content = text.substr(at, end - at);
    if (content.substr(0, 2) != "  ")  // the licence is in lines that begin with two spaces
      glosses.push_back(parse_line(content, fmt::format("{}:{}", file, line)));
    at = end + 1;
  }
  if (glosses.empty()) throw InputError("{}: there is no synset; data.noun of WordNet 3.0 has 82,115", file);
  return glosses;
}

std::vector<Gloss> read_wordnet(const std::filesystem::path& directory) {
  std::vector<Gloss> glosses;
  for (const char* name : {"data.noun", "data.verb"}) {
    const std::filesystem::path file = directory / name;
    if (!std::filesystem::exists(file))
      throw InputError("there is no {}; apt install wordnet-base, or name a directory that has it",
                       file.string());
    for (Gloss& gloss : parse_wordnet(core::read_file(file), file.string()))
      glosses.push_back(std::move(gloss));
  }
  return glosses;
}

}  // namespace lathe::data
