#include "lathe/evaluate/checklist/word_tags.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "lathe/data/morphology.h"
#include "lathe/data/tokenize.h"
#include "lathe/evaluate/checklist/builtin_lists.h"
#include "lathe/evaluate/checklist/text_edit.h"

namespace lathe::evaluate::checklist {
namespace {

using data::PartOfSpeech;

struct ClosedClass {
  WordTag tag;
  const char* words;
};

// A word may be in several.
constexpr ClosedClass kClosedClasses[] = {
    {WordTag::determiner,
     R"(the a an this that these those my your his her its our their some any every each all both
                             many most several few another which what whose such enough more either)"},
    {WordTag::pronoun,
     R"(i you he she it we they me him us them this that these those everyone everybody everything
                          someone somebody something anyone anybody anything there who what mine yours hers ours theirs
                          myself yourself himself herself itself ourselves themselves her)"},
    {WordTag::preposition,
     R"(of in on at by for with from under over near into onto through during before after
                              between among against about around across behind beside above below along toward towards
                              upon within without despite throughout beyond off like as than)"},
    {WordTag::coordinator, "and or but"},
    {WordTag::subordinator,
     R"(because if when while although though unless since until whether whereas that who which
                               where why how before after as what once)"},
    {WordTag::to, "to"},
    {WordTag::possessive, "'s 'd"},  // verbs too: who asks looks at what follows
    {WordTag::be, "be am is are was were been being 'm 're"},
    {WordTag::have, "have has had having 've"},
    {WordTag::do_, "do does did"},
    {WordTag::modal, "can could will would should may might must shall ought 'll"},
    {WordTag::negation,
     R"(not n't never no none nobody nothing nowhere neither nor hardly barely scarcely rarely seldom
                           cannot)"},
    {WordTag::number,
     "one two three four five six seven eight nine ten eleven twelve twenty hundred thousand million"},
    {WordTag::adverb,
     R"(very really quite too so also just always often usually sometimes still already soon now then
                         today yesterday tomorrow tonight here there ever again away together maybe perhaps only
                         even almost up down out once twice probably later)"}};

// Their open-class meanings are rare where a sentence can be meant at all ("a can", "the must").
const std::map<std::string, std::vector<WordTag>>& closed_tags() {
  static const std::map<std::string, std::vector<WordTag>> tags = [] {
    std::map<std::string, std::vector<WordTag>> all;
    for (const ClosedClass& closed : kClosedClasses)
      for (const std::string& word : split_words(closed.words)) all[word].push_back(closed.tag);
    return all;
  }();
  return tags;
}

bool is_alphabetic(std::string_view word) {
  const auto c = static_cast<unsigned char>(word[0]);
  return c > 127 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Of all times that a word is met, about so many are of one of its forms that is not the base.
constexpr double kShareOfForm = 0.3;
constexpr double kSmoothing = 0.5;  // added to counts

WordTag tag_of(data::VerbForm form) {
  switch (form) {
    case data::VerbForm::base:
      return WordTag::base;
    case data::VerbForm::third_person:
      return WordTag::third;
    case data::VerbForm::past:
      return WordTag::past;
    case data::VerbForm::participle:
      return WordTag::participle;
    default:
      return WordTag::gerund;
  }
}

using Probabilities = decltype(TaggedWord::probabilities);

void set(Probabilities& weights, WordTag tag) {
  weights[static_cast<size_t>(tag)] = 1;
}

bool is_empty(const Probabilities& weights) {
  return std::all_of(weights.begin(), weights.end(), [](double weight) { return weight == 0; });
}

Probabilities normalized(Probabilities weights) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (sum > 0)
    for (double& weight : weights) weight /= sum;
  return weights;
}

// Words that nothing but a name in our lists tells from others: "Grace", "Mark", "Turkey".
bool is_known_name(std::string_view word) {
  static const std::set<std::string, std::less<>> names = [] {
    std::set<std::string, std::less<>> all(male_names().begin(), male_names().end());
    all.insert(female_names().begin(), female_names().end());
    for (const Country& country : countries()) all.insert(country.name);
    for (const City& city : cities()) all.insert(city.name);
    return all;
  }();
  return names.count(word) != 0;
}

Probabilities open_class(const std::string& word) {
  static const std::set<std::string> plurals = {"people", "men",  "women", "children",
                                                "police", "feet", "teeth"};
  Probabilities weights{};
  if (plurals.count(word) != 0) {
    set(weights, WordTag::plural);
    return weights;
  }
  const data::WordNet& wordnet = data::installed_wordnet();
  const auto add = [&](WordTag tag, const std::string& lemma, PartOfSpeech part_of_speech, double share) {
    weights[static_cast<size_t>(tag)] +=
        share * (static_cast<double>(wordnet.frequency(lemma, part_of_speech)) + kSmoothing);
  };
  for (const std::string& lemma : data::lemmas(wordnet, word, PartOfSpeech::noun)) {
    const bool plural = lemma != word;
    add(plural ? WordTag::plural : WordTag::noun, lemma, PartOfSpeech::noun, plural ? kShareOfForm : 1);
  }
  for (const auto& [lemma, form] : data::verb_readings(wordnet, word))
    add(tag_of(form), lemma, PartOfSpeech::verb, form == data::VerbForm::base ? 1 : kShareOfForm);
  for (const std::string& lemma : data::lemmas(wordnet, word, PartOfSpeech::adjective))
    if (lemma == word || !wordnet.has(word, PartOfSpeech::adjective))
      add(WordTag::adjective, lemma, PartOfSpeech::adjective, lemma == word ? 1 : kShareOfForm);
  if (wordnet.has(word, PartOfSpeech::adverb)) add(WordTag::adverb, word, PartOfSpeech::adverb, 1);
  return weights;
}

// A capital letter makes a name of any word but the first.
Probabilities probabilities_of(std::string_view text, const std::string& lower, bool first) {
  Probabilities weights{};
  if (const auto closed = closed_tags().find(lower); closed != closed_tags().end()) {
    for (const WordTag tag : closed->second) set(weights, tag);
    if (lower == "like") set(weights, WordTag::base);
  } else if (text[0] >= '0' && text[0] <= '9') {
    set(weights, WordTag::number);
  } else if (!is_alphabetic(text)) {
    set(weights, WordTag::punctuation);
  } else if (is_capitalized(text) && (!first || is_known_name(text))) {
    set(weights, WordTag::name);
  } else {
    weights = open_class(lower);
    if (is_empty(weights))
      set(weights, is_capitalized(text)  ? WordTag::name
                   : lower.back() == 's' ? WordTag::plural
                                         : WordTag::noun);
  }
  return normalized(weights);
}

// Where a contraction's second word begins: "do|n't", "he|'s", "they|'ll"; the length where it is none.
size_t contraction_at(std::string_view token, const std::string& lower) {
  for (const std::string_view end : {"n't", "'s", "'m", "'re", "'ve", "'ll", "'d"})
    if (lower.size() > end.size() && lower.compare(lower.size() - end.size(), end.size(), end) == 0)
      return token.size() - end.size();
  return token.size();
}

}  // namespace

std::vector<TaggedWord> tag_words(std::string_view sentence) {
  std::vector<TaggedWord> words;
  const auto add = [&](std::string_view text) {
    const std::string lower = data::lower_case(text);
    words.push_back({text, lower, probabilities_of(text, lower, words.empty())});
  };
  for (const std::string_view token : data::token_views(sentence)) {
    const std::string lower = data::lower_case(token);
    const size_t cut = lower.size() == token.size() ? contraction_at(token, lower) : token.size();
    add(token.substr(0, cut));
    if (cut < token.size()) add(token.substr(cut));
  }
  return words;
}

}  // namespace lathe::evaluate::checklist
