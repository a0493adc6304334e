#include "lathe/train/subspace_training.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "tests/support/message.h"
#include "tests/train/scene.h"

namespace lathe::train {
namespace {

using core::Config;
using core::Seed;

// A scene whose model is the first endpoint of a subspace.
struct SubspaceScene : Scene {
  explicit SubspaceScene(SubspaceOptions options = {}, const std::string& network = kModel) {
    subspace = std::make_shared<Subspace>(
        [this, network](int64_t i) -> std::shared_ptr<torch::nn::Module> {
          auto made = nn::build(Config::parse(network), train.schema, Seed(7 + static_cast<uint64_t>(i)));
          made->fit_inputs(train.inputs);
          return made;
        },
        options);
    model = std::dynamic_pointer_cast<nn::Classifier>(subspace->module());
  }
  Trainer trainer_on_subspace() {
    Trainer trainer(model, optim::make_step(subspace->parameters(), optim), this->options, Seed(3));
    trainer.add_method(std::make_shared<SubspaceTraining>(subspace, model, Seed(5)));
    return trainer;
  }
  std::shared_ptr<Subspace> subspace;
};

std::vector<torch::Tensor> endpoints(const SubspaceScene& scene) {
  std::vector<torch::Tensor> copies;
  for (const auto& tensor : scene.subspace->parameters()) copies.push_back(tensor.detach().clone());
  return copies;
}

TEST(SubspaceTraining, OneEndpointIsPlainTraining) {
  const std::string network = "kind = 'mlp'\nhidden = [16]\ndropout = 0.2";
  SubspaceScene one({.kind = SubspaceKind::simplex, .endpoints = 1, .beta = 0}, network);
  Scene plain;
  plain.model = nn::build(Config::parse(network), plain.train.schema, Seed(7));
  one.trainer_on_subspace().fit(one.train, one.holdout);
  plain.trainer().fit(plain.train, plain.holdout);
  expect_same_bits(weights(one), weights(plain));
}

TEST(SubspaceTraining, LearnsALineOfDifferentNetworks) {
  SubspaceScene scene;
  scene.options.epochs = 12;
  const FitReport report = scene.trainer_on_subspace().fit(scene.train, scene.holdout);
  EXPECT_GT(report.epochs.back().holdout_accuracy, 0.9);
  EXPECT_LT(report.curve.back().metrics.at("cosine_squared"), 0.05);
  EXPECT_LT(std::abs(scene.subspace->cosine(0, 1)), 0.3);
  // What is kept is the midpoint.
  const auto kept = scene.model->parameters(), ends = scene.subspace->parameters();
  for (size_t i = 0; i < kept.size(); ++i)
    EXPECT_TRUE(torch::allclose(kept[i], 0.5 * ends[i] + 0.5 * ends[kept.size() + i], 1e-5, 1e-6));
}

TEST(SubspaceTraining, ResumesToTheSameBits) {
  const SubspaceOptions options = {.kind = SubspaceKind::curve, .endpoints = 3, .per_layer = true};
  SubspaceScene whole(options), first(options), second(options);
  for (SubspaceScene* scene : {&whole, &first, &second}) {
    scene->optim.sam = optim::SamOptions{.rho = 0.05};
    scene->options.patience = 5;
  }
  whole.trainer_on_subspace().fit(whole.train, whole.holdout);
  const core::TemporaryDirectory directory;
  const auto checkpoint = directory.path() / "checkpoint";
  const core::StopToken stop;
  Hooks hooks;
  hooks.after_step = [&](int64_t step, const optim::StepReport&) {
    if (step == 17) stop.request();
  };
  EXPECT_THROW(first.trainer_on_subspace().fit(first.train, first.holdout, checkpoint, stop, hooks),
               Interrupted);
  second.trainer_on_subspace().fit(second.train, second.holdout, checkpoint);
  expect_same_bits(weights(whole), weights(second));
  expect_same_bits(endpoints(whole), endpoints(second));
}

// The step's micro-batches share one point, unless each is to have its own.
TEST(SubspaceTraining, DrawsOnePointAStepOrOneAPart) {
  for (int64_t samples : {1, 2, 4}) {
    SubspaceScene scene({.beta = 0, .samples = samples});
    scene.options.micro_batch = 4;
    scene.options.steps = 2;
    std::vector<torch::Tensor> seen;
    Trainer trainer = scene.trainer_on_subspace();
    trainer.set_objective([&](nn::Model& model, const data::Batch& batch) {
      seen.push_back(model.parameters()[0].detach().clone());
      return torch::cross_entropy_loss(model.forward(batch.inputs), batch.targets);
    });
    trainer.fit(scene.train, {});
    ASSERT_EQ(seen.size(), 8u);
    int64_t changes = 0;
    for (size_t i = 1; i < 4; ++i) changes += !torch::equal(seen[i], seen[i - 1]);
    EXPECT_EQ(changes, samples - 1);
    EXPECT_FALSE(torch::equal(seen[0], seen[4]));
  }
  SubspaceScene scene({.samples = 3});
  scene.options.micro_batch = 4;
  EXPECT_NE(testing_support::message_of<InputError>([&] {
              scene.trainer_on_subspace().fit(scene.train, {});
            }).find("4 micro-batches cannot be cut into train.subspace.samples = 3"),
            std::string::npos);
}

// SAM perturbs the endpoints by ρ along ((1 − α) g, α g); the point between them moves by ρ √((1 − α)² + α²).
TEST(SubspaceTraining, SamMovesThePointBetweenTheEndpoints) {
  SubspaceScene scene({.beta = 0}, "kind = 'mlp'\nhidden = [16]");
  scene.optim.sam = optim::SamOptions{.rho = 0.3};
  scene.options.steps = 1;
  const auto flat = [](const torch::nn::Module& module) {
    std::vector<torch::Tensor> parts;
    for (const auto& parameter : module.parameters()) parts.push_back(parameter.detach().reshape(-1));
    return torch::cat(parts).to(torch::kFloat64);
  };
  const auto before = endpoints(scene);
  std::vector<torch::Tensor> points;
  Trainer trainer = scene.trainer_on_subspace();
  trainer.set_objective([&](nn::Model& model, const data::Batch& batch) {
    points.push_back(flat(model));
    return torch::cross_entropy_loss(model.forward(batch.inputs), batch.targets);
  });
  trainer.fit(scene.train, {});
  ASSERT_EQ(points.size(), 2u);
  const double a = before[0][0][0].item<double>(), b = before[4][0][0].item<double>();
  const double alpha = (points[0][0].item<double>() - a) / (b - a);
  EXPECT_NEAR((points[1] - points[0]).norm().item<double>(),
              0.3 * std::sqrt((1 - alpha) * (1 - alpha) + alpha * alpha), 1e-5);
}

// A line with SAM and AdaScale under wrong labels: gradients of the endpoints are what the rules see.
TEST(SubspaceTraining, ComposesWithSamAdaScaleAndLabelNoise) {
  SubspaceScene scene;
  scene.train = data::corrupt_labels(scene.train, 0.2, Seed(4)).dataset;
  scene.optim.sam = optim::SamOptions{.rho = 0.05};
  scene.optim.adascale = optim::AdaScaleOptions{};
  scene.optim.clip_norm = 5;
  scene.options.micro_batch = 4;
  scene.options.schedule_scale = 4;
  const FitReport report = scene.trainer_on_subspace().fit(scene.train, scene.holdout);
  EXPECT_LT(report.steps, 120);
  EXPECT_GT(report.curve.back().metrics.at("gain"), 1);
  EXPECT_EQ(report.evaluations, report.steps * 4 * 2);
}

}  // namespace
}  // namespace lathe::train
