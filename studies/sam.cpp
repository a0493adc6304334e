// Sharpness-aware minimisation: what it gains on clean and on wrong labels, and what a step costs.
#include <cstdlib>

#include "lathe/core/error.h"
#include "lathe/core/progress.h"
#include "lathe/pipeline/study.h"
#include "studies/sam_report.h"
#include "studies/sam_runs.h"
#include "studies/sam_step.h"

namespace lathe::studies::sam {
namespace {

using pipeline::Scale;
using pipeline::StudyContext;
using pipeline::StudyResult;

const std::string kMlp = "kind = 'mlp'\nhidden = [256, 256]";

StudyResult smoke(const StudyContext& context) {
  const Plan plan = {.task = {.source = data::load_source("fashion-mnist"), .num_train = 1500},
                     .networks = {{"MLP", kMlp, {kTuningNoise}}},
                     .epochs = 6,
                     .num_seeds = 1};
  std::vector<Cell> cells;
  for (const Recipe& recipe :
       {Recipe{.name = kSgd, .epochs = plan.epochs}, Recipe{.name = kSam, .epochs = plan.epochs, .rho = 0.1}})
    cells.push_back({.network = plan.networks[0], .noise = kTuningNoise, .recipe = recipe});
  train_and_test(cells, plan, context.seed, context.stop);
  StudyResult result;
  Report report(cells, "MLP", result);
  report.memorisation(kTuningNoise);
  return result;
}

StudyResult train_and_report(const Plan& plan, const Tuned& tuned, const StudyContext& context) {
  std::vector<Cell> cells = all_cells(plan, tuned);
  train_and_test(cells, plan, context.seed, context.stop);
  StudyResult result;
  Report report(cells, plan.networks.front().name, result);
  report.tuned(plan, tuned);
  report.gains_under_noise();
  report.gains_on_clean_labels();
  report.memorisation(kTuningNoise);
  report.hessian();
  report.micro_batches();
  report.accuracies();
  report.charts();
  result.notes = {
      "The paper's accuracies are ResNet-32's on CIFAR-10. In parentheses: the lowest and the highest seed.",
      fmt::format("ρ of each network, and mixup's α and the length of short SGD of the {}, are the best of "
                  "four values on {} held-out training images with 40 % noisy labels, first seed; they hold "
                  "for all noise rates.",
                  plan.networks.front().name, plan.task.num_holdout),
      "A SAM epoch is two passes over the data: SGD of twice the epochs has as many gradient evaluations. "
      "Short SGD is a strong baseline under noise; no claim is made against it.",
      "λ_max is that of the loss on 2,000 training images with the labels trained on; its bar is on clean "
      "labels, as in the paper's figure 3."};
  return result;
}

StudyResult desk(const StudyContext& context) {
  const Plan plan = {
      .task = {.source = data::load_source("fashion-mnist")},
      .networks = {{"MLP", kMlp, {0, 0.2, 0.4, 0.6, 0.8}},
                   {"CNN", "kind = 'cnn'\nstem_channels = 8\nchannels = [16]", {kTuningNoise}}}};
  const Tuned tuned = tune(plan, context.seed, context.stop);
  StudyResult result = train_and_report(plan, tuned, context);
  const NoisyData clean = noisy_data(plan.task, 0, context.seed);
  time_steps(clean.train, clean.test, tuned.rho.front(), context, result);
  return result;
}

// Foret et al. 2021, §3.3: ResNet-32 on CIFAR-10, 200 epochs, crop and flip.
StudyResult paper(const StudyContext& context) {
  const char* directory = std::getenv("LATHE_CIFAR10");
  if (!directory)
    throw InputError(
        "the paper scale needs CIFAR-10: set LATHE_CIFAR10 to the directory with the binary version's "
        "data_batch_1.bin … test_batch.bin");
  const Plan plan = {.task = {.source = data::load_source(std::string("cifar10:") + directory),
                              .num_train = 45000,
                              .num_holdout = 5000,
                              .lr = 0.1,
                              .augment = {.flip = true, .crop = 4}},
                     .networks = {{"ResNet-32", "kind = 'resnet'\ndepth = 32", {0, 0.2, 0.4, 0.6, 0.8}}},
                     .epochs = 200,
                     .short_epochs = {10, 20, 40, 80}};
  return train_and_report(plan, tune(plan, context.seed, context.stop), context);
}

StudyResult run(const StudyContext& context) {
  const core::QuietProgress quiet;  // bars of many runs at once would overwrite each other
  if (context.scale == Scale::smoke) return smoke(context);
  return context.scale == Scale::desk ? desk(context) : paper(context);
}

const bool registered = pipeline::register_study({
    .name = "sam",
    .title = "Sharpness-aware minimisation",
    .paper = "Foret, Kleiner, Mobahi & Neyshabur, ICLR 2021, arXiv 2010.01412",
    .claim = "SAM generalises better than SGD, keeps its accuracy under label noise, ends in flatter minima, "
             "and costs two gradient evaluations a step.",
    .module = "train",
    .run = run,
});

}  // namespace
}  // namespace lathe::studies::sam
