#include "lathe/evaluate/subjective/check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"
#include "lathe/data/opinions.h"
#include "lathe/evaluate/subjective/coverage.h"
#include "lathe/evaluate/subjective/datasheet.h"
#include "lathe/evaluate/subjective/partitions.h"
#include "lathe/evaluate/subjective/post_stratification.h"

namespace lathe::evaluate::subjective {
namespace {

using data::Annotations;

Specification specification(const std::string& toml) {
  return parse_specification(toml, "s.toml");
}

Annotations opinions(data::OpinionOptions options, uint64_t seed = 1) {
  options.num_features = 4;
  return data::generate_opinions(options, core::Seed(seed)).annotations;
}

data::OpinionOptions small() {
  return {.num_items = 200, .num_annotators = 40, .annotations_per_item = 6, .repeat_rate = 0.1};
}

const CheckOptions kFast{.today = "2026-11-30", .bootstrap = {.num_replicates = 50}};

// The line of that field whose description contains `what`.
const Check& find(const CheckReport& report, const std::string& field, const std::string& what) {
  for (const Check& check : report.checks)
    if (check.field == field && check.what.find(what) != std::string::npos) return check;
  throw std::logic_error("no check of " + field + " about " + what);
}

Status status_of(const std::string& toml, const Annotations& annotations, const std::string& field,
                 const std::string& what) {
  return find(check(specification(toml), annotations, kFast), field, what).status;
}

TEST(SubjectiveCheck, NothingPassesThatIsNotStated) {
  const CheckReport empty = check(empty_specification());
  EXPECT_EQ(empty.count(Status::ok), 0);
  EXPECT_EQ(empty.count(Status::unknown), static_cast<int64_t>(empty.checks.size()));
  EXPECT_EQ(empty.overall(), Status::unknown);
  EXPECT_EQ(CheckReport().overall(), Status::unknown);

  const CheckReport with_data = check(empty_specification(), opinions(small()), kFast);
  for (const Check& check : with_data.checks)
    if (check.field != "annotators.overlap") EXPECT_EQ(check.status, Status::unknown) << check.field;
}

TEST(SubjectiveCheck, ValuesNeedRationales) {
  const auto status = [](const std::string& toml) {
    return find(check(specification(toml)), "use.decides", "stated").status;
  };
  EXPECT_EQ(status("[use]\ndecides = { value = 'hiding', rationale = 'policy 3' }"), Status::ok);
  EXPECT_EQ(status("[use]\ndecides = { value = 'hiding' }"), Status::unknown);
  EXPECT_EQ(status("[use]\ndecides = { rationale = 'policy 3' }"), Status::unknown);
}

TEST(SubjectiveCheck, FieldsAgreeWithEachOther) {
  const auto majority = [](const std::string& unit, const std::string& rationale) {
    return find(check(specification("[use]\nunit_of_service = { value = '" + unit + "' }\n[target]\n" +
                                    "compared_with = { value = 'majority', rationale = '" + rationale +
                                    "' }")),
                "target.compared_with", "justified")
        .status;
  };
  EXPECT_EQ(majority("all", "the law asks for it"), Status::ok);
  EXPECT_EQ(majority("all", ""), Status::violated);
  EXPECT_EQ(majority("person", "the law asks for it"), Status::violated);

  const auto control = [](const std::string& means) {
    return find(check(specification("[annotators]\nquality_control = { value = [" + means + "] }")),
                "annotators.quality_control", "minority")
        .status;
  };
  EXPECT_EQ(control("'time', 'consistency'"), Status::ok);
  EXPECT_EQ(control("'time', 'agreement'"), Status::violated);

  const auto review = [](const std::string& date, const std::string& today) {
    return find(check(specification("[ethics]\nreview_date = { value = '" + date + "' }"), {.today = today}),
                "ethics.review_date", "passed")
        .status;
  };
  EXPECT_EQ(review("2027-01-01", "2026-11-30"), Status::ok);
  EXPECT_EQ(review("2026-11-30", "2026-11-30"), Status::violated);
  EXPECT_EQ(review("soon", "2026-11-30"), Status::violated);
  EXPECT_EQ(review("2027-01-01", ""), Status::unknown);

  const auto costs = [](const std::string& classes) {
    return find(check(specification("[use]\ncosts = { value = [0, 1, 2, 0] }\n" + classes)), "use.costs",
                "pair")
        .status;
  };
  EXPECT_EQ(costs("[property]\nclasses = { value = ['no', 'yes'] }"), Status::ok);
  EXPECT_EQ(costs("[property]\nclasses = { value = ['a', 'b', 'c'] }"), Status::violated);
  EXPECT_EQ(costs(""), Status::unknown);
}

TEST(SubjectiveCheck, AnnotatorsAgainstEndUsers) {
  const Annotations a = opinions(small());
  const auto shares = [](const std::string& of) {
    return "[users]\nshares = { value = { group = { " + of +
           " } } }\n[annotators]\nmatch_tolerance = { value = 0.1 }";
  };
  const std::string what = "as end-users";
  EXPECT_EQ(status_of(shares("g0 = 0.6, g1 = 0.25, g2 = 0.15"), a, "annotators.match_tolerance", what),
            Status::ok);
  EXPECT_EQ(status_of(shares("g0 = 0.2, g1 = 0.2, g2 = 0.6"), a, "annotators.match_tolerance", what),
            Status::violated);
  const CheckReport stranger = check(specification(shares("g0 = 0.5, young = 0.5")), a, kFast);
  EXPECT_NE(
      find(stranger, "annotators.match_tolerance", what).found.find("none of young; not wanted: g1, g2"),
      std::string::npos)
      << find(stranger, "annotators.match_tolerance", what).found;
  EXPECT_EQ(status_of("[users]\nattributes = { value = ['gender'] }", a, "users.attributes", "in the data"),
            Status::unknown);
  EXPECT_EQ(status_of("[users]\nattributes = { value = ['group'] }", a, "users.attributes", "in the data"),
            Status::ok);
  EXPECT_EQ(status_of(shares("g0 = 0.02, g1 = 0.02, g2 = 0.96"), a, "users.shares", "weights"),
            Status::violated);

  // By hand: 24, 10 and 6 people, wanted (.5, .3, .2): chi-square = 16/20 + 4/12 + 4/8, variation = 0.1.
  const Match by_hand = match_annotators(a, {"group", {{"g0", 0.5}, {"g1", 0.3}, {"g2", 0.2}}});
  EXPECT_EQ(by_hand.counts, (std::vector<int64_t>{24, 10, 6}));
  EXPECT_NEAR(by_hand.chi_square, 16.0 / 20 + 4.0 / 12 + 4.0 / 8, 1e-12);
  EXPECT_NEAR(by_hand.total_variation, 0.1, 1e-12);
  EXPECT_NEAR(by_hand.p_value, std::exp(-by_hand.chi_square / 2), 1e-12);  // two degrees of freedom
}

TEST(SubjectiveCheck, PeopleOfWhomNothingIsKnownStay) {
  data::OpinionOptions options = small();
  options.unknown_attributes = 0.5;
  const Annotations a = opinions(options);
  const Match match = match_annotators(a, {"group", {{"g0", 0.6}, {"g1", 0.25}, {"g2", 0.15}}});
  const data::Attribute& group = data::find_attribute(a.annotator_attributes, "group");
  EXPECT_EQ(match.num_unknown, std::count(group.codes.begin(), group.codes.end(), -1));
  EXPECT_GT(match.num_unknown, 10);
  const data::Attribute groups = group_partitions(a, {"group"})[0];
  EXPECT_EQ(groups.values.size(), 4u);
  int64_t people = 0;
  for (const int64_t n : members(a, groups)) people += n;
  EXPECT_EQ(people, 40);
}

TEST(SubjectiveCheck, GroupsAndCells) {
  const Annotations a = opinions(small());
  const std::string groups = "[users]\nattributes = { value = ['group'] }\nmin_group_size = { value = ";
  EXPECT_EQ(status_of(groups + "6 }", a, "users.min_group_size", "large enough"), Status::ok);
  EXPECT_EQ(status_of(groups + "7 }", a, "users.min_group_size", "large enough"), Status::violated);
  EXPECT_EQ(status_of(groups + "6 }\nnever_excluded = { value = ['g2'] }", a, "users.never_excluded", "g2"),
            Status::ok);
  EXPECT_EQ(
      status_of(groups + "6 }\nnever_excluded = { value = ['elders'] }", a, "users.never_excluded", "elders"),
      Status::violated);
  const std::string strata = groups + "6 }\n[samples]\nstrata = { value = ['ambiguity'] }";
  EXPECT_EQ(status_of(strata, a, "samples.strata", "every group"), Status::ok);

  const data::Attribute& group = data::find_attribute(a.annotator_attributes, "group");
  const data::Attribute& ambiguity = data::find_attribute(a.item_attributes, "ambiguity");
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < a.size(); ++row)
    if (group.values[static_cast<size_t>(
            group.codes[static_cast<size_t>(a.annotator[static_cast<size_t>(row)])])] != "g1" ||
        ambiguity.values[static_cast<size_t>(
            ambiguity.codes[static_cast<size_t>(a.item[static_cast<size_t>(row)])])] != "high")
      rows.push_back(row);
  const CheckReport gap = check(specification(strata), data::select(a, rows), kFast);
  EXPECT_EQ(find(gap, "samples.strata", "every group").status, Status::violated);
  EXPECT_NE(find(gap, "samples.strata", "every group").found.find("1 of 9 cells empty: g1 on high"),
            std::string::npos);
}

TEST(SubjectiveCheck, Overlap) {
  Annotations a;
  a.scale.classes = {"no", "yes"};
  a.items = {"i0", "i1", "i2", "never asked"};
  a.annotators = {"w0", "w1", "w2", "w3"};
  a.item = {0, 0, 1, 2};
  a.annotator = {0, 1, 1, 2};
  a.label = {0, 1, 1, 0};
  EXPECT_EQ(num_components(a), 2);
  EXPECT_EQ(status_of("", a, "annotators.overlap", "everybody"), Status::violated);
  EXPECT_EQ(annotators_of_samples(a).values, (std::vector<int64_t>{2, 1, 1}));
  const std::string wanted =
      "[annotators]\nannotations_per_sample = { value = 2 }\nsamples_per_annotator = { value = 1 }";
  EXPECT_EQ(status_of(wanted, a, "annotators.annotations_per_sample", "annotators"), Status::violated);
  EXPECT_EQ(status_of(wanted, a, "annotators.samples_per_annotator", "samples"), Status::ok);
  a.item.push_back(2);
  a.annotator.push_back(3);
  a.label.push_back(1);
  EXPECT_EQ(num_components(a), 2);
}

TEST(SubjectiveCheck, Repeats) {
  const Annotations a = opinions(small());
  EXPECT_DOUBLE_EQ(repeat_rate(a), static_cast<double>(a.size() - 1200) / 1200);
  EXPECT_GT(repeat_rate(a), 0.05);
  const std::string wanted = "[annotators]\nself_consistency = { value = ";
  EXPECT_EQ(status_of(wanted + "0.05 }", a, "annotators.self_consistency", "themselves"), Status::ok);
  EXPECT_EQ(status_of(wanted + "0.99 }", a, "annotators.self_consistency", "themselves"), Status::violated);
  data::OpinionOptions once = small();
  once.repeat_rate = 0;
  EXPECT_EQ(status_of(wanted + "0.05 }", opinions(once), "annotators.self_consistency", "themselves"),
            Status::unknown);
  EXPECT_EQ(status_of("[annotators]\nrepeat_rate = { value = 0.05 }", opinions(once),
                      "annotators.repeat_rate", "asked twice"),
            Status::violated);
}

TEST(SubjectiveCheck, NothingLeaksBetweenParts) {
  Annotations a = opinions(small());
  data::Attribute split{"split", {"train", "test"}, {}}, author{"author", {"x", "y"}, {}};
  for (size_t i = 0; i < a.items.size(); ++i) {
    split.codes.push_back(i < 100 ? 0 : 1);
    author.codes.push_back(i < 100 ? 0 : 1);
    a.texts.push_back("This is text number " + std::to_string(i) + ".");
  }
  const std::string wanted =
      "[samples]\nsplit = { value = 'split' }\nnot_shared = { value = ['author', 'topic'] }";
  const auto checked = [&](const std::string& field, const std::string& what) {
    Annotations with = a;
    with.item_attributes.push_back(split);
    with.item_attributes.push_back(author);
    return find(check(specification(wanted), with, kFast), field, what);
  };
  EXPECT_EQ(checked("samples.split", "no text").status, Status::ok);
  EXPECT_EQ(checked("samples.not_shared", "author").status, Status::ok);
  EXPECT_EQ(checked("samples.not_shared", "topic").status, Status::unknown);
  a.texts[150] = "this IS text, number 3";  // the same words
  author.codes[120] = 0;
  EXPECT_EQ(checked("samples.split", "no text").status, Status::violated);
  EXPECT_EQ(checked("samples.split", "no text").found, "1: " + a.items[3] + " and " + a.items[150]);
  EXPECT_EQ(checked("samples.not_shared", "author").status, Status::violated);
}

TEST(SubjectiveCheck, SamplesAndTheGapThatCanBeFound) {
  const Annotations a = opinions(small());
  EXPECT_EQ(
      status_of("[samples]\nambiguous_share = { value = 0.9 }", a, "samples.ambiguous_share", "disagree"),
      Status::violated);
  EXPECT_EQ(
      status_of("[samples]\nambiguous_share = { value = 0.05 }", a, "samples.ambiguous_share", "disagree"),
      Status::ok);
  const auto gap = [](const std::string& wanted) {
    return "[users]\nattributes = { value = ['group'] }\n[acceptance]\nexpected_accuracy = { value = 0.8 }\n"
           "confidence = { value = 0.95 }\npower = { value = 0.8 }\ndetectable_gap = { value = " +
           wanted + " }";
  };
  EXPECT_EQ(status_of(gap("0.5"), a, "acceptance.detectable_gap", "found"), Status::ok);
  EXPECT_EQ(status_of(gap("0.01"), a, "acceptance.detectable_gap", "found"), Status::violated);
  const double few = achievable_gap(specification(gap("0.1")), a);
  const double many =
      achievable_gap(specification(gap("0.1")),
                     opinions({.num_items = 2000, .num_annotators = 200, .annotations_per_item = 6}));
  EXPECT_LT(many, few / 2);

  const auto scale = [&](const std::string& toml, const std::string& field) {
    return status_of("[property]\n" + toml, a, field, "as in the data");
  };
  EXPECT_EQ(scale("scale = { value = 'nominal' }", "property.scale"), Status::ok);
  EXPECT_EQ(scale("scale = { value = 'ordinal' }", "property.scale"), Status::violated);
  EXPECT_EQ(scale("classes = { value = ['yes', 'no'] }", "property.classes"), Status::violated);

  const std::string use =
      "[acceptance]\nconfidence = { value = 0.95 }\n[samples]\nshares = { value = { ambiguity = ";
  EXPECT_EQ(
      status_of(use + "{ low = 0.333, medium = 0.333, high = 0.334 } } }", a, "samples.shares", "in use"),
      Status::ok);
  EXPECT_EQ(status_of(use + "{ low = 0.8, medium = 0.1, high = 0.1 } } }", a, "samples.shares", "in use"),
            Status::violated);
}

TEST(SubjectiveCheck, TinyTables) {
  Annotations a;
  a.scale.classes = {"no", "yes"};
  EXPECT_THROW(check(empty_specification(), a), InputError);
  a.items = {"i"};
  a.annotators = {"w"};
  a.annotator_attributes = {{"group", {}, {-1}}};
  a.item = {0};
  a.annotator = {0};
  a.label = {1};
  const std::string wanted =
      "[users]\nattributes = { value = ['group'] }\nshares = { value = { group = { x = 1 } } }\n"
      "[annotators]\nmatch_tolerance = { value = 0.1 }\n[acceptance]\nexpected_accuracy = { value = 0.8 }\n"
      "confidence = { value = 0.95 }\npower = { value = 0.8 }\ndetectable_gap = { value = 0.1 }";
  EXPECT_EQ(status_of(wanted, a, "annotators.match_tolerance", "as end-users"), Status::unknown);
  EXPECT_EQ(status_of(wanted, a, "acceptance.detectable_gap", "found"), Status::unknown);
}

TEST(SubjectiveCheck, DatasheetTellsEverything) {
  const Specification s = specification(
      "title = 'Toxicity'\n[use]\ndecides = { value = 'a | b', rationale = 'why not' }\n"
      "[annotators]\nquality_control = { value = ['agreement'] }");
  const std::string sheet = datasheet(s, check(s, opinions(small()), kFast));
  for (const char* text : {"# Datasheet: Toxicity", "## 8. Ethics and upkeep", "why not", "not stated",
                           "does not punish minority opinions | violated"})
    EXPECT_NE(sheet.find(text), std::string::npos) << text;
  for (const Field& field : s.fields)
    EXPECT_NE(sheet.find(field.question), std::string::npos) << field.question;
}

}  // namespace
}  // namespace lathe::evaluate::subjective
