#include "lathe/evaluate/subjective/specification.h"

#include <gtest/gtest.h>

#include <regex>

#include "lathe/core/error.h"
#include "lathe/evaluate/subjective/fields.h"
#include "tests/support/message.h"

namespace lathe::evaluate::subjective {
namespace {

using testing_support::message_of;

std::string message(const std::string& toml) {
  return message_of<InputError>([&] { parse_specification(toml, "s.toml"); });
}

TEST(SubjectiveSpecification, BeginsWithQuestions) {
  const Specification begun = parse_specification(new_specification("say \"so\""), "s.toml");
  EXPECT_EQ(begun.title, "say \"so\"");
  EXPECT_EQ(begun.fields.size(), field_rules().size());
  for (const Field& field : begun.fields) EXPECT_FALSE(field.stated()) << field.path();
  EXPECT_EQ(sections().size(), 8u);
}

// Each example of the template is a value that its field takes.
TEST(SubjectiveSpecification, ExamplesAreValid) {
  const std::string toml = std::regex_replace(new_specification("t"), std::regex("#([a-z_]+ = \\{)"), "$1");
  const Specification filled = parse_specification(toml, "s.toml");
  for (const Field& field : filled.fields) {
    EXPECT_TRUE(field.stated()) << field.path();
    EXPECT_NE(to_text(field.value), "not stated");
  }
  EXPECT_EQ(text(filled, "use.unit_of_service"), "group");
  EXPECT_EQ(number(filled, "acceptance.tolerated_gap"), 0.05);
  EXPECT_EQ(number(filled, "users.min_group_size"), 10);
  EXPECT_EQ(texts(filled, "users.attributes"), std::vector<std::string>{"group"});
  EXPECT_EQ(numbers(filled, "use.costs"), (std::vector<double>{0, 1, 5, 0}));
  ASSERT_EQ(shares(filled, "users.shares").size(), 1u);
  EXPECT_EQ(to_text(find_field(filled, "users.shares").value), "group: g0 60 %, g1 25 %, g2 15 %");
}

TEST(SubjectiveSpecification, KeepsRationales) {
  const Specification s = parse_specification(
      "[use.unit_of_service]\nvalue = 'all'\nrationale = 'one queue'\n[users]\n"
      "shares = { value = { '18-30' = { a = 0.5, b = 0.5 }, sex = { f = 1 } } }\n",
      "s.toml");
  EXPECT_EQ(find_field(s, "use.unit_of_service").rationale, "one queue");
  EXPECT_EQ(shares(s, "users.shares").size(), 2u);
  EXPECT_FALSE(number(s, "acceptance.minimum").has_value());
  EXPECT_THROW(find_field(s, "users.nothing"), std::logic_error);
}

TEST(SubjectiveSpecification, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(message("[users]\nshares = { value = { sex = { f = 0.5, m = 0.4 } } }"),
            "users.shares.value.sex must sum to 1, got 0.9 (s.toml:2)");
  EXPECT_EQ(message("[user]\npopulation = { value = 'x' }"),
            "unknown table user, did you mean use? (s.toml:1)");
  EXPECT_EQ(message("[users]\npopulaton = { value = 'x' }"),
            "unknown table users.populaton, did you mean users.population? (s.toml:2)");
  EXPECT_EQ(
      message("[use]\nunit_of_service = { value = 'groups' }"),
      "use.unit_of_service.value must be one of all, group, person, got \"groups\", did you mean group? "
      "(s.toml:2)");
  EXPECT_EQ(message("[acceptance]\ntolerated_gap = { value = 5 }"),
            "acceptance.tolerated_gap.value must be a number in [0, 1], got 5 (s.toml:2)");
  EXPECT_EQ(message("[use]\ndecides = 'hiding'"), "use.decides must be a table, got \"hiding\" (s.toml:2)");
  EXPECT_EQ(message("[users]\nshares = { value = {} }"),
            "users.shares.value must name at least one attribute (s.toml:2)");
  EXPECT_EQ(message("[users]\nattributes = { value = ['a', 'a'] }"),
            "users.attributes.value must name each once, got \"a\" twice (s.toml:2)");
  EXPECT_NE(message("[annotators]\nquality_control = { value = ['luck'] }").find("must be some of gold"),
            std::string::npos);
  EXPECT_NE(message("[users]\nshares = { value = { sex = { f = 1.5, m = -0.5 } } }").find("in [0, 1]"),
            std::string::npos);
}

}  // namespace
}  // namespace lathe::evaluate::subjective
