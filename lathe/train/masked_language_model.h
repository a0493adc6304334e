#pragma once
#include <filesystem>

#include "lathe/core/interrupt.h"
#include "lathe/data/text_encoding.h"
#include "lathe/nn/text_transformer.h"

namespace lathe::train {

struct MaskedLanguageModelOptions {
  int64_t vocabulary = 8000;
  int64_t length = 32;  // tokens of a sentence, the rest is cut off
  int64_t layers = 2;
  nn::TransformerOptions layer;
  double masked = 0.15;  // of the tokens; Devlin et al. 2019, §3.1
  double epochs = 3;
  int64_t batch_size = 128;
  double lr = 3e-3;  // AdamW, one-cycle
  uint64_t seed = 0;
};

// A transformer that tells which words fit into a gap (Devlin et al. 2019): rows of tokens, int64 [N, L] ->
// logits [N, L, tokens]. The embedding is the output layer too (Press & Wolf 2017), with a bias for each
// token.
class MaskedLanguageModel : public nn::Model {
 public:
  MaskedLanguageModel(std::shared_ptr<const data::TextEncoding> encoding, int64_t layers,
                      const nn::TransformerOptions& layer);
  torch::Tensor forward(torch::Tensor rows) override;
  void initialize(core::Seed seed) override;

  const data::TextEncoding& encoding() const { return *encoding_; }
  const nn::TextEncoderOptions& encoder_options() const { return encoder_->options(); }
  // The encoding's tokens by number, then "<mask>", which stands for a gap.
  std::vector<std::string> vocabulary() const;
  int64_t mask() const { return encoding_->num_tokens(); }

  // Of every token of the vocabulary at one position of each row: rows int64 [N, L], positions int64 [N] ->
  // float [N, tokens]. In evaluation mode, without gradients. Special tokens have minus infinity.
  torch::Tensor log_probabilities(const torch::Tensor& rows, const torch::Tensor& positions);

  // Mean −log p of the tokens that are hidden from the model, about `masked` of those that are no padding and
  // known: of these 80 % become mask(), 10 % a random token, 10 % stay (Devlin et al. 2019, §3.1). Draws from
  // libtorch's default generator, as dropout does.
  torch::Tensor loss(const torch::Tensor& rows, double masked);

 private:
  torch::Tensor logits_of(const torch::Tensor& states) const;
  std::shared_ptr<const data::TextEncoding> encoding_;
  std::shared_ptr<nn::TextEncoder> encoder_;
  torch::Tensor bias_;
};

// Trains one on sentences, a text each. Throws Interrupted when `stop` is requested.
std::shared_ptr<MaskedLanguageModel> train_masked_language_model(const std::vector<std::string>& sentences,
                                                                 const MaskedLanguageModelOptions& options,
                                                                 const core::StopToken& stop = {});

// One file with the weights and what they need.
void save_masked_language_model(const MaskedLanguageModel& model, const std::filesystem::path& file);
std::shared_ptr<MaskedLanguageModel> load_masked_language_model(
    const std::filesystem::path& file);  // throws InputError for damage and other files

}  // namespace lathe::train
