#include "lathe/evaluate/active/proposal.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lathe/core/edit_distance.h"
#include "lathe/core/error.h"
#include "lathe/data/text.h"

namespace lathe::evaluate::active {
namespace {

constexpr double kLeastMass = 1e-300;  // beside the largest
const std::vector<std::string> kKinds = {"proportional", "softmax", "uniform", "greedy"};

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Probabilities of the points but for a factor; the largest is 1.
std::vector<double> masses(const std::vector<double>& scores, const ProposalOptions& options) {
  std::vector<double> masses(scores.size(), 1);
  const double largest = *std::max_element(scores.begin(), scores.end());
  if (largest == 0 || options.kind == ProposalKind::kUniform || options.kind == ProposalKind::kGreedy)
    return masses;
  const double scale = options.temperature / mean(scores);
  const bool softmax = options.kind == ProposalKind::kSoftmax;
  std::transform(scores.begin(), scores.end(), masses.begin(), [&](double score) {
    return std::max(kLeastMass, softmax ? std::exp(scale * (score - largest)) : score / largest);
  });
  return masses;
}

void check_options(const ProposalOptions& options) {
  if (!(options.floor >= 0 && options.floor <= 1))
    throw InputError("the floor must lie in [0, 1], got {}", options.floor);
  if (!(options.temperature >= 0 && std::isfinite(options.temperature)))
    throw InputError("the temperature must be finite and at least 0, got {}", options.temperature);
}

std::vector<double> checked_masses(const std::vector<double>& scores, const ProposalOptions& options,
                                   const NameOf& name_of) {
  check_options(options);
  check_scores(scores, options, name_of);
  return masses(scores, options);
}

}  // namespace

std::string to_string(ProposalKind kind) {
  return kKinds[static_cast<size_t>(kind)];
}

ProposalKind parse_proposal(const std::string& text) {
  for (size_t i = 0; i < kKinds.size(); ++i)
    if (kKinds[i] == text) return static_cast<ProposalKind>(i);
  const auto meant = core::nearest(text, kKinds);
  throw InputError("no proposal '{}'; {}there are proportional, softmax, uniform and greedy",
                   data::excerpt(text), meant ? "did you mean '" + *meant + "'? " : "");
}

std::string point_name(int64_t position) {
  return "point " + std::to_string(position);
}

void check_scores(const std::vector<double>& scores, const ProposalOptions& options, const NameOf& name_of) {
  if (scores.empty()) throw InputError("there is no point to score");
  for (size_t i = 0; i < scores.size(); ++i)
    if (!(scores[i] >= 0 && std::isfinite(scores[i])))
      throw InputError("the score of {} must be finite and at least 0, got {}",
                       name_of(static_cast<int64_t>(i)), scores[i]);
  const bool zero = std::all_of(scores.begin(), scores.end(), [](double score) { return score == 0; });
  if (zero && options.zero_scores == ZeroScores::kRefuse && options.kind != ProposalKind::kUniform)
    throw InputError(
        "all {} scores are 0, so no point can be preferred; allow uniform draws (zero_scores = \"uniform\") "
        "if that is meant",
        scores.size());
}

Sampler::Sampler(const std::vector<double>& scores, const ProposalOptions& options, const NameOf& name_of)
    : options_(options),
      remaining_(static_cast<int64_t>(scores.size())),
      weights_(checked_masses(scores, options, name_of)),
      present_(std::vector<double>(scores.size(), 1)) {
  if (options.kind == ProposalKind::kGreedy) scores_ = scores;
  for (int64_t i = 0; i < remaining_; ++i) num_floored_ += weights_.weight(i) <= kLeastMass;
}

double Sampler::probability(int64_t position) const {
  if (present_.weight(position) == 0) return 0;
  if (options_.kind == ProposalKind::kGreedy) return position == greatest() ? 1 : 0;
  return (1 - options_.floor) * weights_.weight(position) / weights_.total() +
         options_.floor / static_cast<double>(remaining_);
}

void Sampler::remove(int64_t position) {
  if (present_.weight(position) == 0) throw InputError("{} was taken before", point_name(position));
  weights_.remove(position);
  present_.remove(position);
  --remaining_;
}

int64_t Sampler::greatest() const {
  int64_t best = -1;
  for (int64_t i = 0; i < static_cast<int64_t>(scores_.size()); ++i)
    if (present_.weight(i) > 0 &&
        (best < 0 || scores_[static_cast<size_t>(i)] > scores_[static_cast<size_t>(best)]))
      best = i;
  return best;
}

Draw Sampler::draw(double u) {
  if (remaining_ == 0) throw InputError("every point of the pool was taken");
  int64_t position = 0;
  if (options_.kind == ProposalKind::kGreedy)
    position = greatest();
  else if (u < options_.floor)
    position = present_.find(u / options_.floor);
  else
    position = weights_.find((u - options_.floor) / (1 - options_.floor));
  const Draw draw{position, std::min(1.0, probability(position)), remaining_};
  remove(position);
  return draw;
}

FloorAdvice measure_floor(const std::vector<double>& scores, ProposalOptions options) {
  std::vector<double> q = checked_masses(scores, options, point_name);
  const double total = std::accumulate(q.begin(), q.end(), 0.0), n = static_cast<double>(q.size());
  FloorAdvice advice{.floor = options.floor, .largest_weight = 0, .if_useless = 0, .if_exact = 0};
  double squares = 0;
  for (size_t i = 0; i < q.size(); ++i) {
    const double weight = 1 / (n * ((1 - options.floor) * q[i] / total + options.floor / n));
    advice.largest_weight = std::max(advice.largest_weight, weight);
    advice.if_useless += weight / n;
    advice.if_exact += scores[i] * scores[i] * weight;
    squares += scores[i] * scores[i];
  }
  advice.if_exact = squares > 0 ? advice.if_exact / squares : 1;
  return advice;
}

FloorAdvice advise_floor(const std::vector<double>& scores, ProposalOptions options, double limit) {
  if (!(limit >= 1))
    throw InputError("uniform draws have 1 times their own variance; the limit must be at least that, got {}",
                     limit);
  const auto at = [&](double floor) {
    options.floor = floor;
    return measure_floor(scores, options);
  };
  if (at(0).if_useless <= limit) return at(0);
  double low = 0, high = 1;
  for (int i = 0; i < 40; ++i) {
    const double middle = (low + high) / 2;
    (at(middle).if_useless <= limit ? high : low) = middle;
  }
  return at(high);
}

}  // namespace lathe::evaluate::active
