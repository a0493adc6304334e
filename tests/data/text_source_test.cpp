// Texts from files: tables of texts, sentiment trees, question pairs, comprehension and treebanks.
#include "lathe/data/conllu.h"
#include "lathe/data/inspect.h"
#include "lathe/data/squad.h"
#include "lathe/data/sst.h"
#include "lathe/data/text_table.h"
#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

using namespace testing;
using Row = std::vector<std::string>;
using Rows = std::vector<Row>;

TEST(TextTable, Tsv) {
  const CsvFile table = parse_tsv("\xef\xbb\xbfid\ttext\r\n1\t\"a, b\r\n\r\n2\t\n", "t.tsv");
  EXPECT_EQ(table.header, (Row{"id", "text"}));
  EXPECT_EQ(table.rows, (Rows{{"1", "\"a, b"}, {"2", ""}}));
  EXPECT_EQ(table.lines, (std::vector<int64_t>{2, 4}));
  EXPECT_EQ(parse_tsv("a\tb\n1\n2\t3\n", "t.tsv", RaggedRows::leave_out).rows, (Rows{{"2", "3"}}));
  EXPECT_INPUT_ERROR(parse_tsv("a\tb\n1\t2\n3\n", "t.tsv"), "t.tsv:3: 1 cells, but the header has 2");
  EXPECT_INPUT_ERROR(parse_tsv("a\ta\n1\t2\n", "t.tsv"), "t.tsv:1: column 'a' is there twice");
  EXPECT_INPUT_ERROR(parse_tsv("", "t.tsv"), "t.tsv: the file is empty");
  EXPECT_INPUT_ERROR(parse_tsv("a\n", "t.tsv"), "no row follows the header");
  EXPECT_INPUT_ERROR(parse_tsv("a\ncaf\xe9\n", "t.tsv"), "t.tsv:2: not UTF-8");
  EXPECT_INPUT_ERROR(parse_tsv(std::string("a\nx\0y\n", 6), "t.tsv"), "t.tsv:2: a NUL byte");
}

TEST(TextTable, Jsonl) {
  const CsvFile table = parse_jsonl(
      "{\"text\": \"a\\nb\", \"n\": 2}\n\n{\"text\": null, \"more\": [1, \"x\"], \"b\": true}\n", "t.jsonl");
  EXPECT_EQ(table.header, (Row{"b", "more", "n", "text"}));
  EXPECT_EQ(table.rows, (Rows{{"", "", "2", "a\nb"}, {"true", "[1,\"x\"]", "", ""}}));
  EXPECT_EQ(table.lines, (std::vector<int64_t>{1, 3}));
  EXPECT_INPUT_ERROR(parse_jsonl("{\"a\": 1}\n{\"a\": \n", "t.jsonl"), "t.jsonl:2 is damaged");
  EXPECT_INPUT_ERROR(parse_jsonl("[1]\n", "t.jsonl"), "t.jsonl:1: every line must be an object");
  EXPECT_INPUT_ERROR(parse_jsonl("{\"a\": \"x\\u0000\"}\n", "t.jsonl"), "t.jsonl:1: 'a' has a NUL byte");
  EXPECT_INPUT_ERROR(parse_jsonl("\n \n", "t.jsonl"), "the file is empty");
}

class TextSource : public ::testing::Test {
 protected:
  Source load(const std::string& name, const std::string& text, const std::string& settings) const {
    save(directory.path() / name, text);
    return load_source("text:" + (directory.path() / name).string() + settings);
  }
  core::TemporaryDirectory directory;
};

