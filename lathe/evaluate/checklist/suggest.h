#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lathe/data/wordnet.h"
#include "lathe/evaluate/checklist/editor.h"
#include "lathe/evaluate/checklist/masked_language_model.h"
#include "lathe/evaluate/checklist/word_relation.h"

// Words for templates that a language model suggests (Ribeiro et al. 2020, §4.1). A score is a mean of log
// probabilities; higher is better.
namespace lathe::evaluate::checklist {

// Fills for gaps that suit all of the texts, the best first: a beam search from left to right over the gaps,
// all texts at once. The score of a fill is the mean over its words, then over the texts. Throws InputError
// where texts have no gap, or not the same number of them.
struct SuggestOptions {
  int64_t most_fills = 100;  // Ribeiro et al.'s tool
  int64_t beam = 100;        // the same
};
std::vector<MaskFill> suggest(const MaskedLanguageModel& model, const std::vector<GappedText>& texts,
                              const SuggestOptions& options = {});
// For Editor::fill_masks.
MaskFiller mask_filler(std::shared_ptr<const MaskedLanguageModel> model);

struct Suggestion {
  std::string word;
  double score = 0;
};
struct ReplaceOptions {
  double threshold = 5;  // of score(word) − score(suggestion); Ribeiro et al.'s tool
  int64_t most_suggestions = 100;
  std::optional<data::PartOfSpeech> part_of_speech{};  // of suggest_related(); none: all
};
// Words that could stand for `word` wherever it stands in the texts; the mean score over texts counts. Throws
// InputError where it stands in none.
std::vector<Suggestion> suggest_replace(const MaskedLanguageModel& model,
                                        const std::vector<std::string>& texts, const std::string& word,
                                        const ReplaceOptions& options = {});

// What WordNet relates to a word, in the word's own form (dogs: animals), that suits every one of the texts.
// All meanings of the word count, or those as one part of speech.
std::vector<Suggestion> suggest_related(const MaskedLanguageModel& model,
                                        const std::vector<std::string>& texts, const std::string& word,
                                        WordRelation relation, const ReplaceOptions& options = {});

}  // namespace lathe::evaluate::checklist
