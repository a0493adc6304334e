#include "lathe/evaluate/checklist/package_lexicons.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/json.h"
#include "lathe/data/byte_reader.h"
#include "lathe/data/message_catalog.h"
#include "lathe/data/wordnet_graph.h"
#include "lathe/evaluate/checklist/builtin_lists.h"

namespace lathe::evaluate::checklist {
namespace {

namespace fs = std::filesystem;

const fs::path kLocales = "/usr/share/locale", kCodes = "/usr/share/iso-codes/json";

fs::path file_of(const std::string& package, const fs::path& file) {
  if (!fs::exists(file)) throw InputError("there is no {}; apt install {}", file.string(), package);
  return file;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    if (end > at) lines.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

// Of each record in a file of iso-codes, what it is called in English, by one of its codes.
std::map<std::string, std::string> iso_names(const std::string& standard, const std::string& code) {
  const fs::path file = file_of("iso-codes", kCodes / ("iso_" + standard + ".json"));
  const auto json =
      core::parse_json(core::read_file(file), file.string(), "apt install --reinstall iso-codes");
  std::map<std::string, std::string> names;
  const auto records = json.find(standard);
  if (!json.is_object() || records == json.end() || !records->is_array())
    throw InputError("{} has no list '{}'; apt install --reinstall iso-codes", file.string(), standard);
  for (const auto& record : *records)
    if (record.is_object() && record.contains(code))
      names[record.value(code, "")] = record.value("common_name", record.value("name", ""));
  return names;
}

// Directories of kLocales by the name that a lexicon can have: "sr_latin" for sr@latin.
std::map<std::string, fs::path> locales() {
  std::map<std::string, fs::path> found;
  for (const auto& entry : fs::directory_iterator(file_of("iso-codes", kLocales))) {
    std::string name = entry.path().filename().string();
    std::replace(name.begin(), name.end(), '@', '_');
    found[name] = entry.path();
  }
  return found;
}

// The English names in the words of a locale; nothing where no catalogue of these standards has that locale.
std::optional<Lexicon> translated(const std::string& locale, const std::vector<std::string>& standards,
                                  const std::vector<std::string>& names) {
  const auto all = locales();
  const auto directory = all.find(locale);
  if (directory == all.end()) return std::nullopt;
  data::MessageCatalog catalog;
  bool found = false;
  for (const std::string& standard : standards) {
    const fs::path file = directory->second / "LC_MESSAGES" / ("iso_" + standard + ".mo");
    if (!fs::exists(file)) continue;
    found = true;
    catalog.merge(data::read_message_catalog(file));
  }
  if (!found) return std::nullopt;
  Lexicon lexicon;
  for (const std::string& name : names)
    if (const auto translation = catalog.find(name); translation != catalog.end())
      lexicon.push_back(translation->second);
  return lexicon;
}

// ISO 639-3 codes of languages with many speakers.
const std::vector<std::string>& language_codes() {
  static const std::vector<std::string> codes = split_words(R"(
    eng zho hin spa fra ara ben rus por urd ind deu jpn swa mar tel tur tam vie kor ita tha guj fas pol ukr mal kan ron
    nld hun ell ces swe heb dan fin nor slk bul)");
  return codes;
}

// In iso-codes' words; read once, the file of all languages is large.
const std::vector<std::string>& language_names() {
  static const std::vector<std::string> chosen = [] {
    const auto names = iso_names("639-3", "alpha_3");
    std::vector<std::string> found;
    for (const std::string& code : language_codes())
      if (const auto name = names.find(code); name != names.end()) found.push_back(name->second);
    return found;
  }();
  return chosen;
}

}  // namespace

Lexicon given_names() {
  const fs::path file = file_of("miscfiles", "/usr/share/dict/propernames.gz");
  const std::string packed = core::read_file(file);
  size_t size = 0;  // of the content: the last four bytes of a gzip file, little-endian
  for (size_t i = 1; i <= std::min<size_t>(4, packed.size()); ++i)
    size = size << 8 | static_cast<unsigned char>(packed[packed.size() - i]);
  Lexicon names;
  for (std::string& line : lines_of(data::ByteReader(file).read(size))) names.push_back(std::move(line));
  return names;
}

Lexicon time_zone_cities() {
  const std::string table = core::read_file(file_of("tzdata", "/usr/share/zoneinfo/zone1970.tab"));
  std::set<std::string> cities;
  for (const std::string& line : lines_of(table)) {
    if (line[0] == '#') continue;
    const size_t begin = line.find('\t', line.find('\t') + 1);  // codes, coordinates, zone[, comments]
    const std::string zone = line.substr(begin == line.npos ? line.size() : begin + 1);
    std::string city = zone.substr(0, zone.find('\t'));
    city = city.substr(city.rfind('/') + 1);
    std::replace(city.begin(), city.end(), '_', ' ');
    cities.insert(city);
  }
  return Lexicon(cities.begin(), cities.end());
}

Lexicon all_countries() {
  std::set<std::string> names;
  for (const auto& [code, name] : iso_names("3166-1", "alpha_2")) names.insert(name);
  return Lexicon(names.begin(), names.end());
}

std::optional<Lexicon> countries_in(const std::string& locale) {
  const auto names = iso_names("3166-1", "alpha_2");
  std::vector<std::string> chosen;
  for (const Country& country : countries())
    if (const auto found = names.find(country.code); found != names.end()) chosen.push_back(found->second);
  return translated(locale, {"3166-1"}, chosen);
}

Lexicon languages() {
  Lexicon lexicon;
  for (const std::string& name : language_names())
    lexicon.push_back(name.substr(0, name.find_first_of(",(")));
  return lexicon;
}

std::optional<Lexicon> languages_in(const std::string& locale) {
  return translated(locale, {"639-3", "639-2", "639-5"}, language_names());
}

Lexicon antonym_adjectives() {
  // Words for amounts and order, which stand where no adjective can.
  static const std::set<std::string> determiners = {"all",    "no",   "some",  "many", "few",   "much",
                                                    "little", "more", "less",  "most", "least", "fewer",
                                                    "other",  "same", "first", "last", "here",  "either"};
  const data::WordNet& wordnet = data::installed_wordnet();
  constexpr int64_t kLeastFrequency = 3;
  const auto frequency = [&](std::string_view word) {
    return wordnet.frequency(word, data::PartOfSpeech::adjective);
  };
  std::set<std::pair<int64_t, std::pair<std::string, std::string>>> pairs;
  for (const data::Synset& synset : wordnet.synsets())
    for (const data::SynsetPointer& pointer : synset.pointers) {
      if (synset.part_of_speech != data::PartOfSpeech::adjective || pointer.symbol != "!") continue;
      if (pointer.source_word == 0 || pointer.target_word == 0) continue;
      const std::string a(synset.words[pointer.source_word - 1]);
      const std::string b(wordnet.synsets()[pointer.target].words[pointer.target_word - 1]);
      const bool of_letters = (a + b).find_first_not_of("abcdefghijklmnopqrstuvwxyz") == std::string::npos;
      const bool one_negates = a.find(b) != a.npos || b.find(a) != b.npos;  // "able", "unable"
      const int64_t rarer = std::min(frequency(a), frequency(b));
      if (of_letters && !one_negates && determiners.count(a) + determiners.count(b) == 0 &&
          rarer >= kLeastFrequency)
        pairs.insert({-rarer, std::minmax(a, b)});
    }
  Lexicon lexicon;
  for (const auto& [order, pair] : pairs) lexicon.push_back({pair.first, pair.second});
  return lexicon;
}

std::optional<Lexicon> words_below(const std::string& noun) {
  const data::WordNet& wordnet = data::installed_wordnet();
  if (!wordnet.has(noun, data::PartOfSpeech::noun)) return std::nullopt;
  Lexicon lexicon;
  for (const std::string& word :
       data::hyponyms(wordnet, {.word = noun, .part_of_speech = data::PartOfSpeech::noun}))
    lexicon.push_back(word);
  return lexicon;
}

}  // namespace lathe::evaluate::checklist