TEST_F(TextSource, OneTextOrAPair) {
  const Source csv = load("t.csv", "text,mood\n\"fine, really\",2\nbad,10\nfine,2\n", "?target=mood");
  EXPECT_EQ(csv.train.schema.fields, Row{"text"});
  EXPECT_EQ(csv.train.schema.classes, (Row{"2", "10"}));  // as numbers
  EXPECT_EQ(csv.train.texts, (Rows{{"fine, really", "bad", "fine"}}));
  EXPECT_TRUE(csv.train.targets.equal(torch::tensor({0, 1, 0}, torch::kInt64)));
  EXPECT_EQ(csv.train.size(), 3);
  const std::string pairs = "q1\tq2\tsame\na\tb\tno\nc\td\tyes\ne\tf\tno\n";
  const Source tsv = load("t.tsv", pairs, "?text=q1,q2&target=same");
  EXPECT_EQ(tsv.train.texts, (Rows{{"a", "c", "e"}, {"b", "d", "f"}}));
  const Source jsonl =
      load("t.jsonl", "{\"t\":\"a\",\"y\":1}\n{\"t\":\"b\",\"y\":0}\n{\"t\":\"c\",\"y\":1}\n", "?target=y");
  EXPECT_EQ(jsonl.train.schema.fields, Row{"t"});  // the only other column
  EXPECT_NE(
      load("t.tsv", "q1\tq2\tsame\na\tB\tno\nc\td\tyes\ne\tf\tno\n", "?text=q1,q2&target=same").content_hash,
      tsv.content_hash);
  EXPECT_EQ(load("t.tsv", pairs, "?text=q1,q2&target=same").content_hash, tsv.content_hash);
}

TEST_F(TextSource, ErrorsSayWhatIsWanted) {
  const std::string text = "text,mood,id\na,x,1\nb,y,2\nc,x,3\n";
  EXPECT_INPUT_ERROR(load("t.csv", text, ""), "?text=COLUMN&target=COLUMN");
  EXPECT_INPUT_ERROR(load("t.csv", text, "?target=mod"), "t.csv:1: no column 'mod'; did you mean 'mood'?");
  EXPECT_INPUT_ERROR(load("t.csv", text, "?target=mood&text=txt"), "no column 'txt'; did you mean 'text'?");
  EXPECT_INPUT_ERROR(load("t.csv", text, "?target=mood&text=mood"), "column 'mood' is asked for twice");
  EXPECT_INPUT_ERROR(load("t.csv", text, "?target=mood&text=text,id,mood"),
                     "one text or a pair of them, got 3");
  EXPECT_INPUT_ERROR(load("t.csv", text, "?target=mood&txt=text"), "did you mean text?");
  EXPECT_INPUT_ERROR(load("t.csv", text, "?target=mood&target=id"), "'target' is there twice");
  EXPECT_INPUT_ERROR(load("t.csv", text, "?target="), "'target' has no value");
  EXPECT_INPUT_ERROR(load("u.csv", "a,b,y\n1,2,x\n1,2,z\n1,2,x\n", "?target=y"), "no column is named text");
  EXPECT_INPUT_ERROR(load("t.csv", "text,y\na,x\nb,x\n", "?target=y"), "every row's 'y' is 'x'");
  EXPECT_INPUT_ERROR(load("t.csv", "text,y\na,x\nb,\nc,x\nd,z\n", "?target=y"),
                     "t.csv:3: the target 'y' is empty");
  EXPECT_INPUT_ERROR(load("t.csv", "text,y\na,1\nb,2\nc,3\n", "?target=y"), "3 distinct values in 3 rows");
  EXPECT_INPUT_ERROR(load("t.csv", "", "?target=y"), "the file is empty");
  EXPECT_INPUT_ERROR(load("t.dat", text, "?target=y"), "from .csv, .tsv and .jsonl files");
  EXPECT_INPUT_ERROR(load("t.csv", "text,y\ncaf\xe9,x\n", "?target=y"), "t.csv:2: not UTF-8");
}

TEST_F(TextSource, Inspection) {
  const Source source = load("t.csv", "text,y\nall good,x\nall good,x\nall good,z\n,z\nBad,z\n", "?target=y");
  const Inspection inspection = inspect(source);
  const std::string summary = inspection.summary.to_text();
  for (const char* line : {"texts", "duplicates within train", "empty texts", "tokens of a text, longest"})
    EXPECT_NE(summary.find(line), std::string::npos) << line;
  std::string warnings;
  for (const std::string& warning : inspection.warnings) warnings += warning + "\n";
  EXPECT_NE(warnings.find("1 training examples repeat an earlier one under another class"),
            std::string::npos);
  EXPECT_NE(warnings.find("1 of 5 training texts are empty"), std::string::npos);
}

