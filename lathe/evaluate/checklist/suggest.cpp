#include "lathe/evaluate/checklist/suggest.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "lathe/core/error.h"
#include "lathe/data/morphology.h"
#include "lathe/data/text.h"
#include "lathe/data/tokenize.h"

namespace lathe::evaluate::checklist {
namespace {

using data::PartOfSpeech;

GappedTokens tokens_of(const GappedText& text) {
  GappedTokens tokens;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i > 0) tokens.push_back(kGap);
    for (std::string& token : data::tokenize(text[i])) tokens.push_back(std::move(token));
  }
  return tokens;
}

GappedTokens filled(GappedTokens tokens, const std::vector<size_t>& fill,
                    const std::vector<std::string>& words) {
  auto gap = tokens.begin();
  for (const size_t word : fill) {
    gap = std::find(gap, tokens.end(), kGap);
    *gap = words[word];
  }
  return tokens;
}

// The mean over texts of the score of each word in the first gap.
std::vector<double> mean_scores(const MaskedLanguageModel& model, const std::vector<GappedTokens>& texts) {
  std::vector<double> scores(model.words().size(), 0.0);
  for (const std::vector<float>& row : model.first_gap(texts))
    for (size_t word = 0; word < row.size(); ++word)
      scores[word] += row[word] / static_cast<double>(texts.size());
  return scores;
}

// The first words of fills (indices in words()), and the sum of their scores.
struct Hypothesis {
  std::vector<size_t> words;
  double score = 0;
};

void keep_best(std::vector<Hypothesis>& hypotheses, size_t most) {
  const auto better = [](const Hypothesis& a, const Hypothesis& b) {
    return a.score != b.score ? a.score > b.score : a.words < b.words;
  };
  most = std::min(most, hypotheses.size());
  std::partial_sort(hypotheses.begin(), hypotheses.begin() + static_cast<int64_t>(most), hypotheses.end(),
                    better);
  hypotheses.resize(most);
}

std::vector<Hypothesis> extended(const MaskedLanguageModel& model, const std::vector<GappedTokens>& texts,
                                 const Hypothesis& hypothesis, size_t most) {
  std::vector<GappedTokens> known;
  for (const GappedTokens& text : texts) known.push_back(filled(text, hypothesis.words, model.words()));
  const std::vector<double> scores = mean_scores(model, known);
  std::vector<size_t> best(scores.size());
  std::iota(best.begin(), best.end(), size_t{0});
  most = std::min(most, best.size());
  std::partial_sort(
      best.begin(), best.begin() + static_cast<int64_t>(most), best.end(),
      [&](size_t a, size_t b) { return scores[a] != scores[b] ? scores[a] > scores[b] : a < b; });
  std::vector<Hypothesis> longer;
  for (size_t i = 0; i < most; ++i) {
    longer.push_back(hypothesis);
    longer.back().words.push_back(best[i]);
    longer.back().score += scores[best[i]];
  }
  return longer;
}

// The texts with a gap for each time that the word stands there; others are left out.
std::vector<GappedTokens> without_word(const std::vector<std::string>& texts, const std::string& word) {
  std::vector<GappedTokens> gapped;
  for (const std::string& text : texts) {
    GappedTokens tokens = data::tokenize(text);
    const auto found = std::find(tokens.begin(), tokens.end(), word);
    if (found == tokens.end()) continue;
    *found = kGap;
    gapped.push_back(std::move(tokens));
  }
  if (gapped.empty()) throw InputError("the word '{}' stands in none of the texts", data::excerpt(word));
  return gapped;
}

// What a word scores; one that the model does not know as much as the least likely of those it does.
double score_of(const MaskedLanguageModel& model, const std::vector<float>& row, const std::string& word) {
  const auto index = model.index_of(word);
  return index ? row[*index] : *std::min_element(row.begin(), row.end());
}

void sort_and_cut(std::vector<Suggestion>& suggestions, int64_t most) {
  std::stable_sort(suggestions.begin(), suggestions.end(),
                   [](const Suggestion& a, const Suggestion& b) { return a.score > b.score; });
  if (static_cast<int64_t>(suggestions.size()) > most) suggestions.resize(static_cast<size_t>(most));
}

