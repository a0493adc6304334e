#include "lathe/train/active_learning.h"

#include <torch/torch.h>

#include <cmath>
#include <numeric>

#include "lathe/core/error.h"
#include "lathe/train/trainer.h"

namespace lathe::train {
namespace {

using evaluate::active::Acquisition;
using evaluate::active::BiasParts;
using evaluate::active::Estimator;
using evaluate::active::ProposalKind;
using evaluate::active::Sampler;

constexpr int64_t kFeatureBatch = 500, kLossMembers = 16;
constexpr double kLeastProbability = 1e-12;

void check(int64_t num_pool, const ActiveLearningOptions& options) {
  if (options.start < 1 || options.batch < 1)
    throw InputError("active learning needs a start and a batch of at least 1, got {} and {}", options.start,
                     options.batch);
  if (options.budget < options.start || options.budget > num_pool)
    throw InputError("the budget must be at least the start, {}, and at most the pool's {} points, got {}",
                     options.start, num_pool, options.budget);
  if (options.proposal.kind == ProposalKind::kGreedy && options.estimator != Estimator::kNone)
    throw InputError("weights undefined for the proposal greedy: other points had probability 0");
}

MeanError mean_error(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  MeanError result;
  for (double value : values) result.mean += value / n;
  for (double value : values) result.standard_error += std::pow(value - result.mean, 2) / (n * (n - 1));
  result.standard_error = std::sqrt(result.standard_error);
  return result;
}

template <typename Value>
MeanError over_runs(const std::vector<BiasParts>& runs, const Value& value) {
  std::vector<double> values;
  for (const BiasParts& run : runs) values.push_back(value(run));
  return mean_error(values);
}

torch::Tensor features_of(nn::FeatureModel& model, const torch::Tensor& inputs) {
  const nn::EvaluationMode evaluation(model);
  const torch::NoGradGuard no_grad;
  const torch::Device device = nn::device_of(model);
  std::vector<torch::Tensor> parts;
  for (const torch::Tensor& part : inputs.split(kFeatureBatch))
    parts.push_back(model.features(part.to(device)));
  return torch::cat(parts);
}

}  // namespace

Acquired learn_actively(int64_t num_pool, const Learner& learner, const ActiveLearningOptions& options,
                        core::Seed seed, const std::function<void(const Acquired&)>& after_training,
                        const core::StopToken& stop) {
  check(num_pool, options);
  Acquired acquired;
  std::vector<int64_t> rest(static_cast<size_t>(num_pool));
  std::iota(rest.begin(), rest.end(), int64_t{0});
  const auto acquire = [&](const std::vector<double>& scores,
                           const evaluate::active::ProposalOptions& proposal, int64_t count) {
    Sampler sampler(scores, proposal, [&](int64_t position) {
      return fmt::format("point {} (step {})", rest[static_cast<size_t>(position)],
                         acquired.points.size() + 1);
    });
    std::vector<bool> taken(rest.size());
    for (int64_t i = 0; i < count; ++i) {
      const auto step = static_cast<uint64_t>(acquired.points.size()) + 1;
      const auto draw = sampler.draw(seed.stream("draw").stream(step).random().uniform());
      acquired.points.push_back(rest[static_cast<size_t>(draw.position)]);
      acquired.q.push_back(draw.q);
      taken[static_cast<size_t>(draw.position)] = true;
    }
    size_t kept = 0;
    for (size_t i = 0; i < rest.size(); ++i)
      if (!taken[i]) rest[kept++] = rest[i];
    rest.resize(kept);
  };
  const auto train = [&] {
    stop.check("in active learning");
    learner.train(acquired.points, evaluate::active::weights(options.estimator, acquired.q, num_pool));
    if (after_training) after_training(acquired);
  };
  acquire(std::vector<double>(rest.size(), 1), {.kind = ProposalKind::kUniform}, options.start);
  train();
  while (static_cast<int64_t>(acquired.points.size()) < options.budget) {
    acquire(learner.score(rest), options.proposal,
            std::min(options.batch, options.budget - static_cast<int64_t>(acquired.points.size())));
    train();
  }
  return acquired;
}

Diagnosis diagnosis_of(std::vector<BiasParts> runs) {
  if (runs.size() < 2) throw InputError("a diagnosis needs at least 2 runs, got {}", runs.size());
  Diagnosis d{.runs = std::move(runs)};
  d.overfitting = over_runs(d.runs, [](const BiasParts& run) { return run.overfitting; });
  d.active_learning = over_runs(d.runs, [](const BiasParts& run) { return run.active_learning; });
  const double with = d.overfitting.mean, without = d.overfitting.mean + d.active_learning.mean;
  d.harm = over_runs(d.runs, [&](const BiasParts& run) {
    return std::copysign(1.0, with) * run.overfitting -
           std::copysign(1.0, without) * (run.overfitting + run.active_learning);
  });
  d.recommended = d.harm.mean > 0 ? Estimator::kNone : Estimator::kLure;
  const bool clear = std::abs(d.harm.mean) > 2 * d.harm.standard_error;
  d.reason = fmt::format(
      "{}: training weights would leave a bias of {:.3g} where there is {:.3g} without them{}",
      d.recommended == Estimator::kNone ? "the model overfits, and the bias of the choice offsets it"
                                        : "the bias of the choice is not offset by overfitting",
      with, without, clear ? "" : "; the runs differ too much to be sure");
  return d;
}

Diagnosis diagnose(int64_t num_pool, const std::function<Learner(core::Seed)>& make_learner,
                   ActiveLearningOptions options, int64_t repeats, core::Seed seed,
                   const core::StopToken& stop) {
  options.estimator = Estimator::kNone;
  std::vector<BiasParts> runs;
  for (int64_t run = 0; run < repeats; ++run) {
    const core::Seed own = seed.stream("run").stream(static_cast<uint64_t>(run));
    const Learner learner = make_learner(own);
    const Acquired acquired = learn_actively(num_pool, learner, options, own, {}, stop);
    runs.push_back(evaluate::active::bias_parts(learner.population_risk(), learner.losses(acquired.points),
                                                acquired.q, num_pool));
  }
  return diagnosis_of(std::move(runs));
}

torch::Tensor dropout_members(nn::FeatureModel& model, const torch::Tensor& inputs, int64_t num_members,
                              double rate, core::Seed seed) {
  if (num_members < 1) throw InputError("a posterior needs at least 1 member, got {}", num_members);
  if (!(rate >= 0 && rate < 1)) throw InputError("the dropout rate must lie in [0, 1), got {}", rate);
  const torch::NoGradGuard no_grad;
  const torch::Tensor features = features_of(model, inputs);
  const torch::nn::LinearImpl& head = model.head();
  core::Random random = seed.random();
  std::vector<torch::Tensor> members;
  for (int64_t k = 0; k < num_members; ++k) {
    torch::Tensor kept = torch::empty({head.weight.size(1)}, torch::kFloat32);
    for (int64_t i = 0; i < kept.numel(); ++i)
      kept.data_ptr<float>()[i] = random.uniform() < rate ? 0.0f : static_cast<float>(1 / (1 - rate));
    members.push_back(torch::linear(features, head.weight * kept.to(head.weight.device()), head.bias)
                          .softmax(1)
                          .to(torch::kCPU));
  }
  return torch::stack(members);
}

Learner classifier_learner(data::Dataset pool, data::Dataset clean, ClassifierLearnerOptions options,
                           core::Seed seed) {
  struct State {
    data::Dataset pool, clean;
    ClassifierLearnerOptions options;
    core::Seed seed;
    std::shared_ptr<nn::FeatureModel> model;
    uint64_t trainings = 0;
  };
  auto state =
      std::make_shared<State>(State{std::move(pool), std::move(clean), std::move(options), seed, nullptr, 0});
  const auto rows = [](const Learner::Points& points) { return torch::tensor(points, torch::kInt64); };
  Learner learner;
  learner.train = [state, rows](const Learner::Points& points, const std::vector<double>& weights) {
    const core::Seed own = state->seed.stream("training").stream(state->trainings++);
    state->model = state->options.make_model(own.stream("model"));
    const data::Dataset labelled = state->pool.select(rows(points));
    const torch::Tensor weight = torch::tensor(weights, torch::kFloat32).to(nn::device_of(*state->model));
    Trainer trainer(state->model, optim::make_step(state->model->parameters(), state->options.optim),
                    {.steps = state->options.steps,
                     .batch_size = std::min(state->options.batch_size, labelled.size()),
                     .schedule = {.kind = "constant", .warmup = 0}},
                    own);
    trainer.set_objective([weight](nn::Model& model, const data::Batch& batch) {
      const torch::Tensor losses = torch::nn::functional::cross_entropy(
          model.forward(batch.inputs), batch.targets,
          torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kNone));
      return (weight.index_select(0, batch.indices.to(weight.device())) * losses).mean();
    });
    trainer.fit(labelled, {});
  };
  learner.score = [state, rows](const Learner::Points& points) {
    const torch::Tensor inputs = state->pool.inputs.index_select(0, rows(points));
    const ClassifierLearnerOptions& o = state->options;
    if (o.acquisition == Acquisition::kRandom) return std::vector<double>(points.size(), 1);
    using evaluate::active::to_vector;
    if (o.acquisition == Acquisition::kBald)
      return to_vector(
          evaluate::active::bald(dropout_members(*state->model, inputs, o.num_members, o.dropout,
                                                 state->seed.stream("members").stream(state->trainings))));
    return to_vector(evaluate::active::score(o.acquisition, nn::predict(*state->model, inputs).softmax(1),
                                             evaluate::active::Loss::kCrossEntropy));
  };
  // As in training: the mean over members where there is dropout.
  const auto losses_on = [state](const data::Dataset& dataset) {
    const ClassifierLearnerOptions& o = state->options;
    const torch::Tensor p = o.dropout > 0
                                ? dropout_members(*state->model, dataset.inputs, kLossMembers, o.dropout,
                                                  state->seed.stream("losses").stream(state->trainings))
                                : nn::predict(*state->model, dataset.inputs).softmax(1).unsqueeze(0);
    const torch::Tensor truth = dataset.targets.cpu().view({1, -1, 1}).expand({p.size(0), -1, 1});
    return -p.to(torch::kFloat64).gather(2, truth).clamp_min(kLeastProbability).log().mean(0).squeeze(1);
  };
  learner.losses = [state, rows, losses_on](const Learner::Points& points) {
    return evaluate::active::to_vector(losses_on(state->pool.select(rows(points))));
  };
  learner.population_risk = [state, losses_on] { return losses_on(state->clean).mean().item<double>(); };
  return learner;
}

}  // namespace lathe::train
