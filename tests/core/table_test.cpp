#include "lathe/core/table.h"

#include <gtest/gtest.h>

#include <cmath>

namespace lathe::core {
namespace {

Table sample() {
  Table table({"name", "count", "value"});
  table.add({"größe", 12, 0.123456}).add({"x", int64_t{12345678901}, 1234.5}).add({"läuft", -3, 0.0});
  return table;
}

TEST(Table, TextAlignsByCodePointsAndSetsNumbersRight) {
  EXPECT_EQ(sample().to_text(),
            "name         count      value\n"
            "─────  ───────────  ─────────\n"
            "größe           12     0.1235\n"
            "x      12345678901  1234.5000\n"
            "läuft           -3          0\n");
}

TEST(Table, TextOfAnEmptyTableIsItsHeader) {
  EXPECT_EQ(Table({"a", "bc"}).to_text(), "a  bc\n─  ──\n");
}

TEST(Table, AColumnWithATextIsSetLeft) {
  Table table({"v"});
  table.add({1}).add({"none"});
  EXPECT_EQ(table.to_text(), "v\n────\n1\nnone\n");
}

TEST(Table, DigitsAreSignificantBelowOneAndDecimalsAbove) {
  Table table({"v"});
  table.add({{0.00012345, 2}})
      .add({{99.456, 1}})
      .add({{-0.5, 3}})
      .add({NAN})
      .add({-INFINITY})
      .add({{1e-300, 3}});
  EXPECT_EQ(table.to_text(), "      v\n───────\n0.00012\n   99.5\n   -0.5\n    nan\n   -inf\n 1e-300\n");
}

TEST(Table, ARowStaysOneLine) {
  Table table({"v"});
  table.add({"a\nb\tc"});
  EXPECT_EQ(table.to_text(), "v\n───────\na\\nb\\tc\n");
  EXPECT_EQ(table.to_markdown(), "| v |\n| --- |\n| a<br>b\tc |\n");
}

TEST(Table, MarkdownEscapes) {
  Table table({"a|b", "n"});
  table.add({"<i> & \\ |", 3});
  EXPECT_EQ(table.to_markdown(), "| a\\|b | n |\n| --- | ---: |\n| &lt;i> &amp; \\\\ \\| | 3 |\n");
}

TEST(Table, HtmlEscapesEverything) {
  Table table({"<b>"});
  table.add({"</td><script>alert(\"1\" + '2') & more"});
  const std::string html = table.to_html();
  EXPECT_NE(html.find("<th>&lt;b&gt;</th>"), std::string::npos);
  EXPECT_NE(html.find("<td>&lt;/td&gt;&lt;script&gt;alert(&quot;1&quot; + &#39;2&#39;) &amp; more</td>"),
            std::string::npos);
}

TEST(Table, JsonKeepsTypesAndExactNumbers) {
  const nlohmann::json json = nlohmann::json::parse(sample().to_json().dump());
  EXPECT_EQ(json[0]["name"], "größe");
  EXPECT_EQ(json[1]["count"].get<int64_t>(), 12345678901);
  EXPECT_EQ(json[0]["value"].get<double>(), 0.123456);
  Table broken({"v"});
  broken.add({NAN}).add({INFINITY});
  EXPECT_EQ(broken.to_json().dump(), R"([{"v":null},{"v":null}])");
  EXPECT_TRUE(broken.to_json()[0]["v"].is_null());
  EXPECT_EQ(Table({"v"}).to_json().dump(), "[]");
}

TEST(Table, RefusesRowsOfAnotherWidth) {
  EXPECT_THROW(Table({"a"}).add({1, 2}), std::logic_error);
}

}  // namespace
}  // namespace lathe::core
