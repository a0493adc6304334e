// Gradient projection memory: what is forgotten of tasks learned in turn, beside other methods; what the
// threshold trades; how much the old inputs notice; what happens when there is no room left.
#include <cstdlib>

#include "lathe/core/error.h"
#include "lathe/core/progress.h"
#include "lathe/pipeline/study.h"
#include "studies/gradient_projection_memory_report.h"
#include "studies/gradient_projection_memory_step.h"
#include "studies/side_by_side.h"

namespace lathe::studies::gpm {
namespace {

using core::Seed;
using pipeline::Scale;
using pipeline::StudyContext;
using pipeline::StudyResult;

Seed seed_of_run(Seed seed, uint64_t index) {
  return seed.stream("run").stream(index);
}

// problems: one for each seed.
void train(std::vector<Cell>& cells, const std::vector<Problem>& problems, const StudyContext& context) {
  for (Cell& cell : cells) cell.seeds.resize(problems.size());
  run_side_by_side(cells.size() * problems.size(), [&](size_t i) {
    const size_t s = i % problems.size();
    Cell& cell = cells[i / problems.size()];
    cell.seeds[s] = run(problems[s], cell.recipe, seed_of_run(context.seed, s), context.stop);
  });
}

template <typename Make>
std::vector<Problem> for_each_seed(uint64_t num_seeds, const StudyContext& context, const Make& make) {
  std::vector<Problem> problems;
  for (uint64_t s = 0; s < num_seeds; ++s) problems.push_back(make(seed_of_run(context.seed, s)));
  return problems;
}

// GPM first: the methods that keep examples get as many bytes.
std::vector<Cell> all_methods(const std::vector<Tuned>& tuned, const std::vector<Problem>& problems,
                              const StudyContext& context) {
  std::vector<Cell> own = {{tuned.front().recipe}}, others;
  train(own, problems, context);
  const int64_t memory = equal_memory(problems.front(), own.front().seeds.front().memory_bytes);
  for (size_t i = 1; i < tuned.size(); ++i) {
    others.push_back({tuned[i].recipe});
    if (tuned[i].recipe.memory > 0) others.back().recipe.memory = memory;
  }
  train(others, problems, context);
  own.insert(own.end(), others.begin(), others.end());
  return own;
}

std::vector<Cell> gpm_and_finetuning(const std::vector<Problem>& problems, const StudyContext& context) {
  std::vector<Cell> cells = {{{.name = kGpm}}, {{.name = kFinetune}}};
  train(cells, problems, context);
  return cells;
}

const std::vector<std::string> kNotes = {
    "The paper's numbers are of permuted MNIST with 60,000 images a task, the authors' network and settings. "
    "In parentheses: the lowest and the highest seed.",
    "Each method has the best of four learning rates (EWC of four pairs of rate and λ) on held-out images of "
    "five tasks, first seed; thresholds are the authors'. Replay and A-GEM keep as many examples as weigh "
    "what "
    "GPM's memory weighs; GPM keeps none, so it also serves where examples may not be kept.",
    "The five sets here need no downloads: clothes, clothes turned by a quarter, letters A to J, letters a "
    "to j, "
    "drawn figures; the paper's are photographs, digits, house numbers, letters and clothes.",
    "Beside the authors' program both have the same images, first weights, order of images and samples, and "
    "the "
    "first-task rule of their code; times are of training and memory on one thread, without measuring."};

StudyResult smoke(const StudyContext& context) {
  const data::Source source = data::load_source("fashion-mnist");
  const std::vector<Problem> problems = {permuted_images(
      source, {.num_tasks = 3, .num_train = 1000, .num_holdout = 500, .num_test = 500, .epochs = 3},
      seed_of_run(context.seed, 0))};
  std::vector<Cell> cells;
  for (const Recipe& recipe :
       {Recipe{.name = kGpm}, Recipe{.name = kFinetune}, Recipe{.name = kEwc, .lambda = 10},
        Recipe{.name = kAgem, .memory = 100}, Recipe{.name = kReplay, .memory = 100}, Recipe{.name = kJoint}})
    cells.push_back({recipe});
  train(cells, problems, context);
  StudyResult result;
  Report report(result);
  report.accuracies(cells);
  report.interference(cells);
  report.exhaustion(cells.front().seeds.front());
  beside_authors(problems.front(), context, result);
  return result;
}

StudyResult desk(const StudyContext& context) {
  const data::Source source = data::load_source("fashion-mnist");
  StudyResult result;
  Report report(result);
  const auto permuted = [&](const PermutedOptions& options) {
    return [&source, options](Seed seed) { return permuted_images(source, options, seed); };
  };
  const std::vector<Tuned> tuned = tune(permuted({.num_tasks = 5})(seed_of_run(context.seed, 0)),
                                        seed_of_run(context.seed, 0), context.stop);
  const std::vector<Problem> problems = for_each_seed(3, context, permuted({}));
  const std::vector<Cell> cells = all_methods(tuned, problems, context);
  report.permuted(cells);
  report.interference(cells);
  report.with_heads(
      "pairs of classes",
      gpm_and_finetuning(
          for_each_seed(3, context, [&](Seed seed) { return split_images(source, 6000, 4, seed); }),
          context));
  report.with_heads(
      "five sets",
      gpm_and_finetuning(
          for_each_seed(3, context, [&](Seed seed) { return five_sets(source, 2000, 4, seed); }), context));
  std::vector<Cell> thresholds;
  for (const double threshold : {0.9, 0.95, 0.97, 0.99})
    thresholds.push_back({{.name = kGpm, .threshold = {threshold}}});
  train(thresholds, {permuted({.num_tasks = 5})(seed_of_run(context.seed, 0))}, context);
  report.trade_off(thresholds);
  std::vector<Cell> exhausted = {{{.name = kGpm, .threshold = {0.99}}}};
  train(exhausted, {permuted({.num_tasks = 20, .num_train = 1000})(seed_of_run(context.seed, 0))}, context);
  report.exhaustion(exhausted.front().seeds.front());
  report.tuned(tuned);
  result.notes = kNotes;
  time_steps(problems.front(), split_images(source, 6000, 4, seed_of_run(context.seed, 0)), context, result);
  beside_authors(problems.front(), context, result);
  return result;
}

// Saha et al. 2021, §5 and table 1: permuted MNIST, 60,000 images a task, five seeds.
StudyResult paper(const StudyContext& context) {
  const char* directory = std::getenv("LATHE_MNIST");
  if (!directory)
    throw InputError(
        "the paper scale needs MNIST: set LATHE_MNIST to the directory with its four IDX files, plain or "
        ".gz");
  const data::Source source = data::load_source(std::string("idx:") + directory);
  const auto permuted = [&](Seed seed) {
    return permuted_images(source, {.num_train = 0, .num_holdout = 5000, .num_test = 10000}, seed);
  };
  const std::vector<Tuned> tuned =
      tune(permuted(seed_of_run(context.seed, 0)), seed_of_run(context.seed, 0), context.stop);
  const std::vector<Cell> cells = all_methods(tuned, for_each_seed(5, context, permuted), context);
  StudyResult result;
  Report report(result);
  report.permuted(cells);
  report.interference(cells);
  report.tuned(tuned);
  return result;
}

StudyResult run_scale(const StudyContext& context) {
  const core::QuietProgress quiet;  // bars of many runs at once would overwrite each other
  if (context.scale == Scale::smoke) return smoke(context);
  return context.scale == Scale::desk ? desk(context) : paper(context);
}

const bool registered = pipeline::register_study({
    .name = "gradient-projection-memory",
    .title = "Gradient projection memory",
    .paper = "Saha, Garg & Roy, ICLR 2021, arXiv 2103.09762",
    .claim =
        "Steps orthogonal to what old tasks' inputs span let a network learn tasks in turn with hardly any "
        "forgetting, without keeping examples.",
    .module = "train",
    .run = run_scale,
});

}  // namespace
}  // namespace lathe::studies::gpm
