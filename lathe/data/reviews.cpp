#include "lathe/data/reviews.h"

#include "lathe/core/error.h"
#include "lathe/data/grammar.h"

namespace lathe::data {
namespace {

enum Label : int64_t { kNegative, kNeutral, kPositive };

const Grammar& grammar() {
  static const Grammar kGrammar({
      {"thing",
       {"flight", "seat", "food", "crew", "service", "staff", "airline", "plane", "cabin", "boarding",
        "pilot", "entertainment", "check-in", "meal", "trip"}},
      {"city",
       {"Boston", "Denver", "Chicago", "Seattle", "Dallas", "London", "Paris", "Madrid", "Tokyo", "Lima",
        "Oslo", "Cairo", "Berlin", "Toronto", "Austin"}},
      {"name",
       {"Anna", "Maria", "Laura", "Emma", "Julia", "Tom", "David", "Peter", "Mark", "Paul", "Alice",
        "James"}},
      {"relative", {"brother", "sister", "wife", "husband", "friend", "boss", "mother", "father"}},
      {"day", {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}},
      {"number", {"12", "25", "31", "48", "57", "160", "214", "367", "589", "1204"}},
      {"plain",
       {"regular", "domestic", "international", "scheduled", "commercial", "early", "direct", "private"}},
      {"very", {"very", "really", "so", "quite", "truly", "extremely"}},
      {"good",
       {"good", "great", "excellent", "amazing", "wonderful", "fantastic", "comfortable", "friendly",
        "pleasant", "perfect", "lovely", "superb", "nice", "awesome", "helpful", "delightful"}},
      {"bad",
       {"bad", "terrible", "awful", "horrible", "poor", "dreadful", "rude", "uncomfortable", "dirty", "lousy",
        "sad", "ugly", "unpleasant", "annoying", "frustrating", "nasty"}},
      {"liked", {"loved", "liked", "enjoyed", "appreciated", "admired"}},
      {"disliked", {"hated", "disliked", "regretted", "despised", "dreaded"}},
      {"like", {"love", "like", "enjoy", "appreciate", "admire", "recommend"}},
      {"dislike", {"hate", "dislike", "regret", "despise", "dread"}},
      {"positive",
       {"the {thing} was {good}", "the {thing} was {very} {good}", "the {thing} is {good}",
        "I {liked} the {thing}", "it was a {good} {thing}",
        "the {thing} was {good} and the {thing} was {good}", "I {like} this {thing}",
        "my {relative} and I {liked} the {thing}", "thank you for the {good} {thing}",
        "the {thing} from {city} to {city} was {good}", "I would call it a {good} {thing}"}},
      {"negative",
       {"the {thing} was {bad}", "the {thing} was {very} {bad}", "the {thing} is {bad}",
        "I {disliked} the {thing}", "it was a {bad} {thing}",
        "the {thing} was {bad} and the {thing} was {bad}", "I {dislike} this {thing}",
        "my {relative} and I {disliked} the {thing}", "I want my money back for the {bad} {thing}",
        "the {thing} from {city} to {city} was {bad}", "I would call it a {bad} {thing}"}},
      {"neutral",
       {"we flew from {city} to {city}", "I flew on {day}", "it was a {plain} flight", "I had seat {number}",
        "flight {number} left from gate {number}", "my {relative} {name} came with me",
        "I am going to {city} on {day}", "the {thing} had {number} people", "we landed in {city}",
        "it is a {plain} plane", "I saw the {thing}", "{name} asked me about the {thing}",
        "the flight to {city} is on {day}", "we will talk to the {thing}"}},
      {"not_positive",
       {"the {thing} was not {good}", "the {thing} wasn't {good}", "I did not {like} the {thing}",
        "I don't {like} this {thing}", "it was not a {good} {thing}"}},
      {"not_negative",
       {"the {thing} was not {bad}", "the {thing} wasn't {bad}", "I did not {dislike} the {thing}",
        "I don't {dislike} this {thing}", "it was not a {bad} {thing}"}},
  });
  return kGrammar;
}

std::string sentence(const std::string& clause, core::Random& random) {
  return capitalized(clause) + (random.uniform() < 0.15 ? "!" : ".");
}

struct Writer {
  const ReviewOptions& options;
  core::Random& random;

  std::string draw(const std::string& name) { return grammar().draw("{" + name + "}", random); }

  std::string opinion(Label label) {
    const bool negated = random.uniform() < options.negated;
    const std::string meant = label == kPositive ? "positive" : "negative";
    const std::string opposite = label == kPositive ? "negative" : "positive";
    return negated ? draw("not_" + opposite) : draw(meant);
  }

  // Two clauses of which the second one counts; nothing for most reviews.
  std::string turned(Label label) {
    const double u = random.uniform();
    const bool positive = label == kPositive;
    const std::string before = positive ? "dislike" : "like", after = positive ? "like" : "dislike";
    if (u < options.contrast) return draw(positive ? "negative" : "positive") + ", but " + opinion(label);
    if (u < options.contrast + options.past)
      return grammar().draw("I used to {" + before + "} this airline, but now I {" + after + "} it", random);
    if (u < options.contrast + options.past + options.others)
      return grammar().draw("my {relative} {" + before + "d} the {thing}, but I {" + after + "d} it", random);
    return "";
  }

  std::string review(Label label) {
    std::vector<std::string> clauses;
    const auto add = [&](int64_t most, const auto& clause) {
      for (int64_t i = random.below(most + 1); i > 0; --i) clauses.push_back(clause());
    };
    add(2, [&] { return draw("neutral"); });
    if (label == kNeutral) {
      clauses.push_back(draw("neutral"));
    } else {
      std::string turn = turned(label);
      clauses.push_back(turn.empty() ? opinion(label) : std::move(turn));
      add(2, [&] { return opinion(label); });
    }
    random.shuffle(clauses);
    std::string text = random.uniform() < options.handles ? "@airline" : "";
    for (const std::string& clause : clauses) text += (text.empty() ? "" : " ") + sentence(clause, random);
    return text;
  }
};

}  // namespace

const std::vector<std::string>& review_classes() {
  static const std::vector<std::string> kClasses = {"negative", "neutral", "positive"};
  return kClasses;
}

std::vector<Review> generate_reviews(int64_t count, core::Seed seed, const ReviewOptions& options) {
  if (count < 1) throw InputError("a number of reviews must be positive, got {}", count);
  std::vector<Review> reviews;
  reviews.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    core::Random random = seed.stream("review").stream(static_cast<uint64_t>(i)).random();
    const bool neutral = random.uniform() < options.neutral;
    const Label label = neutral ? kNeutral : random.uniform() < 0.5 ? kNegative : kPositive;
    reviews.push_back({Writer{options, random}.review(label), label});
  }
  return reviews;
}

}  // namespace lathe::data
