#include "lathe/data/annotations.h"

#include <algorithm>
#include <set>

#include "lathe/data/opinions.h"
#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

using namespace testing;

class AnnotationFile : public ::testing::Test {
 protected:
  AnnotationFiles files(const std::string& annotations, const std::string& items = "",
                        const std::string& annotators = "") const {
    AnnotationFiles files{directory.path() / "annotations.csv", {}, {}};
    save(files.annotations, annotations);
    if (!items.empty()) save(files.items = directory.path() / "items.csv", items);
    if (!annotators.empty()) save(files.annotators = directory.path() / "annotators.csv", annotators);
    return files;
  }
  std::string refusal(const AnnotationFiles& files, const AnnotationOptions& options = {}) const {
    return input_error([&] { read_annotations(files, options); });
  }
  core::TemporaryDirectory directory;
};

TEST_F(AnnotationFile, ThreeFilesBecomeOneTable) {
  const Annotations a = read_annotations(
      files("item,annotator,label,seconds\ns2,w1,no,3\ns1,w2,yes,\ns1,w1,no,1.5\n",
            "item,text,topic\ns1,good,food\ns2,\"bad, really\",\n", "annotator,age\nw1,young\n"));
  EXPECT_EQ(a.items, (std::vector<std::string>{"s1", "s2"}));
  EXPECT_EQ(a.annotators, (std::vector<std::string>{"w1", "w2"}));
  EXPECT_EQ(a.texts, (std::vector<std::string>{"good", "bad, really"}));
  EXPECT_EQ(a.scale.classes, (std::vector<std::string>{"no", "yes"}));
  EXPECT_EQ(a.item, (std::vector<int32_t>{0, 0, 1}));
  EXPECT_EQ(a.annotator, (std::vector<int32_t>{0, 1, 0}));
  EXPECT_EQ(a.label, (std::vector<int32_t>{0, 1, 0}));
  EXPECT_EQ(a.seconds[0], 1.5F);
  EXPECT_TRUE(std::isnan(a.seconds[1]));
  EXPECT_EQ(find_attribute(a.item_attributes, "topic").codes, (std::vector<int32_t>{0, -1}));
  EXPECT_EQ(find_attribute(a.annotator_attributes, "age").codes, (std::vector<int32_t>{0, -1}));
  EXPECT_EQ(a.missing_annotators, std::vector<int32_t>{1});
}

