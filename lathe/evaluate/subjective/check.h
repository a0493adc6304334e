#pragma once
#include <string>
#include <vector>

#include "lathe/core/table.h"
#include "lathe/data/annotations.h"
#include "lathe/evaluate/subjective/specification.h"
#include "lathe/math/bootstrap.h"

// A specification confronted with itself, and with the annotations there are.
namespace lathe::evaluate::subjective {

// Unknown: the specification does not say what is wanted, or why, or the data cannot tell. It is no pass.
enum class Status { ok, violated, unknown };
std::string to_string(Status status);

struct Check {
  std::string field;  // of the specification: "annotators.repeat_rate"
  std::string what;   // "stated", "annotators match end-users in group"
  Status status = Status::unknown;
  std::string found, wanted;
};
struct CheckReport {
  std::vector<Check> checks;
  int64_t count(Status status) const;
  Status overall() const;  // violated if any is, ok if all are
};
struct CheckOptions {
  std::string today;  // YYYY-MM-DD; empty: the review date is not checked
  math::BootstrapOptions bootstrap{.num_replicates = 1000};  // of self-consistency
};

// Every field: that it is stated, with a rationale, and agrees with the others.
CheckReport check(const Specification& specification, const CheckOptions& options = {});
// And what the annotations show:
//   attributes, groups and strata that the table has; shares of annotators and samples against those wanted
//   (total variation; chi-square), weights that would make up for the difference; groups large enough, none
//   missing; annotations of each sample, annotator, and group in each stratum; one connected graph of samples
//   and annotators; repeats and their consistency; samples on which people disagree; samples in two parts of
//   a split; the gap between groups that can be found, against the one wanted.
CheckReport check(const Specification& specification, const data::Annotations& annotations,
                  const CheckOptions& options = {});

// Without the fields that are stated as they should be: they say nothing new.
CheckReport worth_telling(const CheckReport& report);

core::Table check_table(const CheckReport& report);

// The smallest gap between two groups of each partition of users.attributes that these annotations tell apart
// (design.h), by the agreement with others as the pilot; the largest of all pairs. NaN with fewer than two
// groups, or where nothing can be estimated.
double achievable_gap(const Specification& specification, const data::Annotations& annotations);

}  // namespace lathe::evaluate::subjective