// Those that suit every text; rows are the scores of all words in each.
std::vector<Suggestion> suitable(const MaskedLanguageModel& model,
                                 const std::vector<std::vector<float>>& rows, const std::string& word,
                                 const std::vector<std::string>& candidates, double threshold) {
  std::vector<Suggestion> suggestions;
  for (const std::string& candidate : candidates) {
    const auto index = model.index_of(candidate);
    if (!index || candidate == word) continue;
    const bool fits = std::all_of(rows.begin(), rows.end(), [&](const std::vector<float>& row) {
      return score_of(model, row, word) - row[*index] < threshold;
    });
    if (!fits) continue;
    double sum = 0;
    for (const std::vector<float>& row : rows) sum += row[*index];
    suggestions.push_back({candidate, sum / static_cast<double>(rows.size())});
  }
  return suggestions;
}

// A word as the form of a lemma: "dogs" is the plural of "dog".
struct Form {
  std::string lemma;
  PartOfSpeech part_of_speech = PartOfSpeech::noun;
  data::VerbForm verb_form = data::VerbForm::base;
  bool is_plural = false;
};

// What the word can be; verbs and nouns in the form of the text, the others as lemmas alone.
std::vector<Form> forms_of(const std::string& word, std::optional<PartOfSpeech> part_of_speech) {
  const data::WordNet& wordnet = data::installed_wordnet();
  std::vector<Form> forms;
  for (const std::string& lemma : data::lemmas(wordnet, word, PartOfSpeech::noun))
    forms.push_back({lemma, PartOfSpeech::noun, data::VerbForm::base, lemma != word});
  for (const data::VerbReading& reading : data::verb_readings(wordnet, word))
    forms.push_back({reading.lemma, PartOfSpeech::verb, reading.form, false});
  for (const PartOfSpeech part : {PartOfSpeech::adjective, PartOfSpeech::adverb})
    if (wordnet.has(word, part)) forms.push_back({word, part});
  if (part_of_speech)
    forms.erase(std::remove_if(forms.begin(), forms.end(),
                               [&](const Form& form) { return form.part_of_speech != *part_of_speech; }),
                forms.end());
  return forms;
}

std::string in_form(const std::string& lemma, const Form& form) {
  const data::WordNet& wordnet = data::installed_wordnet();
  if (form.is_plural) return data::plural(wordnet, lemma);
  return form.part_of_speech == PartOfSpeech::verb ? data::inflect(wordnet, lemma, form.verb_form) : lemma;
}

std::vector<std::string> lemmas_related(const data::WordQuery& query, WordRelation relation) {
  const data::WordNet& wordnet = data::installed_wordnet();
  switch (relation) {
    case WordRelation::synonym:
      return data::synonyms(wordnet, query);
    case WordRelation::antonym:
      return data::antonyms(wordnet, query);
    case WordRelation::hypernym:
      return data::hypernyms(wordnet, query);
    default:
      return data::hyponyms(wordnet, query);
  }
}

std::vector<std::string> words_related(const std::vector<Form>& forms, WordRelation relation) {
  std::vector<std::string> words;
  std::set<std::string> seen;
  for (const Form& form : forms)
    for (const std::string& lemma :
         lemmas_related({.word = form.lemma, .part_of_speech = form.part_of_speech}, relation)) {
      const std::string other = data::lower_case(in_form(lemma, form));
      if (seen.insert(other).second) words.push_back(other);
    }
  return words;
}

