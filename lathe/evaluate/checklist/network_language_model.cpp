#include <torch/script.h>

#include <algorithm>
#include <initializer_list>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/text.h"
#include "lathe/evaluate/checklist/masked_language_model.h"

namespace lathe::evaluate::checklist {
namespace {

using Tokens = std::vector<std::string>;

std::optional<int64_t> find_token(const Tokens& vocabulary, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const auto found = std::find(vocabulary.begin(), vocabulary.end(), name);
    if (found != vocabulary.end()) return found - vocabulary.begin();
  }
  return std::nullopt;
}

int64_t require_token(const Tokens& vocabulary, const char* what, std::initializer_list<const char*> names) {
  if (const auto found = find_token(vocabulary, names)) return *found;
  throw InputError("the vocabulary of {} tokens has none for {}: {}", vocabulary.size(), what,
                   fmt::join(names.begin(), names.end(), " or "));
}

std::vector<int64_t> numbers_of_fills(const Tokens& vocabulary) {
  std::vector<int64_t> numbers;
  for (size_t i = 0; i < vocabulary.size(); ++i)
    if (is_fill(vocabulary[i])) numbers.push_back(static_cast<int64_t>(i));
  return numbers;
}

Tokens fills_of(const Tokens& vocabulary) {
  Tokens words;
  for (const int64_t number : numbers_of_fills(vocabulary))
    words.push_back(vocabulary[static_cast<size_t>(number)]);
  if (words.empty())
    throw InputError("the vocabulary of {} tokens has no word of small letters", vocabulary.size());
  return words;
}

class NetworkLanguageModel : public MaskedLanguageModel {
 public:
  NetworkLanguageModel(TokenLogits logits, const Tokens& vocabulary)
      : MaskedLanguageModel(fills_of(vocabulary)),
        logits_(std::move(logits)),
        size_(static_cast<int64_t>(vocabulary.size())),
        mask_(require_token(vocabulary, "gaps", {"[MASK]", "<mask>"})),
        unknown_(require_token(vocabulary, "unknown words", {"[UNK]", "<unk>", "<unknown>"})),
        padding_(find_token(vocabulary, {"[PAD]", "<pad>"}).value_or(mask_)),
        begin_(find_token(vocabulary, {"[CLS]", "<s>"})),
        end_(find_token(vocabulary, {"[SEP]", "</s>"})),
        words_numbers_(torch::tensor(numbers_of_fills(vocabulary))) {
    for (size_t i = 0; i < vocabulary.size(); ++i) numbers_.emplace(vocabulary[i], static_cast<int64_t>(i));
  }

  std::vector<std::vector<float>> first_gap(const std::vector<GappedTokens>& texts) const override {
    if (texts.empty()) return {};
    const torch::NoGradGuard no_grad;
    std::vector<std::vector<int64_t>> rows;
    std::vector<int64_t> gaps;
    size_t longest = 0;
    for (const GappedTokens& text : texts) {
      rows.push_back(numbers(text));
      gaps.push_back(std::find(rows.back().begin(), rows.back().end(), mask_) - rows.back().begin());
      longest = std::max(longest, rows.back().size());
    }
    const auto count = static_cast<int64_t>(texts.size()), length = static_cast<int64_t>(longest);
    torch::Tensor input = torch::full({count, length}, padding_, torch::kLong);
    for (int64_t i = 0; i < count; ++i) {
      const auto& row = rows[static_cast<size_t>(i)];
      std::copy(row.begin(), row.end(), input[i].data_ptr<int64_t>());
    }
    const torch::Tensor logits = logits_(input);
    if (logits.dim() != 3 || logits.size(0) != count || logits.size(1) != length || logits.size(2) != size_)
      throw InputError(
          "the language model must give logits [{}, {}, {}] for as many texts, tokens and words of the "
          "vocabulary, got [{}]",
          count, length, size_, fmt::join(logits.sizes(), ", "));
    const torch::Tensor at_gaps =
        logits.cpu().to(torch::kFloat).index({torch::arange(count), torch::tensor(gaps)});
    const torch::Tensor scores = at_gaps.log_softmax(1).index_select(1, words_numbers_).contiguous();
    std::vector<std::vector<float>> result;
    for (int64_t i = 0; i < count; ++i) {
      const float* begin = scores[i].data_ptr<float>();
      result.emplace_back(begin, begin + scores.size(1));
    }
    return result;
  }

 private:
  std::vector<int64_t> numbers(const GappedTokens& text) const {
    std::vector<int64_t> row;
    if (begin_) row.push_back(*begin_);
    for (const std::string& token : text) {
      const auto found = numbers_.find(token);
      row.push_back(token == kGap ? mask_ : found == numbers_.end() ? unknown_ : found->second);
    }
    if (std::find(row.begin(), row.end(), mask_) == row.end())
      throw Error("a text without a gap has no first gap");
    if (end_) row.push_back(*end_);
    return row;
  }

  TokenLogits logits_;
  int64_t size_, mask_, unknown_, padding_;
  std::optional<int64_t> begin_, end_;
  torch::Tensor words_numbers_;  // of words(), in the vocabulary
  std::unordered_map<std::string, int64_t> numbers_;
};

Tokens read_vocabulary(const std::filesystem::path& file) {
  const std::string text = core::read_file(file);
  Tokens tokens;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string token = text.substr(at, end - at);
    if (!token.empty() && token.back() == '\r') token.pop_back();
    tokens.push_back(std::move(token));
    at = end + 1;
  }
  return tokens;
}

}  // namespace

std::shared_ptr<const MaskedLanguageModel> network_language_model(TokenLogits logits,
                                                                  const Tokens& vocabulary) {
  return std::make_shared<const NetworkLanguageModel>(std::move(logits), vocabulary);
}

std::shared_ptr<const MaskedLanguageModel> torchscript_language_model(
    const std::filesystem::path& module, const std::filesystem::path& vocabulary) {
  if (!std::filesystem::exists(module)) throw InputError("there is no {}", module.string());
  std::shared_ptr<torch::jit::Module> loaded;
  try {
    loaded = std::make_shared<torch::jit::Module>(torch::jit::load(module.string()));
  } catch (const c10::Error& error) {
    throw InputError("{} is no TorchScript module: {}", module.string(),
                     data::excerpt(error.what_without_backtrace()));
  }
  loaded->eval();
  const auto logits = [loaded, name = module.string()](const at::Tensor& rows) {
    try {
      return loaded->forward({rows}).toTensor();
    } catch (const std::exception& error) {  // of the user's program: c10::Error, JITException
      throw InputError("{} fails on rows of word numbers: {}", name, data::excerpt(error.what()));
    }
  };
  return network_language_model(logits, read_vocabulary(vocabulary));
}

}  // namespace lathe::evaluate::checklist
