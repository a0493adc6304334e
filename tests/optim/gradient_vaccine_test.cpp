#include "lathe/optim/gradient_vaccine.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "lathe/core/error.h"
#include "tests/support/message.h"

namespace lathe::optim {
namespace {

using testing_support::message_of;

torch::Tensor rows(const std::vector<std::vector<double>>& values) {
  std::vector<torch::Tensor> list;
  for (const auto& row : values) list.push_back(torch::tensor(row, torch::kFloat64));
  return torch::stack(list);
}

torch::Tensor no_averages(int64_t tasks, int64_t components = 1) {
  return torch::zeros({tasks, tasks, components}, torch::kFloat64);
}

void expect_vector(const torch::Tensor& actual, const std::vector<double>& expected,
                   double tolerance = 1e-6) {
  ASSERT_EQ(actual.numel(), static_cast<int64_t>(expected.size()));
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(actual[static_cast<int64_t>(i)].item<double>(), expected[i], tolerance) << i;
}

double cosine(const torch::Tensor& a, const torch::Tensor& b) {
  return (a.dot(b) / (a.norm() * b.norm())).item<double>();
}

// g'_i alone: the first row is treated, the result less the others.
torch::Tensor first_of(const torch::Tensor& gradients, double target) {
  torch::Tensor averages = no_averages(gradients.size(0));
  core::Random random(1);
  const VaccineResult result =
      vaccinate(gradients, {{0, gradients.size(1)}}, averages, {.target = target, .treated = {0}}, random);
  return torch::mv(gradients.t(), result.coefficients[0][0]);
}

TEST(GradientVaccine, HandExamples) {
  const torch::Tensor a = rows({{1, 0}, {-0.6, 0.8}});
  expect_vector(first_of(a, 0), {0.64, 0.48});
  expect_vector(first_of(a, 0.5), {0.3628719, 0.8495042});
  EXPECT_NEAR(cosine(first_of(a, 0.5), a[1]), 0.5, 1e-12);
  expect_vector(first_of(rows({{3, 4}, {1, 0}}), 0.8), {5.3333333, 4});
}

TEST(GradientVaccine, PcgradOfTwoRows) {
  core::Random random(1);
  expect_vector(pcgrad(rows({{-4, 1, 1}, {6, 1, 1}}), random), {0.584795, 3.801170, 3.801170});
}

TEST(GradientVaccine, NormFollowsFromTheCosines) {
  torch::manual_seed(4);
  for (double target : {0.0, 0.3, 0.7}) {
    const torch::Tensor g = torch::randn({2, 6}, torch::kFloat64);
    const double phi = cosine(g[0], g[1]);
    const torch::Tensor changed = first_of(g, target);
    const double growth = phi < target ? std::sqrt((1 - phi * phi) / (1 - target * target)) : 1;
    EXPECT_NEAR(changed.norm().item<double>(), g[0].norm().item<double>() * growth, 1e-9);
    if (phi >= target) EXPECT_TRUE(torch::equal(changed, g[0]));
  }
}

TEST(GradientVaccine, AveragesFollowTheUnchangedCosine) {
  const auto pair = [](double c) { return rows({{1, 0}, {c, std::sqrt(1 - c * c)}}); };
  torch::Tensor averages = no_averages(2);
  core::Random random(1);
  const VaccineOptions half = {.beta = 0.5};
  vaccinate(pair(0.8), {{0, 2}}, averages, half, random);
  EXPECT_NEAR(averages[0][1][0].item<double>(), 0.4, 1e-12);  // nothing triggered, still updated
  const torch::Tensor g = pair(-0.2);
  const VaccineResult result = vaccinate(g, {{0, 2}}, averages, half, random);
  EXPECT_NEAR(averages[0][1][0].item<double>(), 0.1, 1e-12);
  EXPECT_EQ(result.triggered, 2);
  EXPECT_NEAR(cosine(torch::mv(g.t(), result.coefficients[0][0]), g[1]), 0.4, 1e-12);

  averages = no_averages(2);
  vaccinate(pair(0.3), {{0, 2}}, averages, {.beta = 1}, random);
  EXPECT_NEAR(averages[1][0][0].item<double>(), 0.3, 1e-12);
}

TEST(GradientVaccine, WithBetaZeroItIsPcgrad) {
  torch::manual_seed(6);
  for (int64_t tasks : {2, 5}) {
    torch::Tensor averages = no_averages(tasks);
    for (uint64_t step = 0; step < 5; ++step) {
      const torch::Tensor g = torch::randn({tasks, 9}, torch::kFloat64);
      core::Random a(step), b(step);
      EXPECT_TRUE(torch::equal(vaccinate(g, {{0, 9}}, averages, {.beta = 0}, a).gradient, pcgrad(g, b)));
    }
    EXPECT_EQ(averages.abs().max().item<double>(), 0);
  }
}

// Written out with vectors, as the algorithm says it.
torch::Tensor directly(const torch::Tensor& g, const std::vector<Range>& components, torch::Tensor& averages,
                       double beta, core::Random& random) {
  const int64_t tasks = g.size(0);
  torch::Tensor sum = torch::zeros({g.size(1)}, g.options());
  for (size_t k = 0; k < components.size(); ++k) {
    const torch::Tensor part = g.slice(1, components[k].begin, components[k].end);
    for (int64_t i = 0; i < tasks; ++i) {
      torch::Tensor own = part[i].clone();
      std::vector<int64_t> order(static_cast<size_t>(tasks));
      for (int64_t j = 0; j < tasks; ++j) order[static_cast<size_t>(j)] = j;
      random.shuffle(order);
      for (int64_t j : order) {
        if (j == i) continue;
        const double phi = cosine(own, part[j]);
        torch::Tensor usual = averages[i][j][static_cast<int64_t>(k)];
        const double target = usual.item<double>();
        if (phi < target)
          own += own.norm() * (target * std::sqrt(1 - phi * phi) - phi * std::sqrt(1 - target * target)) /
                 (part[j].norm() * std::sqrt(1 - target * target)) * part[j];
        usual += beta * (phi - target);
      }
      sum.slice(0, components[k].begin, components[k].end) += own;
    }
  }
  return sum;
}

TEST(GradientVaccine, ProductsGiveWhatVectorsGive) {
  torch::manual_seed(8);
  for (const auto& [type, tolerance] : {std::pair{torch::kFloat64, 1e-11}, std::pair{torch::kFloat32, 2e-5}})
    for (int64_t tasks = 2; tasks <= 12; tasks += 2) {
      torch::Tensor mine = no_averages(tasks, 3), direct = no_averages(tasks, 3);
      const std::vector<Range> components = {{0, 10}, {10, 14}, {14, 60}};
      for (uint64_t step = 0; step < 4; ++step) {
        const torch::Tensor g = torch::randn({tasks, 60}, torch::kFloat64).to(type);
        core::Random a(step), b(step);
        const torch::Tensor result = vaccinate(g, components, mine, {.beta = 0.3}, a).gradient;
        const torch::Tensor expected = directly(g.to(torch::kFloat64), components, direct, 0.3, b);
        EXPECT_LT(((result.to(torch::kFloat64) - expected).norm() / expected.norm()).item<double>(),
                  tolerance);
      }
      EXPECT_TRUE(torch::allclose(mine, direct, 0, tolerance * 10));
    }
}

// The tasks in another order, and so the orders in which each meets the others: the same vectors, in that
// order.
TEST(GradientVaccine, TasksInAnotherOrderGiveTheSame) {
  constexpr int64_t kTasks = 3;
  const std::vector<int64_t> moved = {2, 0, 1};  // task i becomes task moved[i]
  const auto meetings = [](uint64_t seed) {      // of each task: whom it meets, in turn
    core::Random random(seed);
    std::vector<std::vector<int64_t>> of_task;
    for (int64_t i = 0; i < kTasks; ++i) {
      std::vector<int64_t> order = {0, 1, 2};
      random.shuffle(order);
      order.erase(std::find(order.begin(), order.end(), i));
      of_task.push_back(order);
    }
    return of_task;
  };
  const auto moved_meetings = [&](uint64_t seed) {
    std::vector<std::vector<int64_t>> of_task(kTasks);
    const auto before = meetings(seed);
    for (int64_t i = 0; i < kTasks; ++i)
      for (int64_t j : before[static_cast<size_t>(i)])
        of_task[static_cast<size_t>(moved[static_cast<size_t>(i)])].push_back(moved[static_cast<size_t>(j)]);
    return of_task;
  };
  torch::manual_seed(10);
  for (uint64_t seed = 0; seed < 8; ++seed) {
    uint64_t alike = 0;
    while (meetings(alike) != moved_meetings(seed)) ++alike;
    const torch::Tensor g = torch::randn({kTasks, 7}, torch::kFloat64);
    torch::Tensor h = torch::empty_like(g), averages = torch::full({kTasks, kTasks, 1}, 0.4, torch::kFloat64);
    for (int64_t i = 0; i < kTasks; ++i) h[moved[static_cast<size_t>(i)]] = g[i];
    torch::Tensor moved_averages = averages.clone();
    core::Random a(seed), b(alike);
    const VaccineResult of_g = vaccinate(g, {{0, 7}}, averages, {.beta = 0.3}, a),
                        of_h = vaccinate(h, {{0, 7}}, moved_averages, {.beta = 0.3}, b);
    EXPECT_GT(of_g.triggered, 0);
    EXPECT_TRUE(torch::allclose(of_g.gradient, of_h.gradient, 1e-12, 1e-12));
    for (int64_t i = 0; i < kTasks; ++i) {
      const int64_t to = moved[static_cast<size_t>(i)];
      EXPECT_TRUE(torch::allclose(torch::mv(g.t(), of_g.coefficients[0][i]),
                                  torch::mv(h.t(), of_h.coefficients[0][to]), 1e-12, 1e-12));
      for (int64_t j = 0; j < kTasks; ++j)
        EXPECT_NEAR(averages[i][j][0].item<double>(),
                    moved_averages[to][moved[static_cast<size_t>(j)]][0].item<double>(), 1e-12);
    }
  }
}

TEST(GradientVaccine, SimpleCases) {
  torch::manual_seed(9);
  core::Random random(2);
  const torch::Tensor one = torch::randn({1, 5}), same = one.expand({3, 5}).contiguous();
  torch::Tensor averages = no_averages(1);
  EXPECT_TRUE(torch::equal(vaccinate(one, {{0, 5}}, averages, {}, random).gradient, one[0]));
  averages = no_averages(3);
  EXPECT_TRUE(torch::allclose(vaccinate(same, {{0, 5}}, averages, {}, random).gradient, 3 * one[0]));
  averages = no_averages(3);
  EXPECT_TRUE(torch::allclose(
      vaccinate(same, {{0, 5}}, averages, {.reduction = TaskReduction::mean}, random).gradient, one[0]));

  // One number has but two directions: opposed ones cancel, and leave nothing to turn.
  averages = torch::full({3, 3, 1}, 0.5, torch::kFloat64);
  const VaccineResult cancelled = vaccinate(rows({{1}, {-2}, {3}}), {{0, 1}}, averages, {.beta = 0}, random);
  EXPECT_NEAR(cancelled.gradient.item<double>(), 0, 1e-9);

  // A zero row, and one that is not there: skipped, their averages wait.
  torch::Tensor g = torch::randn({3, 5});
  g[1].zero_();
  averages = torch::full({3, 3, 1}, 0.5, torch::kFloat64);
  vaccinate(g, {{0, 5}}, averages, {.beta = 1}, random, {true, true, false});
  EXPECT_TRUE(torch::equal(averages, torch::full({3, 3, 1}, 0.5, torch::kFloat64)));
}

TEST(GradientVaccine, SaysWhatIsWrong) {
  core::Random random(1);
  torch::Tensor averages = no_averages(2);
  const torch::Tensor g = torch::ones({2, 4});
  const auto run = [&](const std::vector<Range>& components, const VaccineOptions& options) {
    return message_of<InputError>([&] { vaccinate(g, components, averages, options, random); });
  };
  EXPECT_NE(run({{0, 3}}, {}).find("cover 3 of 4 columns"), std::string::npos);
  EXPECT_NE(run({{0, 2}, {1, 4}}, {}).find("does not follow"), std::string::npos);
  EXPECT_NE(run({{0, 4}}, {.beta = 2}).find("beta must be in [0, 1], got 2"), std::string::npos);
  EXPECT_NE(run({{0, 4}}, {.target = 1.0}).find("target must be in (-1, 1)"), std::string::npos);
  EXPECT_NE(run({{0, 4}}, {.treated = {2}}).find("no task 2 among 2"), std::string::npos);
}

// Long rows are worked on in parts, which must neither lose nor repeat a column.
TEST(GradientVaccine, LongRowsAsShortOnes) {
  torch::manual_seed(6);
  const int64_t P = 3 * (1 << 14) + 5;
  const torch::Tensor g = torch::randn({3, P}, torch::kFloat64);
  const std::vector<Range> components = {{0, 7}, {7, (1 << 14) + 7}, {(1 << 14) + 7, P}};
  torch::Tensor averages = torch::full({3, 3, 3}, 0.3, torch::kFloat64);
  core::Random random(2);
  const VaccineResult result = vaccinate(g, components, averages, {.target = 0.3}, random);
  for (size_t k = 0; k < components.size(); ++k) {
    const torch::Tensor part = g.slice(1, components[k].begin, components[k].end);
    EXPECT_TRUE(torch::allclose(result.gradient.slice(0, components[k].begin, components[k].end),
                                result.coefficients[static_cast<int64_t>(k)].sum(0).matmul(part), 1e-10,
                                1e-10));
  }
  torch::Tensor halves_averages = averages.clone();
  core::Random same(2);
  const VaccineResult halves =
      vaccinate(g.to(torch::kBFloat16), components, halves_averages, {.target = 0.3}, same);
  EXPECT_EQ(halves.gradient.scalar_type(), torch::kFloat32);
  EXPECT_LT((halves.gradient - result.gradient).norm().item<double>(),
            0.01 * result.gradient.norm().item<double>());
}

}  // namespace
}  // namespace lathe::optim
