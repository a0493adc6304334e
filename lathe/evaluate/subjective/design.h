#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "lathe/data/annotations.h"

// How many annotations a study needs, and of whom.
namespace lathe::evaluate::subjective {

// What a pilot says of whether an answer is right: intraclass correlations of 0/1 within samples and within
// annotators (math/intraclass.h, at least 0), and the mean.
struct Pilot {
  double sample_correlation = 0, annotator_correlation = 0;
  double accuracy = 0;
};
// right[i] belongs to annotation i. Throws InputError where no sample, or no annotator, has two.
Pilot pilot(const data::Annotations& annotations, const std::vector<double>& right);
// The same without a model: an answer counts as right where most others say the same; answers without others
// are left out.
Pilot pilot_of_agreement(const data::Annotations& annotations);

// By how much answers that share samples or annotators are worth less than independent ones:
// (1 + (m_s - 1) rho_s) (1 + (m_a - 1) rho_a), m answers of a sample, of an annotator; m below 1 counts as 1.
struct Clusters {
  double per_sample = 1, per_annotator = 1;  // m
};
double design_effect(const Clusters& clusters, const Pilot& pilot);

struct TestOptions {
  double confidence = 0.95;  // of the two-sided test
  double power = 0.8;        // usual (Cohen 1988)
};
// Answers of each of two groups that tell accuracies p1 and p2 apart:
// n = (z_{1-alpha/2} + z_power)² (p1 q1 + p2 q2) / (p1 - p2)² · effect, not rounded.
double answers_for_gap(double p1, double p2, double effect, const TestOptions& options = {});
// The other way: the gap below p1 that groups of n1 and n2 answers tell apart; 1 where none is.
struct Arm {
  double answers = 0, effect = 1;
};
double detectable_gap(double p1, const Arm& first, const Arm& second, const TestOptions& options = {});

struct DesignGroup {
  std::string name;
  int64_t num_annotators = 0;  // that can be had; 0: as many as samples_per_annotator asks for
};
struct DesignOptions {
  std::vector<DesignGroup> groups;
  double budget = 10000;   // of all costs
  double label_cost = 1;   // of one annotation
  double sample_cost = 0;  // of a sample, without annotations
  double repeat_rate = 0;  // share of annotations asked for twice
  int64_t min_annotators_per_sample = 1, max_annotators_per_sample = 20;
  int64_t samples_per_annotator = 50;  // where num_annotators is not given
  double accuracy = 0.8;               // expected of the model
  Pilot correlations;
  TestOptions test;
};
struct GroupPlan {
  std::string name;
  int64_t quota = 0;  // annotators of this group for each sample
  int64_t num_annotators = 0, num_labels = 0;
  double design_effect = 1;
};
struct DesignPlan {
  int64_t num_samples = 0;
  std::vector<GroupPlan> groups;
  int64_t num_labels = 0;  // repeats included
  double cost = 0;
  double detectable_gap = 1;  // the largest between two groups; of one group, to a known accuracy
};
// Tries all quotas (each group at least 1) whose sum is within the bounds, with as many samples as the budget
// pays for, and takes the smallest largest detectable gap; ties: the fewest annotators of a sample. Throws
// InputError for no group, more than eight, options out of range, and a budget that pays for no sample.
DesignPlan design(const DesignOptions& options);

}  // namespace lathe::evaluate::subjective
