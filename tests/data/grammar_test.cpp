#include "lathe/data/grammar.h"

#include <gtest/gtest.h>

#include <set>

#include "lathe/core/error.h"
#include "lathe/data/passages.h"
#include "lathe/data/question_pairs.h"
#include "lathe/data/reviews.h"
#include "tests/support/message.h"

namespace lathe::data {
namespace {

using testing_support::message_of;

TEST(Grammar, ExpandsSlotsWithinSlots) {
  const Grammar grammar({{"noun", {"cat", "dog"}}, {"phrase", {"a {noun}", "the {noun}"}}});
  core::Random random(1);
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) seen.insert(grammar.draw("see {phrase}!", random));
  EXPECT_EQ(seen, (std::set<std::string>{"see a cat!", "see a dog!", "see the cat!", "see the dog!"}));
}

TEST(Grammar, KeepsNumberedSlotsAndTellsThemApart) {
  const Grammar grammar({{"name", {"Ann", "Bob", "Cem"}}});
  core::Random random(2);
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    const auto texts = grammar.draw_all({"{name 1} {name 2}", "{name 2} {name 1}"}, random);
    EXPECT_EQ(texts[0].substr(0, 3), texts[1].substr(4));
    EXPECT_EQ(texts[0].substr(4), texts[1].substr(0, 3));
    EXPECT_NE(texts[0].substr(0, 3), texts[0].substr(4));
    seen.insert(texts[0]);
  }
  EXPECT_EQ(seen.size(), 6u);
}

TEST(Grammar, RefusesWhatNeverEndsOrIsMissing) {
  using Productions = std::map<std::string, std::vector<std::string>>;
  EXPECT_EQ(message_of<Error>([] {
              Grammar(Productions{{"a", {"x {b}"}}, {"b", {"{a}"}}});
            }),
            "the productions of {a} may never end");
  EXPECT_EQ(message_of<Error>([] {
              Grammar(Productions{{"a", {"{b}"}}});
            }),
            "there are no productions of {b}");
  EXPECT_EQ(message_of<Error>([] {
              Grammar(Productions{{"a", {"x {"}}});
            }),
            "'x {' has a brace that is not closed");
  const Grammar grammar({{"name", {"Ann"}}});
  core::Random random(3);
  EXPECT_EQ(message_of<Error>([&] { grammar.draw("{name 1}{name 2}", random); }),
            "'{name 1}{name 2}' wants more than the 1 different productions of {name}");
}

bool has_braces(const std::string& text) {
  return text.find_first_of("{}") != std::string::npos;
}

TEST(Reviews, AreTheSameForASeedAndOfAllClasses) {
  const auto one = generate_reviews(3000, core::Seed(7)), again = generate_reviews(3000, core::Seed(7));
  std::vector<int64_t> counts(3);
  for (size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].text, again[i].text);
    EXPECT_EQ(one[i].label, again[i].label);
    EXPECT_FALSE(has_braces(one[i].text)) << one[i].text;
    ++counts.at(static_cast<size_t>(one[i].label));
  }
  EXPECT_NEAR(counts[1], 750, 100);
  EXPECT_NEAR(counts[0], counts[2], 150);
  EXPECT_EQ(generate_reviews(10, core::Seed(7))[9].text, one[9].text);  // a prefix of a longer list
  EXPECT_NE(generate_reviews(10, core::Seed(8))[9].text, one[9].text);
}

// Without the rare forms a list of words decides.
TEST(Reviews, MeanWhatTheirWordsSay) {
  const ReviewOptions plain = {.neutral = 0.3, .negated = 0, .contrast = 0, .past = 0, .others = 0};
  const std::vector<std::string> good = {
      "love",      "like",    "enjoy",     "appreciat", "admire",       "good",       "great",
      "excellent", "amazing", "wonderful", "fantastic", " comfortable", "friendly",   " pleasant",
      "perfect",   "superb",  "nice",      "awesome",   "helpful",      "delightful", "recommend"};
  const std::vector<std::string> bad = {"hate", "dislike",       "regret",   "despise",     "dread",
                                        "bad",  "terrible",      "awful",    "horrible",    "poor",
                                        "rude", "uncomfortable", "dirty",    "lousy",       "sad",
                                        "ugly", "unpleasant",    "annoying", "frustrating", "nasty"};
  const auto any = [](const std::string& text, const std::vector<std::string>& words) {
    for (const std::string& word : words)
      if (text.find(word) != std::string::npos) return true;
    return false;
  };
  for (const Review& review : generate_reviews(2000, core::Seed(1), plain)) {
    EXPECT_EQ(any(review.text, bad), review.label == 0) << review.text;
    if (review.label == 1) EXPECT_FALSE(any(review.text, good)) << review.text;
    if (review.label == 2) EXPECT_TRUE(any(review.text, good)) << review.text;
  }
}

TEST(QuestionPairs, AreHalfDuplicatesAndNeverEqual) {
  const auto pairs = generate_question_pairs(2000, core::Seed(3));
  int64_t duplicates = 0;
  for (const QuestionPair& pair : pairs) {
    EXPECT_FALSE(has_braces(pair.first + pair.second)) << pair.first << pair.second;
    EXPECT_NE(pair.first, pair.second);
    duplicates += pair.label;
  }
  EXPECT_NEAR(duplicates, 1000, 120);
  for (const QuestionPair& pair : generate_question_pairs(300, core::Seed(3), {.glosses = 0}))
    EXPECT_EQ(pair.first.find("What do you call"), std::string::npos);
}

TEST(Passages, HoldTheirAnswerOnce) {
  for (const Passage& passage : generate_passages(2000, core::Seed(5))) {
    const std::string& text = passage.text;
    EXPECT_FALSE(has_braces(text + passage.question)) << text;
    ASSERT_GE(passage.answer_begin, 0) << text;
    EXPECT_EQ(text.substr(static_cast<size_t>(passage.answer_begin), passage.answer.size()), passage.answer);
    EXPECT_EQ(passage.question.find(passage.answer + "?"), std::string::npos) << passage.question;
  }
}

TEST(GeneratedTexts, RefuseNoneAtAll) {
  EXPECT_EQ(message_of<InputError>([] { generate_reviews(0, core::Seed(0)); }),
            "a number of reviews must be positive, got 0");
  EXPECT_EQ(message_of<InputError>([] { generate_question_pairs(-1, core::Seed(0)); }),
            "a number of question pairs must be positive, got -1");
  EXPECT_EQ(message_of<InputError>([] { generate_passages(0, core::Seed(0)); }),
            "a number of passages must be positive, got 0");
}

}  // namespace
}  // namespace lathe::data
