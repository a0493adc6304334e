#include "studies/gradient_projection_memory_runs.h"

#include <fmt/ranges.h>
#include <torch/torch.h>

#include <numeric>

#include "lathe/core/error.h"
#include "lathe/data/glyphs.h"
#include "lathe/data/sprites.h"
#include "lathe/data/task_sequence.h"
#include "lathe/nn/classifier.h"
#include "lathe/nn/initialization.h"
#include "lathe/nn/mlp.h"
#include "lathe/nn/task_heads.h"
#include "studies/side_by_side.h"

namespace lathe::studies::gpm {
namespace {

using core::Seed;

constexpr int64_t kLetters = 10, kFigures = 10;

const std::vector<double> kRates = {0.003, 0.01, 0.03, 0.1};
// EWC has two knobs: a rate and λ.
const std::vector<std::pair<double, double>> kEwcKnobs = {{0.003, 1}, {0.003, 10}, {0.01, 0.1}, {0.01, 1}};

const std::map<std::string, std::string> kMethods = {{kGpm, "gpm"},       {kFinetune, "finetune"},
                                                     {kEwc, "ewc"},       {kAgem, "agem"},
                                                     {kReplay, "replay"}, {kJoint, "joint"}};

data::Dataset some(const data::Dataset& dataset, int64_t count, Seed seed) {
  std::vector<int64_t> rows = seed.random().permutation(dataset.size());
  rows.resize(static_cast<size_t>(std::min(count, dataset.size())));
  return dataset.select(torch::tensor(rows));
}

data::Splits splits_of(const data::Source& source, int64_t num_train, int64_t num_holdout, Seed seed) {
  return data::split(source, {.holdout = static_cast<double>(num_holdout), .subset = num_train},
                     seed.stream("split"));
}

// A classifier with one head a task; its numbers of the inputs are those of the first task.
std::shared_ptr<nn::Model> convolutions_with_heads(const std::vector<Task>& tasks, Seed seed) {
  auto network = nn::build(core::Config::parse("kind = 'cnn'\nchannels = [16, 32, 32]\npool_every = 1"),
                           tasks.front().train.schema, seed.stream("network"));
  network->fit_inputs(tasks.front().train.inputs);
  std::vector<int64_t> classes;
  for (const Task& task : tasks) classes.push_back(task.train.schema.num_classes());
  return std::make_shared<nn::TaskHeads>(network, classes, seed.stream("heads"));
}

Problem with_heads(std::string name, std::vector<Task> tasks, double epochs) {
  Problem problem{.name = std::move(name), .tasks = std::move(tasks)};
  problem.network = [tasks = problem.tasks](Seed seed) { return convolutions_with_heads(tasks, seed); };
  problem.training.optim = {.lr = 0.05, .momentum = 0, .nesterov = false, .weight_decay = 0};
  problem.training.train = {
      .epochs = epochs, .batch_size = 64, .schedule = {.kind = "constant", .warmup = 0}};
  return problem;
}

std::vector<Recipe> grid_of(const std::string& method, int64_t memory) {
  std::vector<Recipe> grid;
  for (size_t i = 0; i < kRates.size(); ++i) {
    Recipe recipe{.name = method, .lr = kRates[i], .memory = memory};
    if (method == kEwc) std::tie(recipe.lr, recipe.lambda) = kEwcKnobs[i];
    grid.push_back(recipe);
  }
  return grid;
}

Tuned best_of(const std::vector<Recipe>& grid, const std::vector<double>& accuracy) {
  const auto best =
      static_cast<size_t>(std::max_element(accuracy.begin(), accuracy.end()) - accuracy.begin());
  return {grid[best], accuracy[best], grid};
}

}  // namespace

Problem permuted_images(const data::Source& source, const PermutedOptions& o, Seed seed) {
  const data::Splits parts = splits_of(source, o.num_train, o.num_holdout, seed);
  const data::Dataset test = some(parts.test, o.num_test, seed.stream("test"));
  Problem problem{.name = "permuted images"};
  const auto permuted = [&](const data::Dataset& images, int64_t t) {
    return data::permuted_task(images, t, seed.stream("pixels"));
  };
  for (int64_t t = 0; t < o.num_tasks; ++t)
    problem.tasks.push_back({fmt::format("permutation {}", t), permuted(parts.train, t),
                             permuted(parts.holdout, t), permuted(test, t)});
  problem.network = [first = problem.tasks.front().train](Seed s) -> std::shared_ptr<nn::Model> {
    auto mlp =
        std::make_shared<nn::Mlp>(nn::MlpOptions{.num_inputs = 28 * 28, .hidden = {100, 100}, .bias = false});
    auto network =
        std::make_shared<nn::Classifier>(first.schema, "", nn::make_input_layer(first.schema), mlp);
    uint64_t layer = 0;
    for (const torch::Tensor& weight : mlp->parameters()) nn::uniform_fan_in(weight, s.stream(layer++));
    network->fit_inputs(first.inputs);
    return network;
  };
  problem.training.optim = {.lr = 0.01, .momentum = 0, .nesterov = false, .weight_decay = 0};
  problem.training.train = {
      .epochs = o.epochs, .batch_size = 10, .schedule = {.kind = "constant", .warmup = 0}};
  problem.training.interference_inputs = 500;
  problem.training.continual.gpm.threshold = {0.95, 0.99, 0.99};
  problem.training.continual.gpm.threshold_step = 0;
  return problem;
}

Problem split_images(const data::Source& source, int64_t num_train, double epochs, Seed seed) {
  const data::Splits parts = splits_of(source, num_train, 1000, seed);
  const auto train = data::split_by_class(parts.train, 2), holdout = data::split_by_class(parts.holdout, 2),
             test = data::split_by_class(parts.test, 2);
  std::vector<Task> tasks;
  for (size_t t = 0; t < train.size(); ++t)
    tasks.push_back(
        {fmt::format("{}", fmt::join(train[t].schema.classes, " or ")), train[t], holdout[t], test[t]});
  return with_heads("pairs of classes", std::move(tasks), epochs);
}

Problem five_sets(const data::Source& source, int64_t num_train, double epochs, Seed seed) {
  const data::Splits parts = splits_of(source, num_train, 1000, seed);
  const data::Dataset test = some(parts.test, 2000, seed.stream("test"));
  std::vector<Task> tasks = {{"clothes", parts.train, parts.holdout, test},
                             {"clothes turned", data::rotated_task(parts.train, 1),
                              data::rotated_task(parts.holdout, 1), data::rotated_task(test, 1)}};
  const data::GlyphTask fonts =
      data::glyph_task(data::debian_fonts(), {.num_letters = 100}, seed.stream("faces"));
  for (const char32_t first : {U'A', U'a'}) {
    std::vector<char32_t> letters(kLetters);
    std::iota(letters.begin(), letters.end(), first);
    const auto images = [&](const std::vector<data::FontFace>& faces, int64_t count, const char* stream) {
      return data::glyph_images(faces, letters,
                                {.images_per_letter = count / kLetters, .distortion = data::kGlyphDistortion},
                                seed.stream(stream).stream(static_cast<uint64_t>(first)));
    };
    tasks.push_back({first == U'A' ? "letters A to J" : "letters a to j",
                     images(fonts.train_faces, num_train, "train"),
                     images(fonts.train_faces, 1000, "holdout"), images(fonts.unseen_faces, 2000, "test")});
  }
  const auto figures = [&](int64_t count, const char* stream) {
    return data::sprites({.images_per_class = count / kFigures}, seed.stream("figures").stream(stream));
  };
  tasks.push_back({"figures", figures(num_train, "train"), figures(1000, "holdout"), figures(2000, "test")});
  return with_heads("five sets", std::move(tasks), epochs);
}

std::string Recipe::text() const {
  std::string text = name;
  if (lr > 0) text += fmt::format(", rate {}", lr);
  if (!threshold.empty()) text += fmt::format(", ε = {}", fmt::join(threshold, ", "));
  if (lambda > 0) text += fmt::format(", λ = {}", lambda);
  return text;
}

ContinualResult run(const Problem& problem, const Recipe& recipe, Seed seed, const core::StopToken& stop) {
  ContinualTraining training = problem.training;
  training.seed = seed.stream("training");
  training.continual.method = kMethods.at(recipe.name);
  if (recipe.lr > 0) training.optim.lr = recipe.lr;
  if (!recipe.threshold.empty()) training.continual.gpm.threshold = recipe.threshold;
  if (recipe.lambda > 0) training.continual.ewc_lambda = recipe.lambda;
  if (recipe.memory > 0) training.continual.memory = recipe.memory;
  const std::shared_ptr<nn::Model> model = problem.network(seed.stream("model"));
  return train_tasks(model, problem.tasks, training, {}, stop);
}

int64_t equal_memory(const Problem& problem, int64_t bytes) {
  const data::Dataset& examples = problem.tasks.front().train;
  const int64_t example = examples.inputs[0].numel() * examples.inputs.element_size() + 2 * 8;
  return std::max<int64_t>(1, bytes / example);
}

std::vector<Tuned> tune(const Problem& problem, Seed seed, const core::StopToken& stop) {
  Problem held_out = problem;
  held_out.training.interference_inputs = 0;
  for (Task& task : held_out.tasks) task.test = std::exchange(task.holdout, {});
  const auto measure = [&](const std::vector<Recipe>& recipes) {
    std::vector<ContinualResult> outcomes(recipes.size());
    run_side_by_side(recipes.size(), [&](size_t i) {
      try {
        outcomes[i] = run(held_out, recipes[i], seed, stop);
      } catch (const Interrupted&) {
        throw;
      } catch (const Error&) {  // diverged
      }
    });
    return outcomes;
  };
  const auto accuracies = [](const std::vector<ContinualResult>& outcomes) {
    std::vector<double> values;
    for (const ContinualResult& outcome : outcomes) values.push_back(outcome.measures.acc);
    return values;
  };
  const std::vector<Recipe> own_grid = grid_of(kGpm, 0);
  const std::vector<ContinualResult> own = measure(own_grid);
  std::vector<Tuned> tuned = {best_of(own_grid, accuracies(own))};
  const auto best =
      static_cast<size_t>(std::find_if(own_grid.begin(), own_grid.end(),
                                       [&](const Recipe& r) { return r.lr == tuned[0].recipe.lr; }) -
                          own_grid.begin());
  const int64_t memory = equal_memory(problem, own[best].memory_bytes);
  const std::vector<std::string> others = {kFinetune, kEwc, kAgem, kReplay, kJoint};
  std::vector<Recipe> all;
  for (const std::string& method : others)
    for (const Recipe& recipe : grid_of(method, method == kAgem || method == kReplay ? memory : 0))
      all.push_back(recipe);
  const std::vector<double> accuracy = accuracies(measure(all));
  for (size_t m = 0; m < others.size(); ++m) {
    const auto from = static_cast<int64_t>(m * kRates.size()),
               to = from + static_cast<int64_t>(kRates.size());
    tuned.push_back(
        best_of({all.begin() + from, all.begin() + to}, {accuracy.begin() + from, accuracy.begin() + to}));
  }
  return tuned;
}

}  // namespace lathe::studies::gpm
