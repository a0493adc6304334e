#include <gtest/gtest.h>
#include <torch/torch.h>

#include <set>

#include "lathe/nn/classifier.h"
#include "lathe/nn/task_heads.h"
#include "lathe/train/continual/average_gem.h"
#include "lathe/train/continual/ewc.h"
#include "lathe/train/continual/replay.h"
#include "tests/train/scene.h"

namespace lathe::train::continual {
namespace {

using core::Seed;

data::Dataset numbered(int64_t count, int64_t first) {
  data::Dataset dataset;
  dataset.inputs = torch::arange(first, first + count).to(torch::kFloat32).view({count, 1});
  dataset.targets = torch::arange(count).remainder(2);
  return dataset;
}

TEST(EpisodicMemory, KeepsEveryExampleEquallyOften) {
  std::vector<double> kept(40, 0);
  constexpr int kRuns = 2000;
  for (uint64_t run = 0; run < kRuns; ++run) {
    EpisodicMemory memory(10, Seed(run));
    memory.add(numbered(25, 0), 0);
    memory.add(numbered(15, 25), 1);
    const MixedBatch all = memory.draw(100, Seed(0));
    ASSERT_EQ(memory.size(), 10);
    for (int64_t i = 0; i < 10; ++i) {
      const auto number = all.inputs[i].item<int64_t>();
      EXPECT_EQ(all.tasks[i].item<int64_t>(), number < 25 ? 0 : 1);
      EXPECT_EQ(all.targets[i].item<int64_t>(), (number < 25 ? number : number - 25) % 2);
      ++kept[static_cast<size_t>(number)];
    }
  }
  for (double count : kept) EXPECT_NEAR(count / kRuns, 0.25, 0.05);  // five standard deviations
}

TEST(EpisodicMemory, DrawsDifferentExamples) {
  EpisodicMemory memory(10, Seed(1));
  memory.add(numbered(30, 0), 0);
  std::map<int64_t, int> seen;
  for (uint64_t i = 0; i < 500; ++i) {
    const MixedBatch drawn = memory.draw(4, Seed(i));
    std::set<float> numbers;
    for (int64_t j = 0; j < 4; ++j) {
      numbers.insert(drawn.inputs[j].item<float>());
      ++seen[drawn.inputs[j].item<int64_t>()];
    }
    EXPECT_EQ(numbers.size(), 4u);
  }
  EXPECT_EQ(seen.size(), 10u);
  for (const auto& [number, count] : seen) EXPECT_NEAR(count, 200, 60);
}

std::shared_ptr<nn::Classifier> small_model() {
  auto model = nn::build(core::Config::parse("kind = 'mlp'\nhidden = [4]"), stripes(3, 1).schema, Seed(7));
  model->fit_inputs(stripes(30, 1).inputs);
  return model;
}

TEST(MixedLoss, IsTheMeanOverExamplesByTheirHeads) {
  nn::TaskHeads heads(small_model(), {3, 3}, Seed(1));
  const data::Dataset data = stripes(9, 1);
  const torch::Tensor tasks = torch::tensor({0, 1, 1, 0, 1, 1, 1, 0, 1}, torch::kInt64);
  const torch::Tensor loss = mixed_loss(heads, {data.inputs, data.targets, tasks}, 0);
  double sum = 0;
  for (int64_t i = 0; i < 9; ++i) {
    heads.select(tasks[i].item<int64_t>());
    sum += torch::cross_entropy_loss(heads.forward(data.inputs.narrow(0, i, 1)), data.targets.narrow(0, i, 1))
               .item<double>();
  }
  EXPECT_NEAR(loss.item<double>(), sum / 9, 1e-6);
}

// The Fisher matrix of logistic regression has a closed form: E_x [x² p (1 − p)], in each class's row.
TEST(Ewc, FisherIsThatOfLogisticRegression) {
  struct Logistic : nn::Model {
    Logistic() {
      layer = register_module("layer", torch::nn::Linear(torch::nn::LinearOptions(2, 2).bias(false)));
      const torch::NoGradGuard no_grad;
      layer->weight.copy_(torch::tensor({{0.5f, -1.0f}, {0.0f, 1.0f}}));
    }
    torch::Tensor forward(torch::Tensor x) override { return layer->forward(x); }
    torch::nn::Linear layer{nullptr};
  } model;
  data::Dataset dataset;
  dataset.inputs = torch::randn({4000, 2}, nn::generator(Seed(1)));
  dataset.targets = torch::zeros({4000}, torch::kInt64);  // not looked at
  const Ewc ewc(model, {.samples = 4000}, Seed(2));
  const torch::Tensor fisher = ewc.fisher(dataset)[0];
  const torch::Tensor p = model.forward(dataset.inputs).detach().softmax(1);
  const torch::Tensor expected =
      (p * (1 - p)).t().mm(dataset.inputs.square()) / 4000;  // E_y (1[y = c] − p_c)² = p_c (1 − p_c)
  EXPECT_TRUE(torch::allclose(fisher, expected, 0.08, 0)) << fisher << expected;
}

TEST(Ewc, PenaltysGradientIsThatOfTheSumOverTasks) {
  const auto model = small_model();
  Ewc ewc(*model, {.lambda = 3, .samples = 20}, Seed(2));
  std::vector<std::vector<torch::Tensor>> fishers, anchors;
  for (int64_t task = 0; task < 2; ++task) {
    ewc.begin_task(task);
    const Task data = {"", stripes(30, static_cast<uint64_t>(task)), {}, {}};
    fishers.push_back(ewc.fisher(data.train));
    anchors.emplace_back();
    for (const torch::Tensor& p : model->parameters()) anchors.back().push_back(p.detach().clone());
    ewc.end_task(data, {});
    const torch::NoGradGuard no_grad;
    for (torch::Tensor& p : model->parameters()) p.add_(0.1 * torch::ones_like(p));
  }
  torch::Tensor penalty = torch::zeros({});
  const auto parameters = model->parameters();
  for (size_t t = 0; t < 2; ++t)
    for (size_t i = 0; i < parameters.size(); ++i)
      penalty = penalty + (fishers[t][i] * (parameters[i] - anchors[t][i]).square()).sum() * 1.5;
  penalty.backward();
  std::vector<torch::Tensor> expected;
  for (const torch::Tensor& p : parameters) {
    expected.push_back(p.grad().clone());
    p.mutable_grad().zero_();
  }
  optim::StepReport report;
  ewc.slots().transforms.at(0)->apply(parameters, report);
  for (size_t i = 0; i < parameters.size(); ++i)
    EXPECT_TRUE(torch::allclose(parameters[i].grad(), expected[i], 1e-3, 1e-5));
}

// Afterwards the gradient no longer points against that of the remembered examples.
TEST(AverageGem, RemovesTheContradiction) {
  const auto model = small_model();
  AverageGem agem(*model, {.memory = 1000}, Seed(1));
  agem.end_task({"", stripes(60, 1), {}, {}}, {});
  const data::Dataset old = stripes(60, 1);
  const auto gradient = [&](double sign) {
    for (const torch::Tensor& p : model->parameters()) p.mutable_grad().reset();
    (sign * torch::cross_entropy_loss(model->forward(old.inputs), old.targets)).backward();
    std::vector<torch::Tensor> flat;
    for (const torch::Tensor& p : model->parameters()) flat.push_back(p.grad().flatten());
    return torch::cat(flat).clone();
  };
  struct Same : optim::GradientSource {
    int64_t local_replicas() const override { return 1; }
    int64_t replicas() const override { return 1; }
    void all_reduce_sum(at::TensorList) override {}
    optim::Evaluation evaluate(int64_t, optim::Pass) override { return {.samples = 60}; }
  } source;
  agem.evaluate(source, 0, optim::Pass::first);  // says how many there are in a batch: all of the memory
  const torch::Tensor reference = gradient(1);
  const auto after = [&](double sign, const torch::Tensor& noise) {
    gradient(sign);
    const torch::NoGradGuard no_grad;
    model->parameters()[0].mutable_grad().add_(noise);
    optim::StepReport report;
    agem.slots().transforms.at(0)->apply(model->parameters(), report);
    std::vector<torch::Tensor> flat;
    for (const torch::Tensor& p : model->parameters()) flat.push_back(p.grad().flatten());
    return std::pair(torch::cat(flat), report.metrics.at("agem.projected"));
  };
  const torch::Tensor noise = torch::randn(model->parameters()[0].sizes(), nn::generator(Seed(3))) * 0.01;
  const auto [projected, against] = after(-1, noise);
  EXPECT_EQ(against, 1);
  EXPECT_LT(std::abs(projected.dot(reference).item<double>()),
            1e-5 * reference.square().sum().item<double>());
  EXPECT_GT(projected.norm().item<double>(), 0.5 * noise.norm().item<double>());
  const auto [kept, with] = after(1, torch::zeros_like(noise));
  EXPECT_EQ(with, 0);
  EXPECT_TRUE(torch::allclose(kept, reference, 1e-5, 1e-7));
}

}  // namespace
}  // namespace lathe::train::continual
