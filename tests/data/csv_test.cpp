#include "lathe/data/csv.h"

#include "lathe/data/text.h"
#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

using namespace testing;
using Row = std::vector<std::string>;

class Csv : public ::testing::Test {
 protected:
  CsvFile read(const std::string& text) const {
    save(file, text);
    return read_csv(file);
  }
  core::TemporaryDirectory directory;
  fs::path file = directory.path() / "t.csv";
};

TEST_F(Csv, ReadsCellsAndLines) {
  CsvFile csv = read("a,b\n1,x\n\n2,\n");
  EXPECT_EQ(csv.header, (Row{"a", "b"}));
  EXPECT_EQ(csv.rows, (std::vector<Row>{{"1", "x"}, {"2", ""}}));
  EXPECT_EQ(csv.lines, (std::vector<int64_t>{2, 4}));
}

TEST_F(Csv, QuotesHideSeparators) {
  CsvFile csv = read("a,b\r\n\"x, \"\"y\"\"\r\nz\",1\r\n\"\",\"2\"");
  EXPECT_EQ(csv.rows, (std::vector<Row>{{"x, \"y\"\r\nz", "1"}, {"", "2"}}));
  EXPECT_EQ(csv.lines, (std::vector<int64_t>{2, 4}));
}

TEST_F(Csv, ByteOrderMarkIsNoPartOfTheFirstName) {
  EXPECT_EQ(read("\xef\xbb\xbf"
                 "a\n1\n")
                .header,
            Row{"a"});
}

TEST_F(Csv, ErrorsNameTheLine) {
  EXPECT_INPUT_ERROR(read("a,b\n1,2\n\"3\n\",4,5\n"), "t.csv:3: 3 cells, but the header has 2");
  EXPECT_INPUT_ERROR(read("a,b\n1,2\n3\n"), "t.csv:3: 1 cells");
  EXPECT_INPUT_ERROR(read("a,b\n1,\"2\n"), "t.csv:2: a quote is opened here and never closed");
  EXPECT_INPUT_ERROR(read("a,b\n1,\""), "t.csv:2: a quote is opened here and never closed");
  EXPECT_INPUT_ERROR(read("a,b\n1,\"2\"3\n"), "t.csv:2: text follows a closing quote");
  EXPECT_INPUT_ERROR(read("a,b\n1,2\"3\n"), "t.csv:2: a quote inside of a cell");
  EXPECT_INPUT_ERROR(read(std::string("a,b\n1,\0\n", 8)), "t.csv:2: a NUL byte");
  EXPECT_INPUT_ERROR(read("a,b\n1,caf\xe9\n"), "t.csv:2: not UTF-8");
  EXPECT_INPUT_ERROR(read("a,b,a\n1,2,3\n"), "t.csv:1: column 'a' is there twice");
  EXPECT_INPUT_ERROR(read("a,b\n"), "no row follows the header");
  EXPECT_INPUT_ERROR(read(""), "the file is empty");
  EXPECT_INPUT_ERROR(read_csv(directory.path() / "none.csv"), "none.csv");
}

// Whatever the cells hold, writing them with RFC 4180's quoting and reading them gives them back.
TEST_F(Csv, RoundTrip) {
  core::Random random(1);
  const std::string alphabet = "ab,\"\n\r é";
  std::vector<Row> rows(200, Row(3));
  std::string text = "x,y,z\n";
  for (Row& row : rows)
    for (size_t i = 0; i < row.size(); ++i) {
      for (int64_t n = random.below(6); n > 0; --n)
        row[i] += std::vector<std::string>{"a", ",", "\"", "\n", " ", "é"}[random.below(6)];
      text += '"';
      for (char c : row[i]) text += c == '"' ? "\"\"" : std::string(1, c);
      text += i + 1 < row.size() ? "\"," : "\"\n";
    }
  EXPECT_EQ(read(text).rows, rows);
}

TEST(Text, Numbers) {
  EXPECT_EQ(parse_number("1.5e2"), 150.0f);
  EXPECT_EQ(parse_number("+3"), 3.0f);
  EXPECT_EQ(parse_number("-.5"), -0.5f);
  EXPECT_EQ(parse_number("1e-400"), 0.0f);
  EXPECT_TRUE(std::isnan(*parse_number("nan")));
  for (const char* text : {"", "+", "+-1", "1e39", "1e400", "inf", "1,5", "0x10", "1 ", "one"})
    EXPECT_FALSE(parse_number(text)) << text;
}

TEST(Text, Utf8) {
  for (const char* text : {"", "abc", "é", "€", "𝄞"}) EXPECT_TRUE(is_utf8(text)) << text;
  for (const char* text :
       {"\xe9", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\x80", "\xe2\x82"})
    EXPECT_FALSE(is_utf8(text));
}

TEST(Text, Trim) {
  EXPECT_EQ(trim(" \ta b "), "a b");
  EXPECT_EQ(trim("  "), "");
}

}  // namespace
}  // namespace lathe::data
