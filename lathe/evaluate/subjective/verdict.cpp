#include "lathe/evaluate/subjective/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lathe/math/hypothesis.h"
#include "lathe/math/special.h"

namespace lathe::evaluate::subjective {

std::string to_string(Decision decision) {
  return decision == Decision::met ? "met" : decision == Decision::violated ? "violated" : "not decidable";
}

Decision overall(const std::vector<Verdict>& verdicts) {
  const auto is = [](Decision decision) {
    return [decision](const Verdict& verdict) { return verdict.decision == decision; };
  };
  if (std::any_of(verdicts.begin(), verdicts.end(), is(Decision::violated))) return Decision::violated;
  const bool met = !verdicts.empty() && std::all_of(verdicts.begin(), verdicts.end(), is(Decision::met));
  return met ? Decision::met : Decision::undecided;
}

Tested test_limit(const std::string& criterion, double estimate, double standard_error, double limit,
                  Side side) {
  Tested tested;
  tested.verdict.criterion = criterion;
  tested.verdict.wanted = fmt::format("{} {:g}", side == Side::at_most ? "at most" : "at least", limit);
  tested.verdict.found = fmt::format("{:.3f} ± {:.3f}", estimate, standard_error);
  if (!std::isfinite(estimate) || !std::isfinite(standard_error)) return tested;
  const double excess = side == Side::at_most ? estimate - limit : limit - estimate;
  if (standard_error == 0) {
    tested.within = excess > 0 ? 0 : 1;
    tested.beyond = 1 - tested.within;
    return tested;
  }
  tested.within = math::normal_cdf(-excess / standard_error);
  tested.beyond = math::normal_cdf(excess / standard_error);
  return tested;
}

Tested test_share(const std::string& criterion, int64_t k, int64_t n, double limit) {
  Tested tested;
  tested.verdict.criterion = criterion;
  tested.verdict.wanted = fmt::format("at most {:g} %", 100 * limit);
  tested.verdict.found = fmt::format("{} of {} people", k, n);
  if (n == 0) return tested;
  tested.within = math::binomial_upper_tail(k, n, limit);
  tested.beyond = math::binomial_lower_tail(k, n, limit);
  return tested;
}

std::vector<Verdict> decide(std::vector<Tested> tests, double confidence, Correction correction) {
  std::vector<double> p_values;
  for (const Tested& tested : tests) p_values.push_back(tested.within);
  if (!p_values.empty() && correction == Correction::holm) p_values = math::holm(p_values);
  if (!p_values.empty() && correction == Correction::benjamini_hochberg)
    p_values = math::benjamini_hochberg(p_values);
  std::vector<Verdict> verdicts;
  for (size_t i = 0; i < tests.size(); ++i) {
    Verdict& verdict = verdicts.emplace_back(std::move(tests[i].verdict));
    verdict.p_value = p_values[i];
    if (p_values[i] <= 1 - confidence)
      verdict.decision = Decision::violated;
    else if (tests[i].beyond <= 1 - confidence)
      verdict.decision = Decision::met;
  }
  return verdicts;
}

}  // namespace lathe::evaluate::subjective
