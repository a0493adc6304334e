#include "lathe/train/continual/gradient_projection_memory.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/nn/initialization.h"
#include "lathe/nn/model.h"
#include "tests/support/message.h"

namespace lathe::train::continual {
namespace {

using testing_support::message_of;
using torch::nn::Conv2dOptions;

torch::Tensor normal(std::vector<int64_t> shape, uint64_t seed) {
  return torch::randn(shape, nn::generator(core::Seed(seed)));
}

// A regression: the mean squared distance of the model's outputs from fixed targets.
class Regression : public optim::GradientSource {
 public:
  Regression(torch::nn::AnyModule model, std::vector<torch::Tensor> parameters, torch::Tensor inputs,
             uint64_t seed)
      : model_(std::move(model)), parameters_(std::move(parameters)), inputs_(std::move(inputs)) {
    const torch::NoGradGuard no_grad;
    targets_ = 3 * normal(outputs().sizes().vec(), seed);
  }
  int64_t local_replicas() const override { return 1; }
  int64_t replicas() const override { return 1; }
  void all_reduce_sum(at::TensorList) override {}
  optim::Evaluation evaluate(int64_t, optim::Pass) override {
    for (const torch::Tensor& p : parameters_) p.mutable_grad().reset();
    const torch::Tensor loss = (outputs() - targets_).square().mean();
    loss.backward();
    return {.loss = loss.item<double>(), .samples = inputs_.size(0)};
  }
  torch::Tensor outputs() { return model_.forward(inputs_); }
  double loss() { return (outputs() - targets_).square().mean().item<double>(); }

 private:
  torch::nn::AnyModule model_;
  std::vector<torch::Tensor> parameters_;
  torch::Tensor inputs_, targets_;
};

// Trains a layer (or more) on one task, protects it, trains on a second one: what becomes of the first.
template <typename Module>
struct TwoTasks {
  Module model;
  torch::Tensor first_inputs, second_inputs;
  GpmOptions options = {.threshold = {1}, .threshold_step = 0};
  optim::OptimizerOptions optim = {.lr = 0.02, .momentum = 0.9, .nesterov = false, .weight_decay = 0};
  int64_t steps = 100;
  std::shared_ptr<GradientProjectionMemory> memory = nullptr;
  double final_loss = 0;

