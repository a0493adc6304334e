// Templates and what they expand to.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/evaluate/checklist/article.h"
#include "lathe/evaluate/checklist/editor.h"
#include "lathe/evaluate/checklist/lexicon_file.h"
#include "tests/support/message.h"

namespace lathe::evaluate::checklist {
namespace {

using Json = nlohmann::json;
using testing_support::message_of;

std::vector<std::string> texts(const Expansion& expansion) {
  std::vector<std::string> list;
  for (size_t i = 0; i < expansion.texts.size(); ++i) list.emplace_back(expansion.texts[i]);
  return list;
}

Editor people() {
  return {{{"first", {"Ada", "Bo", "Cy"}},
           {"last", {"Smith", "Jones"}},
           {"job", {"engineer", "doctor"}},
           {"city", {"Rome", "Oslo", "Lima", "Bonn"}},
           {"male", {"Al", "Bob", "Cal", "Dan", "Ed"}}},
          {}};
}

TEST(ChecklistTemplate, IsTheProductWithTheLastTagFastest) {
  const Expansion cases = expand(people(), "{first} {last} is {a:job} in {city}.");
  ASSERT_EQ(cases.num_cases(), 48u);
  std::vector<std::string> expected;
  for (const char* first : {"Ada", "Bo", "Cy"})
    for (const char* last : {"Smith", "Jones"})
      for (const char* job : {"an engineer", "a doctor"})
        for (const char* city : {"Rome", "Oslo", "Lima", "Bonn"})
          expected.push_back(std::string(first) + " " + last + " is " + job + " in " + city + ".");
  EXPECT_EQ(texts(cases), expected);
  ASSERT_TRUE(cases.meta);
  EXPECT_EQ(cases.meta->of_case(47),
            (std::map<std::string, std::string>{
                {"first", "Cy"}, {"last", "Jones"}, {"job", "doctor"}, {"city", "Bonn"}}));
}

TEST(ChecklistTemplate, CopiesOfATagAreIndependentAndDuplicatesCanGo) {
  EXPECT_EQ(expand(people(), "{male1} met {male2}").num_cases(), 25u);
  const Expansion cases = expand(people(), "{male1} met {male2}", {.remove_duplicates = true});
  EXPECT_EQ(cases.num_cases(), 20u);
  for (const std::string& text : texts(cases))
    EXPECT_NE(text.substr(0, text.find(' ')), text.substr(text.rfind(' ') + 1));
  // The same tag twice has the same value.
  EXPECT_EQ(texts(expand(people(), "{last} and {last}")),
            (std::vector<std::string>{"Smith and Smith", "Jones and Jones"}));
}

TEST(ChecklistTemplate, ArticlesFollowTheSound) {
  const Editor editor{{{"x", {"hour", "university", "apple", "FBI"}}}, {}};
  EXPECT_EQ(texts(expand(editor, "{a:x}")),
            (std::vector<std::string>{"an hour", "a university", "an apple", "an FBI"}));
  EXPECT_EQ(texts(expand(editor, "{A:x}"))[2], "An apple");
  const std::vector<std::pair<const char*, const char*>> table = {{"an", "honest man"},
                                                                  {"an", "heiress"},
                                                                  {"an", "honour"},
                                                                  {"a", "hospital"},
                                                                  {"a", "European"},
                                                                  {"a", "one-way ticket"},
                                                                  {"a", "useful tool"},
                                                                  {"an", "uncle"},
                                                                  {"an", "unimportant detail"},
                                                                  {"a", "unicorn"},
                                                                  {"an", "8 o'clock train"},
                                                                  {"an", "11"},
                                                                  {"a", "110"},
                                                                  {"an", "18,000 year old tree"},
                                                                  {"a", "UFO"},
                                                                  {"an", "MBA"},
                                                                  {"a", "NASA engineer"},
                                                                  {"a", "BBC report"},
                                                                  {"an", "umbrella"},
                                                                  {"a", "Ukrainian"},
                                                                  {"an", "onerous task"},
                                                                  {"an", "\"open\" door"},
                                                                  {"a", "élan"},
                                                                  {"a", ""},
                                                                  {"an", "usher"}};
  for (const auto& [article, text] : table) EXPECT_EQ(article_of(text), article) << text;
}

TEST(ChecklistTemplate, ReadsFieldsElementsAndBraces) {
  const Editor editor{{{"land", {Json{{"name", "France"}, {"people", {{"one", "Frenchman"}}}}}},
                       {"pair", {Json::array({"hot", "cold"}), Json::array({"big", 2})}}},
                      {}};
  EXPECT_EQ(texts(expand(editor, "{land.name}: {land.people.one} {{{pair[0]}}} {pair[1]}")),
            (std::vector<std::string>{"France: Frenchman {hot} cold", "France: Frenchman {big} 2"}));
}

TEST(ChecklistTemplate, LeavesOfAnyJsonAreNamed) {
  const Expansion pair = expand(people(), {"Is {first} in Rome?", "Does {first} live in Rome?"});
  EXPECT_EQ(pair.leaves, (std::vector<std::string>{"0", "1"}));
  EXPECT_EQ(pair.num_cases(), 3u);
  EXPECT_EQ(pair.texts[3], "Does Bo live in Rome?");
  const Expansion record = expand(people(), {{"passage", "{first} is here."}, {"q", {{"text", "Who?"}}}});
  EXPECT_EQ(record.leaves, (std::vector<std::string>{"passage", "q/text"}));
  EXPECT_EQ(expand(people(), "{first}").leaves, std::vector<std::string>{"text"});
}

TEST(ChecklistTemplate, ZipsAndSamples) {
  const Expansion zipped = expand(people(), "{last}-{job}", {.combine = Combine::kZip});
  EXPECT_EQ(texts(zipped), (std::vector<std::string>{"Smith-engineer", "Jones-doctor"}));
  EXPECT_NE(message_of<InputError>([] {
              expand(people(), "{first}-{job}", {.combine = Combine::kZip});
            }).find("'first' has 3 entries and 'job' 2"),
            std::string::npos);
  const Expansion drawn = expand(people(), "{first} {city}", {.num_samples = 1000, .seed = 3});
  ASSERT_EQ(drawn.num_cases(), 1000u);
  const std::vector<std::string> all = texts(drawn);
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), 12u);  // with replacement, independently
  EXPECT_EQ(texts(expand(people(), "{first} {city}", {.num_samples = 1000, .seed = 3})), all);
  EXPECT_NE(texts(expand(people(), "{first} {city}", {.num_samples = 1000, .seed = 4})), all);
}

