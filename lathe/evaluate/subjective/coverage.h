#pragma once
#include <string>
#include <vector>

#include "lathe/data/annotations.h"

// Who was asked about what.
namespace lathe::evaluate::subjective {

// Of things that have at least one annotation, different annotators of a sample or samples of an annotator.
struct Counts {
  int64_t num = 0, least = 0, most = 0;
  double mean = 0;
  std::vector<int64_t> values;
  int64_t below(int64_t wanted) const;
};
Counts annotators_of_samples(const data::Annotations& annotations);
Counts samples_of_annotators(const data::Annotations& annotations);

// Share of the annotations that are a repeated question: passes after the first, of all first ones.
double repeat_rate(const data::Annotations& annotations);

// Parts of the graph of samples and annotators (an edge an annotation) that no path connects; one is what
// comparisons between annotators need.
int64_t num_components(const data::Annotations& annotations);

// Annotations of each group by each stratum, [groups, strata].
std::vector<int64_t> cells(const data::Annotations& annotations, const data::Attribute& groups,
                           const data::Attribute& strata);

// Samples that are in two parts of a split: with the same words in the same order (case and punctuation do
// not count), or with the same value of an attribute.
struct Leak {
  std::string first, second;  // names of samples
};
std::vector<Leak> same_texts(const data::Annotations& annotations, const data::Attribute& split);
std::vector<Leak> same_values(const data::Annotations& annotations, const data::Attribute& split,
                              const data::Attribute& attribute);

}  // namespace lathe::evaluate::subjective
