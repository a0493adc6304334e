#include "lathe/evaluate/subjective/acceptance.h"

#include <algorithm>
#include <cmath>

namespace lathe::evaluate::subjective {
namespace {

Verdict undecided(const std::string& criterion, const std::string& why) {
  return {.criterion = criterion, .found = why, .wanted = "stated and measured"};
}

Correction correction_of(const Specification& specification) {
  const auto name = text(specification, "acceptance.correction");
  if (name == "none") return Correction::none;
  return name == "benjamini-hochberg" ? Correction::benjamini_hochberg : Correction::holm;
}

class Acceptance {
 public:
  Acceptance(const Specification& specification, const Evaluation& evaluation)
      : specification_(specification), evaluation_(evaluation) {}

  std::vector<Verdict> verdicts() {
    minimum();
    gap();
    excluded_share();
    never_excluded();
    return std::move(verdicts_);
  }

 private:
  // The fields that are stated; says of each other one that it is not.
  bool stated(const std::string& criterion, const std::vector<std::string>& paths) {
    for (const std::string& path : paths)
      if (!find_field(specification_, path).stated()) {
        verdicts_.push_back(undecided(criterion, path + " is not stated"));
        return false;
      }
    return true;
  }

  double limit(const char* path) const { return *number(specification_, path); }

  void decide_all(std::vector<Tested> tests) {
    for (Verdict& verdict : decide(std::move(tests), evaluation_.confidence, correction_of(specification_)))
      verdicts_.push_back(std::move(verdict));
  }

  // test(slice) for each group that may be told of.
  template <typename Test>
  void decide_groups(const std::string& criterion, const Test& test) {
    std::vector<Tested> tests;
    for (const Slice& slice : evaluation_.groups) {
      if (slice.num_annotations == 0) continue;
      if (slice.suppressed)
        verdicts_.push_back(undecided(criterion + " of " + slice.value, "too few people to be told of"));
      else
        tests.push_back(test(slice, criterion + " of " + slice.value));
    }
    if (evaluation_.groups.empty())
      verdicts_.push_back(undecided(criterion + " of groups", "no attribute of people is known"));
    decide_all(std::move(tests));
  }

  void minimum() {
    const std::string metric = text(specification_, "acceptance.metric").value_or("accuracy");
    if (!stated("minimum",
                {"acceptance.minimum", "acceptance.metric", "acceptance.confidence", "use.unit_of_service"}))
      return;
    const auto test = [&](const Slice& slice, const std::string& criterion) {
      const Metric& found = find_metric(slice, metric);
      return test_limit(criterion, found.estimate, found.standard_error, limit("acceptance.minimum"),
                        Side::at_least);
    };
    if (text(specification_, "use.unit_of_service") == "all")
      decide_all({test(evaluation_.all, metric)});
    else
      decide_groups(metric, test);
  }

  void gap() {
    if (!stated("gap", {"acceptance.tolerated_gap", "acceptance.confidence"})) return;
    const double tolerated = limit("acceptance.tolerated_gap");
    if (text(specification_, "acceptance.dispersion") == "standard deviation") {
      const Metric& spread = find_metric(evaluation_.all, "person_sd");
      return decide_all({test_limit("standard deviation between people", spread.estimate,
                                    spread.standard_error, tolerated, Side::at_most)});
    }
    const std::string metric =
        text(specification_, "acceptance.metric") == "macro_accuracy" ? "macro_gap" : "gap";
    // With one group there is nothing to be apart from.
    const auto others = [&](const Slice& slice) {
      return slice.num_annotations < evaluation_.all.num_annotations;
    };
    decide_groups("gap", [&](const Slice& slice, const std::string& criterion) {
      const Metric& found = find_metric(slice, metric);
      return test_limit(criterion + (others(slice) ? " to the others" : ""), found.estimate,
                        found.standard_error, tolerated, Side::at_most);
    });
  }

  void excluded_share() {
    if (!stated("people below the minimum",
                {"acceptance.excluded_share", "acceptance.person_minimum", "acceptance.confidence"}))
      return;
    std::vector<Tested> tests;
    for (const Exclusion& group : evaluation_.exclusions) {
      const std::string criterion =
          "people below the minimum" + (group.value.empty() ? "" : " of " + group.value);
      if (group.suppressed)
        verdicts_.push_back(undecided(criterion, "too few people to be told of"));
      else if (group.num_people + group.num_too_few_labels > 0)
        tests.push_back(
            test_share(criterion, group.below_minimum, group.num_people, limit("acceptance.excluded_share")));
    }
    decide_all(std::move(tests));
  }

  void never_excluded() {
    const std::vector<std::string> groups = texts(specification_, "users.never_excluded");
    if (groups.empty() ||
        !stated("groups that must not be excluded", {"acceptance.person_minimum", "acceptance.confidence"}))
      return;
    std::vector<Tested> tests;
    for (const std::string& name : groups) {
      const auto slice = std::find_if(evaluation_.groups.begin(), evaluation_.groups.end(),
                                      [&](const Slice& of) { return of.value == name; });
      const std::string criterion = name + " is not excluded";
      if (slice == evaluation_.groups.end() || slice->suppressed || slice->num_annotations == 0) {
        verdicts_.push_back(undecided(criterion, "too few people to be told of, or none"));
        continue;
      }
      const Metric& accuracy = find_metric(*slice, "accuracy");
      tests.push_back(test_limit(criterion, accuracy.estimate, accuracy.standard_error,
                                 limit("acceptance.person_minimum"), Side::at_least));
    }
    decide_all(std::move(tests));
  }

  const Specification& specification_;
  const Evaluation& evaluation_;
  std::vector<Verdict> verdicts_;
};

}  // namespace

std::vector<Verdict> accept(const Specification& specification, const Evaluation& evaluation) {
  return Acceptance(specification, evaluation).verdicts();
}

}  // namespace lathe::evaluate::subjective
