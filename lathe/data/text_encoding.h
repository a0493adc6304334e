#pragma once
#include <torch/types.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lathe/core/config.h"
#include "lathe/data/byte_pair.h"
#include "lathe/data/dataset.h"
#include "lathe/data/tokenize.h"

namespace lathe::data {

struct TextEncodingOptions {
  std::string tokens = "word";  // or "byte-pair"
  int64_t vocabulary = 20000;   // tokens besides the special ones, at most: the most frequent
  int64_t length = 0;           // tokens of a text, the rest is cut off; 0: so that it cuts 1 % of the
                                // training texts, and not more than 256
  bool lower = true;            // upper and lower case are one
};
TextEncodingOptions text_encoding_options(const core::Config& data);  // of a [data] table

// Texts as rows of numbers of tokens. What it knows of texts it was told by those it was fitted to.
class TextEncoding {
 public:
  // Fits to texts[field][example]. Throws InputError where the options make no sense, or no text has a token.
  TextEncoding(const TextEncodingOptions& options, const std::vector<std::vector<std::string>>& texts);
  explicit TextEncoding(const nlohmann::json& json);  // throws InputError on what to_json() never wrote
  nlohmann::json to_json() const;

  int64_t length() const { return length_; }                  // tokens of one field
  int64_t num_tokens() const;                                 // of the vocabulary, special ones included
  const std::string& token(int64_t number) const;             // throws Error outside [0, num_tokens)
  std::vector<int64_t> numbers(std::string_view text) const;  // of all its tokens
  const std::string& kind() const { return tokens_; }         // "word" or "byte-pair"

  // texts[field][example] -> int64 [N, num_fields · length]: for each field its first `length` tokens, then
  // kPadding. So inputs.view({N · num_fields, length}) has a text a row, and a pair's two texts are its
  // halves.
  torch::Tensor encode(const std::vector<std::vector<std::string>>& texts) const;

 private:
  void check_length() const;
  std::string tokens_;
  bool lower_;
  int64_t length_;
  std::variant<Vocabulary, BytePairs> vocabulary_;
};

// A data set of texts with its inputs encoded.
Dataset encode(Dataset dataset, const std::shared_ptr<const TextEncoding>& encoding);
// All parts, by an encoding that is fitted to the training part alone.
Splits encode(Splits splits, const TextEncodingOptions& options);

// Tokens of each row's longest text: rows [N, F · length] -> N numbers.
std::vector<int64_t> text_lengths(const torch::Tensor& rows, int64_t num_fields);

// Rows of `num_fields` texts without the padding that all of them have: [N, F · length] -> [N, F · longest].
torch::Tensor trim_padding(const torch::Tensor& rows, int64_t num_fields);

}  // namespace lathe::data
