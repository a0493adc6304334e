#include "lathe/data/wordnet_graph.h"

#include <algorithm>
#include <unordered_set>

#include "lathe/core/error.h"
#include "lathe/data/text.h"
#include "lathe/data/wordnet_line.h"

namespace lathe::data {
namespace {

constexpr const char* kFiles[] = {"data.noun", "data.verb", "data.adj", "data.adv",
                                  "verb.exc",  "noun.exc",  "adj.exc",  "cntlist.rev"};
constexpr PartOfSpeech kParts[] = {PartOfSpeech::noun, PartOfSpeech::verb, PartOfSpeech::adjective,
                                   PartOfSpeech::adverb};
const std::vector<std::string> kNone;

size_t slot(PartOfSpeech part_of_speech) {
  return static_cast<size_t>(part_of_speech);
}

// WordNet spells lemmas in lower case, with "_" for a space.
std::string lemma_of(std::string_view word) {
  std::string lemma(word);
  for (char& c : lemma) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == ' ') c = '_';
  }
  return lemma;
}

PartOfSpeech part_of_letter(std::string_view letter, const LineOrigin& origin) {
  if (letter == "n") return PartOfSpeech::noun;
  if (letter == "v") return PartOfSpeech::verb;
  if (letter == "a" || letter == "s") return PartOfSpeech::adjective;
  if (letter == "r") return PartOfSpeech::adverb;
  throw InputError("{}: a part of speech is n, v, a, s or r, got '{}'", origin.text(), excerpt(letter));
}

constexpr int64_t kMostOffset = int64_t{1} << 40, kMostWords = 255, kMostPointers = 9999;  // fields' widths
constexpr int64_t kNoLimit = 1000, kHyponymDepth = 3;

int64_t key_of(PartOfSpeech part_of_speech, int64_t offset) {
  return static_cast<int64_t>(slot(part_of_speech)) * kMostOffset + offset;
}

// "galore(ip)": where an adjective may stand is written behind it.
std::string_view without_marker(std::string_view word) {
  return word.size() > 1 && word.back() == ')' ? word.substr(0, std::max<size_t>(word.rfind('('), 1)) : word;
}

// The synsets of one file; their pointers' targets as keys, in the order of the pointers.
struct SynsetFile {
  std::vector<Synset> synsets;
  std::vector<int64_t> keys, targets;
};

SynsetPointer parse_pointer(LineFields& fields, const Synset& synset, std::vector<int64_t>& targets) {
  SynsetPointer pointer;
  pointer.symbol = fields.next("pointer symbol");
  const int64_t offset = fields.number("offset of a pointer", 10);
  if (offset >= kMostOffset)
    throw InputError("{}: an offset of {} is too large", fields.origin().text(), offset);
  targets.push_back(
      key_of(part_of_letter(fields.next("part of speech of a pointer"), fields.origin()), offset));
  const int64_t words = fields.number("word numbers of a pointer", 16);
  pointer.source_word = static_cast<int16_t>(words >> 8 & 255);
  pointer.target_word = static_cast<int16_t>(words & 255);
  if (words > 0xffff || pointer.source_word > static_cast<int16_t>(synset.words.size()))
    throw InputError("{}: a pointer comes from word {:x}, but there are {} words", fields.origin().text(),
                     words >> 8, synset.words.size());
  return pointer;
}

