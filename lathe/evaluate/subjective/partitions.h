#pragma once
#include <string>
#include <vector>

#include "lathe/data/annotations.h"

namespace lathe::evaluate::subjective {

// Fewest annotators of a group that is told of, where the specification does not say; cells below 5 are what
// statistical offices suppress at the least.
constexpr int64_t kMinGroupSize = 5;

// Annotators by each of the attributes, and by all of them together where there are several; samples by each
// of theirs. Nobody and nothing is dropped: what is not known is the value "unknown". Throw InputError with
// the nearest name for attributes that the table does not have.
std::vector<data::Attribute> group_partitions(const data::Annotations& annotations,
                                              const std::vector<std::string>& attributes);
std::vector<data::Attribute> strata_partitions(const data::Annotations& annotations,
                                               const std::vector<std::string>& attributes);

// How many of each value's members have annotations.
std::vector<int64_t> members(const data::Annotations& annotations, const data::Attribute& groups);

// Those of the names that the attributes have, and the others.
struct KnownNames {
  std::vector<std::string> known, missing;
};
KnownNames known_names(const std::vector<data::Attribute>& attributes, const std::vector<std::string>& names);

}  // namespace lathe::evaluate::subjective
