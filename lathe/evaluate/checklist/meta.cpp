#include <algorithm>

#include "lathe/evaluate/checklist/editor.h"

namespace lathe::evaluate::checklist {

std::map<std::string, std::string> Meta::of_case(size_t index) const {
  std::map<std::string, std::string> result;
  for (size_t t = 0; t < tags.size(); ++t)
    if (const uint32_t value = indices[index * tags.size() + t]; value != kNone)
      result[tags[t].name] = tags[t].values[value];
  return result;
}

Meta join(const Meta& first, size_t num_first, const Meta& second, size_t num_second) {
  if (first.tags == second.tags) {
    Meta joined = first;
    joined.indices.insert(joined.indices.end(), second.indices.begin(), second.indices.end());
    return joined;
  }
  Meta joined{first.tags, {}};
  std::vector<size_t> column, offset;  // of the second's tags in the joined meta
  for (const Meta::Tag& tag : second.tags) {
    const auto same = std::find_if(joined.tags.begin(), joined.tags.end(),
                                   [&](const Meta::Tag& known) { return known.name == tag.name; });
    column.push_back(static_cast<size_t>(same - joined.tags.begin()));
    if (same == joined.tags.end()) {
      joined.tags.push_back(tag);
      offset.push_back(0);
    } else {
      offset.push_back(same->values.size());
      same->values.insert(same->values.end(), tag.values.begin(), tag.values.end());
    }
  }
  const size_t width = joined.tags.size();
  joined.indices.assign((num_first + num_second) * width, Meta::kNone);
  for (size_t i = 0; i < num_first; ++i)
    for (size_t t = 0; t < first.tags.size(); ++t)
      joined.indices[i * width + t] = first.indices[i * first.tags.size() + t];
  for (size_t i = 0; i < num_second; ++i)
    for (size_t t = 0; t < second.tags.size(); ++t) {
      const uint32_t value = second.indices[i * second.tags.size() + t];
      if (value != Meta::kNone)
        joined.indices[(num_first + i) * width + column[t]] = value + static_cast<uint32_t>(offset[t]);
    }
  return joined;
}

}  // namespace lathe::evaluate::checklist