SynsetFile parse_synsets(std::string_view text, const std::string& file, PartOfSpeech part_of_speech) {
  SynsetFile result;
  for (SynsetLines lines(text, file); lines.next();) {
    SynsetLine line = parse_synset_line(lines.line(), lines.origin());
    const int64_t offset = line.head.offset;
    const int64_t key = key_of(part_of_speech, std::min(offset, kMostOffset));
    if (offset >= kMostOffset || (!result.keys.empty() && key <= result.keys.back()))
      throw InputError("{}: the offset {} does not follow the one before", lines.origin().text(), offset);
    if (part_of_letter(line.head.type, lines.origin()) != part_of_speech)
      throw InputError("{}: there is a synset of type '{}'", lines.origin().text(), excerpt(line.head.type));
    Synset synset;
    synset.part_of_speech = part_of_speech;
    synset.satellite = line.head.type == "s";
    synset.lexicographer_file = static_cast<int32_t>(std::min<int64_t>(line.head.lexicographer_file, 255));
    synset.gloss = trim(line.gloss);
    if (line.num_words > kMostWords)
      throw InputError("{}: a synset has at most {} words, got {}", lines.origin().text(), kMostWords,
                       line.num_words);
    for (int64_t i = 0; i < line.num_words; ++i) {
      synset.words.push_back(without_marker(line.rest.next("word")));
      line.rest.number("number of a word's sense", 16);
    }
    const int64_t num_pointers = line.rest.number("count of pointers", 10);
    if (num_pointers > kMostPointers)
      throw InputError("{}: a synset has at most {} pointers, got {}", lines.origin().text(), kMostPointers,
                       num_pointers);
    for (int64_t i = 0; i < num_pointers; ++i)
      synset.pointers.push_back(parse_pointer(line.rest, synset, result.targets));
    result.synsets.push_back(std::move(synset));
    result.keys.push_back(key);
  }
  return result;
}

bool same_word(std::string_view a, std::string_view lemma) {
  return lemma_of(a) == lemma;
}

// The answers to a query: words in the order they come, each once, not the word that was asked for.
class Answers {
 public:
  explicit Answers(const WordQuery& query) : multiword_(query.multiword), seen_{lemma_of(query.word)} {}
  void add(std::string_view word) {
    if (!multiword_ && word.find('_') != word.npos) return;
    if (seen_.insert(lemma_of(word)).second) words_.emplace_back(word);
  }
  std::vector<std::string> take() { return std::move(words_); }

 private:
  bool multiword_;
  std::unordered_set<std::string> seen_;
  std::vector<std::string> words_;
};

std::vector<int32_t> senses_of(const WordNet& wordnet, const WordQuery& query) {
  std::vector<int32_t> senses;
  for (const int32_t sense : wordnet.senses(query.word))
    if (!query.part_of_speech || wordnet.synsets()[sense].part_of_speech == *query.part_of_speech)
      senses.push_back(sense);
  return senses;
}

// Synsets that the starts lead to by pointers of these symbols, nearest first, each once; the starts are not
// among them unless something leads back.
std::vector<int32_t> reach(const WordNet& wordnet, std::vector<int32_t> starts,
                           const std::vector<std::string_view>& symbols, int64_t depth) {
  std::vector<int32_t> found;
  std::unordered_set<int32_t> seen(starts.begin(), starts.end());
  for (; depth > 0 && !starts.empty(); --depth) {
    std::vector<int32_t> next;
    for (const int32_t start : starts)
      for (const SynsetPointer& pointer : wordnet.synsets()[start].pointers)
        if (std::find(symbols.begin(), symbols.end(), pointer.symbol) != symbols.end() &&
            seen.insert(pointer.target).second)
          next.push_back(pointer.target);
    found.insert(found.end(), next.begin(), next.end());
    starts = std::move(next);
  }
  return found;
}

std::vector<std::string> words_of(const WordNet& wordnet, const WordQuery& query,
                                  const std::vector<int32_t>& synsets) {
  Answers answers(query);
  for (const int32_t synset : synsets)
    for (const std::string_view word : wordnet.synsets()[synset].words) answers.add(word);
  return answers.take();
}

void add_antonyms(const WordNet& wordnet, int32_t sense, std::string_view lemma, Answers& answers) {
  const Synset& synset = wordnet.synsets()[sense];
  for (const SynsetPointer& pointer : synset.pointers) {
    if (pointer.symbol != "!" || pointer.source_word == 0 || pointer.target_word == 0) continue;
    if (lemma.empty() || same_word(synset.words[pointer.source_word - 1], lemma))
      answers.add(wordnet.synsets()[pointer.target].words[pointer.target_word - 1]);
  }
}

}  // namespace

