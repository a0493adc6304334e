#include "lathe/optim/sharpness.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/nn/classifier.h"
#include "lathe/nn/initialization.h"
#include "tests/support/message.h"

namespace lathe::optim {
namespace {

using core::Seed;
using testing_support::message_of;

torch::Tensor doubles(std::vector<double> values) {
  return torch::tensor(values, torch::kFloat64);
}

// ½ wᵀHw + x·w for each example x, H = diag(1, 10), w = (1, 1).
class Quadratic : public nn::Model {
 public:
  Quadratic() { w_ = register_parameter("w", doubles({1, 1})); }
  torch::Tensor forward(torch::Tensor inputs) override {
    return 0.5 * (curvature * w_.square()).sum() + inputs.to(torch::kFloat64).mv(w_);
  }
  torch::Tensor curvature = doubles({1, 10});

 private:
  torch::Tensor w_;
};

torch::Tensor mean_output(nn::Model& model, const data::Batch& batch) {
  return model.forward(batch.inputs).mean();
}

data::Dataset examples(const torch::Tensor& inputs) {
  return {inputs, torch::zeros({inputs.size(0)}, torch::kInt64), {}};
}
data::Dataset zeros(int64_t count) {
  return examples(torch::zeros({count, 2}));
}

// max ½ (w+ε)ᵀH(w+ε) over ‖ε‖ ≤ ρ: ε = h w / (λ − h), λ > 10 such that ‖ε‖ = ρ (secular equation, bisection).
double maximum_on_the_ball(double rho) {
  const double h[] = {1, 10};
  const auto norm = [&](double lambda) { return std::hypot(h[0] / (lambda - h[0]), h[1] / (lambda - h[1])); };
  double low = 10, high = 1e6;
  for (int i = 0; i < 200; ++i) (norm(0.5 * (low + high)) > rho ? low : high) = 0.5 * (low + high);
  double loss = 0;
  for (double c : h) loss += 0.5 * c * std::pow(1 + c / (low - c), 2);
  return loss;
}

TEST(Sharpness, AscentOnTheQuadraticByHand) {
  Quadratic model;
  const auto report = sharpness(
      model, zeros(8), {.micro_batches = {}, .draws = 0, .eigenvalues = 0, .slice = 0}, Seed(0), mean_output);
  EXPECT_DOUBLE_EQ(report.loss, 5.5);
  EXPECT_DOUBLE_EQ(report.weight_norm2, 2);
  EXPECT_EQ(report.parameters, 2);
  ASSERT_EQ(report.ascent.size(), 4u);
  for (const AscentSharpness& result : report.ascent) {
    const double scale = result.rho / std::sqrt(101);  // ε̂ = ρ (1, 10)/√101
    const double one_step = 0.5 * std::pow(1 + scale, 2) + 5 * std::pow(1 + 10 * scale, 2) - 5.5;
    EXPECT_NEAR(result.one_step, one_step, 1e-10);
    EXPECT_NEAR(result.projected, maximum_on_the_ball(result.rho) - 5.5, 1e-9);
    EXPECT_GT(result.projected, result.one_step);
  }
}

TEST(Sharpness, ProjectedAscentBeginsWithSamAndNeverLosesHeight) {
  Quadratic model;
  model.curvature = doubles({10, 0.1});  // the gradient turns on the way
  double last = -1;
  for (int64_t steps : {1, 2, 3, 5, 50}) {
    const auto report = sharpness(
        model, zeros(4),
        {.rho = {3}, .micro_batches = {}, .ascent_steps = steps, .draws = 0, .eigenvalues = 0, .slice = 0},
        Seed(0), mean_output);
    if (steps == 1) EXPECT_NEAR(report.ascent[0].projected, report.ascent[0].one_step, 1e-9);
    EXPECT_GE(report.ascent[0].projected, std::max(last, report.ascent[0].one_step));
    last = report.ascent[0].projected;
  }
}

// The step beyond the top leads back to w; what counts is the highest point.
TEST(Sharpness, ProjectedAscentKeepsTheHighestPoint) {
  Quadratic model;
  const auto wave = [](nn::Model& m, const data::Batch&) { return m.parameters()[0].sub(1).sin().sum(); };
  const SharpnessOptions options{.rho = {2 * std::sqrt(2)},
                                 .micro_batches = {},
                                 .ascent_steps = 2,
                                 .draws = 0,
                                 .eigenvalues = 0,
                                 .slice = 0};
  const auto report = sharpness(model, zeros(2), options, Seed(0), wave);
  EXPECT_NEAR(report.ascent[0].projected, 2 * std::sin(2), 1e-9);
}

// A linear loss: each micro-batch rises by ρ‖mean x‖.
TEST(Sharpness, EachMicroBatchHasItsOwnAscent) {
  Quadratic model;
  model.curvature = doubles({0, 0});
  const torch::Tensor x = torch::randn({10, 2}, nn::generator(Seed(1)));
  const auto report = sharpness(model, examples(x),
                                {.rho = {0.1, 0.5},
                                 .micro_batches = {1, 10, 1, 100},
                                 .ascent_steps = 3,
                                 .draws = 0,
                                 .eigenvalues = 0,
                                 .slice = 0},
                                Seed(0), mean_output);
  ASSERT_EQ(report.ascent.size(), 4u);  // all, and m = 1
  const double all = x.to(torch::kFloat64).mean(0).norm().item<double>();
  const double each = x.to(torch::kFloat64).norm(2, 1).mean().item<double>();
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(report.ascent[i].micro_batch, i < 2 ? 10 : 1);
    const double expected = (i % 2 == 0 ? 0.1 : 0.5) * (i < 2 ? all : each);
    EXPECT_NEAR(report.ascent[i].one_step, expected, 1e-9);
    EXPECT_NEAR(report.ascent[i].projected, expected, 1e-9);
  }
}

// How the examples are cut into batches, the last one smaller, must not matter.
TEST(Sharpness, BatchesInMemoryAreNotMicroBatches) {
  const auto measure = [](int64_t batch_size) {
    Quadratic model;
    return sharpness(model, examples(torch::randn({11, 2}, nn::generator(Seed(1)))),
                     {.rho = {0.5},
                      .micro_batches = {5},
                      .draws = 2,
                      .eigenvalues = 2,
                      .slice = 0,
                      .batch_size = batch_size},
                     Seed(0), mean_output);
  };
  const auto whole = measure(500), cut = measure(2);
  for (size_t i = 0; i < 2; ++i) EXPECT_NEAR(whole.ascent[i].projected, cut.ascent[i].projected, 1e-9);
  EXPECT_NEAR(whole.average[0].mean, cut.average[0].mean, 1e-9);
  EXPECT_NEAR(whole.spectrum.values[0], cut.spectrum.values[0], 1e-9);
}

// ½ σ² tr H; the variance of ½ σ² zᵀHz is ½ σ⁴ tr H².
TEST(Sharpness, AverageIsTheTraceOfTheHessian) {
  Quadratic model;
  const auto report = sharpness(
      model, zeros(2), {.rho = {0.1, 0.5}, .micro_batches = {}, .draws = 4000, .eigenvalues = 0, .slice = 0},
      Seed(0), mean_output);
  ASSERT_EQ(report.average.size(), 2u);
  for (const AverageSharpness& result : report.average) {
    EXPECT_DOUBLE_EQ(result.sigma, result.rho / std::sqrt(2));
    const double variance = result.sigma * result.sigma;
    EXPECT_NEAR(result.standard_error, variance * std::sqrt(0.5 * 101 / 4000), 0.1 * result.standard_error);
    EXPECT_NEAR(result.mean, 0.5 * variance * 11, 4 * result.standard_error);
  }
}

TEST(Sharpness, SpectrumOfTheQuadratic) {
  Quadratic model;
  const auto spectrum =
      sharpness(model, zeros(2), {.rho = {}, .micro_batches = {}, .slice = 0}, Seed(0), mean_output).spectrum;
  ASSERT_EQ(spectrum.values.size(), 2u);
  EXPECT_NEAR(spectrum.values[0], 10, 1e-9);
  EXPECT_NEAR(spectrum.values[1], 1, 1e-9);
  EXPECT_TRUE(spectrum.converged);
}

class Linear : public nn::Model {
 public:
  Linear() {
    weight_ = register_parameter("weight", torch::randn({4, 5}, nn::generator(Seed(1)), torch::kFloat64));
  }
  torch::Tensor forward(torch::Tensor inputs) override {
    return torch::linear(inputs.to(torch::kFloat64), weight_);
  }

