#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lathe/core/table.h"
#include "lathe/evaluate/agreement.h"
#include "lathe/evaluate/subjective/specification.h"
#include "lathe/evaluate/subjective/verdict.h"

// Whose opinion a model serves: its answers against what each annotator said.
namespace lathe::evaluate::subjective {

struct Metric {
  std::string name;
  double estimate = 0;  // NaN: not defined
  double standard_error = 0;
  math::Interval interval;
};

// Everything, or the annotations of a group of annotators, or of a stratum of samples.
struct Slice {
  std::string attribute, value;  // "group", "g2"; empty: everything
  int64_t num_annotations = 0, num_annotators = 0, num_samples = 0;
  bool suppressed = false;  // a group smaller than users.min_group_size, or kMinGroupSize: not told of
  std::vector<Metric> metrics;
};
// Throws std::logic_error where the slice has no such metric.
const Metric& find_metric(const Slice& slice, const std::string& name);

// Of a group: people with at least min_labels_per_person answers judged, and how many of them the model
// fails.
struct Exclusion {
  std::string attribute, value;
  int64_t num_people = 0, num_too_few_labels = 0;
  double chance = 0, minimum = 0;  // 1 / classes; acceptance.person_minimum, NaN where not stated
  int64_t below_chance = 0, below_minimum = 0;
  math::Interval chance_interval, minimum_interval;  // of their shares (Wilson); NaN without people
  bool suppressed = false;
};

struct Evaluation {
  std::string model;
  double confidence = 0.95;  // of the intervals: acceptance.confidence, or 0.95
  int64_t num_missing = 0;   // annotations that the model did not answer, which are not judged
  Slice all;
  std::vector<Slice> groups, strata;  // by users.attributes; by acceptance.strata, or else samples.strata
  std::vector<Exclusion> exclusions;  // all, then the groups
  SelfConsistency self;               // the ceiling of any model of persons
  std::vector<Verdict> verdicts;      // against section 7
  Decision decision = Decision::undecided;
};

struct EvaluationOptions {
  std::string model = "model";
  int64_t min_labels_per_person = 5;  // for the exclusion statement: fewer say nothing of a person
  math::BootstrapOptions bootstrap{.num_replicates = 1000};  // confidence is the specification's
};
// Metrics of each slice:
//   accuracy, cross_entropy      of annotations: the model's answer against the annotator's own label
//   prior                        accuracy of the most frequent label of all
//   ceiling_single               of the most frequent label of each sample: sum_i max_c n_ic / sum_i n_i
//   ceiling_group                of the most frequent label of each sample within the annotator's group
//   others_majority              of the majority of the others who labelled the sample
//   gain_single, gain_group      (accuracy - prior) / (ceiling - prior)
//   cost                         mean of use.costs
// of everything and of groups:
//   macro_accuracy               mean over annotators of their accuracy
//   person_sd                    standard deviation of their accuracies, less what so few labels make by
//   chance
// of groups:
//   gap, macro_gap               accuracy (macro_accuracy) of all others less that of the group
// of everything:
//   majority_accuracy            the model's mean answer against the majority: the conventional number
//   share_cross_entropy, share_jensen_shannon, share_brier, share_error
//                                the model's mean probabilities against the shares of labels of each sample
//   post_stratified_accuracy     macro_accuracy with the annotators weighted to users.shares
//   person_correlation           ordinal labels: mean over annotators of Spearman's correlation of expected
//   class
//                                and label
// Intervals: the two-way bootstrap over samples and annotators. The ceilings are those of fixed answers,
// found once; so are a sample's shares and a person's accuracy in person_sd.
//
// Attributes that the specification names and the table does not have are left out; the verdict that needs
// them is "not decidable". Throws InputError for predictions that do not fit the table, labels without
// classes, and fewer than two judged samples or annotators.
Evaluation evaluate(const Specification& specification, const data::Annotations& annotations,
                    const OpinionPredictions& predictions, const EvaluationOptions& options = {});

core::Table metrics_table(const std::vector<Evaluation>& evaluations);  // of everything, one column a model
core::Table groups_table(const std::vector<Evaluation>& evaluations);
core::Table strata_table(const std::vector<Evaluation>& evaluations);
core::Table exclusion_table(const std::vector<Evaluation>& evaluations);
core::Table verdict_table(const std::vector<Evaluation>& evaluations);
std::vector<std::string> suppressed_groups(const Evaluation& evaluation);  // "group: g2"

// All of it; suppressed slices have no metrics.
nlohmann::json to_json(const Evaluation& evaluation);

}  // namespace lathe::evaluate::subjective