TEST(ChecklistTemplate, LabelsAreOneForAllOrATemplate) {
  const Expansion one = expand(people(), "{first}", {.labels = 2});
  EXPECT_EQ(one.label(2), "2");
  EXPECT_EQ(one.labels.size(), 1u);
  const Expansion each = expand(people(), "{first} of {city}", {.labels = "{city}"});
  for (size_t i = 0; i < each.num_cases(); ++i) EXPECT_EQ(each.label(i), each.meta->of_case(i).at("city"));
  EXPECT_NE(message_of<InputError>([] {
              expand(people(), "{first}", {.labels = "{city}"});
            }).find("the labels' tag 'city' is not in the template"),
            std::string::npos);
}

TEST(ChecklistTemplate, ResultsAddUp) {
  Expansion sum = expand(people(), "{first}", {.labels = "a"});
  sum += expand(people(), "{city} {last}", {.labels = "{city}"});
  ASSERT_EQ(sum.num_cases(), 11u);
  EXPECT_EQ(sum.label(2), "a");
  EXPECT_EQ(sum.label(10), "Bonn");
  EXPECT_EQ(sum.meta->of_case(1), (std::map<std::string, std::string>{{"first", "Bo"}}));
  EXPECT_EQ(sum.meta->of_case(10), (std::map<std::string, std::string>{{"city", "Bonn"}, {"last", "Jones"}}));
  EXPECT_THROW(sum += expand(people(), "{first}"), InputError);
  EXPECT_THROW(sum += expand(people(), "{first}", {.labels = "a", .meta = false}), InputError);
  EXPECT_THROW(sum += expand(people(), {"{first}", "x"}, {.labels = "a"}), InputError);
}

// The language model is handed texts with gaps: both articles, no text twice, as many gaps as masks.
TEST(ChecklistTemplate, MasksAreFilledAlikeEverywhere) {
  std::vector<GappedText> seen;
  int64_t asked = 0;
  Editor editor = people();
  editor.fill_masks = [&](const std::vector<GappedText>& contexts, int64_t most) {
    seen = contexts;
    asked = most;
    return std::vector<MaskFill>{{{"old", "artist"}, 2}, {{"young", "cook"}, 1}};
  };
  const Expansion cases = expand(editor, "{first} is {a:mask} {t7:mask}.");
  EXPECT_EQ(asked, 7);
  EXPECT_LE(seen.size(), 20u);
  EXPECT_EQ(std::set<GappedText>(seen.begin(), seen.end()).size(), seen.size());
  bool a = false, an = false;
  for (const GappedText& text : seen) {
    ASSERT_EQ(text.size(), 3u);
    EXPECT_EQ(text[1], " ");
    EXPECT_EQ(text[2], ".");
    a |= text[0].find(" is a ") != std::string::npos;
    an |= text[0].find(" is an ") != std::string::npos;
  }
  EXPECT_TRUE(a && an);
  EXPECT_EQ(cases.num_cases(), 6u);
  EXPECT_EQ(cases.texts[0], "Ada is an old artist.");
  EXPECT_EQ(cases.texts[5], "Cy is a young cook.");
  EXPECT_NE(message_of<InputError>([] { expand(people(), "{mask}"); }).find("needs a language model"),
            std::string::npos);
}