// The words below those hypernyms of which one is among those that suit the texts.
std::vector<std::string> words_below_accepted(const std::vector<Form>& forms,
                                              const std::vector<Suggestion>& hypernyms) {
  const data::WordNet& wordnet = data::installed_wordnet();
  std::set<std::string> accepted, seen;
  for (const Suggestion& hypernym : hypernyms) accepted.insert(hypernym.word);
  std::vector<std::string> words;
  for (const Form& form : forms) {
    const data::WordQuery query = {.word = form.lemma, .part_of_speech = form.part_of_speech};
    for (const int32_t synset : data::synsets_above(wordnet, query)) {
      const auto& names = wordnet.synsets()[static_cast<size_t>(synset)].words;
      const bool suits = std::any_of(names.begin(), names.end(), [&](std::string_view name) {
        return accepted.count(in_form(std::string(name), form)) != 0;
      });
      if (!suits) continue;
      for (const std::string& lemma : data::words_below(wordnet, synset)) {
        const std::string other = data::lower_case(in_form(lemma, form));
        if (seen.insert(other).second) words.push_back(other);
      }
    }
  }
  return words;
}

}  // namespace

std::vector<MaskFill> suggest(const MaskedLanguageModel& model, const std::vector<GappedText>& texts,
                              const SuggestOptions& options) {
  if (options.most_fills < 1 || options.beam < 1)
    throw InputError("at least one fill and one hypothesis must be kept, got {} and {}", options.most_fills,
                     options.beam);
  if (texts.empty()) throw InputError("there is no text with a gap");
  const size_t num_gaps = texts.front().size() - 1;
  std::vector<GappedTokens> tokens;
  for (const GappedText& text : texts) {
    if (text.size() < 2 || text.size() - 1 != num_gaps)
      throw InputError("each text must have {} gaps, got {}", std::max<size_t>(num_gaps, 1), text.size() - 1);
    tokens.push_back(tokens_of(text));
  }
  const auto most = static_cast<size_t>(std::max(options.beam, options.most_fills));
  std::vector<Hypothesis> hypotheses(1);
  for (size_t gap = 0; gap < num_gaps; ++gap) {
    std::vector<Hypothesis> longer;
    for (const Hypothesis& hypothesis : hypotheses)
      for (Hypothesis& next : extended(model, tokens, hypothesis, most)) longer.push_back(std::move(next));
    keep_best(longer, gap + 1 < num_gaps ? static_cast<size_t>(options.beam)
                                         : static_cast<size_t>(options.most_fills));
    hypotheses = std::move(longer);
  }
  std::vector<MaskFill> fills;
  for (const Hypothesis& hypothesis : hypotheses) {
    fills.emplace_back();
    fills.back().score = hypothesis.score / static_cast<double>(num_gaps);
    for (const size_t word : hypothesis.words) fills.back().words.push_back(model.words()[word]);
  }
  return fills;
}

MaskFiller mask_filler(std::shared_ptr<const MaskedLanguageModel> model) {
  return [model = std::move(model)](const std::vector<GappedText>& texts, int64_t most_fills) {
    return suggest(*model, texts, {.most_fills = most_fills});
  };
}

std::vector<Suggestion> suggest_replace(const MaskedLanguageModel& model,
                                        const std::vector<std::string>& texts, const std::string& word,
                                        const ReplaceOptions& options) {
  const std::string lower = data::lower_case(word);
  const std::vector<double> means = mean_scores(model, without_word(texts, lower));
  const std::vector<float> scores(means.begin(), means.end());
  std::vector<Suggestion> suggestions = suitable(model, {scores}, lower, model.words(), options.threshold);
  sort_and_cut(suggestions, options.most_suggestions);
  return suggestions;
}

std::vector<Suggestion> suggest_related(const MaskedLanguageModel& model,
                                        const std::vector<std::string>& texts, const std::string& word,
                                        WordRelation relation, const ReplaceOptions& options) {
  const std::string lower = data::lower_case(word);
  const std::vector<std::vector<float>> rows = model.first_gap(without_word(texts, lower));
  const std::vector<Form> forms = forms_of(lower, options.part_of_speech);
  const WordRelation first = relation == WordRelation::related ? WordRelation::hypernym : relation;
  std::vector<Suggestion> suggestions =
      suitable(model, rows, lower, words_related(forms, first), options.threshold);
  if (relation == WordRelation::related)
    suggestions = suitable(model, rows, lower, words_below_accepted(forms, suggestions), options.threshold);
  sort_and_cut(suggestions, options.most_suggestions);
  return suggestions;
}

}  // namespace lathe::evaluate::checklist
