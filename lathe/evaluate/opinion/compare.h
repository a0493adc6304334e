#pragma once
#include <string>
#include <vector>

#include "lathe/evaluate/opinion/measure.h"

namespace lathe::evaluate::opinion {

// Two models on the same annotations, from one bootstrap of pairs: both see the same draw of items and
// annotators, so that what they share is not in the interval of their difference.
struct Difference {
  std::string name;                    // "annotator_disagreement accuracy F", "… G", or of measures()
  Estimate first, second, difference;  // second − first
};
// F and G of every criterion and metric, then measures(). Throws InputError as measure(), and where the two
// do not predict the same annotations.
std::vector<Difference> compare(const data::Annotations& annotations, const Profile& profile,
                                const OpinionPredictions& first, const OpinionPredictions& second,
                                const MeasureOptions& options = {});

}  // namespace lathe::evaluate::opinion
