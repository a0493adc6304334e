#include "lathe/evaluate/subjective/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"
#include "lathe/evaluate/subjective/check_data.h"

namespace lathe::evaluate::subjective {
namespace {

bool is_date(const std::string& text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  for (const size_t digit : {0, 1, 2, 3, 5, 6, 8, 9})
    if (text[digit] < '0' || text[digit] > '9') return false;
  const std::string month = text.substr(5, 2), day = text.substr(8, 2);
  return month >= "01" && month <= "12" && day >= "01" && day <= "31";
}

Check stated(const Field& field) {
  Check check{.field = field.path(), .what = "stated"};
  check.found = to_text(field.value);
  check.wanted = "a value and a rationale";
  if (field.stated() && field.rationale.empty()) check.found += " (no rationale)";
  check.status = field.stated() && !field.rationale.empty() ? Status::ok : Status::unknown;
  return check;
}

void check_target(const Specification& specification, CheckReport& report) {
  const auto target = text(specification, "target.compared_with");
  const auto unit = text(specification, "use.unit_of_service");
  if (target != "majority") return;
  const bool justified = !find_field(specification, "target.compared_with").rationale.empty();
  const bool serves_all = unit == "all";
  Check check{.field = "target.compared_with", .what = "majority is justified"};
  check.wanted = "a rationale, and one answer for all";
  check.found = fmt::format("{}, unit of service: {}", justified ? "a rationale" : "no rationale",
                            unit.value_or("not stated"));
  check.status = !justified || (unit && !serves_all) ? Status::violated
                 : serves_all                        ? Status::ok
                                                     : Status::unknown;
  report.checks.push_back(check);
}

void check_quality_control(const Specification& specification, CheckReport& report) {
  const auto means = texts(specification, "annotators.quality_control");
  if (means.empty()) return;
  const bool by_agreement = std::find(means.begin(), means.end(), "agreement") != means.end();
  report.checks.push_back({"annotators.quality_control", "does not punish minority opinions",
                           by_agreement ? Status::violated : Status::ok,
                           to_text(find_field(specification, "annotators.quality_control").value),
                           "not by agreement with others"});
}

void check_costs(const Specification& specification, CheckReport& report) {
  const auto costs = numbers(specification, "use.costs");
  const auto classes = texts(specification, "property.classes");
  if (costs.empty()) return;
  report.checks.push_back(
      {"use.costs", "one for each pair of classes",
       classes.empty()                                   ? Status::unknown
       : costs.size() == classes.size() * classes.size() ? Status::ok
                                                         : Status::violated,
       fmt::format("{} costs", costs.size()),
       classes.empty() ? "property.classes stated" : fmt::format("{}", classes.size() * classes.size())});
}

void check_review(const Specification& specification, const CheckOptions& options, CheckReport& report) {
  const auto date = text(specification, "ethics.review_date");
  if (!date) return;
  const Status status = !is_date(*date)         ? Status::violated
                        : options.today.empty() ? Status::unknown
                        : *date > options.today ? Status::ok
                                                : Status::violated;
  report.checks.push_back(
      {"ethics.review_date", "not passed", status, *date,
       options.today.empty() || !is_date(*date) ? "YYYY-MM-DD" : "after " + options.today});
}

}  // namespace

std::string to_string(Status status) {
  return status == Status::ok ? "ok" : status == Status::violated ? "violated" : "unknown";
}

int64_t CheckReport::count(Status status) const {
  return std::count_if(checks.begin(), checks.end(),
                       [&](const Check& check) { return check.status == status; });
}

Status CheckReport::overall() const {
  if (count(Status::violated) > 0) return Status::violated;
  return count(Status::unknown) > 0 || checks.empty() ? Status::unknown : Status::ok;
}

CheckReport check(const Specification& specification, const CheckOptions& options) {
  CheckReport report;
  for (const Field& field : specification.fields) report.checks.push_back(stated(field));
  check_target(specification, report);
  check_quality_control(specification, report);
  check_costs(specification, report);
  check_review(specification, options, report);
  return report;
}

CheckReport check(const Specification& specification, const data::Annotations& annotations,
                  const CheckOptions& options) {
  if (annotations.size() == 0) throw InputError("there are no annotations to check");
  CheckReport report = check(specification, options);
  check_scale(specification, annotations, report);
  check_people(specification, annotations, report);
  check_samples(specification, annotations, report);
  check_overlap(specification, annotations, report);
  check_consistency(specification, annotations, options, report);
  check_detectable_gap(specification, annotations, report);
  return report;
}

CheckReport worth_telling(const CheckReport& report) {
  CheckReport told;
  for (const Check& check : report.checks)
    if (check.what != "stated" || check.status != Status::ok) told.checks.push_back(check);
  return told;
}

core::Table check_table(const CheckReport& report) {
  core::Table table({"field", "check", "status", "found", "wanted"});
  for (const Check& check : report.checks)
    table.add({check.field, check.what, to_string(check.status), check.found, check.wanted});
  return table;
}

}  // namespace lathe::evaluate::subjective