TEST(SentimentTrees, ReadsLabelsAndWords) {
  const auto trees =
      parse_sentiment_trees("(3 (2 A) (4 (4 great) (2 (2 -LRB-) (2 1\\/2))))\n\n(0 Bad)\r\n", "train.txt");
  ASSERT_EQ(trees.size(), 2u);
  EXPECT_EQ(trees[0].sentence, "A great ( 1/2");
  EXPECT_EQ(trees[0].label, 3);
  EXPECT_EQ(trees[1].sentence, "Bad");
  EXPECT_EQ(trees[1].label, 0);
  const auto read = [](const std::string& text) { return parse_sentiment_trees(text, "train.txt").size(); };
  EXPECT_INPUT_ERROR(read("(3 (2 A)\n"), "train.txt:1: a bracket is not closed");
  EXPECT_INPUT_ERROR(read("(3 A)\n(3 A))\n"), "train.txt:2: a bracket is closed that was not opened");
  EXPECT_INPUT_ERROR(read("(5 A)\n"), "a label must be 0");
  EXPECT_INPUT_ERROR(read("(3 )\n"), "holds no word");
  EXPECT_INPUT_ERROR(read("good\n"), "a tree begins with a bracket");
  EXPECT_INPUT_ERROR(read("(3 A) (2 B)\n"), "a second tree");
  EXPECT_INPUT_ERROR(read("("), "not closed");
  EXPECT_INPUT_ERROR(read("\n"), "there is no tree");
}

TEST(SentimentTrees, DeepTreesNeedNoStack) {
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "(2 ";
  deep += "x" + std::string(100000, ')');
  EXPECT_EQ(parse_sentiment_trees(deep, "t")[0].sentence, "x");
}

TEST(SentimentTrees, Source) {
  core::TemporaryDirectory directory;
  save(directory.path() / "train.txt", "(0 bad)\n(2 so)\n(4 great)\n");
  save(directory.path() / "dev.txt", "(3 fine)\n");
  save(directory.path() / "test.txt", "(1 poor)\n(2 so)\n");
  const std::string name = "sst:" + directory.path().string();
  const Source binary = load_source(name);
  EXPECT_EQ(binary.train.texts, (Rows{{"bad", "great", "fine"}}));
  EXPECT_TRUE(binary.train.targets.equal(torch::tensor({0, 1, 1}, torch::kInt64)));
  EXPECT_EQ(binary.test.size(), 1);
  const Source fine = load_source(name + "?labels=fine");
  EXPECT_EQ(fine.train.schema.num_classes(), 5);
  EXPECT_TRUE(fine.train.targets.equal(torch::tensor({0, 2, 4, 3}, torch::kInt64)));
  EXPECT_INPUT_ERROR(load_source(name + "?labels=all"), "fine or binary, got 'all'");
}

TEST(QuestionPairs, Source) {
  core::TemporaryDirectory directory;
  const std::string header = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n";
  save(directory.path() / "train.tsv", header + "1\t1\t2\tHow?\tWhy \"so?\t0\n2\t3\n3\t3\t4\tA\tB\t1\n");
  save(directory.path() / "dev.tsv", header + "9\t1\t2\tX\tY\t1\n");
  const Source source = load_source("qqp:" + directory.path().string());
  EXPECT_EQ(source.train.texts, (Rows{{"How?", "A"}, {"Why \"so?", "B"}}));
  EXPECT_TRUE(source.train.targets.equal(torch::tensor({0, 1}, torch::kInt64)));
  EXPECT_EQ(source.test.texts, (Rows{{"X"}, {"Y"}}));
  ASSERT_EQ(source.unreadable.size(), 1u);
  EXPECT_NE(source.unreadable[0].find("train.tsv: 1 lines without 6 cells"), std::string::npos);
  save(directory.path() / "dev.tsv", header + "9\t1\t2\tX\tY\t2\n");
  EXPECT_INPUT_ERROR(load_source("qqp:" + directory.path().string()),
                     "dev.tsv:2: '2' is none of the 2 classes");
}

TEST(GeneratedTexts, AreSources) {
  for (const char* name : {"reviews?count=40", "questions?count=40&seed=3"}) {
    const Source source = load_source(name);
    EXPECT_EQ(source.train.size(), 40);
    EXPECT_EQ(source.test.size(), 8);
    EXPECT_TRUE(source.train.schema.text());
    EXPECT_EQ(source.train.texts.size(), source.train.schema.fields.size());
  }
  EXPECT_INPUT_ERROR(load_source("reviews?count=many"), "count must be a whole number from 10");
}

