// An encoding of texts, as models and bundles hold it: the JSON, then, after a line of its own, a text.
#include "lathe/core/json.h"
#include "lathe/data/text_encoding.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

void read(std::string_view bytes) {
  const auto files = split(bytes, 2);
  const data::TextEncoding encoding(core::parse_json(files[0], "encoding.json", "write it again"));
  require(data::TextEncoding(encoding.to_json()).to_json() == encoding.to_json(),
          "writing it changes nothing");
  const std::string text(files[1].substr(0, 4096));
  for (const int64_t number : encoding.numbers(text)) {
    require(number > data::kPadding && number < encoding.num_tokens(), "every token has a number");
    encoding.token(number);
  }
  const torch::Tensor row = encoding.encode({{text}});
  require(row.size(0) == 1 && row.size(1) == encoding.length(), "a row has the length that it says");
}

std::vector<std::string> seeds() {
  const std::vector<std::vector<std::string>> texts = {{"A naïve cat's 3 👍🏽 aa", "aa aaa"}};
  std::vector<std::string> seeds;
  for (const char* tokens : {"word", "byte-pair"})
    seeds.push_back(
        join({data::TextEncoding({.tokens = tokens, .vocabulary = 270, .length = 5}, texts).to_json().dump(),
              "a cat\xff aa 酒店\r\n"}));
  return seeds;
}

const bool registered = add_target({"text_encoding", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
