#include "lathe/evaluate/active/anytime.h"

#include <array>

#include "lathe/core/error.h"
#include "lathe/evaluate/active/estimators.h"
#include "lathe/math/checks.h"

namespace lathe::evaluate::active {
namespace {

constexpr size_t kShares = 19;

struct Game {
  std::vector<double> a, before;  // a_m, and the A that was known before it
  double known = 0;               // A after all steps
};

Game game_of(const std::vector<double>& losses, const std::vector<double>& q, int64_t num_pool) {
  Game game;
  const auto n = static_cast<double>(num_pool);
  for (size_t i = 0; i < q.size(); ++i) {
    game.before.push_back(game.known);
    game.a.push_back(losses[i] / (n * q[i]) + game.known);
    game.known += losses[i] / n;
  }
  return game;
}

// Whether the mean of the pool cannot be as low as `mean`: the wealth of betting on more was ever above
// `limit`.
bool refused(const Game& game, double mean, double limit) {
  std::array<double, kShares> wealth;
  wealth.fill(1);
  for (size_t m = 0; m < game.a.size(); ++m) {
    const double room = mean - game.before[m];
    if (!(room > 0)) return true;  // the losses seen alone are more
    const double gain = (game.a[m] - mean) / room;
    double sum = 0;
    for (size_t k = 0; k < kShares; ++k)
      sum += wealth[k] *= 1 + gain * static_cast<double>(k + 1) / (kShares + 1);
    if (sum >= kShares * limit) return true;
  }
  return false;
}

double lower_bound(const Game& game, double highest, double limit) {
  double low = game.known, high = highest;
  if (!refused(game, low + 1e-12 * (high - low), limit)) return low;
  for (int i = 0; i < 50; ++i) {
    const double middle = (low + high) / 2;
    (refused(game, middle, limit) ? low : high) = middle;
  }
  return low;
}

}  // namespace

math::Interval anytime_interval(const std::vector<double>& losses, const std::vector<double>& q,
                                int64_t num_pool, const AnytimeOptions& options) {
  math::check_confidence("anytime interval", options.confidence);
  const double range = options.highest - options.lowest;
  if (!(range > 0))
    throw InputError("anytime interval: losses need a range, got [{}, {}]", options.lowest, options.highest);
  risk(losses, q, num_pool, Estimator::kPure);  // what is wrong with the steps
  std::vector<double> above, below;
  for (size_t i = 0; i < losses.size(); ++i) {
    if (!(losses[i] >= options.lowest && losses[i] <= options.highest))
      throw InputError("step {}: the loss must lie in [{}, {}], got {}", i + 1, options.lowest,
                       options.highest, losses[i]);
    above.push_back((losses[i] - options.lowest) / range);
    below.push_back((options.highest - losses[i]) / range);
  }
  const double limit = 2 / (1 - options.confidence);
  const double low = lower_bound(game_of(above, q, num_pool), 1, limit);
  const double high = 1 - lower_bound(game_of(below, q, num_pool), 1, limit);
  return {options.lowest + range * low, options.lowest + range * std::max(low, high)};
}

}  // namespace lathe::evaluate::active
