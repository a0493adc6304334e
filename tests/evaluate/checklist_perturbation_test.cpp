#include "lathe/evaluate/checklist/perturbation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "lathe/core/error.h"
#include "lathe/data/text.h"
#include "lathe/data/tokenize.h"
#include "lathe/evaluate/checklist/builtin_lexicons.h"
#include "tests/support/message.h"

namespace lathe::evaluate::checklist {
namespace {

using testing_support::message_of;

std::vector<std::string> variants(const std::string& call, const std::string& text, uint64_t seed = 1) {
  core::Random random(seed);
  std::vector<std::string> texts;
  for (const Variant& variant : parse_perturbation(call)(text, random)) texts.push_back(variant.text);
  return texts;
}

// The only variant; "" where there is none, "(several)" where there are more.
std::string variant(const std::string& call, const std::string& text) {
  const auto texts = variants(call, text);
  return texts.empty() ? "" : texts.size() == 1 ? texts[0] : "(several)";
}

std::vector<std::string> sorted(std::vector<std::string> values) {
  std::sort(values.begin(), values.end());
  return values;
}

using Texts = std::vector<std::string>;

TEST(Perturbation, TyposSwapNeighbours) {
  const std::string text = "mississippi";
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const auto texts = variants("typos(1)", text, seed);
    ASSERT_EQ(texts.size(), 1u);
    EXPECT_NE(texts[0], text);  // "ss" is never swapped
    EXPECT_EQ(texts[0].size(), text.size());
    const auto mismatch = std::mismatch(text.begin(), text.end(), texts[0].begin());
    const auto at = mismatch.first - text.begin();
    std::string back = texts[0];
    std::swap(back[static_cast<size_t>(at)], back[static_cast<size_t>(at + 1)]);
    EXPECT_EQ(back, text);
  }
  EXPECT_TRUE(variants("typos", "aaaa").empty());
  EXPECT_TRUE(variants("typos(5)", "").empty());
  EXPECT_EQ(variants("typos(1, n=3)", "abc").size(), 2u);  // there are no more
}

TEST(Perturbation, TyposKeepCharactersWhole) {
  const std::string text = "नमस्ते 👍🏽 naïve 🇩🇪";
  const auto characters = [](const std::string& t) {
    const auto views = data::graphemes(t);
    return sorted({views.begin(), views.end()});
  };
  for (uint64_t seed = 0; seed < 50; ++seed)
    for (const std::string& typo : variants("typos(2)", text, seed)) {
      EXPECT_TRUE(data::is_utf8(typo));
      EXPECT_EQ(characters(typo), characters(text)) << typo;
    }
}

TEST(Perturbation, KeyboardTyposKeepCaseAndLength) {
  EXPECT_EQ(sorted(variants("keyboard_typo(n=9)", "A1")), (Texts{"Q1", "S1", "Z1"}));
  EXPECT_TRUE(variants("keyboard_typo", "42").empty());
}

TEST(Perturbation, StripsPunctuation) {
  EXPECT_EQ(variants("punctuation", "Great food!!"), (Texts{"Great food", "Great food."}));
  EXPECT_EQ(variants("punctuation", "Great food"), Texts{"Great food."});
  EXPECT_EQ(variants("punctuation", "Great food."), Texts{"Great food"});
  EXPECT_EQ(variants("punctuation", "बढ़िया।"), (Texts{"बढ़िया", "बढ़िया."}));
  EXPECT_TRUE(variants("punctuation", "?!").empty());
}

TEST(Perturbation, ChangesNames) {
  const auto male = *builtin_lexicon("male"), female = *builtin_lexicon("female"),
             last = *builtin_lexicon("last_name");
  const auto in = [](const Lexicon& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  const auto changed = variants("change_names(first_only)", "Mary paid for Mary's lunch.");
  EXPECT_EQ(changed.size(), 10u);
  for (const std::string& text : changed) {
    const std::string name = text.substr(0, text.find(' '));
    EXPECT_TRUE(in(female, name) && name != "Mary") << text;
    EXPECT_EQ(text, name + " paid for " + name + "'s lunch.");
  }
  for (const std::string& text : variants("change_names(last_only, n=5)", "I met John Smith.")) {
    EXPECT_EQ(text.substr(0, 11), "I met John ");
    EXPECT_TRUE(in(last, text.substr(11, text.size() - 12))) << text;
  }
  for (const std::string& text : variants("change_names", "John Smith knows Anna.")) {
    const size_t space = text.find(' ');
    const std::string first = text.substr(0, space);
    EXPECT_TRUE(in(male, first)) << text;
    EXPECT_EQ(first == "John", text.find("Anna") == text.npos) << text;  // one person at a time
  }
  EXPECT_TRUE(variants("change_names(last_only)", "John is here.").empty());
  EXPECT_TRUE(variants("change_names", "Mary Poppins can fly.").empty());  // an unknown last name
  EXPECT_TRUE(variants("change_names", "I live in Charlotte.").empty());
  EXPECT_TRUE(variants("change_names", "mark my words").empty());
}

TEST(Perturbation, ChangesPlaces) {
  const auto cities = *builtin_lexicon("city");
  for (const std::string& text : variants("change_locations", "From Paris to Parisian Paris.")) {
    const std::string city = text.substr(5, text.find(" to ") - 5);
    EXPECT_NE(std::find(cities.begin(), cities.end(), city), cities.end());
    EXPECT_EQ(text, "From " + city + " to Parisian " + city + ".");
  }
  EXPECT_EQ(variants("change_locations", "I love New York.").size(), 10u);
  for (const std::string& text : variants("change_locations(40)", "The Netherlands won."))
    EXPECT_EQ(text.find("The ") == 0, text == "The United States won." || text == "The United Kingdom won." ||
                                          text == "The Philippines won.")
        << text;
  EXPECT_TRUE(variants("change_locations", "I love New Mexico and Paris Hilton.").empty());
}

Texts numbers(int64_t from, int64_t to, int64_t without) {
  Texts texts;
  for (int64_t x = from; x <= to; ++x)
    if (x != without) texts.push_back(std::to_string(x));
  return sorted(texts);
}

TEST(Perturbation, ChangesNumbersByAFifth) {
  EXPECT_EQ(variants("change_numbers(100)", "1"), Texts{"2"});
  EXPECT_EQ(sorted(variants("change_numbers(100)", "10")), numbers(7, 13, 10));
  EXPECT_EQ(sorted(variants("change_numbers(1000)", "100")), numbers(79, 121, 100));
  EXPECT_TRUE(variants("change_numbers", "2 of 4").empty());
  for (const std::string& text : variants("change_numbers", "4000 of 14000 and 4000"))
    EXPECT_TRUE(text.find("of 14000") != text.npos || text.substr(0, 5) == "4000 ") << text;
  EXPECT_TRUE(variants("change_numbers", "3.5 or 10,000 at 9:30, 5th, 24/7, A4").empty());
  EXPECT_TRUE(variants("change_numbers", "99999999999999999999").empty());
}

TEST(Perturbation, ChangesPronouns) {
  EXPECT_EQ(variant("change_pronouns", "He said his dog bit her, and she took her book, not his."),
            "She said her dog bit him, and he took his book, not hers.");
  EXPECT_EQ(variant("change_pronouns", "It is theirs."), "");
}

TEST(Perturbation, SwapsArguments) {
  EXPECT_EQ(variant("swap_args", "Mary saw John."), "John saw Mary.");
  EXPECT_EQ(variant("swap_args", "The dog chased the old cat in the garden."),
            "The old cat chased the dog in the garden.");
  EXPECT_EQ(variant("swap_args", "Are dogs bigger than cats?"), "Are cats bigger than dogs?");
  EXPECT_EQ(variant("swap_args", "John is taller than Mary."), "Mary is taller than John.");
  EXPECT_EQ(variant("swap_args", "Does Anna like Peter?"), "Does Peter like Anna?");
  for (const char* text : {"He gave me a book.", "The dog chases the cats.", "It rains.", "A red car.",
                           "I like it and he hates it."})
    EXPECT_EQ(variant("swap_args", text), "") << text;
  EXPECT_EQ(variant("active_passive", "Mary saw John."), "John was seen by Mary.");
  EXPECT_EQ(variant("active_passive", "Did John hit Mary?"), "Was Mary hit by John?");
  EXPECT_EQ(variant("active_passive", "The company will buy the house."),
            "The house will be bought by the company.");
  EXPECT_EQ(variant("active_passive", "The window was broken by the boys."), "The boys broke the window.");
  for (const char* text :
       {"The house was built by the river.", "John became a doctor.", "He slept the whole day."})
    EXPECT_EQ(variant("active_passive", text), "") << text;
}

TEST(Perturbation, AddsAndStrips) {
  EXPECT_EQ(variant("add_sentence(\"It was, well, late\")", "Good food"), "Good food. It was, well, late.");
  EXPECT_EQ(variant("add_sentence('Hm (yes)!', before)", "Good food."), "Hm (yes)! Good food.");
  EXPECT_EQ(variant("append(' \\'x\\'')", "a"), "a 'x'");
  EXPECT_EQ(variant("prepend(text=\"So, \")", "a"), "So, a");
  EXPECT_EQ(variant("strip('.')", "a."), "a");
  EXPECT_EQ(variant("strip('.')", "a"), "");
  EXPECT_EQ(variant("lowercase", "ÀB"), "àb");
  EXPECT_EQ(variant("uppercase", "straße"), "STRASSE");
  const auto noisy = variants("add_random_url_handle", "hi");
  EXPECT_EQ(noisy.size(), 10u);
  for (const std::string& text : noisy) {
    EXPECT_TRUE(text.substr(0, 3) == "hi " || text.substr(text.size() - 3) == " hi") << text;
    EXPECT_TRUE(text.find("https://t.co/") != text.npos || text.find('@') != text.npos) << text;
  }
}

TEST(Perturbation, RunsACommand) {
  EXPECT_EQ(variants("command(\"sed 's/.*/[\\\"&!\\\", \\\"&?\\\", \\\"&\\\"]/'\")", "hi"),
            (Texts{"hi!", "hi?"}));
  EXPECT_NE(message_of<InputError>([] { variants("command(cat)", "no JSON"); }).find("print a list of texts"),
            std::string::npos);
  EXPECT_NE(message_of<InputError>([] { variants("command(cat)", "[1]"); }).find("a list with number"),
            std::string::npos);
  EXPECT_NE(message_of<Error>([] { variants("command(exit 3)", "x"); }).find("exit code 3"),
            std::string::npos);
}

TEST(Perturbation, SameSeedSameVariants) {
  for (const char* call :
       {"typos(3)", "change_names", "change_numbers", "add_random_url_handle", "change_locations"}) {
    const std::string text = "John flew 300 miles to Paris.";
    EXPECT_EQ(variants(call, text, 7), variants(call, text, 7)) << call;
    EXPECT_NE(variants(call, text, 7), variants(call, text, 8)) << call;
  }
}

TEST(Perturbation, ExplainsWrongCalls) {
  const auto error = [](const std::string& call) {
    return message_of<InputError>([&] { parse_perturbation(call); });
  };
  const std::pair<const char*, const char*> wrong[] = {
      {"typo(1)", "there is no perturbation 'typo'; did you mean typos?"},
      {"", "a perturbation is like typos(1)"},
      {"typos(0)", "k must be a number from 1 to 10000, got '0'"},
      {"typos(many)", "got 'many'"},
      {"typos(1, 2, 3)", "typos(k=1, n=1) has 2 arguments, got 3"},
      {"typos(1, k=2)", "k is there twice"},
      {"typos(q=1)", "has no argument 'q'"},
      {"typos(1", "at character 8: there is no ')'"},
      {"typos(1) x", "nothing may follow"},
      {"change_names(first)", "part must be one of both, first_only, last_only, got 'first'"},
      {"add_sentence(\"abc", "no closing \""},
      {"add_sentence", "there is no text"}};
  for (const auto& [call, part] : wrong) EXPECT_NE(error(call).find(part), std::string::npos) << error(call);
  EXPECT_GE(perturbation_help().size(), 25u);
}

// Every text leaves every perturbation as UTF-8 again, and none of the variants is the text itself.
TEST(Perturbation, AllKeepTextsWhole) {
  const std::map<std::string, std::string> arguments = {{"add_sentence", "(x)"},
                                                        {"append", "(x)"},
                                                        {"prepend", "(x)"},
                                                        {"strip", "(x)"},
                                                        {"command", "(true)"}};
  for (const std::string& name : perturbation_names()) {
    if (name == "command") continue;
    const auto found = arguments.find(name);
    const std::string call = name + (found == arguments.end() ? "" : found->second);
    for (const char* text : {"", " ", "😀", "नमस्ते John, he's 10.", "\xff\xfe", "’s n't 'd", "a\nb", "?!", "I"})
      for (const std::string& changed : variants(call, text)) {
        EXPECT_NE(changed, text) << call;
        if (data::is_utf8(text)) EXPECT_TRUE(data::is_utf8(changed)) << call << " " << text;
      }
  }
}

}  // namespace
}  // namespace lathe::evaluate::checklist
