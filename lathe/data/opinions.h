#pragma once
#include <string>
#include <vector>

#include "lathe/core/seed.h"
#include "lathe/data/annotations.h"

// Opinions of people who differ, made up, so that who thinks what, and how much of it is chance, is known.
namespace lathe::data {

enum class OpinionItems { features, texts };

// The label of item i by person a of group g is 1 ("yes") where
//   sharpness · s(i, a) + ambiguity · Logistic(0, 1) > 0,
// with, for features, x_i ~ N(0, I) and unit vectors b and d_g (d_0 = 0),
//   s(i, a) = (b + group_strength · d_g + person_strength · N_a(0, I)) · x_i + N_a(0, threshold²),
// and for texts (definitions of WordNet; every usage that WordNet marks as slang or an insult, as far as they
// make up `insults` of the items; topics are its lexicographer files)
//   s(i, a) = 2 · insult_i - 0.5 + 0.6 · N_topic + group_strength · N_{topic,g} + person_strength ·
//   N_{topic,a} + N_a(0, threshold²),  N_{topic,0} = 0.
struct OpinionOptions {
  OpinionItems items = OpinionItems::features;
  int64_t num_items = 3000, num_annotators = 200, annotations_per_item = 10;
  int64_t num_features = 20;
  std::vector<double> groups = {0.6, 0.25, 0.15};  // shares of the annotators; as near as whole people come
  double group_strength = 1.3, person_strength = 0.25, threshold = 0.4;
  double sharpness = 2.5, ambiguity = 1;
  double insults = 0.15;          // of texts
  double noise_people = 0;        // share of the annotators who answer at random
  double unknown_attributes = 0;  // share of the annotators of whom nothing is known
  double repeat_rate = 0;         // share of the annotations that were asked for twice
};
// Everybody has the opinion of the first group: what is left is chance.
OpinionOptions one_opinion(OpinionOptions options);

struct Opinions {
  // Classes "no" and "yes". Annotators have the attributes group ("g0", …) and age, which means nothing;
  // items have the attribute ambiguity ("low", "medium", "high": thirds of |s| of a person without own
  // opinions) and, where they are texts, topic.
  Annotations annotations;
  std::vector<int32_t> group;      // of each annotator, also where it is not known to others
  std::vector<float> probability;  // of "yes", for each annotation
};
// Throws InputError for options out of range: shares that do not sum to 1, more annotations of an item than
// there are annotators.
Opinions generate_opinions(const OpinionOptions& options, core::Seed seed);

}  // namespace lathe::data
