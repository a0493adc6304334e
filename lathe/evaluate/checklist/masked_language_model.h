#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

// Language models that say which words suit a gap in a text. Words are in lower case.
namespace lathe::evaluate::checklist {

// A text as tokens; kGap stands where a word is missing.
using GappedTokens = std::vector<std::string>;
inline const std::string kGap;  // no token is empty

class MaskedLanguageModel {
 public:
  // What it can put into a gap: whole words of letters.
  explicit MaskedLanguageModel(std::vector<std::string> words);
  virtual ~MaskedLanguageModel() = default;
  const std::vector<std::string>& words() const { return words_; }
  std::optional<size_t> index_of(const std::string& word) const;  // in words()

  // log P of each of words() in the first gap of each text: [texts][words]. Further gaps may follow it.
  virtual std::vector<std::vector<float>> first_gap(const std::vector<GappedTokens>& texts) const = 0;

 private:
  std::vector<std::string> words_;
  std::unordered_map<std::string, size_t> indices_;
};

// Whether a token is a whole word of letters, a … z.
bool is_fill(const std::string& token);

// Two n-gram models of order 4 (data/ngram_model.h), the second from right to left, trained on WordNet's
// definitions and examples: P(w | left, right) ∝ P(w | left) P(w | right) / P(w), which holds where both
// sides are independent given the word. Trained once for the whole program, in a few seconds; throws
// InputError that names wordnet-base where it is missing.
std::shared_ptr<const MaskedLanguageModel> ngram_language_model();

// A network that gives [N, L] word numbers (int64) logits [N, L, V]. The vocabulary has a token for gaps
// ("[MASK]", "<mask>"), one for unknown words ("[UNK]", "<unk>", "<unknown>"), and may have one for padding
// ("[PAD]", "<pad>"; else that for gaps pads), and two that go around each text ("[CLS]" and "[SEP]", "<s>"
// and "</s>"). Throws InputError where the first two are missing, or for logits of another shape.
using TokenLogits = std::function<at::Tensor(const at::Tensor& rows)>;
std::shared_ptr<const MaskedLanguageModel> network_language_model(TokenLogits logits,
                                                                  const std::vector<std::string>& vocabulary);

// A TorchScript module of that kind, and its vocabulary, a token a line.
std::shared_ptr<const MaskedLanguageModel> torchscript_language_model(
    const std::filesystem::path& module, const std::filesystem::path& vocabulary);

}  // namespace lathe::evaluate::checklist
