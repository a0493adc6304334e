#pragma once
#include <vector>

#include "lathe/pipeline/opinion_page.h"

// The pictures of a page about opinions.
namespace lathe::pipeline {

// a: users from the worst served to the best, with intervals, by group.
core::Chart users_chart(const evaluate::opinion::Measurement& measurement);
// b: how far users disagree with the majority, and how well they are served; 1 − ADR is what one answer for
// all can reach.
core::Chart disagreement_chart(const evaluate::opinion::Measurement& measurement);
// c: a criterion's bins.
core::Chart bins_chart(const evaluate::opinion::BinTable& table);
// d: clusters of users × clusters of items, the share of wrong predictions.
core::Chart error_map(const data::Annotations& annotations, const evaluate::opinion::Profile& profile,
                      const evaluate::OpinionPredictions& predictions);
// e: users in the plane of the two principal components of their opinions.
core::Chart opinion_map_chart(const data::Annotations& annotations, const evaluate::opinion::Profile& profile,
                              const evaluate::opinion::Measurement& measurement);
// f: the popularity of the opinions that a model meets and misses.
core::Chart popularity_chart(const evaluate::opinion::Profile& profile, const data::Annotations& annotations,
                             const evaluate::OpinionPredictions& predictions);
// g: F and G by disagreement of all models; those that none beats.
core::Chart plane_chart(const std::vector<MeasuredOpinions>& models);
// Slices with intervals, the worst served first.
core::Chart slices_chart(const evaluate::opinion::Slices& slices);

}  // namespace lathe::pipeline