WordNet::WordNet(std::vector<std::string> texts) : texts_(std::move(texts)) {
  texts_.resize(std::size(kFiles));
  std::vector<int64_t> keys, targets;
  for (size_t i = 0; i < std::size(kParts); ++i) {
    SynsetFile file = parse_synsets(texts_[i], kFiles[i], kParts[i]);
    std::move(file.synsets.begin(), file.synsets.end(), std::back_inserter(synsets_));
    keys.insert(keys.end(), file.keys.begin(), file.keys.end());
    targets.insert(targets.end(), file.targets.begin(), file.targets.end());
  }
  if (synsets_.empty()) throw InputError("{}: there is no synset; WordNet 3.0 has 117,659", kFiles[0]);
  resolve_pointers(keys, targets);
  index_words();
  add_irregular_forms(texts_[4], kFiles[4], PartOfSpeech::verb);
  add_irregular_forms(texts_[5], kFiles[5], PartOfSpeech::noun);
  add_irregular_forms(texts_[6], kFiles[6], PartOfSpeech::adjective);
  add_frequencies(texts_[7], kFiles[7]);
}

// The keys ascend, because the parts of speech do and the offsets within each.
void WordNet::resolve_pointers(const std::vector<int64_t>& keys, const std::vector<int64_t>& targets) {
  auto key = targets.begin();
  for (Synset& synset : synsets_) {
    for (SynsetPointer& pointer : synset.pointers) {
      const auto found = std::lower_bound(keys.begin(), keys.end(), *key);
      if (found == keys.end() || *found != *key)
        throw InputError("{}: '{}' points at {}, where no synset begins", kFiles[slot(synset.part_of_speech)],
                         excerpt(synset.words[0]), *key % kMostOffset);
      pointer.target = static_cast<int32_t>(found - keys.begin());
      if (pointer.target_word > static_cast<int64_t>(synsets_[pointer.target].words.size()))
        throw InputError("{}: '{}' points at word {} of a synset with {}",
                         kFiles[slot(synset.part_of_speech)], excerpt(synset.words[0]), pointer.target_word,
                         synsets_[pointer.target].words.size());
      ++key;
    }
  }
}

void WordNet::index_words() {
  senses_.reserve(synsets_.size() * 2);
  for (size_t i = 0; i < synsets_.size(); ++i)
    for (const std::string_view word : synsets_[i].words) {
      std::vector<int32_t>& senses = senses_[lemma_of(word)];
      if (senses.empty() || senses.back() != static_cast<int32_t>(i))
        senses.push_back(static_cast<int32_t>(i));
    }
}

// Lines of a form and its lemmas: "bound bind", "axes ax axis".
void WordNet::add_irregular_forms(std::string_view text, const std::string& file,
                                  PartOfSpeech part_of_speech) {
  for (SynsetLines lines(text, file); lines.next();) {
    LineFields fields(lines.line(), lines.origin());
    const std::string form(fields.next("form"));
    do {
      const std::string lemma(fields.next("lemma"));
      lemmas_[slot(part_of_speech)][form].push_back(lemma);
      forms_[slot(part_of_speech)][lemma].push_back(form);
    } while (!fields.empty());
  }
}

