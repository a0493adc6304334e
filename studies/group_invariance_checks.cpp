#include "studies/group_invariance_checks.h"

#include <torch/torch.h>

#include <cstdlib>
#include <filesystem>

#include "lathe/core/files.h"
#include "lathe/data/npy.h"
#include "lathe/nn/classifier.h"
#include "lathe/nn/initialization.h"
#include "lathe/train/invariance/invariant_training.h"
#include "lathe/train/threads.h"
#include "lathe/train/trainer.h"
#include "studies/timing.h"

namespace lathe::studies::group_invariance {
namespace {

namespace invariance = train::invariance;
using core::Seed;
using pipeline::Bar;

constexpr int kRounds = 5;
constexpr int64_t kTurnSteps = 40;
const Seed kModelSeed(3), kTrainingSeed(4);

// Steps of a training whose parts are given (`invariant`), or of a plain one.
double step_milliseconds(const Network& network, const data::ShiftedImages& images, bool invariant) {
  auto model = nn::build(core::Config::parse(network.table), images.train.schema, kModelSeed);
  model->fit_inputs(images.train.inputs);
  train::Trainer trainer(model, optim::make_step(model->parameters(), {.lr = 0.1, .nesterov = false}),
                         {.steps = kTurnSteps + kWarmUpSteps, .batch_size = network.task.batch_size},
                         kTrainingSeed);
  invariance::InvarianceOptions options;
  options.start_epoch = 0;
  const auto training = std::make_shared<invariance::InvariantTraining>(
      options, kTrainingSeed,
      invariance::groups_from_values(images.train_minority, images.train.targets,
                                     images.train.schema.num_classes(), "minority"));
  if (invariant) {
    trainer.add_method(training);
    trainer.set_objective(training->objective());
  }
  StepClock clock;
  train::Hooks hooks;
  hooks.after_step = [&](int64_t, const optim::StepReport&) { clock.tick(); };
  trainer.fit(images.train, {}, {}, {}, hooks);
  return median_of_turn(clock.times());
}

// Features, logits and the partition networks of all classes, as at t₀.
double inference_milliseconds(const Network& network, const data::ShiftedImages& images) {
  auto model = nn::build(core::Config::parse(network.table), images.train.schema, kModelSeed);
  model->fit_inputs(images.train.inputs);
  invariance::InvariantTraining training({}, kTrainingSeed);
  training.begin(*model, images.train, 1);
  const double before = now_milliseconds();
  training.before_step(1);
  return now_milliseconds() - before;
}

}  // namespace

void time_steps(const Network& network, const pipeline::StudyContext& context,
                pipeline::StudyResult& result) {
  const int threads_before = train::compute_threads();
  train::set_compute_threads(1);
  const data::ShiftedImages images =
      shifted_data(network.task, context.seed.stream("data").stream(uint64_t{0}));
  std::vector<double> plain, invariant, inference, epoch;
  const double steps = static_cast<double>(images.train.size() / network.task.batch_size);
  for (int round = 0; round < kRounds; ++round) {
    context.stop.check("timing PGI steps");
    plain.push_back(step_milliseconds(network, images, false));
    invariant.push_back(step_milliseconds(network, images, true));
    inference.push_back(inference_milliseconds(network, images));
    epoch.push_back(plain.back() * steps);
  }
  train::set_compute_threads(threads_before);
  result.rows.push_back({.metric = network.name + ", 1 thread: PGI step / plain step (baseline: ms)",
                         .paper = {},
                         .baseline = median(plain),
                         .measured = median_ratio(invariant, plain),
                         .bar = Bar{.most = 1.10},
                         .timing = true});
  result.rows.push_back({.metric = network.name + ", 1 thread: inferring the parts / an epoch (baseline: ms)",
                         .paper = {},
                         .baseline = median(epoch),
                         .measured = median_ratio(inference, epoch),
                         .bar = Bar{.most = 1},
                         .timing = true});
}

void compare_with_domainbed(Seed seed, pipeline::StudyResult& result) {
  const char* checkout = std::getenv("LATHE_DOMAINBED");
  if (!checkout || !std::filesystem::is_directory(checkout) || !peers_installed()) {
    result.notes.push_back(
        "DomainBed was left out: it is not on PyPI; name a checkout with LATHE_DOMAINBED, and install "
        "bench/peers.");
    return;
  }
  constexpr double kRate = 0.3;
  constexpr int64_t kBatch = 256, kClasses = 9;
  const auto generator = nn::generator(seed.stream("logits"));
  const torch::Tensor logits = 2 * torch::randn({kBatch, kClasses}, generator, torch::kFloat64);
  const torch::Tensor targets = torch::randint(0, kClasses, {kBatch}, generator, torch::kInt64);
  const torch::Tensor parts = torch::rand({kBatch}, generator).lt(0.2).to(torch::kInt64);
  const core::TemporaryDirectory directory;
  data::write_npy(directory.path() / "logits.npy", logits);
  data::write_npy(directory.path() / "targets.npy", targets);
  data::write_npy(directory.path() / "parts.npy", parts);
  const nlohmann::json theirs =
      run_peer("invariance.py", {directory.path().string(), checkout, fmt::format("{}", kRate)});

  const torch::Tensor losses = torch::cross_entropy_loss(logits, targets, {}, at::Reduction::None);
  const invariance::Parts cells = invariance::parts_of(parts, 2);
  const std::vector<std::tuple<std::string, std::string, torch::Tensor>> ours = {
      {"irm", "IRM, one dummy scale, two halves",
       invariance::irm_penalty(
           logits, targets, cells,
           {.scale = invariance::DummyScale::scalar, .norm = invariance::SquaredNorm::halves})
           .value},
      {"vrex", "V-REx", invariance::rex_penalty(losses, cells).value},
      {"group_dro", "GroupDRO, absolute risks, loss after an update",
       invariance::GroupDro(cells.counts, {.risk = invariance::RiskScale::absolute})
           .step(losses, cells, kRate)
           .loss}};
  for (const auto& [key, name, value] : ours) {
    const double other = theirs.at(key);
    result.rows.push_back({.metric = name + ": |ours − DomainBed's| (baseline: DomainBed's)",
                           .paper = {},
                           .baseline = other,
                           .measured = std::abs(value.item<double>() - other),
                           .bar = Bar{.most = 1e-6}});
  }
}

}  // namespace lathe::studies::group_invariance
