#include "lathe/data/text_encoding.h"

#include <algorithm>

#include "lathe/core/error.h"
#include "lathe/core/parallel.h"

namespace lathe::data {
namespace {

constexpr int64_t kLongestText = 8192;              // tokens of a row
constexpr int64_t kLargestVocabulary = 10'000'000;  // tokens
constexpr int64_t kLongestAutomatic = 256;          // attention's cost grows with the square
constexpr double kWhole = 0.99;                     // share of the training texts that nothing is cut from
constexpr int64_t kGrain = 64;                      // texts of a thread's piece of work

std::vector<std::string> cased(const std::vector<std::string>& texts, bool lower) {
  if (!lower) return texts;
  std::vector<std::string> lowered;
  for (const std::string& text : texts) lowered.push_back(lower_case(text));
  return lowered;
}

Sentence words_of(std::string_view text, bool lower) {
  if (lower) return tokenize(text);
  const std::vector<std::string_view> views = token_views(text);
  return {views.begin(), views.end()};
}

std::variant<Vocabulary, BytePairs> learn(const TextEncodingOptions& options,
                                          const std::vector<std::vector<std::string>>& texts) {
  if (options.tokens == "byte-pair") {
    std::vector<std::string> all;
    for (const auto& field : texts)
      for (std::string& text : cased(field, options.lower)) all.push_back(std::move(text));
    return BytePairs(all, options.vocabulary);
  }
  std::vector<Sentence> sentences;
  for (const auto& field : texts)
    for (const std::string& text : field) sentences.push_back(words_of(text, options.lower));
  return Vocabulary(sentences, options.vocabulary);
}

int64_t automatic_length(const TextEncoding& encoding, const std::vector<std::vector<std::string>>& texts) {
  std::vector<int64_t> lengths;
  for (const auto& field : texts)
    for (const std::string& text : field)
      lengths.push_back(static_cast<int64_t>(encoding.numbers(text).size()));
  const auto rank = lengths.begin() + static_cast<int64_t>(kWhole * static_cast<double>(lengths.size() - 1));
  std::nth_element(lengths.begin(), rank, lengths.end());
  return std::clamp<int64_t>(*rank, 1, kLongestAutomatic);
}

std::variant<Vocabulary, BytePairs> vocabulary_from_json(const nlohmann::json& json) {
  if (json.at("tokens") == "byte-pair")
    return BytePairs(json.at("merges").get<std::vector<BytePairs::Merge>>());
  return Vocabulary::of_words(json.at("words").get<std::vector<std::string>>());
}

}  // namespace

TextEncodingOptions text_encoding_options(const core::Config& data) {
  TextEncodingOptions o;
  o.tokens = data.choice("tokens", o.tokens, {"word", "byte-pair"});
  o.vocabulary =
      data.integer("vocabulary", o.vocabulary,
                   {.min = o.tokens == "word" ? 1.0 : 256.0, .max = static_cast<double>(kLargestVocabulary)});
  o.length = data.integer("length", o.length, {.min = 0, .max = static_cast<double>(kLongestText)});
  o.lower = data.flag("lower", o.lower);
  return o;
}

TextEncoding::TextEncoding(const TextEncodingOptions& options,
                           const std::vector<std::vector<std::string>>& texts)
    : tokens_(options.tokens),
      lower_(options.lower),
      length_(options.length),
      vocabulary_(learn(options, texts)) {
  if (tokens_ != "word" && tokens_ != "byte-pair")
    throw InputError("tokens of texts are \"word\" or \"byte-pair\", got \"{}\"", tokens_);
  if (std::all_of(texts.begin(), texts.end(), [](const auto& field) {
        return std::all_of(field.begin(), field.end(),
                           [](const std::string& text) { return token_views(text).empty(); });
      }))
    throw InputError("all {} training texts are empty; nothing can be learnt from them",
                     texts.empty() ? 0 : texts[0].size());
  if (length_ == 0) length_ = automatic_length(*this, texts);
  check_length();
}

TextEncoding::TextEncoding(const nlohmann::json& json) try
    : tokens_(json.at("tokens").get<std::string>()),
      lower_(json.at("lower").get<bool>()),
      length_(json.at("length").get<int64_t>()),
      vocabulary_(vocabulary_from_json(json)) {
  if (tokens_ != "word" && tokens_ != "byte-pair")
    throw InputError("not an encoding of texts: tokens must be \"word\" or \"byte-pair\"");
  check_length();
} catch (const nlohmann::json::exception& error) {
  throw InputError("not an encoding of texts: {}", error.what());
}

void TextEncoding::check_length() const {
  if (length_ < 1 || length_ > kLongestText)
    throw InputError("a text's length must be 1 to {} tokens, got {}", kLongestText, length_);
}

nlohmann::json TextEncoding::to_json() const {
  nlohmann::json json = {{"tokens", tokens_}, {"lower", lower_}, {"length", length_}};
  if (const auto* pairs = std::get_if<BytePairs>(&vocabulary_)) {
    json["merges"] = pairs->merges();
  } else {
    json["words"] = nlohmann::json::array();
    for (int64_t i = kNumSpecialWords; i < num_tokens(); ++i) json["words"].push_back(token(i));
  }
  return json;
}

int64_t TextEncoding::num_tokens() const {
  return std::visit([](const auto& vocabulary) { return vocabulary.size(); }, vocabulary_);
}

const std::string& TextEncoding::token(int64_t number) const {
  if (const auto* pairs = std::get_if<BytePairs>(&vocabulary_)) return pairs->token(number);
  return std::get<Vocabulary>(vocabulary_).word(number);
}

std::vector<int64_t> TextEncoding::numbers(std::string_view text) const {
  if (const auto* pairs = std::get_if<BytePairs>(&vocabulary_))
    return lower_ ? pairs->encode(lower_case(text)) : pairs->encode(text);
  const Vocabulary& words = std::get<Vocabulary>(vocabulary_);
  std::vector<int64_t> numbers;
  for (const std::string& word : words_of(text, lower_)) numbers.push_back(words.number(word));
  return numbers;
}

torch::Tensor TextEncoding::encode(const std::vector<std::vector<std::string>>& texts) const {
  const auto fields = static_cast<int64_t>(texts.size()),
             count = fields == 0 ? 0 : static_cast<int64_t>(texts[0].size());
  torch::Tensor rows = torch::full({count, fields * length_}, kPadding, torch::kInt64);
  for (int64_t field = 0; field < fields; ++field) {
    const std::vector<std::string>& column = texts[static_cast<size_t>(field)];
    if (static_cast<int64_t>(column.size()) != count)
      throw Error("field {} has {} texts, the first has {}", field, column.size(), count);
    int64_t* to = rows.data_ptr<int64_t>() + field * length_;
    core::parallel_for(count, kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const std::vector<int64_t> all = numbers(column[static_cast<size_t>(i)]);
        const int64_t kept = std::min(length_, static_cast<int64_t>(all.size()));
        std::copy_n(all.begin(), kept, to + i * fields * length_);
      }
    });
  }
  return rows;
}