TEST(ChecklistTemplate, WrongOnesAreRefusedWithTheColumn) {
  const auto message = [](const Json& value) {
    return message_of<InputError>([&] { expand(people(), value); });
  };
  EXPECT_EQ(message("{first} of {ciry}"),
            "template '{first} of {ciry}': there is no lexicon 'ciry' for the tag 'ciry'; the nearest are " +
                message("{ciry}").substr(message("{ciry}").rfind("are ") + 4));
  EXPECT_NE(message("{ciry}").find("city"), std::string::npos);
  for (const auto& [value, part] : std::vector<std::pair<std::string, std::string>>{
           {"a {first", "column 3: '{' is never closed"},
           {"Zoë} x", "column 4: '}' without"},
           {"{}", "column 2: a tag begins with a letter"},
           {"{1st}", "column 2: a tag begins"},
           {"{first last}", "column 7: '}' must end"},
           {"{b:first}", "column 2: 'b:' is not known"},
           {"{first.}", "column 7: '.' must be followed"},
           {"{first[x]}", "column 8: 'x' must be a whole number"},
           {"{first[0}", "column 7: '[' is never closed"},
           {"{t5:first}", "column 5: only a mask has fills"},
           {"{mask} {mask2}", "column 9: {mask2} and {mask} are two families"},
           {"{first.name}", "has nothing at /name"}})
    EXPECT_NE(message(value).find(part), std::string::npos) << value << ": " << message(value);
  EXPECT_NE(message({{"a", nullptr}}).find("leaves must be texts"), std::string::npos);
  const Editor records{{{"land", {Json{{"name", "France"}}}}}, {}};
  EXPECT_NE(message_of<InputError>([&] { expand(records, "{land}"); }).find("a part of it is {land.name}"),
            std::string::npos);
  EXPECT_NE(message_of<InputError>([] {
              expand(people(), "{male} {male2} {male3}", {.max_cases = 100});
            }).find("5 × 5 × 5 = 125 cases, more than 100; draw some of them with nsamples"),
            std::string::npos);
  for (const char* name : {"male2", "mask", "a b", "", "x}"})
    EXPECT_THROW(expand({{{name, {"x"}}}, {}}, "x"), InputError) << name;
}

TEST(ChecklistLexicon, OfFilesAreListsAndRecords) {
  core::TemporaryDirectory directory;
  const auto write = [&](const std::string& name, const std::string& text) {
    core::write_file(directory.path() / name, text);
    return directory.path() / name;
  };
  EXPECT_EQ(read_lexicons(write("city.json", R"(["Rome", ["a", "b"]])")).at("city")[1],
            Json::array({"a", "b"}));
  EXPECT_EQ(read_lexicons(write("w.json", R"({"x": ["1"], "y": [2]})")).size(), 2u);
  EXPECT_EQ(read_lexicons(write("w.toml", "x = [\"1\", {n = \"2\"}]")).at("x")[1], (Json{{"n", "2"}}));
  EXPECT_EQ(read_lexicons(write("one.csv", "word\nred\n\"a, b\"\n")).at("one"), (Lexicon{"red", "a, b"}));
  EXPECT_EQ(read_lexicons(write("two.csv", "n,p\nFrance,French\n")).at("two")[0],
            (Json{{"n", "France"}, {"p", "French"}}));
  EXPECT_THROW(read_lexicons(write("x.txt", "a")), InputError);
  EXPECT_THROW(read_lexicons(write("x2.json", "[\"a\"]")), InputError);  // a name that ends in a digit
  EXPECT_THROW(read_lexicons(write("x.json", "{\"x\": 3}")), InputError);
  EXPECT_THROW(read_lexicons(write("y.json", "{\"x\": [")), InputError);
}

}  // namespace
}  // namespace lathe::evaluate::checklist
