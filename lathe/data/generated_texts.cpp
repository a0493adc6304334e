#include <charconv>

#include "lathe/core/error.h"
#include "lathe/data/question_pairs.h"
#include "lathe/data/reviews.h"
#include "lathe/data/source_request.h"
#include "lathe/data/sources.h"

namespace lathe::data {
namespace {

struct Amount {
  int64_t count = 20000;  // training examples
  int64_t seed = 0;
};

constexpr int64_t kLargestCount = 10'000'000;

// count=N&seed=N
Amount parse_amount(const std::string& source, const std::string& operand) {
  const SourceRequest request = parse_source_request(source, operand, {"count", "seed"});
  const auto number = [&](const char* key, int64_t fallback, int64_t least) {
    const auto found = request.settings.find(key);
    if (found == request.settings.end()) return fallback;
    int64_t value = 0;
    const std::string& text = found->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < least || value > kLargestCount)
      throw InputError("{}:{}: {} must be a whole number from {} to {}, got '{}'", source, operand, key,
                       least, kLargestCount, text);
    return value;
  };
  return {number("count", Amount{}.count, 10), number("seed", Amount{}.seed, 0)};
}

// A fifth as many again to test on, from another stream.
template <typename Make>
Source made(const Amount& amount, const Make& make) {
  const core::Seed seed(static_cast<uint64_t>(amount.seed));
  Source source;
  source.train = make(amount.count, seed.stream("train"));
  source.test = make(amount.count / 5, seed.stream("test"));
  return source;
}

}  // namespace

Source read_reviews(const std::string& operand, const SourceOptions&) {
  return made(parse_amount("reviews", operand), [](int64_t count, core::Seed seed) {
    Dataset dataset;
    dataset.schema.target = "sentiment";
    dataset.schema.fields = {"text"};
    dataset.schema.classes = review_classes();
    dataset.texts.resize(1);
    std::vector<int64_t> targets;
    for (Review& review : generate_reviews(count, seed)) {
      dataset.texts[0].push_back(std::move(review.text));
      targets.push_back(review.label);
    }
    dataset.targets = torch::tensor(targets, torch::kInt64);
    return dataset;
  });
}

Source read_questions(const std::string& operand, const SourceOptions&) {
  return made(parse_amount("questions", operand), [](int64_t count, core::Seed seed) {
    Dataset dataset;
    dataset.schema.target = "is_duplicate";
    dataset.schema.fields = {"question1", "question2"};
    dataset.schema.classes = question_pair_classes();
    dataset.texts.resize(2);
    std::vector<int64_t> targets;
    for (QuestionPair& pair : generate_question_pairs(count, seed)) {
      dataset.texts[0].push_back(std::move(pair.first));
      dataset.texts[1].push_back(std::move(pair.second));
      targets.push_back(pair.label);
    }
    dataset.targets = torch::tensor(targets, torch::kInt64);
    return dataset;
  });
}

}  // namespace lathe::data