 private:
  torch::Tensor weight_;
};

// Softmax regression: the mean of (diag p − p pᵀ) ⊗ x xᵀ, decomposed densely.
TEST(Sharpness, SpectrumOfSoftmaxRegression) {
  Linear model;
  const data::Dataset dataset = {
      torch::randn({30, 5}, nn::generator(Seed(2))), torch::arange(30).remainder(4), {}};
  const torch::Tensor x = dataset.inputs.to(torch::kFloat64);
  torch::Tensor hessian = torch::zeros({20, 20}, torch::kFloat64);
  for (int64_t i = 0; i < 30; ++i) {
    const torch::Tensor p = model.forward(x[i]).detach().softmax(0);
    hessian += torch::kron(torch::diag(p) - torch::outer(p, p), torch::outer(x[i], x[i])) / 30;
  }
  const torch::Tensor expected = torch::linalg_eigvalsh(hessian).flip(0);
  const auto spectrum =
      sharpness(model, dataset, {.rho = {}, .micro_batches = {}, .slice = 0}, Seed(0)).spectrum;
  ASSERT_EQ(spectrum.values.size(), 5u);
  for (size_t i = 0; i < 5; ++i)
    EXPECT_NEAR(spectrum.values[i], expected[static_cast<int64_t>(i)].item<double>(), 1e-5) << i;
}

class ReluNet : public nn::Model {
 public:
  explicit ReluNet(double scale) {
    const at::Generator generator = nn::generator(Seed(1));
    first_ = register_parameter("first", scale * torch::randn({6, 5}, generator, torch::kFloat64));
    second_ = register_parameter("second", torch::randn({3, 6}, generator, torch::kFloat64) / scale);
  }
  torch::Tensor forward(torch::Tensor inputs) override {
    return torch::linear(torch::relu(torch::linear(inputs.to(torch::kFloat64), first_)), second_);
  }