std::string squad(const std::string& context, const std::string& answers, const std::string& more = "") {
  return R"({"version": "1.1", "data": [{"title": "T", "paragraphs": [{"context": ")" + context +
         R"(", "qas": [{"id": "1", "question": "Who?", "answers": )" + answers + more + "}]}]}]}";
}

TEST(Squad, OffsetsCountCodePoints) {
  const auto passages =
      parse_squad(squad("Zoë met Ann.", R"([{"text": "Ann", "answer_start": 8}])"), "dev.json");
  ASSERT_EQ(passages.size(), 1u);
  const SquadQuestion& question = passages[0].questions.at(0);
  EXPECT_EQ(passages[0].title, "T");
  EXPECT_EQ(question.text, "Who?");
  EXPECT_EQ(question.answers.at(0).begin, 9);  // ë takes two bytes
  EXPECT_EQ(passages[0].context.substr(9, 3), "Ann");
  const auto none = parse_squad(squad("x", "[]", ", \"is_impossible\": true"), "dev.json");
  EXPECT_TRUE(none[0].questions[0].impossible);
}

TEST(Squad, ErrorsNameThePlace) {
  const auto read = [](const std::string& text) { return parse_squad(text, "dev.json").size(); };
  const std::string where = "dev.json: data[0].paragraphs[0].qas[0].answers[0]: ";
  EXPECT_INPUT_ERROR(read(squad("Zoë met Ann.", R"([{"text": "Ann", "answer_start": 9}])")),
                     where + "the answer 'Ann' does not stand at character 9");
  EXPECT_INPUT_ERROR(read(squad("ab", R"([{"text": "b", "answer_start": -1}])")),
                     where + "'answer_start' must be");
  EXPECT_INPUT_ERROR(read(squad("ab", R"([{"text": "b", "answer_start": 99999999999}])")), "does not stand");
  EXPECT_INPUT_ERROR(read(squad("ab", R"([{"answer_start": 1}])")), where + "'text' is missing");
  EXPECT_INPUT_ERROR(read(R"({"data": [{"paragraphs": [{"qas": []}]}]})"),
                     "paragraphs[0]: 'context' is missing");
  EXPECT_INPUT_ERROR(read(R"({"data": []})"), "there is no paragraph");
  EXPECT_INPUT_ERROR(read("[1, 2"), "dev.json is damaged");
}

TEST(Conllu, ReadsWordsAndHeads) {
  const auto sentences = parse_conllu(
      "# text = Vámonos al "
      "mar\n1-2\tVámonos\t_\t_\t_\t_\t_\t_\t_\t_\n1\tVamos\tir\tVERB\t_\t_\t0\troot\t_\t_\n"
      "2\tnos\tnosotros\tPRON\t_\t_\t1\tobj\t_\t_\n2.1\tx\tx\tX\t_\t_\t_\t_\t_\t_\n\n1\tYes\tyes\tINTJ\t_\t_"
      "\t_\troot\t_\t_",
      "es.conllu");
  ASSERT_EQ(sentences.size(), 2u);
  ASSERT_EQ(sentences[0].size(), 2u);
  EXPECT_EQ(sentences[0][0].form, "Vamos");
  EXPECT_EQ(sentences[0][0].head, -1);
  EXPECT_EQ(sentences[0][1].part_of_speech, "PRON");
  EXPECT_EQ(sentences[0][1].head, 0);
  EXPECT_EQ(sentences[1][0].form, "Yes");
  const auto read = [](const std::string& text) { return parse_conllu(text, "t.conllu").size(); };
  const std::string word = "\tx\tx\tX\t_\t_\t";
  EXPECT_INPUT_ERROR(read("1\tx\n"), "t.conllu:1: 2 columns parted by tabs; CoNLL-U has 10");
  EXPECT_INPUT_ERROR(read("2" + word + "0\t_\t_\t_\n"), "t.conllu:1: word 2 follows word 0");
  EXPECT_INPUT_ERROR(read("1" + word + "5\t_\t_\t_\n\n"), "the head of 'x' is word 5");
  EXPECT_INPUT_ERROR(read("1" + word + "-3\t_\t_\t_\n"), "the head must be a whole number, got '-3'");
  EXPECT_INPUT_ERROR(read("# nothing\n\n"), "there is no sentence");
}

}  // namespace
}  // namespace lathe::data