  std::unique_ptr<optim::StepRule> step() const {
    return optim::make_step(model->parameters(), optim, step_slots(memory, options.project, optim));
  }
  // The largest change of the first task's outputs while the second is learned.
  double run() {
    memory = std::make_shared<GradientProjectionMemory>(*model, options);
    Regression first(torch::nn::AnyModule(model), model->parameters(), first_inputs, 11);
    Regression second(torch::nn::AnyModule(model), model->parameters(), second_inputs, 12);
    const auto first_step = step();
    for (int64_t i = 0; i < steps; ++i) first_step->step(first);
    memory->end_task([&] { first.outputs(); });
    const torch::NoGradGuard no_grad;
    const torch::Tensor before = first.outputs().clone();
    {
      const torch::AutoGradMode grad(true);
      const auto second_step = step();
      const double start = second.loss();
      for (int64_t i = 0; i < steps; ++i) second_step->step(second);
      final_loss = second.loss();
      EXPECT_LT(final_loss, start);
    }
    return (first.outputs() - before).abs().max().item<double>();
  }
};

TwoTasks<torch::nn::Linear> linear_tasks(bool bias) {
  const torch::Tensor span = normal({4, 12}, 1);  // the first task's inputs fill 4 of 12 dimensions
  return {torch::nn::Linear(torch::nn::LinearOptions(12, 3).bias(bias)), normal({20, 4}, 2).mm(span),
          normal({20, 12}, 3)};
}

TEST(GradientProjectionMemory, OldOutputsOfALinearLayerStay) {
  EXPECT_LT(linear_tasks(false).run(), 1e-5);
  TwoTasks<torch::nn::Linear> unprotected = linear_tasks(false);
  unprotected.options.threshold = {1e-9};  // one direction
  EXPECT_GT(unprotected.run(), 0.1);
}

// Inputs from disjoint halves of the coordinates: nothing is lost and all can be learned.
TEST(GradientProjectionMemory, DisjointSubspacesAreLearnedToZeroLoss) {
  TwoTasks<torch::nn::Linear> tasks{torch::nn::Linear(torch::nn::LinearOptions(10, 2).bias(false)),
                                    torch::cat({normal({4, 5}, 1), torch::zeros({4, 5})}, 1),
                                    torch::cat({torch::zeros({4, 5}), normal({4, 5}, 2)}, 1)};
  tasks.optim = {.lr = 0.1, .momentum = 0.9, .nesterov = false, .weight_decay = 0};
  tasks.steps = 3000;
  EXPECT_LT(tasks.run(), 1e-6);
  EXPECT_LT(tasks.final_loss, 1e-6);
}

TEST(GradientProjectionMemory, AugmentationProtectsTheBias) {
  EXPECT_LT(linear_tasks(true).run(), 1e-5);
  TwoTasks<torch::nn::Linear> frozen = linear_tasks(true);
  frozen.options.bias = "freeze";
  EXPECT_LT(frozen.run(), 1e-5);
  TwoTasks<torch::nn::Linear> free = linear_tasks(true);
  free.options.bias = "free";
  EXPECT_GT(free.run(), 0.01);
}

// The first task's images span few patches: one colour of stripes each.
TwoTasks<torch::nn::Conv2d> convolution_tasks(const Conv2dOptions& options) {
  torch::Tensor first = torch::zeros({6, 4, 9, 9});
  first.slice(2, 0, 9, 3) += 1 + torch::arange(6).view({6, 1, 1, 1});
  return {torch::nn::Conv2d(options), first, normal({6, 4, 9, 9}, 4)};
}

TEST(GradientProjectionMemory, OldOutputsOfConvolutionsStay) {
  for (const Conv2dOptions& options :
       {Conv2dOptions(4, 6, 3), Conv2dOptions(4, 6, 3).stride(2), Conv2dOptions(4, 6, 3).padding(1),
        Conv2dOptions(4, 6, 3).dilation(2), Conv2dOptions(4, 6, 3).groups(2),
        Conv2dOptions(4, 6, 3).stride(2).padding(1).dilation(2).groups(2).bias(false)}) {
    TwoTasks<torch::nn::Conv2d> tasks = convolution_tasks(options);
    EXPECT_LT(tasks.run(), 1e-5) << options.stride()->at(0) << options.groups();
    TwoTasks<torch::nn::Conv2d> channels_last = convolution_tasks(options);
    channels_last.model->weight.set_data(
        channels_last.model->weight.contiguous(at::MemoryFormat::ChannelsLast));
    EXPECT_LT(channels_last.run(), 1e-5);
    EXPECT_LT(tasks.memory->summary().at("").vectors, tasks.memory->summary().at("").inputs);
  }
}

TEST(GradientProjectionMemory, OtherOptimizersLeaveTheSubspaceUnlessTheUpdateIsProjected) {
  const std::vector<optim::OptimizerOptions> optimizers = {
      {.kind = "adam", .lr = 0.01, .weight_decay = 0},
      {.kind = "adamw", .lr = 0.01, .weight_decay = 0.1},
      {.lr = 0.02, .momentum = 0.9, .nesterov = true, .weight_decay = 0.05}};
  for (const optim::OptimizerOptions& optim : optimizers) {
    TwoTasks<torch::nn::Linear> gradient = linear_tasks(true), update = linear_tasks(true);
    gradient.optim = update.optim = optim;
    gradient.options.project = "gradient";
    EXPECT_GT(gradient.run(), 1e-2) << optim.kind;
    EXPECT_LT(update.run(), 1e-5) << optim.kind;
  }
}

// Momentum gathered before the boundary carries the weights on.
TEST(GradientProjectionMemory, MomentumAcrossTheBoundaryForgets) {
  torch::nn::Linear layer(torch::nn::LinearOptions(6, 2).bias(false));
  const auto memory =
      std::make_shared<GradientProjectionMemory>(*layer, GpmOptions{.threshold = {1}, .threshold_step = 0});
  const optim::OptimizerOptions optim = {.lr = 0.1, .weight_decay = 0};
  const torch::Tensor x = normal({3, 6}, 1);
  Regression task(torch::nn::AnyModule(layer), layer->parameters(), x, 2);
  const auto drift = [&](optim::StepRule& rule) {
    const torch::Tensor before = task.outputs().detach().clone();
    rule.step(task);
    return (task.outputs().detach() - before).abs().max().item<double>();
  };
  const auto rule = optim::make_step(layer->parameters(), optim, step_slots(memory, "auto", optim));
  rule->step(task);
  memory->end_task([&] { task.outputs(); });
  EXPECT_GT(drift(*rule), 1e-2);
  EXPECT_LT(drift(*optim::make_step(layer->parameters(), optim, step_slots(memory, "auto", optim))), 1e-6);
}

TEST(GradientProjectionMemory, ProjectsGradientsOnceAndForAll) {
  torch::nn::Linear layer(torch::nn::LinearOptions(30, 7));
  GradientProjectionMemory memory(*layer, {.threshold = {0.9}, .threshold_step = 0});
  memory.end_task([&] { layer->forward(normal({50, 30}, 1)); });
  layer->weight.mutable_grad() = normal({7, 30}, 2);
  layer->bias.mutable_grad() = normal({7}, 3);
  optim::StepReport report;
  const auto joined = [&] {
    return torch::cat({layer->weight.grad(), layer->bias.grad().unsqueeze(1)}, 1).clone();
  };
  const torch::Tensor before = joined(), basis = memory.basis("");
  ASSERT_EQ(basis.size(0), 31);
  ASSERT_LT(basis.size(1), 31);
  memory.apply({}, report);
  const torch::Tensor once = joined();
  EXPECT_LT(once.mm(basis).norm().item<double>(), 1e-5 * before.norm().item<double>());
  EXPECT_TRUE(torch::allclose(once, before - before.mm(basis).mm(basis.t()), 1e-5, 1e-5));
  memory.apply({}, report);
  EXPECT_TRUE(torch::allclose(joined(), once, 1e-5, 1e-6));
}

TEST(GradientProjectionMemory, AFullBasisStopsAllLearningToTheBit) {
  torch::nn::Linear layer(torch::nn::LinearOptions(6, 3));
  const auto memory =
      std::make_shared<GradientProjectionMemory>(*layer, GpmOptions{.threshold = {1}, .threshold_step = 0});
  const torch::Tensor x = normal({40, 6}, 1);
  const std::vector<std::string> warnings = memory->end_task([&] { layer->forward(x); });
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("no room left after task 1"), std::string::npos);
  EXPECT_TRUE(memory->end_task([&] { layer->forward(x); }).empty());  // said once
  Regression task(torch::nn::AnyModule(layer), layer->parameters(), normal({9, 6}, 2), 3);
  for (const optim::OptimizerOptions& optim : {optim::OptimizerOptions{.lr = 0.1, .weight_decay = 0},
                                               optim::OptimizerOptions{.kind = "adam", .lr = 0.1}}) {
    const torch::Tensor weight = layer->weight.detach().clone(), bias = layer->bias.detach().clone();
    const auto rule = optim::make_step(layer->parameters(), optim, step_slots(memory, "auto", optim));
    for (int i = 0; i < 5; ++i) rule->step(task);
    EXPECT_TRUE(torch::equal(layer->weight, weight));
    EXPECT_TRUE(torch::equal(layer->bias, bias));
  }
}

// SAM's ascent goes where the loss rises, its descent only where it may.
TEST(GradientProjectionMemory, SamAscendsAnywhereAndDescendsProjected) {
  TwoTasks<torch::nn::Linear> tasks = linear_tasks(true);
  tasks.optim.sam = optim::SamOptions{.rho = 0.2};
  EXPECT_LT(tasks.run(), 1e-5);

  torch::nn::Linear layer(torch::nn::LinearOptions(4, 1).bias(false));
  const auto memory =
      std::make_shared<GradientProjectionMemory>(*layer, GpmOptions{.threshold = {1}, .threshold_step = 0});
  memory->end_task([&] { layer->forward(torch::eye(4).narrow(0, 0, 2)); });
  const torch::Tensor start = layer->weight.detach().clone();
  std::vector<torch::Tensor> points;
  struct Watched : Regression {
    using Regression::Regression;
    optim::Evaluation evaluate(int64_t i, optim::Pass pass) override {
      points->push_back(weight.detach().clone());
      return Regression::evaluate(i, pass);
    }
    torch::Tensor weight;
    std::vector<torch::Tensor>* points = nullptr;
  };
  Watched source(torch::nn::AnyModule(layer), layer->parameters(), normal({5, 4}, 1), 2);
  source.weight = layer->weight;
  source.points = &points;
  const optim::OptimizerOptions optim = {
      .lr = 0.1, .momentum = 0, .nesterov = false, .weight_decay = 0, .sam = optim::SamOptions{.rho = 0.5}};
  optim::make_step(layer->parameters(), optim, step_slots(memory, "auto", optim))->step(source);
  ASSERT_EQ(points.size(), 2u);
  EXPECT_GT((points[1] - start).narrow(1, 0, 2).norm().item<double>(), 0.05);
  EXPECT_LT((layer->weight.detach() - start).narrow(1, 0, 2).norm().item<double>(), 1e-6);
  EXPECT_GT((layer->weight.detach() - start).narrow(1, 2, 2).norm().item<double>(), 1e-3);
}

struct NormNet : nn::Model {
  NormNet() {
    convolution = register_module("convolution", torch::nn::Conv2d(Conv2dOptions(1, 4, 3).padding(1)));
    norm = register_module("norm", torch::nn::BatchNorm2d(4));
    head = register_module("head", torch::nn::Linear(4, 2));
  }
  torch::Tensor forward(torch::Tensor x) override {
    return head->forward(
        torch::dropout(norm->forward(convolution->forward(x)).relu().mean({2, 3}), 0.5, is_training()));
  }
  torch::nn::Conv2d convolution{nullptr};
  torch::nn::BatchNorm2d norm{nullptr};
  torch::nn::Linear head{nullptr};
};

TEST(GradientProjectionMemory, NormsRestAfterTheFirstTaskAndHeadsNever) {
  const auto model = std::make_shared<NormNet>();
  const auto memory = std::make_shared<GradientProjectionMemory>(
      *model, GpmOptions{.threshold = {1}, .threshold_step = 0, .heads = {"head"}});
  ASSERT_EQ(memory->layers().size(), 1u);
  const optim::OptimizerOptions optim = {.lr = 0.1, .weight_decay = 0.1};  // decay alone would move them
  Regression task(torch::nn::AnyModule(model), model->parameters(), normal({8, 1, 5, 5}, 1), 2);
  const auto step = [&] {
    const std::vector<torch::Tensor> before = {model->norm->weight.detach().clone(),
                                               model->head->weight.detach().clone()};
    optim::make_step(model->parameters(), optim, step_slots(memory, "auto", optim))->step(task);
    return std::pair(torch::equal(before[0], model->norm->weight),
                     torch::equal(before[1], model->head->weight));
  };
  EXPECT_EQ(step(), std::pair(false, false));
  memory->end_task([&] { model->forward(normal({8, 1, 5, 5}, 1)); });
  EXPECT_EQ(step(), std::pair(true, false));
}

// Dropout would add directions, batch norm's statistics would move.
TEST(GradientProjectionMemory, TakesItsSamplesInEvaluationMode) {
  const auto model = std::make_shared<NormNet>();
  model->train();
  GradientProjectionMemory memory(*model, {.threshold = {1}, .threshold_step = 0});
  const torch::Tensor before = model->norm->running_mean.clone();
  memory.end_task([&] {
    EXPECT_FALSE(model->is_training());
    EXPECT_FALSE(torch::GradMode::is_enabled());
    model->forward(normal({8, 1, 5, 5}, 1));
  });
  EXPECT_TRUE(model->is_training());
  EXPECT_TRUE(torch::equal(model->norm->running_mean, before));
}

TEST(GradientProjectionMemory, TravelsThroughAnArchive) {
  torch::nn::Conv2d layer(Conv2dOptions(4, 6, 3).groups(2));
  GradientProjectionMemory memory(*layer, {.threshold = {0.8}}), copy(*layer, {.threshold = {0.8}});
  const auto round_trip = [&] {
    std::stringstream stream;
    torch::serialize::OutputArchive out;
    memory.save(out);
    out.save_to(stream);
    torch::serialize::InputArchive in;
    in.load_from(stream);
    copy.load(in);
  };
  round_trip();  // empty bases too
  EXPECT_EQ(copy.tasks(), 0);
  memory.end_task([&] { layer->forward(normal({5, 4, 6, 6}, 1)); });
  round_trip();
  EXPECT_EQ(copy.tasks(), 1);
  for (int64_t g = 0; g < 2; ++g) EXPECT_TRUE(torch::equal(copy.basis("", g), memory.basis("", g)));
  const LayerMemory summary = memory.summary().at("");
  EXPECT_EQ(summary.inputs, 2 * 19);
  EXPECT_EQ(summary.vectors, memory.basis("", 0).size(1) + memory.basis("", 1).size(1));
  EXPECT_EQ(summary.bytes, 4 * 19 * summary.vectors);
  EXPECT_GE(summary.energy, 0.8);
  EXPECT_LT(summary.energy, 0.95);
}

TEST(GradientProjectionMemory, ThresholdsRiseWithTheTasks) {
  torch::nn::Linear layer(torch::nn::LinearOptions(8, 2).bias(false));
  GradientProjectionMemory memory(*layer, {.threshold = {0.5}, .threshold_step = 0.3});
  const torch::Tensor x = torch::eye(8);
  std::vector<int64_t> sizes;
  for (int i = 0; i < 3; ++i) {
    memory.end_task([&] { layer->forward(x); });
    sizes.push_back(memory.basis("").size(1));
  }
  EXPECT_EQ(sizes, (std::vector<int64_t>{4, 7, 8}));  // 0.5, 0.8, 1 of 8 equal energies
}

TEST(GradientProjectionMemory, ABadSampleLeavesTheMemoryAsItWas) {
  torch::nn::Linear layer(torch::nn::LinearOptions(4, 2));
  GradientProjectionMemory memory(*layer, {});
  memory.end_task([&] { layer->forward(normal({9, 4}, 1)); });
  const torch::Tensor basis = memory.basis("").clone();
  EXPECT_NE(message_of<Error>([&] {
              memory.end_task([&] { layer->forward(torch::full({3, 4}, NAN)); });
            }).find("layer  saw an input that is not finite"),
            std::string::npos);
  EXPECT_NE(message_of<InputError>([&] { memory.end_task([] {}); }).find("saw no input"), std::string::npos);
  EXPECT_THROW(memory.end_task([&] {
    layer->forward(normal({9, 4}, 2));
    throw Interrupted("interrupted");
  }),
               Interrupted);
  EXPECT_TRUE(torch::equal(memory.basis(""), basis));
  EXPECT_EQ(memory.tasks(), 1);
}

TEST(GradientProjectionMemory, RefusesWhatCannotWork) {
  const auto model = std::make_shared<NormNet>();
  const auto message = [&](GpmOptions options) {
    return message_of<InputError>([&] { GradientProjectionMemory(*model, options); });
  };
  EXPECT_EQ(message({.threshold = {1.5}}), "train.continual.threshold must be in (0, 1], got 1.5");
  EXPECT_EQ(message({.threshold = {0.9, 0.9, 0.9}}),
            "train.continual.threshold needs 1 number or 2, one for each of convolution, head; got 3");
  EXPECT_NE(message({.bias = "no"}).find("augment, freeze, free"), std::string::npos);
  EXPECT_NE(message({.heads = {"heads.*"}}).find("\"heads.*\" names no part"), std::string::npos);
  torch::nn::Sequential embedding(torch::nn::Embedding(5, 3), torch::nn::Linear(3, 2));
  EXPECT_NE(message_of<InputError>([&] {
              GradientProjectionMemory(*embedding, {});
            }).find("unprotected = \"allow\""),
            std::string::npos);
  EXPECT_EQ(GradientProjectionMemory(*embedding, {.unprotected = "allow"}).layers().size(), 1u);
}

}  // namespace
}  // namespace lathe::train::continual
