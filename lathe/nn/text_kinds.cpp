#include "lathe/nn/text_kinds.h"

#include <fmt/format.h>

#include "lathe/data/text_encoding.h"
#include "lathe/nn/bag_of_words.h"
#include "lathe/nn/embedding_bag.h"
#include "lathe/nn/gru.h"
#include "lathe/nn/text_transformer.h"

namespace lathe::nn {
namespace {

using core::Config;
using core::Range;

constexpr Range kDropout = {.min = 0, .max = 1, .open_max = true};
constexpr Range kSize = {.min = 1, .max = 1e9};
constexpr Range kNgrams = {.min = 1, .max = 3};

int64_t num_fields(const data::Schema& schema) {
  return static_cast<int64_t>(schema.fields.size());
}

Body bag_of_words(const Config& config, const data::Schema& schema) {
  const BagOfWordsOptions defaults;
  const BagOfWordsOptions options{
      .num_tokens = schema.encoding->num_tokens(),
      .num_fields = num_fields(schema),
      .num_classes = schema.num_classes(),
      .ngrams = config.integer("ngrams", defaults.ngrams, kNgrams),
      .buckets = config.integer("buckets", defaults.buckets, kSize),
      .presence = config.choice("values", "presence", {"presence", "counts"}) == "presence",
  };
  if (!options.presence && options.num_fields > 1)
    config.fail("values", "must be \"presence\" for pairs of texts: what they share is told by it");
  return {num_weights(options), [options] { return std::make_shared<BagOfWords>(options); }};
}

Body embedding_bag(const Config& config, const data::Schema& schema) {
  const EmbeddingBagOptions defaults;
  const EmbeddingBagOptions options{
      .num_tokens = schema.encoding->num_tokens(),
      .num_fields = num_fields(schema),
      .num_classes = schema.num_classes(),
      .width = config.integer("width", defaults.width, kSize),
      .ngrams = config.integer("ngrams", defaults.ngrams, kNgrams),
      .buckets = config.integer("buckets", defaults.buckets, kSize),
      .dropout = config.number("dropout", defaults.dropout, kDropout),
  };
  return {num_weights(options), [options] { return std::make_shared<EmbeddingBag>(options); }};
}

Body gru(const Config& config, const data::Schema& schema) {
  const GruOptions defaults;
  const GruOptions options{
      .num_tokens = schema.encoding->num_tokens(),
      .num_fields = num_fields(schema),
      .num_classes = schema.num_classes(),
      .width = config.integer("width", defaults.width, kSize),
      .hidden = config.integer("hidden", defaults.hidden, kSize),
      .bidirectional = config.flag("bidirectional", defaults.bidirectional),
      .pooling = config.choice("pooling", "max", {"max", "last"}) == "max" ? Pooling::max : Pooling::last,
      .dropout = config.number("dropout", defaults.dropout, kDropout),
  };
  return {num_weights(options), [options] { return std::make_shared<Gru>(options); }};
}

Body transformer(const Config& config, const data::Schema& schema) {
  const TextEncoderOptions defaults;
  const TextEncoderOptions options{
      .num_tokens = schema.encoding->num_tokens(),
      .num_fields = num_fields(schema),
      .length = schema.encoding->length(),
      .layers = config.integer("layers", defaults.layers, {.min = 1, .max = 1000}),
      .layer = {.width = config.integer("width", defaults.layer.width, kSize),
                .num_heads = config.integer("heads", defaults.layer.num_heads, kSize),
                .feed_forward = config.integer("feed_forward", defaults.layer.feed_forward, kSize)},
      .positions = config.choice("positions", "sine", {"sine", "learned"}) == "sine" ? Positions::sine
                                                                                     : Positions::learned,
  };
  if (options.layer.width % options.layer.num_heads != 0)
    config.fail("heads",
                fmt::format("must divide width = {}, got {}", options.layer.width, options.layer.num_heads));
  const double dropout = config.number("dropout", 0, kDropout);
  const int64_t num_classes = schema.num_classes();
  return {num_weights(options), [options, num_classes, dropout] {
            return std::make_shared<TextTransformer>(options, num_classes, dropout);
          }};
}

}  // namespace

const std::map<std::string, TextBody>& text_bodies() {
  static const std::map<std::string, TextBody> kBodies = {{"bag-of-words", bag_of_words},
                                                          {"embedding-bag", embedding_bag},
                                                          {"gru", gru},
                                                          {"transformer", transformer}};
  return kBodies;
}

}  // namespace lathe::nn
