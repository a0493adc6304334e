#include "lathe/train/subspace.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/nn/cnn.h"
#include "lathe/nn/mlp.h"
#include "lathe/train/subspace_training.h"
#include "tests/support/archive.h"
#include "tests/support/message.h"

namespace lathe::train {
namespace {

using testing_support::message_of;

// One weight matrix of one row, set by hand.
class Row : public torch::nn::Module {
 public:
  explicit Row(std::vector<double> values)
      : w(register_parameter("w", torch::tensor(values, torch::kFloat64).unsqueeze(0))) {}
  torch::Tensor w;
};

Subspace rows(const std::vector<std::vector<double>>& values, SubspaceOptions options = {}) {
  options.endpoints = static_cast<int64_t>(values.size());
  return Subspace([values](int64_t i) { return std::make_shared<Row>(values[static_cast<size_t>(i)]); },
                  options);
}

TEST(Subspace, RegulariserOfAHandExample) {
  Subspace line = rows({{3, 4}, {4, 3}});
  core::Random random(1);
  line.draw(random);
  EXPECT_NEAR(line.pull_gradients(), 0.9216, 1e-12);
  const auto endpoints = line.parameters();
  EXPECT_NEAR(endpoints[0].grad()[0][0].item<double>(), 0.086016, 1e-9);
  EXPECT_NEAR(endpoints[0].grad()[0][1].item<double>(), -0.064512, 1e-9);
  EXPECT_NEAR(line.cosine(0, 1), 0.96, 1e-12);
  EXPECT_NEAR(line.distance(0, 1), std::sqrt(2.0), 1e-12);
}

TEST(Subspace, RegulariserEqualsFiniteDifferences) {
  core::Random random(3);
  for (int trial = 0; trial < 20; ++trial) {
    std::vector<std::vector<double>> values(2);
    for (auto& row : values)
      for (int i = 0; i < 6; ++i) row.push_back(random.normal());
    Subspace line = rows(values, {.beta = 0.7});
    line.draw(random);
    line.pull_gradients();
    for (size_t endpoint : {size_t{0}, size_t{1}})
      for (size_t i = 0; i < 6; ++i) {
        const auto at = [&](double shift) {
          auto moved = values;
          moved[endpoint][i] += shift;
          const double cosine = rows(moved).cosine(0, 1);
          return 0.7 * cosine * cosine;
        };
        EXPECT_NEAR(line.parameters()[endpoint].grad()[0][static_cast<int64_t>(i)].item<double>(),
                    (at(1e-6) - at(-1e-6)) / 2e-6, 1e-6);
      }
  }
}

nn::MlpOptions kSmall = {.num_inputs = 5, .num_classes = 3, .hidden = {4}};

std::shared_ptr<nn::Mlp> small_mlp(int64_t i) {
  auto model = std::make_shared<nn::Mlp>(kSmall);
  model->initialize(core::Seed(static_cast<uint64_t>(i)));
  model->to(torch::kFloat64);
  return model;
}

torch::Tensor small_loss(torch::nn::Module& module, int64_t seed = 0) {
  const auto at = [&](int64_t n) {
    return torch::linspace(-1, 1, n, torch::kFloat64) + 0.1 * static_cast<double>(seed);
  };
  return torch::cross_entropy_loss(dynamic_cast<nn::Mlp&>(module).forward(at(20).sin().reshape({4, 5})),
                                   torch::tensor({0, 1, 2, 1}));
}

struct Kind {
  const char* name;
  SubspaceOptions options;
};
class AnyKind : public ::testing::TestWithParam<Kind> {};

// The same loss with w = Σ c_i ω_i written into the graph.
TEST_P(AnyKind, PullEqualsAutograd) {
  SubspaceOptions options = GetParam().options;
  options.beta = 0;
  Subspace subspace(small_mlp, options);
  core::Random random(5), same(5);
  subspace.draw(random);
  small_loss(*subspace.module()).backward();
  subspace.pull_gradients();

  const auto endpoints = subspace.parameters();
  std::vector<torch::Tensor> leaves;
  for (const auto& endpoint : endpoints) leaves.push_back(endpoint.detach().clone().requires_grad_());
  std::vector<double> c = subspace.random_point(same);
  const auto point = [&](size_t p) {
    if (options.per_layer && p == 2) c = subspace.random_point(same);  // the second linear layer
    torch::Tensor sum = torch::zeros_like(leaves[p]);
    for (size_t i = 0; i < c.size(); ++i) sum = sum + c[i] * leaves[i * 4 + p];
    return sum;
  };
  std::vector<torch::Tensor> w;
  for (size_t p = 0; p < 4; ++p) w.push_back(point(p));
  const torch::Tensor x = torch::linspace(-1, 1, 20, torch::kFloat64).sin().reshape({4, 5});
  const torch::Tensor hidden = torch::relu(torch::linear(x, w[0], w[1]));
  torch::cross_entropy_loss(torch::linear(hidden, w[2], w[3]), torch::tensor({0, 1, 2, 1})).backward();
  for (size_t i = 0; i < leaves.size(); ++i)
    EXPECT_TRUE(torch::allclose(endpoints[i].grad(), leaves[i].grad(), 1e-9, 1e-12)) << "tensor " << i;
}

TEST_P(AnyKind, GoesRoundThroughAnArchive) {
  Subspace subspace(small_mlp, GetParam().options),
      other([](int64_t i) { return small_mlp(i + 7); }, GetParam().options);
  torch::serialize::InputArchive in = testing_support::saved(subspace);
  other.load(in);
  const auto a = subspace.parameters(), b = other.parameters();
  for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(torch::equal(a[i], b[i]));
  Subspace alone(small_mlp, {.kind = SubspaceKind::simplex, .endpoints = 5});
  EXPECT_NE(message_of<InputError>([&] { alone.load(in); }).find("not a simplex of 5"), std::string::npos);
}
INSTANTIATE_TEST_SUITE_P(Kinds, AnyKind,
                         ::testing::Values(Kind{"line", {}},
                                           Kind{"curve", {.kind = SubspaceKind::curve, .endpoints = 3}},
                                           Kind{"simplex", {.kind = SubspaceKind::simplex, .endpoints = 4}},
                                           Kind{"layers", {.kind = SubspaceKind::line, .per_layer = true}}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Subspace, FixedPoints) {
  Subspace line(small_mlp, {.beta = 0});
  line.set_point(line_point(0));
  small_loss(*line.module()).backward();
  line.pull_gradients();
  const auto endpoints = line.parameters();
  for (size_t i = 4; i < 8; ++i) EXPECT_EQ(endpoints[i].grad().abs().max().item<double>(), 0);
  EXPECT_GT(endpoints[0].grad().abs().max().item<double>(), 0);

  Subspace curve = rows({{1, 0}, {0, 1}, {4, 8}}, {.kind = SubspaceKind::curve});
  const auto weight = [&](double alpha) {
    curve.set_point(curve_point(alpha));
    return dynamic_cast<Row&>(*curve.module()).w.detach().clone();
  };
  const auto row = [](double a, double b) { return torch::tensor({a, b}, torch::kFloat64).unsqueeze(0); };
  EXPECT_TRUE(torch::allclose(weight(0), row(1, 0)));
  EXPECT_TRUE(torch::allclose(weight(1), row(0, 1)));
  EXPECT_TRUE(torch::allclose(weight(0.5), row(0.25 + 2, 0.25 + 4)));
  EXPECT_THROW(curve.set_point({1, 0}), InputError);
}

TEST(Subspace, DrawsAreUniform) {
  core::Random random(9);
  Subspace simplex = rows({{1, 0}, {0, 1}, {1, 1}}, {.kind = SubspaceKind::simplex});
  double mean = 0, square = 0;
  const int draws = 100000;
  for (int i = 0; i < draws; ++i) {
    const auto c = simplex.random_point(random);
    ASSERT_NEAR(c[0] + c[1] + c[2], 1, 1e-12);
    mean += c[1] / draws;
    square += c[1] * c[1] / draws;
  }
  EXPECT_NEAR(mean, 1.0 / 3, 0.003);
  EXPECT_NEAR(square - mean * mean, 2.0 / 36, 0.001);

  Subspace line = rows({{1, 0}, {0, 1}});
  std::vector<double> alphas;
  for (int i = 0; i < 5000; ++i) alphas.push_back(line.random_point(random)[1]);
  std::sort(alphas.begin(), alphas.end());
  double largest = 0;  // Kolmogorov–Smirnov: √n D > 1.95 has probability 0.001
  for (size_t i = 0; i < alphas.size(); ++i)
    largest = std::max(largest, std::abs(alphas[i] - (static_cast<double>(i) + 0.5) / 5000) + 0.5 / 5000);
  EXPECT_LT(largest * std::sqrt(5000.0), 1.95);
}

TEST(Subspace, SharesWhatIsExcluded) {
  Subspace line(small_mlp, {.beta = 0, .exclude = {"linear1.*"}});
  EXPECT_EQ(line.parameters().size(), 2u * 2 + 2);
  small_loss(*line.module()).backward();
  line.pull_gradients();
  for (const auto& parameter : line.parameters()) EXPECT_TRUE(parameter.grad().defined());
}

TEST(Subspace, APointIsANetworkOfItsOwn) {
  const auto make = [](int64_t i) {
    auto model = std::make_shared<nn::Cnn>(nn::CnnOptions{.num_classes = 3, .channels = {4, 4}});
    model->initialize(core::Seed(static_cast<uint64_t>(i)));
    return model;
  };
  Subspace line(make, {});
  const torch::Tensor images = torch::randn({40, 1, 8, 8});
  const auto feed = [&](torch::nn::Module& module) { dynamic_cast<nn::Cnn&>(module).forward(images); };
  const auto end = line.point(line_point(1), feed);
  const auto weights = end->parameters();
  for (size_t i = 0; i < weights.size(); ++i)
    EXPECT_TRUE(torch::equal(weights[i], line.parameters()[weights.size() + i]));
  EXPECT_GT(end->named_buffers()["convolution0.norm.running_mean"].abs().max().item<float>(), 0);
  EXPECT_NE(message_of<InputError>([&] { line.point(line_point(0.5)); }).find("needs training examples"),
            std::string::npos);
}

TEST(Subspace, SaysWhatIsWrong) {
  EXPECT_NE(message_of<InputError>([] {
              rows({{1}, {2}, {3}});
            }).find("a line has 2 endpoints, got 3"),
            std::string::npos);
  EXPECT_THROW(rows({{1}, {2}}, {.beta = -1}), InputError);
  EXPECT_NE(message_of<InputError>([] {
              rows({{1, 2}, {1, 2, 3}});
            }).find("endpoint 0 has w [1, 2], endpoint 1 has w [1, 3]"),
            std::string::npos);
  const auto read = [](const std::string& toml) { subspace_options(core::Config::parse(toml, "p.toml")); };
  EXPECT_NE(message_of<InputError>([&] {
              read("kind = 'curve'\nendpoints = 2");
            }).find("endpoints of a curve must be 3, got 2 (p.toml:2)"),
            std::string::npos);
  EXPECT_THROW(read("beta = -1"), InputError);
  EXPECT_THROW(read("kind = 'square'"), InputError);
}

}  // namespace
}  // namespace lathe::train
