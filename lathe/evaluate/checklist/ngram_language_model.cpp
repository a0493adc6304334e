#include <algorithm>
#include <cmath>

#include "lathe/core/parallel.h"
#include "lathe/data/ngram_model.h"
#include "lathe/data/tokenize.h"
#include "lathe/data/wordnet_graph.h"
#include "lathe/evaluate/checklist/masked_language_model.h"

namespace lathe::evaluate::checklist {
namespace {

using data::WordNumbers;

std::vector<data::Sentence> wordnet_sentences() {
  std::vector<data::Sentence> sentences;
  for (const data::Synset& synset : data::installed_wordnet().synsets()) {
    const data::GlossText gloss = data::split_gloss(synset.gloss);
    if (!gloss.definition.empty()) sentences.push_back(data::tokenize(gloss.definition));
    // An example is a sentence, and ends like one.
    for (const std::string& example : gloss.examples) {
      sentences.push_back(data::tokenize(example));
      if (!sentences.back().empty() && sentences.back().back() != ".") sentences.back().push_back(".");
    }
  }
  return sentences;
}

std::vector<int64_t> numbers_of_fills(const data::Vocabulary& vocabulary) {
  std::vector<int64_t> numbers;
  for (int64_t number = data::kNumSpecialWords; number < vocabulary.size(); ++number)
    if (is_fill(vocabulary.word(number))) numbers.push_back(number);
  return numbers;
}

std::vector<std::string> fills_of(const data::Vocabulary& vocabulary) {
  std::vector<std::string> words;
  for (const int64_t number : numbers_of_fills(vocabulary)) words.push_back(vocabulary.word(number));
  return words;
}

class NgramLanguageModel : public MaskedLanguageModel {
 public:
  NgramLanguageModel(const data::Vocabulary& vocabulary, const std::vector<data::Sentence>& text)
      : MaskedLanguageModel(fills_of(vocabulary)),
        vocabulary_(vocabulary),
        forward_(numbered(text), vocabulary_.size()),
        backward_(reversed(numbered(text)), vocabulary_.size()),
        alone_(forward_.probabilities({})),
        numbers_(numbers_of_fills(vocabulary_)) {}

  std::vector<std::vector<float>> first_gap(const std::vector<GappedTokens>& texts) const override {
    std::vector<std::vector<float>> rows(texts.size());
    core::parallel_for(static_cast<int64_t>(texts.size()), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) rows[static_cast<size_t>(i)] = gap(texts[static_cast<size_t>(i)]);
    });
    return rows;
  }

 private:
  std::vector<WordNumbers> numbered(const std::vector<data::Sentence>& text) const {
    std::vector<WordNumbers> sentences;
    for (const data::Sentence& sentence : text)
      sentences.push_back(numbers(sentence.begin(), sentence.end()));
    return sentences;
  }
  static std::vector<WordNumbers> reversed(std::vector<WordNumbers> sentences) {
    for (WordNumbers& sentence : sentences) std::reverse(sentence.begin(), sentence.end());
    return sentences;
  }
  template <typename Iterator>
  WordNumbers numbers(Iterator begin, Iterator end) const {
    WordNumbers result;
    for (; begin != end; ++begin) result.push_back(static_cast<int32_t>(vocabulary_.number(*begin)));
    return result;
  }

  // The words up to the next gap behind the first one are the context from the right.
  std::vector<float> gap(const GappedTokens& text) const {
    const auto first = std::find(text.begin(), text.end(), kGap);
    const auto begin = first == text.end() ? first : first + 1, next = std::find(begin, text.end(), kGap);
    WordNumbers left = forward_.begin_context(), right;
    const WordNumbers before = numbers(text.begin(), first);
    left.insert(left.end(), before.begin(), before.end());
    if (next == text.end()) right = backward_.begin_context();
    WordNumbers after = numbers(begin, next);
    std::reverse(after.begin(), after.end());
    right.insert(right.end(), after.begin(), after.end());
    const std::vector<float> ahead = forward_.probabilities(left), back = backward_.probabilities(right);
    std::vector<float> scores;
    double sum = 0;
    for (const int64_t number : numbers_) {
      const auto word = static_cast<size_t>(number);
      scores.push_back(ahead[word] * back[word] / alone_[word]);
      sum += scores.back();
    }
    for (float& score : scores) score = static_cast<float>(std::log(score / sum));
    return scores;
  }

  data::Vocabulary vocabulary_;
  data::NgramModel forward_, backward_;
  std::vector<float> alone_;      // P(w)
  std::vector<int64_t> numbers_;  // of words(), in the vocabulary
};

}  // namespace

std::shared_ptr<const MaskedLanguageModel> ngram_language_model() {
  static const auto model = [] {
    const std::vector<data::Sentence> text = wordnet_sentences();
    const data::Vocabulary vocabulary(text, data::NgramModel::kMostWords - data::kNumSpecialWords);
    return std::make_shared<const NgramLanguageModel>(vocabulary, text);
  }();
  return model;
}

}  // namespace lathe::evaluate::checklist
