#include "studies/active_testing_bias_networks.h"

#include <torch/torch.h>

#include <cmath>

#include "lathe/core/parallel.h"
#include "lathe/evaluate/calibration.h"
#include "lathe/nn/initialization.h"
#include "lathe/train/trainer.h"
#include "studies/side_by_side.h"

namespace lathe::studies::active_testing_bias {
namespace {

using core::Seed;
using evaluate::active::Estimator;
using evaluate::active::ProposalKind;
using evaluate::active::ProposalOptions;

constexpr double kDropout = 0.5;

// Two convolutions of 16 and 32 channels, a layer of 128, dropout before the last layer. Its masks come from
// a generator of its own: networks train side by side.
class DropoutCnn : public nn::FeatureModel {
 public:
  explicit DropoutCnn(Seed seed) : generator_(nn::generator(seed.stream("dropout"))) {
    first_ = register_module("first", torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 16, 3).padding(1)));
    second_ = register_module("second", torch::nn::Conv2d(torch::nn::Conv2dOptions(16, 32, 3).padding(1)));
    hidden_ = register_module("hidden", torch::nn::Linear(32 * 7 * 7, 128));
    head_ = register_module("head", torch::nn::Linear(128, 10));
    const torch::NoGradGuard no_grad;
    nn::he_normal(first_->weight, seed.stream("first"));
    nn::he_normal(second_->weight, seed.stream("second"));
    nn::he_normal(hidden_->weight, seed.stream("hidden"));
    nn::uniform_fan_in(head_->weight, seed.stream("head"));
    for (const torch::Tensor& bias : {first_->bias, second_->bias, hidden_->bias, head_->bias}) bias.zero_();
  }
  torch::Tensor features(torch::Tensor images) override {
    torch::Tensor x = images.to(torch::kFloat32).div(255).sub(0.286).div(0.353);  // Fashion-MNIST's moments
    x = torch::max_pool2d(first_->forward(x).relu_(), 2);
    x = torch::max_pool2d(second_->forward(x).relu_(), 2);
    x = hidden_->forward(x.flatten(1)).relu_();
    if (!is_training()) return x;
    return x * torch::empty_like(x).bernoulli_(1 - kDropout, generator_) / (1 - kDropout);
  }
  torch::nn::LinearImpl& head() override { return *head_; }

 private:
  at::Generator generator_;
  torch::nn::Conv2d first_{nullptr}, second_{nullptr};
  torch::nn::Linear hidden_{nullptr}, head_{nullptr};
};

data::Dataset sample(const data::Dataset& dataset, int64_t count, Seed seed) {
  const auto order = seed.random().permutation(dataset.size());
  return dataset.select(torch::tensor(order, torch::kInt64).slice(0, 0, count));
}

double accuracy(nn::Model& model, const data::Dataset& dataset) {
  return nn::predict(model, dataset.inputs)
      .argmax(1)
      .eq(dataset.targets)
      .to(torch::kFloat64)
      .mean()
      .item<double>();
}

// One network that learns actively, with one kind of weights.
struct Run {
  double accuracy = 0;
  std::vector<int64_t> labels;
  std::vector<evaluate::active::BiasParts> biases;
};

Run learn(const LearningPlan& plan, const data::Dataset& pool, const data::Dataset& clean,
          Estimator estimator, Seed seed, const core::StopToken& stop) {
  std::shared_ptr<DropoutCnn> model;
  const train::Learner learner = train::classifier_learner(
      pool, clean,
      {.make_model = [&](Seed own) { return model = std::make_shared<DropoutCnn>(own); },
       .steps = plan.steps,
       .dropout = kDropout},
      seed);
  Run run;
  train::ActiveLearningOptions options = plan.loop;
  options.estimator = estimator;
  train::learn_actively(
      pool.size(), learner, options, seed,
      [&](const train::Acquired& acquired) {
        const auto m = static_cast<int64_t>(acquired.points.size());
        const bool last = m == options.budget;
        if (!last && (estimator != Estimator::kNone || (m - options.start) % 10 != 0)) return;
        run.labels.push_back(m);
        run.biases.push_back(evaluate::active::bias_parts(
            learner.population_risk(), learner.losses(acquired.points), acquired.q, pool.size()));
        if (last) run.accuracy = accuracy(*model, clean);
      },
      stop);
  return run;
}

Errors errors_of(const std::vector<double>& losses, const std::vector<double>& scores,
                 const ProposalOptions& proposal, const TestingPlan& plan, Seed seed) {
  const auto n = static_cast<int64_t>(losses.size());
  double mean = 0;
  for (double loss : losses) mean += loss / static_cast<double>(n);
  std::vector<std::vector<double>> differences(
      plan.labels.size(), std::vector<double>(static_cast<size_t>(plan.num_trajectories)));
  core::parallel_for(plan.num_trajectories, 10, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      core::Random random = seed.stream(static_cast<uint64_t>(t)).random();
      evaluate::active::Sampler sampler(scores, proposal);
      evaluate::active::RunningRisk running(Estimator::kLure, n);
      for (size_t m = 0; m < plan.labels.size(); ++m) {
        while (running.num_steps() < plan.labels[m]) {
          const auto draw = sampler.draw(random.uniform());
          running.add(losses[static_cast<size_t>(draw.position)], draw.q);
        }
        differences[m][static_cast<size_t>(t)] = running.estimate().value - mean;
      }
    }
  });
  Errors errors;
  for (const std::vector<double>& d : differences) {
    double sum = 0, squares = 0;
    for (double x : d) sum += x, squares += x * x;
    const auto count = static_cast<double>(d.size());
    errors.root_mean_square.push_back(std::sqrt(squares / count));
    errors.bias.push_back(sum / std::sqrt(squares));
  }
  return errors;
}