Dataset encode(Dataset dataset, const std::shared_ptr<const TextEncoding>& encoding) {
  dataset.texts.resize(dataset.schema.fields.size());
  dataset.inputs = encoding->encode(dataset.texts);
  dataset.schema.encoding = encoding;
  dataset.schema.shape = {static_cast<int64_t>(dataset.schema.fields.size()) * encoding->length()};
  return dataset;
}

Splits encode(Splits splits, const TextEncodingOptions& options) {
  const auto encoding = std::make_shared<const TextEncoding>(options, splits.train.texts);
  for (Dataset* part : {&splits.train, &splits.holdout, &splits.test})
    *part = encode(std::move(*part), encoding);
  return splits;
}

std::vector<int64_t> text_lengths(const torch::Tensor& rows, int64_t num_fields) {
  const torch::Tensor lengths =
      rows.view({rows.size(0), num_fields, -1}).ne(kPadding).sum(2).amax(1).contiguous();
  return {lengths.data_ptr<int64_t>(), lengths.data_ptr<int64_t>() + lengths.numel()};
}

torch::Tensor trim_padding(const torch::Tensor& rows, int64_t num_fields) {
  const torch::Tensor fields = rows.view({rows.size(0), num_fields, -1});
  const int64_t length = fields.size(2);
  const torch::Tensor used = fields.ne(kPadding).flatten(0, 1).any(0).nonzero();
  const int64_t longest = used.size(0) == 0 ? 1 : used[-1].item<int64_t>() + 1;
  return longest == length ? rows : fields.slice(2, 0, longest).reshape({rows.size(0), num_fields * longest});
}

}  // namespace lathe::data
