#pragma once
#include <string>
#include <vector>

#include "lathe/data/annotations.h"
#include "lathe/evaluate/subjective/specification.h"

// Annotators or samples that are shared out otherwise than those of the use.
namespace lathe::evaluate::subjective {

// The annotators (or samples) that have annotations, by one attribute, beside the shares wanted.
struct Match {
  std::string attribute;
  std::vector<std::string> values;       // those wanted, then others that occur
  std::vector<double> wanted, observed;  // shares; of those whose value is known
  std::vector<int64_t> counts;
  int64_t num_unknown = 0;
  double total_variation = 0;  // sum |wanted - observed| / 2; 1 where nobody's value is known
  double chi_square = 0;       // sum n (observed - wanted)² / wanted, infinite where none was wanted
  double p_value = 1;          // values - 1 degrees of freedom
};
// Throw InputError with the nearest name for an attribute that the table does not have.
Match match_annotators(const data::Annotations& annotations, const Shares& shares);
Match match_samples(const data::Annotations& annotations, const Shares& shares);

struct PostStratificationOptions {
  double largest_weight = 5;  // specification: weights are capped
};
// How much each of these people (indices of annotators) counts so that the shares are those wanted: w_g =
// wanted_g / observed_g, at most largest_weight. With several attributes these factors are applied in turn
// until they stay (raking: Deming & Stephan 1940), then capped. The weight of people whose value is unknown
// or has no wanted share is not changed by that attribute.
struct PostStratification {
  std::vector<double> weights;  // of the people
  int64_t num_capped = 0;
};
PostStratification post_stratify(const data::Annotations& annotations, const std::vector<int32_t>& people,
                                 const std::vector<Shares>& shares,
                                 const PostStratificationOptions& options = {});

// Annotators who have annotations.
std::vector<int32_t> active_annotators(const data::Annotations& annotations);

}  // namespace lathe::evaluate::subjective