// What a network says about the pool, and what is believed of the labels: the same calibrated.
struct Opinion {
  torch::Tensor probabilities, calibrated;
};

Opinion opinion(const TestingPlan& plan, const data::Dataset& train, const data::Dataset& calibration,
                const data::Dataset& pool, Seed seed, const core::StopToken& stop) {
  auto model = std::make_shared<DropoutCnn>(seed.stream("model"));
  train::Trainer trainer(
      model, optim::make_step(model->parameters(), {.kind = "adam", .lr = 1e-3, .weight_decay = 0}),
      {.steps = plan.steps, .batch_size = 64}, seed.stream("training"));
  trainer.fit(train, {}, {}, stop);
  const auto logits_on = [&](const data::Dataset& dataset) {
    return nn::predict(*model, dataset.inputs).to(torch::kFloat64);
  };
  const torch::Tensor logits = logits_on(pool);
  const auto scaling = evaluate::temperature_scaling(logits_on(calibration), calibration.targets);
  return {logits.softmax(1), evaluate::apply(scaling, logits).softmax(1)};
}

}  // namespace

LearningResult run_learning(const LearningPlan& plan, Seed seed, const core::StopToken& stop) {
  const data::Source source = data::load_source("fashion-mnist");
  const std::vector<Estimator> estimators = {Estimator::kNone, Estimator::kPure, Estimator::kLure};
  std::vector<Run> runs(static_cast<size_t>(plan.num_seeds) * estimators.size());
  run_side_by_side(runs.size(), [&](size_t i) {
    const Seed own = seed.stream("run").stream(i / estimators.size());
    runs[i] = learn(plan, sample(source.train, plan.num_pool, own.stream("pool")),
                    sample(source.test, plan.num_clean, own.stream("clean")),
                    estimators[i % estimators.size()], own, stop);
  });
  LearningResult result;
  std::vector<evaluate::active::BiasParts> last;
  for (size_t i = 0; i < runs.size(); ++i) {
    const Estimator estimator = estimators[i % estimators.size()];
    (estimator == Estimator::kNone   ? result.accuracy_none
     : estimator == Estimator::kPure ? result.accuracy_pure
                                     : result.accuracy_lure)
        .push_back(runs[i].accuracy);
    if (estimator != Estimator::kNone) continue;
    last.push_back(runs[i].biases.back());
    result.labels = runs[i].labels;
    result.curve_overfitting.resize(result.labels.size());
    result.curve_active_learning.resize(result.labels.size());
    for (size_t m = 0; m < result.labels.size(); ++m) {
      result.curve_overfitting[m] += runs[i].biases[m].overfitting / static_cast<double>(plan.num_seeds);
      result.curve_active_learning[m] +=
          runs[i].biases[m].active_learning / static_cast<double>(plan.num_seeds);
    }
  }
  result.diagnosis = train::diagnosis_of(std::move(last));
  return result;
}

TestingResult run_testing(const TestingPlan& plan, Seed seed, const core::StopToken& stop) {
  using evaluate::active::Loss;
  using evaluate::active::to_vector;
  const data::Source source = data::load_source("fashion-mnist");
  const int64_t both = plan.num_training + plan.num_calibration;
  const data::Dataset labelled = sample(source.train, both, seed.stream("training examples"));
  const data::Dataset train = labelled.select(torch::arange(plan.num_training)),
                      calibration = labelled.select(torch::arange(plan.num_training, both)),
                      pool = sample(source.test, plan.num_pool, seed.stream("pool"));
  std::vector<Opinion> opinions(static_cast<size_t>(plan.num_networks));
  run_side_by_side(opinions.size(), [&](size_t i) {
    opinions[i] = opinion(plan, train, calibration, pool, seed.stream("network").stream(i), stop);
  });
  torch::Tensor believed = torch::zeros_like(opinions[0].calibrated);
  for (const Opinion& o : opinions) believed += o.calibrated / static_cast<double>(opinions.size());
  TestingResult result{
      .losses = {}, .proposals = {"uniform labels", "expected loss", "root mean squared loss"}, .errors = {}};
  result.errors.resize(result.proposals.size());
  for (size_t i = 0; i < opinions.size(); ++i) {
    const torch::Tensor& p = opinions[i].probabilities;
    const auto losses = to_vector(evaluate::active::losses(p, pool.targets, Loss::kCrossEntropy));
    const Seed draws = seed.stream("draws").stream(i);
    const auto measure = [&](size_t proposal, const torch::Tensor& scores) {
      result.errors[proposal].push_back(
          errors_of(losses, to_vector(scores), {.floor = 0.1}, plan, draws.stream(proposal)));
    };
    measure(0, torch::ones({pool.size()}));
    measure(1, evaluate::active::expected_loss(p, believed, Loss::kCrossEntropy));
    measure(2, evaluate::active::rms_loss(p, believed, Loss::kCrossEntropy));
    result.losses.push_back(torch::tensor(losses, torch::kFloat64).mean().item<double>());
  }
  return result;
}

}  // namespace lathe::studies::active_testing_bias