TEST_F(AnnotationFile, OneLongTableTellsWhoseItsColumnsAre) {
  const Annotations a =
      read_annotations(files("item,annotator,label,age,source,mood,text\ns1,w1,0,old,web,x,a\ns1,w2,1,young,"
                             "web,y,a\ns2,w1,1,old,book,y,b\n"));
  ASSERT_EQ(a.annotator_attributes.size(), 1U);
  EXPECT_EQ(a.annotator_attributes[0].name, "age");
  ASSERT_EQ(a.item_attributes.size(), 1U);
  EXPECT_EQ(a.item_attributes[0].name, "source");
  EXPECT_EQ(a.texts, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(a.missing_annotators.empty());
}

// The layout of Wikipedia Talk Labels.
TEST_F(AnnotationFile, ReadsToxicityOfTalkPages) {
  AnnotationFiles of;
  save(of.annotations = directory.path() / "toxicity_annotations.tsv",
       "rev_id\tworker_id\ttoxicity\ttoxicity_score\n2232.0\t723\t0\t0.0\n2232.0\t4000\t1\t-1.0\n");
  save(of.items = directory.path() / "toxicity_annotated_comments.tsv",
       "rev_id\tcomment\tyear\n2232.0\tThis:NEWLINE_TOKEN:OneTAB_TOKENcan\t2002\n");
  save(of.annotators = directory.path() / "toxicity_worker_demographics.tsv",
       "worker_id\tgender\tage_group\n723\tfemale\t\n");
  const Annotations a = read_annotations(
      of, {.columns = {.item = "rev_id", .annotator = "worker_id", .label = "toxicity", .text = "comment"}});
  EXPECT_EQ(a.texts[0], "This: :One can");
  EXPECT_EQ(a.label, (std::vector<int32_t>{0, 1}));
  EXPECT_EQ(find_attribute(a.annotator_attributes, "age_group").codes, (std::vector<int32_t>{-1, -1}));
  EXPECT_EQ(a.missing_annotators, std::vector<int32_t>{1});
}

TEST_F(AnnotationFile, ScalesAreOrderedNumbersOrNames) {
  const std::string text = "item,annotator,label\na,x,10\na,y,9\nb,x,9\n";
  EXPECT_EQ(read_annotations(files(text)).scale.classes, (std::vector<std::string>{"9", "10"}));
  const Annotations given = read_annotations(files("item,annotator,label\na,x,1.0\n"),
                                             {.kind = LabelScale::Kind::ordinal, .classes = {"0", "1", "2"}});
  EXPECT_EQ(given.label, std::vector<int32_t>{1});
  const Annotations real = read_annotations(files(text), {.kind = LabelScale::Kind::real});
  EXPECT_TRUE(real.label.empty());
  EXPECT_EQ(real.value, (std::vector<double>{10, 9, 9}));
}

TEST_F(AnnotationFile, PassesOrderRepeatedAnswers) {
  const Annotations a = read_annotations(files("item,annotator,pass,label\na,x,2,no\na,x,1,yes\na,w,1,no\n"));
  EXPECT_EQ(a.annotator, (std::vector<int32_t>{0, 0, 1}));
  EXPECT_EQ(a.label, (std::vector<int32_t>{1, 0, 0}));
}

TEST_F(AnnotationFile, SaysWhatIsWrongAndWhere) {
  const std::string head = "item,annotator,label\n";
  EXPECT_NE(refusal(files(head + "a,x,0\na,y,1\na,x,1\n"))
                .find("annotations.csv:4: annotator 'x' labels item 'a' a second time, the first is line 2"),
            std::string::npos);
  EXPECT_NE(refusal(files(head + "a,x,3\n"), {.classes = {"0", "1"}})
                .find(":2: label '3' is not on the scale; it has 0, 1"),
            std::string::npos);
  EXPECT_NE(
      refusal(files("item,anotator,label\na,x,1\n")).find("no column 'annotator'; did you mean 'anotator'?"),
      std::string::npos);
  EXPECT_NE(refusal(files(head + "b,x,1\n", "item,text\na,hello\n")).find(":2: item 'b' is not in"),
            std::string::npos);
  EXPECT_NE(refusal(files(head + "a,x,1\n", "item,text\na,hello\na,bye\n"))
                .find("items.csv:3: item 'a' is described a second time; the first is line 2"),
            std::string::npos);
  EXPECT_NE(refusal(files(head + "a,,1\n")).find(":2: 'annotator' is empty"), std::string::npos);
  EXPECT_NE(refusal(files(head + "a,x,\n")).find(":2: 'label' is empty"), std::string::npos);
  EXPECT_NE(refusal(files(head + "a,x,nan\n"), {.kind = LabelScale::Kind::real})
                .find(":2: 'label' must be a number, got 'nan'"),
            std::string::npos);
}

std::vector<std::string> names_of(const Attribute& attribute) {
  std::vector<std::string> names;
  for (const int32_t code : attribute.codes)
    names.push_back(code < 0 ? "" : attribute.values[static_cast<size_t>(code)]);
  return names;
}

TEST_F(AnnotationFile, WhatIsWrittenIsReadAgain) {
  const Annotations a = generate_opinions({.num_items = 40,
                                           .num_annotators = 15,
                                           .annotations_per_item = 5,
                                           .num_features = 3,
                                           .unknown_attributes = 0.3,
                                           .repeat_rate = 0.2},
                                          core::Seed(4))
                            .annotations;
  write_annotations(a, directory.path());
  const Annotations b =
      read_annotations({directory.path() / "annotations.csv", directory.path() / "items.csv",
                        directory.path() / "annotators.csv"},
                       {.columns = {.features = {"x0", "x1", "x2"}}});
  EXPECT_EQ(a.items, b.items);
  EXPECT_EQ(a.annotators, b.annotators);
  EXPECT_EQ(a.item, b.item);
  EXPECT_EQ(a.annotator, b.annotator);
  EXPECT_EQ(a.label, b.label);
  EXPECT_EQ(a.features, b.features);
  for (const char* name : {"group", "age"})
    EXPECT_EQ(names_of(find_attribute(a.annotator_attributes, name)),
              names_of(find_attribute(b.annotator_attributes, name)));
  EXPECT_EQ(find_attribute(a.item_attributes, "ambiguity").values,
            (std::vector<std::string>{"low", "medium", "high"}));
}

std::set<int32_t> owners(const std::vector<int32_t>& of, const std::vector<int64_t>& rows) {
  std::set<int32_t> found;
  for (const int64_t row : rows) found.insert(of[static_cast<size_t>(row)]);
  return found;
}

bool disjoint(const std::set<int32_t>& a, const std::set<int32_t>& b) {
  return std::none_of(a.begin(), a.end(), [&](int32_t x) { return b.count(x) > 0; });
}

TEST(Annotations, SplitsShareNoItemOrNoAnnotator) {
  const Annotations a =
      generate_opinions({.num_items = 200, .num_annotators = 40}, core::Seed(1)).annotations;
  for (const SplitBy by : {SplitBy::item, SplitBy::annotator, SplitBy::both}) {
    const AnnotationSplit parts = split(a, by, 0.25, core::Seed(7));
    EXPECT_EQ(disjoint(owners(a.item, parts.train), owners(a.item, parts.test)), by != SplitBy::annotator);
    EXPECT_EQ(disjoint(owners(a.annotator, parts.train), owners(a.annotator, parts.test)),
              by != SplitBy::item);
    if (by != SplitBy::both) EXPECT_EQ(parts.train.size() + parts.test.size(), 2000U);
    EXPECT_EQ(parts.test, split(a, by, 0.25, core::Seed(7)).test);
  }
  EXPECT_EQ(owners(a.item, split(a, SplitBy::item, 0.25, core::Seed(7)).test).size(), 50U);
}

TEST(Annotations, GroupsAreCombinationsThatOccur) {
  Annotations a =
      generate_opinions({.num_items = 20, .num_annotators = 12, .unknown_attributes = 0.2}, core::Seed(1))
          .annotations;
  const Attribute groups = annotator_groups(a, {"group", "age"});
  for (size_t i = 0; i < 12; ++i) {
    const auto name = [&](const char* attribute) {
      const std::string value = names_of(find_attribute(a.annotator_attributes, attribute))[i];
      return value.empty() ? "unknown" : value;
    };
    EXPECT_EQ(groups.values[static_cast<size_t>(groups.codes[i])], name("group") + ", " + name("age"));
  }
  EXPECT_EQ(annotator_groups(a, {}).values, std::vector<std::string>{"all"});
  EXPECT_EQ(input_error([&] { annotator_groups(a, {"grup"}); }),
            "no attribute 'grup'; did you mean 'group'?");
}

TEST(Annotations, WhatDoesNotOccurCanBeLeftOut) {
  const Annotations a =
      generate_opinions({.num_items = 20, .num_annotators = 12, .annotations_per_item = 2, .num_features = 2},
                        core::Seed(1))
          .annotations;
  const Annotations part = select(a, {4, 5, 9, 30});
  const Annotations small = occurring(part);
  EXPECT_EQ(small.items, (std::vector<std::string>{"i2", "i4", "i15"}));
  for (size_t row = 0; row < 4; ++row) {
    const auto item = static_cast<size_t>(small.item[row]), old = static_cast<size_t>(part.item[row]);
    EXPECT_EQ(small.items[item], a.items[old]);
    EXPECT_EQ(small.features[2 * item + 1], a.features[2 * old + 1]);
    EXPECT_EQ(names_of(small.item_attributes[0])[item], names_of(a.item_attributes[0])[old]);
    const auto annotator = static_cast<size_t>(small.annotator[row]);
    EXPECT_EQ(small.annotators[annotator], a.annotators[static_cast<size_t>(part.annotator[row])]);
    EXPECT_EQ(names_of(small.annotator_attributes[0])[annotator],
              names_of(a.annotator_attributes[0])[static_cast<size_t>(part.annotator[row])]);
    EXPECT_EQ(small.label[row], part.label[row]);
  }
}

TEST(Annotations, OrderAndIndices) {
  Annotations a;
  a.scale.classes = {"0", "1"};
  a.items = {"a", "b"};
  a.annotators = {"x", "y"};
  a.item = {1, 0, 1, 0};
  a.annotator = {1, 1, 0, 1};
  a.label = {0, 1, 1, 0};
  a = in_order(a);
  EXPECT_EQ(a.label, (std::vector<int32_t>{1, 0, 1, 0}));  // passes as they came
  EXPECT_EQ(item_offsets(a), (std::vector<int64_t>{0, 2, 4}));
  EXPECT_EQ(annotator_index(a).rows, (std::vector<int32_t>{2, 0, 1, 3}));
  a.label[0] = 2;
  EXPECT_EQ(input_error([&] { in_order(a); }), "annotations: a label must be below 2, got 2 at annotation 0");
}

TEST(Opinions, LabelsFollowTheirProbabilities) {
  const Opinions o = generate_opinions({.repeat_rate = 0.5}, core::Seed(3));
  double expected = 0, yes = 0, variance = 0;
  for (size_t i = 0; i < o.probability.size(); ++i) {
    expected += o.probability[i];
    yes += o.annotations.label[i];
    variance += o.probability[i] * (1 - o.probability[i]);
  }
  EXPECT_NEAR(yes, expected, 4 * std::sqrt(variance));
  EXPECT_NEAR(static_cast<double>(o.probability.size()), 45000, 4 * std::sqrt(30000 * 0.25));
  std::vector<int64_t> people(3, 0);
  for (const int32_t group : o.group) ++people[static_cast<size_t>(group)];
  EXPECT_EQ(people, (std::vector<int64_t>{120, 50, 30}));
}

TEST(Opinions, OneOpinionLeavesChanceOnly) {
  const Opinions o = generate_opinions(one_opinion({.num_items = 50}), core::Seed(3));
  for (size_t i = 1; i < o.probability.size(); ++i)
    if (o.annotations.item[i] == o.annotations.item[i - 1]) EXPECT_EQ(o.probability[i], o.probability[i - 1]);
}

TEST(Opinions, TextsAreDefinitionsAndInsultsAreAmongThem) {
  const Opinions o = generate_opinions({.items = OpinionItems::texts, .num_items = 500}, core::Seed(3));
  ASSERT_EQ(o.annotations.texts.size(), 500U);
  EXPECT_EQ(std::set<std::string>(o.annotations.items.begin(), o.annotations.items.end()).size(), 500U);
  const auto offensive =
      std::count_if(o.annotations.texts.begin(), o.annotations.texts.end(), [](const std::string& t) {
        return t.find("offensive") != t.npos || t.find("slang") != t.npos || t.find("disparaging") != t.npos;
      });
  EXPECT_GT(offensive, 10);
  EXPECT_NE(input_error([] {
              generate_opinions({.annotations_per_item = 300}, core::Seed(0));
            }).find("need as many annotators"),
            std::string::npos);
}

}  // namespace
}  // namespace lathe::data
