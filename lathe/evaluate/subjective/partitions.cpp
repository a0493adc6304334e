#include "lathe/evaluate/subjective/partitions.h"

#include <algorithm>

namespace lathe::evaluate::subjective {

std::vector<data::Attribute> group_partitions(const data::Annotations& annotations,
                                              const std::vector<std::string>& attributes) {
  std::vector<data::Attribute> partitions;
  for (const std::string& name : attributes)
    partitions.push_back(data::annotator_groups(annotations, {name}));
  if (attributes.size() > 1) partitions.push_back(data::annotator_groups(annotations, attributes));
  return partitions;
}

std::vector<data::Attribute> strata_partitions(const data::Annotations& annotations,
                                               const std::vector<std::string>& attributes) {
  std::vector<data::Attribute> partitions;
  for (const std::string& name : attributes) {
    data::Attribute strata = data::find_attribute(annotations.item_attributes, name);
    const auto unknown = static_cast<int32_t>(strata.values.size());
    if (std::find(strata.codes.begin(), strata.codes.end(), -1) != strata.codes.end()) {
      std::replace(strata.codes.begin(), strata.codes.end(), -1, unknown);
      strata.values.emplace_back("unknown");
    }
    partitions.push_back(std::move(strata));
  }
  return partitions;
}

std::vector<int64_t> members(const data::Annotations& annotations, const data::Attribute& groups) {
  const std::vector<int64_t> offsets = data::annotator_index(annotations).offsets;
  std::vector<int64_t> counts(groups.values.size());
  for (size_t a = 0; a < groups.codes.size(); ++a)
    if (groups.codes[a] >= 0 && offsets[a + 1] > offsets[a]) ++counts[static_cast<size_t>(groups.codes[a])];
  return counts;
}

KnownNames known_names(const std::vector<data::Attribute>& attributes,
                       const std::vector<std::string>& names) {
  KnownNames result;
  for (const std::string& name : names) {
    const bool known = std::any_of(attributes.begin(), attributes.end(),
                                   [&](const data::Attribute& attribute) { return attribute.name == name; });
    (known ? result.known : result.missing).push_back(name);
  }
  return result;
}

}  // namespace lathe::evaluate::subjective