// Lines of a sense, its number and its count: "dog%1:05:00:: 1 42". 1 is a noun, 2 a verb, 3 and 5
// adjectives, 4 an adverb.
void WordNet::add_frequencies(std::string_view text, const std::string& file) {
  for (SynsetLines lines(text, file); lines.next();) {
    LineFields fields(lines.line(), lines.origin());
    const std::string_view sense = fields.next("sense");
    fields.number("number of the sense", 10);
    const int64_t count = fields.number("count of the sense", 10);
    const size_t percent = sense.rfind('%');
    const char type = percent == sense.npos || percent + 1 >= sense.size() ? '0' : sense[percent + 1];
    if (type < '1' || type > '5')
      throw InputError("{}: a sense is like dog%1:05:00::, got '{}'", lines.origin().text(), excerpt(sense));
    const PartOfSpeech part_of_speech = type == '5' ? PartOfSpeech::adjective : kParts[type - '1'];
    int64_t& sum = frequencies_[slot(part_of_speech)][std::string(sense.substr(0, percent))];
    sum += std::min<int64_t>(count, 1'000'000'000);
  }
}

const std::vector<int32_t>& WordNet::senses(std::string_view word) const {
  static const std::vector<int32_t> none;
  const auto found = senses_.find(lemma_of(word));
  return found == senses_.end() ? none : found->second;
}

bool WordNet::has(std::string_view word, PartOfSpeech part_of_speech) const {
  const std::vector<int32_t>& found = senses(word);
  return std::any_of(found.begin(), found.end(),
                     [&](int32_t sense) { return synsets_[sense].part_of_speech == part_of_speech; });
}

int64_t WordNet::frequency(std::string_view word, PartOfSpeech part_of_speech) const {
  const auto& counts = frequencies_[slot(part_of_speech)];
  const auto found = counts.find(lemma_of(word));
  return found == counts.end() ? 0 : found->second;
}

const std::vector<std::string>& WordNet::irregular_lemmas(std::string_view form,
                                                          PartOfSpeech part_of_speech) const {
  const Lists& lists = lemmas_[slot(part_of_speech)];
  const auto found = lists.find(lemma_of(form));
  return found == lists.end() ? kNone : found->second;
}

const std::vector<std::string>& WordNet::irregular_forms(std::string_view lemma,
                                                         PartOfSpeech part_of_speech) const {
  const Lists& lists = forms_[slot(part_of_speech)];
  const auto found = lists.find(lemma_of(lemma));
  return found == lists.end() ? kNone : found->second;
}

WordNet read_wordnet_graph(const std::filesystem::path& directory) {
  std::vector<std::string> texts;
  for (const char* file : kFiles) texts.push_back(read_wordnet_file(directory, file));
  return WordNet(std::move(texts));
}

const WordNet& installed_wordnet() {
  static const WordNet wordnet = read_wordnet_graph();
  return wordnet;
}

std::vector<std::string> synonyms(const WordNet& wordnet, const WordQuery& query) {
  return words_of(wordnet, query, senses_of(wordnet, query));
}

std::vector<int32_t> synsets_above(const WordNet& wordnet, const WordQuery& query) {
  return reach(wordnet, senses_of(wordnet, query), {"@", "@i"}, kNoLimit);
}

std::vector<std::string> hypernyms(const WordNet& wordnet, const WordQuery& query) {
  return words_of(wordnet, query, synsets_above(wordnet, query));
}

std::vector<std::string> hyponyms(const WordNet& wordnet, const WordQuery& query) {
  return words_of(wordnet, query, reach(wordnet, senses_of(wordnet, query), {"~", "~i"}, kHyponymDepth));
}

std::vector<std::string> antonyms(const WordNet& wordnet, const WordQuery& query) {
  Answers answers(query);
  const std::string lemma = lemma_of(query.word);
  const std::vector<int32_t> senses = senses_of(wordnet, query);
  for (const int32_t sense : senses) add_antonyms(wordnet, sense, lemma, answers);
  for (const int32_t sense : senses)
    if (wordnet.synsets()[sense].satellite)
      for (const SynsetPointer& pointer : wordnet.synsets()[sense].pointers)
        if (pointer.symbol == "&") add_antonyms(wordnet, pointer.target, "", answers);
  return answers.take();
}

std::vector<std::string> words_below(const WordNet& wordnet, int32_t synset, int64_t depth) {
  std::vector<int32_t> synsets = reach(wordnet, {synset}, {"~", "~i"}, depth);
  synsets.insert(synsets.begin(), synset);
  return words_of(wordnet, {}, synsets);
}

}  // namespace lathe::data