 private:
  torch::Tensor first_, second_;
};

// Filter normalisation is what makes the picture independent of the layers' scales (Li et al., §4).
TEST(Sharpness, SliceIsCentredAndInvariantToScales) {
  const data::Dataset dataset = {
      torch::randn({30, 5}, nn::generator(Seed(2))), torch::arange(30).remainder(3), {}};
  const auto measure = [&](double scale) {
    ReluNet model(scale);
    return sharpness(model, dataset, {.rho = {}, .eigenvalues = 0, .slice = 5}, Seed(0));
  };
  const auto report = measure(1), scaled = measure(8);
  EXPECT_EQ(report.slice.coordinates, (std::vector<double>{-1, -0.5, 0, 0.5, 1}));
  EXPECT_EQ(report.slice.losses[2][2], report.loss);
  for (size_t b = 0; b < 5; ++b)
    for (size_t a = 0; a < 5; ++a) {
      EXPECT_NEAR(report.slice.losses[b][a], scaled.slice.losses[b][a], 1e-9);
      if (a != 2 || b != 2) EXPECT_NE(report.slice.losses[b][a], report.loss);
    }
  EXPECT_NE(report.slice.losses[0][2], report.slice.losses[2][0]);  // two directions
}

// By the formula, typed anew in another program.
TEST(Sharpness, BoundComplexity) {
  EXPECT_NEAR(bound_complexity(2, 0.1, 2, 100, 0.05), 0.6719094716541789, 1e-12);
  EXPECT_NEAR(bound_complexity(400, 0.05, 1000, 50000, 0.05), 0.49469897495615933, 1e-12);
  Quadratic model;
  const auto report = sharpness(model, zeros(100),
                                {.rho = {0.1}, .micro_batches = {}, .draws = 0, .eigenvalues = 0, .slice = 0},
                                Seed(0), mean_output);
  ASSERT_EQ(report.bounds.size(), 1u);
  EXPECT_NEAR(report.bounds[0].max_loss, maximum_on_the_ball(0.1), 1e-9);
  EXPECT_NEAR(report.bounds[0].bound, maximum_on_the_ball(0.1) + 0.6719094716541789, 1e-9);
}

// A network with batch norm and dropout, in training mode, with gradients.
struct Trained {
  Trained() {
    data::Schema schema;
    schema.shape = {1, 8, 8};
    schema.classes = {"a", "b", "c"};
    model = nn::build(core::Config::parse("kind = 'cnn'\nchannels = [4, 8]\npool_every = 1\ndropout = 0.3"),
                      schema, Seed(1));
    dataset = {torch::randint(0, 256, {40, 1, 8, 8}, nn::generator(Seed(2)), torch::kUInt8),
               torch::arange(40).remainder(3), schema};
    cross_entropy()(*model, {dataset.inputs, dataset.targets, {}}).backward();
  }
  std::vector<torch::Tensor> state() const {
    std::vector<torch::Tensor> tensors = model->buffers();
    for (const torch::Tensor& parameter : model->parameters()) {
      tensors.push_back(parameter.detach());
      tensors.push_back(parameter.grad());
    }
    for (torch::Tensor& tensor : tensors) tensor = tensor.clone();
    return tensors;
  }
  bool same(const std::vector<torch::Tensor>& before) const {
    const std::vector<torch::Tensor> after = state();
    for (size_t i = 0; i < before.size(); ++i)
      if (!torch::equal(before[i], after[i])) return false;
    return model->is_training();
  }
  std::shared_ptr<nn::Classifier> model;
  data::Dataset dataset;
};

const SharpnessOptions kSmall = {
    .rho = {0.5}, .micro_batches = {16}, .ascent_steps = 3, .draws = 2, .eigenvalues = 1, .slice = 3};

TEST(Sharpness, LeavesTheModelAsItWas) {
  const Trained trained;
  const auto before = trained.state();
  int64_t calls = 0;
  const auto counted = [&](nn::Model& model, const data::Batch& batch) {
    EXPECT_FALSE(model.is_training());
    ++calls;
    return cross_entropy()(model, batch);
  };
  sharpness(*trained.model, trained.dataset, kSmall, Seed(0), counted);
  EXPECT_TRUE(trained.same(before));

  for (int64_t last = 0; last < calls; last += 3) {  // in every part of the report
    int64_t left = last;
    const auto failing = [&](nn::Model& model, const data::Batch& batch) {
      if (left-- == 0) throw std::runtime_error("loss");
      return cross_entropy()(model, batch);
    };
    EXPECT_THROW(sharpness(*trained.model, trained.dataset, kSmall, Seed(0), failing), std::runtime_error);
    EXPECT_TRUE(trained.same(before)) << last;
  }
}

TEST(Sharpness, StopsWhenAsked) {
  const Trained trained;
  const auto before = trained.state();
  const core::StopToken stop;
  int64_t left = 20;
  const auto stopping = [&](nn::Model& model, const data::Batch& batch) {
    if (left-- == 0) stop.request();
    return cross_entropy()(model, batch);
  };
  EXPECT_THROW(sharpness(*trained.model, trained.dataset, kSmall, Seed(0), stopping, stop), Interrupted);
  EXPECT_EQ(left, -1);
  EXPECT_TRUE(trained.same(before));
}

TEST(Sharpness, SameSeedSameBits) {
  const Trained trained;
  const auto measure = [&](uint64_t seed) {
    return sharpness(*trained.model, trained.dataset, kSmall, Seed(seed));
  };
  const auto one = measure(3), again = measure(3), other = measure(4);
  EXPECT_EQ(one.ascent[1].projected, again.ascent[1].projected);
  EXPECT_EQ(one.average[0].mean, again.average[0].mean);
  EXPECT_EQ(one.spectrum.values, again.spectrum.values);
  EXPECT_EQ(one.slice.losses, again.slice.losses);
  EXPECT_NE(one.average[0].mean, other.average[0].mean);
  EXPECT_NE(one.ascent[1].projected, other.ascent[1].projected);  // other micro-batches
  EXPECT_NEAR(one.spectrum.values[0], other.spectrum.values[0], 1e-3 * one.spectrum.values[0]);
}

// Frozen parameters do not move and do not count.
TEST(Sharpness, OnlyTrainedParametersCount) {
  const Trained trained;
  int64_t expected = 0;
  for (const auto& parameter : trained.model->named_parameters()) {
    const bool norm_or_bias = parameter.value().dim() < 2;
    parameter.value().set_requires_grad(!norm_or_bias);
    if (!norm_or_bias) expected += parameter.value().numel();
  }
  EXPECT_EQ(sharpness(*trained.model, trained.dataset, kSmall, Seed(0)).parameters, expected);
}

TEST(Sharpness, SaysWhatIsWrong) {
  Quadratic model;
  const auto complaint = [&](SharpnessOptions options, int64_t count = 4) {
    return message_of<InputError>([&] { sharpness(model, zeros(count), options, Seed(0), mean_output); });
  };
  EXPECT_EQ(complaint({.rho = {0.1, -1}}), "rho must be positive, got -1");
  EXPECT_EQ(complaint({.micro_batches = {0}}), "m must be at least 1, got 0");
  EXPECT_EQ(complaint({.ascent_steps = 0}), "ascent_steps must be at least 1, got 0");
  EXPECT_NE(complaint({.draws = 1}).find("at least 2"), std::string::npos);
  EXPECT_NE(complaint({.slice = 4}).find("odd"), std::string::npos);
  EXPECT_NE(complaint({}, 1).find("2 examples"), std::string::npos);

  const auto not_a_number = [](nn::Model& m, const data::Batch& batch) {
    return mean_output(m, batch) * std::nan("");
  };
  EXPECT_NE(message_of<Error>([&] { sharpness(model, zeros(4), {}, Seed(0), not_a_number); }).find("finite"),
            std::string::npos);
}

}  // namespace
}  // namespace lathe::optim
