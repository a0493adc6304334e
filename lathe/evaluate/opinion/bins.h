#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "lathe/evaluate/opinion/estimate.h"
#include "lathe/evaluate/opinion/metric.h"
#include "lathe/evaluate/opinion/profile.h"

namespace lathe::evaluate::opinion {

// What annotations are put into bins by, and what a metric is averaged over inside a bin. Published (Balayn,
// Bozzon & Szlávik 2019 and its code).
enum class Criterion {
  annotator_disagreement,  // by the annotator's ADR; the metric of each annotator, then their mean
  annotation_popularity,   // by π; the metric of all annotations in the bin
  sample_ambiguity,        // by the item's agreement; the metric of each item, then their mean
  demography               // by the annotator's group; the metric of all annotations of the group
};
const std::vector<Criterion>& all_criteria();
std::string to_string(Criterion criterion);
Criterion parse_criterion(const std::string& name);  // throws InputError with the nearest name

// Whose majority an annotator's disagreement is measured from: everybody's, or the others'.
enum class Reference { everybody, others };

struct BinOptions {
  std::vector<Metric> metrics = {Metric::accuracy};
  int64_t num_bins = 5;  // the published tables'
  Reference reference = Reference::everybody;
  std::vector<std::string> attributes;  // of annotators; a group is a combination of their values
  // What is left out: annotators who disagree more, annotations and items below, groups with fewer
  // annotations.
  double max_disagreement = 1, min_popularity = 0, min_agreement = 0;
  int64_t min_group_annotations = 0;
  // Groups of fewer people have no values, in no table and no picture; ours.
  int64_t min_group_size = 5;
};

struct Bin {
  std::string name;          // "(0.1, 0.28]", or the group's
  double low = 0, high = 0;  // edges, right-closed; 0 and 0 of a group
  int64_t num_units = 0;     // annotators, annotations or items
  int64_t num_annotators = 0, num_annotations = 0;
  std::vector<Estimate> values;    // beside the metrics
  std::vector<std::string> notes;  // where a value is NaN: "no data", "no positives", "fewer than 5 people"
};

// Fairness F = 1 − std of the bins' values (population standard deviation, undefined ones left out) and
// general performance G = their mean. A model that is wrong about everything has F = 1: never read F without
// G. F and G give a bin of three people the weight of one of 3000.
struct Score {
  Estimate fairness, general;
  std::string note;  // "single bin": F says nothing; "no data"
};

struct BinTable {
  Criterion criterion = Criterion::annotator_disagreement;
  std::vector<Metric> metrics;
  std::vector<Bin> bins;
  std::vector<Score> scores;                // beside the metrics
  const Score& score(Metric metric) const;  // throws InputError for a metric that was not measured
};

// F and G of bin values; fairness is NaN for fewer than two values, general for none.
Score score_of(const std::vector<double>& values);

// num_bins + 1 edges of equal-width bins between the smallest and the largest value, the lowest edge lowered
// by 0.1 % of the range (where all are equal, by 0.001), as pandas.cut has them. Throws InputError for no
// value or fewer than one bin.
std::vector<double> bin_edges(const std::vector<double>& values, int64_t num_bins);
// The bin that a value lies in, -1 for none.
int32_t bin_of(double value, const std::vector<double>& edges);

// Without intervals; measure() has them. Throws InputError as check_predictions() does, for unknown
// attributes, and where a filter leaves nothing.
BinTable bins(const data::Annotations& annotations, const Profile& profile,
              const OpinionPredictions& predictions, Criterion criterion, const BinOptions& options = {});

}  // namespace lathe::evaluate::opinion
