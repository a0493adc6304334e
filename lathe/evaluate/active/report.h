#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lathe/core/table.h"
#include "lathe/evaluate/active/ratios.h"
#include "lathe/evaluate/active/state.h"

namespace lathe::evaluate::active {

struct ReportOptions {
  double confidence = 0.95;
  // What a given loss can be, for the interval that holds at every step; none: it is left out.
  std::optional<math::Interval> loss_range = std::nullopt;
};

// One number about the whole pool.
struct EstimateRow {
  std::string name;      // "accuracy", "cross-entropy", "loss", "recall"
  std::string of_class;  // empty: of all
  double value = 0, standard_error = 0;
  math::Interval interval;
  std::optional<math::Interval> anytime = {};  // one that holds at every step at once (anytime.h)
  std::optional<double> plain = {};            // what the labels say without weights
  std::optional<double> truth = {};            // of the whole pool, where all its labels are known
};

struct TrajectoryPoint {
  int64_t labels = 0;
  double value = 0, plain = 0;
  math::Interval interval;
};

// A class among the labels and, by their weights, in the pool.
struct ClassBalance {
  std::string name;
  int64_t labels = 0;
  double share_of_labels = 0, share_of_pool = 0;
  math::Interval interval;  // of share_of_pool
};

struct WeightedStep {
  int64_t step = 0;
  std::string id;
  double q = 1, score = 0, weight = 1;
  std::string answer, prediction;
  double loss = 0;  // that the trajectory follows
};

struct Report {
  int64_t num_pool = 0, num_asked = 0,
          num_used = 0;     // used: answered, up to the first step without an answer
  int64_t num_waiting = 0;  // answers after that step
  ActiveOptions options;
  double confidence = 0.95;
  double effective_size = 0;
  std::string followed;  // what the trajectory shows: "accuracy", "loss", or nothing
  std::vector<EstimateRow> estimates;
  std::vector<ClassBalance> classes;
  std::vector<WeightedStep> steps;
  std::vector<TrajectoryPoint> trajectory;  // at most 200 points
  std::vector<std::string> notes;           // what a reader must know
};

// What the answers so far say. `truth`, of a simulation: the labels of all points of the pool, in its order.
struct Truth {
  const Pool& pool;
  std::vector<int64_t> labels;
};
Report report(const State& state, const ReportOptions& options = {}, const Truth* truth = nullptr);

core::Table summary_table(const Report& report);
core::Table estimates_table(const Report& report);
core::Table classes_table(const Report& report);
core::Table weights_table(const Report& report);
nlohmann::json to_json(const Report& report);

// Draws and answers until the budget is spent, by labels that are known: int64 [N], classes of the pool.
State simulate(const Pool& pool, const std::vector<int64_t>& labels, const ActiveOptions& options);

}  // namespace lathe::evaluate::active
