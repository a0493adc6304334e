#pragma once
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "lathe/core/interrupt.h"
#include "lathe/data/shifted_objects.h"
#include "lathe/train/invariance/groups.h"

// What the study `group-invariance` trains: methods with given and with inferred parts, their λ chosen on the
// first seed's validation sets.
namespace lathe::studies::group_invariance {

// What comes with what: grey images of a source in colours, letters on colours, solids in scenes.
enum class Shift { coloured_images, glyphs_on_colours, objects_on_scenes };

struct Task {
  Shift shift = Shift::coloured_images;
  std::string source = "fashion-mnist";              // of coloured images
  data::ColouredImagesOptions colours;               // likewise
  int64_t num_train = 10000, num_validation = 3000;  // images without the anomalies, about
  double epochs = 12;
  int64_t batch_size = 256;
  double lr = 0.1;          // the authors'
  int64_t ramp_epochs = 2;  // the authors' sixth of the epochs
};

enum class Parts { given, inferred };
std::string to_string(Parts parts);

// A network trained by a method with one λ. ERM has none of the rest.
struct Recipe {
  std::string network;  // a [model] table
  Task task;
  std::string method;  // erm, or one of InvarianceOptions
  Parts parts = Parts::given;
  double weight = 0;
};

// Percent right; ap: average precision of −max softmax, percent, telling anomalies from xn_test.
struct Outcome {
  double id = 0, xn = 0, sg = 0, ap = 0;
  double id_validation = 0, xn_validation = 0, sg_validation = 0;
  bool collapsed = false;  // training was stopped for it; the rest is of the model as it then was
  train::invariance::Agreement agreement;  // of inferred parts with the true minority
};

data::ShiftedImages shifted_data(const Task& task, core::Seed seed);
Outcome train_and_test(const Recipe& recipe, const data::ShiftedImages& images, core::Seed seed,
                       const core::StopToken& stop);

// Which of the tried λ counts.
//   id_only   the largest whose id validation accuracy is within 1 point of ERM's; where none is, ERM itself
//   shifted   the best mean of xn and sg validation accuracy among those whose id validation accuracy is
//   within
//             the points of ERM's that the bars allow; where none is, the best of id
enum class Rule { id_only, shifted };
std::string to_string(Rule rule);
constexpr double kIdOnlyPoints = 1;
double allowed_id_loss(Parts parts);  // points; the bars' own

// A method with the λ that a rule chose, trained once a seed.
struct Cell {
  std::string network;  // its name
  std::string method;
  Parts parts = Parts::given;
  Rule rule = Rule::shifted;
  double weight = 0;
  std::vector<Outcome> seeds;
  double mean(double Outcome::*number) const;
};

struct Network {
  std::string name, table;
  Task task;
  std::map<std::string, std::vector<double>> grids;  // of λ, by method; rising
};

struct Results {
  std::string network;
  std::vector<Outcome> erm;  // of each seed
  std::vector<Cell> cells;
  // Of the first seed, for each method and kind of parts: λ and what came of it.
  std::map<std::pair<std::string, Parts>, std::map<double, Outcome>> tried;
  double erm_mean(double Outcome::*number) const;
  const Cell& cell(const std::string& method, Parts parts, Rule rule) const;
};
Results tune_and_train(const Network& network, uint64_t num_seeds, core::Seed seed,
                       const core::StopToken& stop);

// id_points: how far below ERM's an id validation accuracy may lie. 0: ERM.
double chosen_weight(const std::map<double, Outcome>& tried, const Outcome& erm, Rule rule, double id_points);

}  // namespace lathe::studies::group_invariance
