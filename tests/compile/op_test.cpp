#include "lathe/compile/op.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <random>

#include "lathe/core/error.h"

namespace lathe::compile {
namespace {

using Attributes = std::map<std::string, Attribute>;
using Tensors = std::vector<torch::Tensor>;
using List = std::vector<int64_t>;

// Runs one op, after checking that its inference says what evaluation gives.
Tensors run(const std::string& name, const Tensors& inputs, const Attributes& attributes = {}) {
  const Node node{name, {}, {}, attributes, "here"};
  std::vector<Type> types;
  for (const auto& input : inputs) types.push_back({dtype_of(input.scalar_type()), input.sizes().vec()});
  const auto inferred = op(name).infer(node, types);
  const Tensors outputs = op(name).evaluate(node, inputs);
  EXPECT_EQ(inferred.size(), outputs.size()) << name;
  for (size_t i = 0; i < std::min(inferred.size(), outputs.size()); ++i) {
    const Type got{dtype_of(outputs[i].scalar_type()), outputs[i].sizes().vec()};
    EXPECT_EQ(to_string(inferred[i]), to_string(got)) << name;
  }
  return outputs;
}

torch::Tensor one(const std::string& name, const Tensors& inputs, const Attributes& attributes = {}) {
  return run(name, inputs, attributes).at(0);
}

void expect_close(const torch::Tensor& a, const torch::Tensor& b, double tolerance = 1e-10) {
  ASSERT_EQ(a.sizes(), b.sizes());
  EXPECT_TRUE(torch::allclose(a.to(torch::kFloat64), b.to(torch::kFloat64), tolerance, tolerance))
      << (a.to(torch::kFloat64) - b.to(torch::kFloat64)).abs().max().item<double>();
}

torch::Tensor draw(const List& shape, torch::ScalarType type = torch::kFloat64) {
  return torch::randn(shape, torch::dtype(torch::kFloat64)).to(type);
}

int64_t below(std::mt19937& random, int64_t most, int64_t least = 0) {
  return std::uniform_int_distribution<int64_t>(least, most)(random);
}

std::string refusal(const std::string& name, const std::vector<Type>& types,
                    const Attributes& attributes = {}) {
  try {
    op(name).infer({name, {}, {}, attributes, "layer1.conv"}, types);
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Op, TableHoldsWhatTheHeaderPromises) {
  EXPECT_GE(op_names().size(), 80u);
  EXPECT_TRUE(is_elementwise("gelu"));
  EXPECT_TRUE(is_elementwise("where"));
  EXPECT_FALSE(is_elementwise("softmax"));
  EXPECT_FALSE(is_elementwise("reshape"));
  EXPECT_EQ(op("conv").kind, OpClass::complex);
  EXPECT_EQ(op("layer_norm").kind, OpClass::reduction);
  EXPECT_FALSE(is_op("convolution"));
  try {
    op("layernorm");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(), "unknown operator 'layernorm'; did you mean layer_norm?");
  }
  EXPECT_THROW(register_op(op("conv")), Error);
}

TEST(Op, UnaryFormulas) {
  const torch::Tensor x = draw({3, 5}) * 3;
  expect_close(one("gelu", {x}), 0.5 * x * (1 + torch::erf(x / std::sqrt(2.0))));
  expect_close(one("gelu_tanh", {x}),
               0.5 * x * (1 + torch::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))));
  expect_close(one("silu", {x}), x / (1 + torch::exp(-x)));
  expect_close(one("hardsigmoid", {x}), torch::clamp(x / 6 + 0.5, 0, 1));
  expect_close(one("hardswish", {x}), x * torch::clamp(x / 6 + 0.5, 0, 1));
  expect_close(one("softplus", {x}), torch::log(1 + torch::exp(x)));
  expect_close(one("mish", {x}), x * torch::tanh(torch::log(1 + torch::exp(x))));
  expect_close(one("softsign", {x}), x / (1 + x.abs()));
  expect_close(one("sigmoid", {x}), 1 / (1 + torch::exp(-x)));
  expect_close(one("elu", {x}, {{"alpha", 0.7}}), torch::where(x > 0, x, 0.7 * (torch::exp(x) - 1)));
  expect_close(one("selu", {x}),
               1.0507009873554805 * torch::where(x > 0, x, 1.6732632423543772 * (torch::exp(x) - 1)));
  expect_close(one("leaky_relu", {x}, {{"slope", 0.1}}), torch::where(x > 0, x, 0.1 * x));
  expect_close(one("clamp", {x}, {{"min", -1.0}, {"max", INFINITY}}), torch::where(x < -1, -1, x));
  expect_close(one("round", {torch::tensor({0.5, 1.5, 2.5, -0.5})}), torch::tensor({0.0, 2.0, 2.0, -0.0}));
  const torch::Tensor bytes = torch::tensor({0, 200, 255}, torch::kUInt8);
  EXPECT_TRUE(torch::equal(one("clamp", {bytes}, {{"min", -5.0}, {"max", 250.0}}),
                           torch::tensor({0, 200, 250}, torch::kUInt8)));
  EXPECT_TRUE(torch::equal(one("cast", {torch::tensor({-1.7, 2.9})}, {{"dtype", std::string("i32")}}),
                           torch::tensor({-1, 2}, torch::kInt32)));
  for (const char* name : {"neg", "abs", "exp", "sin", "cos", "tanh", "erf", "relu", "floor", "ceil", "sign",
                           "square", "reciprocal", "identity"})
    one(name, {x});
  for (const char* name : {"log", "sqrt", "rsqrt"}) one(name, {x.abs() + 1});
}

TEST(Op, BinaryBroadcastsAndIntegers) {
  const torch::Tensor a = draw({4, 1, 3}), b = draw({2, 1});
  expect_close(one("sub", {a, b}), a - b);
  expect_close(one("prelu", {a, b}), torch::clamp_min(a, 0) + b * torch::clamp_max(a, 0));
  expect_close(one("where", {one("less", {a, b}), a, b}), torch::minimum(a, b));
  EXPECT_TRUE(torch::equal(one("logical_xor", {one("less", {a, b}), one("greater_equal", {a, b})}),
                           torch::ones({4, 2, 3}, torch::kBool)));
  const torch::Tensor m = torch::tensor({7, -7, 7, -7}), n = torch::tensor({2, 2, -2, -2});
  EXPECT_TRUE(torch::equal(one("div", {m, n}), torch::tensor({3, -3, -3, 3})));
  EXPECT_TRUE(torch::equal(one("mod", {m, n}), torch::tensor({1, 1, -1, -1})));
  EXPECT_TRUE(torch::equal(one("mod", {m, n}, {{"fmod", int64_t{1}}}), torch::tensor({1, -1, 1, -1})));
  EXPECT_TRUE(torch::equal(one("pow", {m, torch::full({}, 3)}), m * m * m));
  EXPECT_THROW(one("div", {m, n * 0}), InputError);
}

// Six nested loops.
torch::Tensor conv_by_hand(const torch::Tensor& x, const torch::Tensor& w, const torch::Tensor& b,
                           const List& stride, const List& padding, const List& dilation, int64_t groups) {
  const int64_t per_group = w.size(0) / groups;
  List out;
  for (int i = 0; i < 2; ++i)
    out.push_back((x.size(2 + i) + padding[i] + padding[2 + i] - dilation[i] * (w.size(2 + i) - 1) - 1) /
                      stride[i] +
                  1);
  torch::Tensor y = torch::zeros({x.size(0), w.size(0), out[0], out[1]}, torch::kFloat64);
  const auto xs = x.accessor<double, 4>(), ws = w.accessor<double, 4>();
  auto ys = y.accessor<double, 4>();
  for (int64_t n = 0; n < x.size(0); ++n)
    for (int64_t o = 0; o < w.size(0); ++o)
      for (int64_t i = 0; i < out[0]; ++i)
        for (int64_t j = 0; j < out[1]; ++j) {
          double sum = b[o].item<double>();
          for (int64_t c = 0; c < w.size(1); ++c)
            for (int64_t p = 0; p < w.size(2); ++p)
              for (int64_t q = 0; q < w.size(3); ++q) {
                const int64_t r = i * stride[0] - padding[0] + p * dilation[0];
                const int64_t s = j * stride[1] - padding[1] + q * dilation[1];
                if (r >= 0 && s >= 0 && r < x.size(2) && s < x.size(3))
                  sum += xs[n][o / per_group * w.size(1) + c][r][s] * ws[o][c][p][q];
              }
          ys[n][o][i][j] = sum;
        }
  return y;
}

TEST(Op, ConvolutionEqualsLoops) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 30; ++trial) {
    const int64_t groups = below(random, 3, 1), c = below(random, 2, 1), o = below(random, 2, 1);
    const List stride = {below(random, 3, 1), below(random, 3, 1)},
               dilation = {below(random, 2, 1), below(random, 2, 1)};
    const List padding = {below(random, 2), below(random, 3), below(random, 3), below(random, 2)};
    const torch::Tensor x = draw({2, groups * c, below(random, 8, 5), below(random, 8, 5)});
    const torch::Tensor w = draw({groups * o, c, below(random, 3, 1), below(random, 3, 1)}),
                        b = draw({groups * o});
    const Attributes attributes = {
        {"stride", stride}, {"padding", padding}, {"dilation", dilation}, {"groups", groups}};
    expect_close(one("conv", {x, w, b}, attributes),
                 conv_by_hand(x, w, b, stride, padding, dilation, groups));
  }
}

// A transposed convolution is the gradient of a convolution by its input.
TEST(Op, TransposedConvolutionIsTheAdjoint) {
  std::mt19937 random(2);
  for (size_t spatial = 1; spatial <= 3; ++spatial)
    for (int trial = 0; trial < 5; ++trial) {
      const int64_t groups = below(random, 2, 1);
      List stride, padding(2 * spatial), dilation, kernel = {2 * groups, 2}, sizes = {2, 2 * groups};
      for (size_t i = 0; i < spatial; ++i) {
        stride.push_back(below(random, 3, 1));
        dilation.push_back(below(random, 2, 1));
        kernel.push_back(below(random, 3, 1));
        padding[i] = below(random, 1), padding[spatial + i] = below(random, 1);
        sizes.push_back(below(random, 9, 6));
      }
      const torch::Tensor x = draw(sizes).requires_grad_(), w = draw(kernel);
      Attributes attributes = {
          {"stride", stride}, {"padding", padding}, {"dilation", dilation}, {"groups", groups}};
      const torch::Tensor y = one("conv", {x, w}, attributes), g = torch::randn_like(y);
      y.backward(g);
      List extra;
      for (size_t i = 0; i < spatial; ++i)
        extra.push_back(sizes[2 + i] - ((y.size(2 + i) - 1) * stride[i] - padding[i] - padding[spatial + i] +
                                        dilation[i] * (kernel[2 + i] - 1) + 1));
      attributes["output_padding"] = extra;
      const torch::NoGradGuard no_grad;
      expect_close(one("conv_transpose", {g, w}, attributes), x.grad());
    }
}

TEST(Op, PoolsWithCeilMode) {
  std::mt19937 random(3);
  for (int trial = 0; trial < 60; ++trial) {
    const int64_t k = below(random, 4, 2), s = below(random, 4, 1), p = below(random, k / 2),
                  in = below(random, 12, 6);
    const torch::Tensor x = draw({2, 3, in, in + 1});
    const bool ceil = trial % 2 == 0, include = trial % 3 == 0;
    const auto expected = torch::avg_pool2d(x, {k, k}, {s, s}, {p, p}, ceil, include);
    List extra;
    for (int i = 0; i < 2; ++i)
      extra.push_back(std::max<int64_t>(0, (expected.size(2 + i) - 1) * s + k - x.size(2 + i) - 2 * p));
    const Attributes attributes = {
        {"kernel", List{k, k}},   {"stride", List{s, s}}, {"padding", List{p, p, p, p}},
        {"dilation", List{1, 1}}, {"extra", extra},       {"count_include_pad", int64_t{include}}};
    expect_close(one("avg_pool", {x}, attributes), expected);
    expect_close(one("max_pool", {x}, attributes),
                 torch::max_pool2d(x, {k, k}, {s, s}, {p, p}, {1, 1}, ceil));
  }
  const torch::Tensor line = draw({1, 2, 9}), volume = draw({1, 2, 5, 6, 7});
  expect_close(one("avg_pool", {line},
                   {{"kernel", List{3}},
                    {"stride", List{2}},
                    {"padding", List{1, 1}},
                    {"count_include_pad", int64_t{0}}}),
               torch::avg_pool1d(line, 3, 2, 1, false, false));
  expect_close(one("max_pool", {volume},
                   {{"kernel", List{2, 3, 2}},
                    {"stride", List{1, 2, 2}},
                    {"padding", List{0, 1, 0, 0, 1, 0}},
                    {"dilation", List{1, 1, 2}}}),
               torch::max_pool3d(volume, {2, 3, 2}, {1, 2, 2}, {0, 1, 0}, {1, 1, 2}));
  expect_close(one("adaptive_avg_pool", {volume}, {{"output_size", List{2, 3, 3}}}),
               torch::adaptive_avg_pool3d(volume, {2, 3, 3}));
  expect_close(one("adaptive_max_pool", {line}, {{"output_size", List{4}}}),
               std::get<0>(torch::adaptive_max_pool1d(line, 4)));
}

TEST(Op, NormsEqualLibtorch) {
  const torch::Tensor x = draw({3, 6, 4, 5}), g = draw({6}), b = draw({6}), m = draw({6}),
                      v = draw({6}).abs();
  expect_close(one("batch_norm", {x, g, b, m, v}, {{"eps", 1e-3}}),
               torch::batch_norm(x, g, b, m, v, false, 0.1, 1e-3, false));
  expect_close(one("group_norm", {x, g, b}, {{"groups", int64_t{3}}, {"eps", 1e-5}}),
               torch::group_norm(x, 3, g, b, 1e-5));
  expect_close(one("instance_norm", {x}, {{"eps", 1e-5}}),
               torch::instance_norm(x, {}, {}, {}, {}, true, 0.1, 1e-5, false));
  const torch::Tensor scale = draw({4, 5}), shift = draw({4, 5});
  expect_close(one("layer_norm", {x, scale, shift}, {{"num_axes", int64_t{2}}, {"eps", 1e-5}}),
               torch::layer_norm(x, {4, 5}, scale, shift, 1e-5));
}

TEST(Op, ReductionsAndOrder) {
  const torch::Tensor x = draw({3, 4, 5});
  expect_close(one("sum", {x}, {{"axes", List{0, 2}}, {"keepdims", int64_t{1}}}), x.sum(List{0, 2}, true));
  expect_close(one("prod", {x}, {{"axes", List{0, 2}}, {"keepdims", int64_t{0}}}), x.prod(0).prod(1));
  expect_close(one("mean", {x}, {{"axes", List{}}, {"keepdims", int64_t{0}}}), x);
  expect_close(one("max", {x}, {{"axes", List{1}}, {"keepdims", int64_t{0}}}), std::get<0>(x.max(1)));
  expect_close(one("min", {x}, {{"axes", List{0, 1, 2}}, {"keepdims", int64_t{0}}}), x.min());
  const torch::Tensor ties = torch::tensor({{1.0, 3.0, 3.0}, {2.0, 2.0, 0.0}});
  EXPECT_TRUE(torch::equal(one("argmax", {ties}, {{"axis", int64_t{1}}, {"keepdims", int64_t{0}}}),
                           torch::tensor({1, 0})));
  const auto top = run("topk", {ties}, {{"axis", int64_t{1}}, {"k", int64_t{2}}, {"largest", int64_t{1}}});
  EXPECT_TRUE(torch::equal(top[1], torch::tensor({{1, 2}, {0, 1}})));
  expect_close(one("softmax", {x}, {{"axis", int64_t{1}}}), x.exp() / x.exp().sum(1, true));
  expect_close(one("log_softmax", {x}, {{"axis", int64_t{0}}}), x - x.exp().sum(0, true).log());
  const torch::Tensor bytes = torch::tensor({200, 100}, torch::kInt32);
  EXPECT_EQ(one("sum", {bytes}, {{"axes", List{0}}, {"keepdims", int64_t{0}}}).scalar_type(), torch::kInt32);
}

TEST(Op, ShapesAndIndices) {
  const torch::Tensor x = draw({3, 4, 5});
  expect_close(one("transpose", {x}, {{"axes", List{2, 0, 1}}}), x.permute({2, 0, 1}));
  expect_close(
      one("slice", {x}, {{"starts", List{1, 0, 1}}, {"ends", List{3, 4, 5}}, {"steps", List{1, 3, 2}}}),
      x.slice(0, 1, 3).slice(1, 0, 4, 3).slice(2, 1, 5, 2));
  expect_close(one("flip", {x}, {{"axes", List{0, 2}}}), x.flip({0, 2}));
  expect_close(one("concat", {x, x * 2, x.narrow(1, 0, 1)}, {{"axis", int64_t{1}}}),
               torch::cat({x, x * 2, x.narrow(1, 0, 1)}, 1));
  expect_close(one("broadcast", {x.narrow(1, 0, 1)}, {{"shape", List{2, 3, 4, 5}}}),
               x.narrow(1, 0, 1).expand({2, 3, 4, 5}));
  expect_close(one("reshape", {x}, {{"shape", List{12, 5}}}), x.reshape({12, 5}));
  const Attributes padding = {{"before", List{0, 2, 3}}, {"after", List{0, 1, 2}}};
  auto with = [&](const char* mode) {
    auto all = padding;
    all["mode"] = std::string(mode);
    all["value"] = 7.0;
    return all;
  };
  expect_close(one("pad", {x}, with("reflect")), torch::reflection_pad2d(x, {3, 2, 2, 1}));
  expect_close(one("pad", {x}, with("edge")), torch::replication_pad2d(x, {3, 2, 2, 1}));
  expect_close(one("pad", {x}, with("constant")), torch::constant_pad_nd(x, {3, 2, 2, 1}, 7));
  const torch::Tensor index = torch::tensor({{0, -1}, {3, 1}});
  expect_close(one("gather", {x, index}, {{"axis", int64_t{1}}}), x.index({torch::indexing::Slice(), index}));
  EXPECT_THROW(one("gather", {x, index + 1}, {{"axis", int64_t{1}}}), InputError);
}

TEST(Op, ResizeEqualsLibtorch) {
  const torch::Tensor x = draw({2, 3, 5, 7});
  const auto resize = [&](const char* mode, const char* coordinates, const char* rounding, List sizes) {
    return one("resize", {x},
               {{"sizes", std::move(sizes)},
                {"mode", std::string(mode)},
                {"coordinates", std::string(coordinates)},
                {"rounding", std::string(rounding)}});
  };
  for (const List& sizes : {List{10, 14}, List{3, 4}, List{8, 5}, List{1, 20}}) {
    expect_close(resize("linear", "half_pixel", "floor", sizes), torch::upsample_bilinear2d(x, sizes, false));
    expect_close(resize("linear", "align_corners", "floor", sizes),
                 torch::upsample_bilinear2d(x, sizes, true));
    expect_close(resize("nearest", "asymmetric", "floor", sizes), torch::upsample_nearest2d(x, sizes));
    expect_close(resize("nearest", "half_pixel", "round_prefer_ceil", sizes),
                 torch::_upsample_nearest_exact2d(x, sizes));
  }
}

TEST(Op, RecurrentLayersEqualLibtorch) {
  torch::nn::LSTM lstm(torch::nn::LSTMOptions(3, 4).bidirectional(true));
  torch::nn::GRU gru(torch::nn::GRUOptions(3, 4).bidirectional(true));
  lstm->to(torch::kFloat64), gru->to(torch::kFloat64);
  const torch::NoGradGuard no_grad;
  const torch::Tensor x = draw({6, 2, 3}), h = draw({2, 2, 4}), c = draw({2, 2, 4});
  const auto [y, state] = lstm->forward(x, std::make_tuple(h, c));
  const auto [z, last] = gru->forward(x, h);
  for (int64_t direction : {0, 1}) {
    const size_t at = static_cast<size_t>(direction) * 4;
    auto p = lstm->parameters();
    const auto made = run("lstm", {x, p[at], p[at + 1], p[at + 2] + p[at + 3], h[direction], c[direction]},
                          {{"reverse", direction}});
    expect_close(made[0], y.narrow(2, 4 * direction, 4));
    expect_close(made[1], std::get<0>(state)[direction]);
    expect_close(made[2], std::get<1>(state)[direction]);
    p = gru->parameters();
    const auto other =
        run("gru", {x, p[at], p[at + 1], p[at + 2], p[at + 3], h[direction]}, {{"reverse", direction}});
    expect_close(other[0], z.narrow(2, 4 * direction, 4));
    expect_close(other[1], last[direction]);
  }
}

TEST(Op, ProductsAndAttention) {
  const torch::Tensor q = draw({2, 3, 4, 5}), k = draw({2, 1, 6, 5}), v = draw({2, 3, 6, 7}),
                      mask = draw({4, 6});
  const torch::Tensor logits = torch::einsum("bhld,bhsd->bhls", {q, k.expand({2, 3, 6, 5})}) * 0.3 + mask;
  expect_close(one("attention", {q, k, v, mask}, {{"scale", 0.3}, {"causal", int64_t{0}}}),
               torch::einsum("bhls,bhse->bhle", {logits.softmax(-1), v}));
  const auto causal = one("attention", {q, k, v}, {{"scale", 0.3}, {"causal", int64_t{1}}});
  expect_close(causal.select(2, 0), v.select(2, 0));
  expect_close(one("matmul", {q, k.transpose(2, 3)}),
               torch::einsum("bhld,bhsd->bhls", {q, k.expand({2, 3, 6, 5})}));
  const torch::Tensor w = draw({8, 5}), b = draw({8});
  expect_close(one("linear", {q, w, b}), torch::einsum("bhld,nd->bhln", {q, w}) + b);
  const torch::Tensor i = torch::randint(-9, 9, {3, 4}, torch::kInt32),
                      j = torch::randint(-9, 9, {4, 2}, torch::kInt32);
  expect_close(one("matmul", {i, j}), torch::matmul(i.to(torch::kFloat64), j.to(torch::kFloat64)));
}

TEST(Op, QuantizationRoundsHalfToEvenAndSaturates) {
  const torch::Tensor x = torch::tensor({-300.0f, -0.5f, 0.5f, 1.5f, 2.5f, 900.0f});
  const Attributes bytes = {{"scale", 1.0}, {"zero_point", int64_t{10}}, {"dtype", std::string("u8")}};
  const torch::Tensor q = one("quantize", {x}, bytes);
  EXPECT_TRUE(torch::equal(q, torch::tensor({0, 10, 10, 12, 12, 255}, torch::kUInt8)));
  expect_close(one("dequantize", {q}, {{"scale", 0.5}, {"zero_point", int64_t{10}}}),
               (q.to(torch::kFloat32) - 10) * 0.5);
  const torch::Tensor y = draw({3, 4}, torch::kFloat32);
  const std::vector<double> scales = {0.1, 0.02, 0.3};
  const Attributes channels = {{"scale", scales},
                               {"zero_point", std::vector<double>(3, 0)},
                               {"axis", int64_t{0}},
                               {"dtype", std::string("i8")}};
  const torch::Tensor r = one("quantize", {y}, channels);
  expect_close(r, torch::quantize_per_channel(y, torch::tensor(scales), torch::zeros({3}, torch::kInt64), 0,
                                              torch::kQInt8)
                      .int_repr());
}

TEST(Op, SumsOfBytesAreThoseOfPlainLoops) {
  const torch::Tensor x = torch::randint(0, 256, {2, 3, 5, 6}, torch::kUInt8),
                      w = torch::randint(-128, 128, {4, 3, 3, 2}, torch::kInt8);
  const int zero = 17, pad = 1, stride = 2;
  const torch::Tensor y = one("conv_integer", {x, w},
                              {{"stride", List{stride, stride}},
                               {"padding", List{pad, pad, pad, pad}},
                               {"dilation", List{1, 1}},
                               {"groups", int64_t{1}},
                               {"zero_point", int64_t{zero}}});
  ASSERT_EQ(y.sizes(), torch::IntArrayRef({2, 4, 3, 4}));
  const auto xs = x.accessor<uint8_t, 4>();
  const auto ws = w.accessor<int8_t, 4>();
  const auto ys = y.accessor<int, 4>();
  for (int n = 0; n < 2; ++n)
    for (int o = 0; o < 4; ++o)
      for (int row = 0; row < 3; ++row)
        for (int column = 0; column < 4; ++column) {
          int sum = 0;
          for (int c = 0; c < 3; ++c)
            for (int i = 0; i < 3; ++i)
              for (int j = 0; j < 2; ++j) {
                const int at = row * stride - pad + i, across = column * stride - pad + j;
                if (at >= 0 && at < 5 && across >= 0 && across < 6)
                  sum += (xs[n][c][at][across] - zero) * ws[o][c][i][j];
              }
          EXPECT_EQ(ys[n][o][row][column], sum);
        }
  const torch::Tensor rows = torch::tensor({{0, 255}, {10, 20}}, torch::kUInt8),
                      weight = torch::tensor({{-128, 127}, {1, 2}, {0, -1}}, torch::kInt8);
  EXPECT_TRUE(torch::equal(one("linear_integer", {rows, weight}, {{"zero_point", int64_t{10}}}),
                           torch::tensor({{32395, 480, -245}, {1270, 20, -10}}, torch::kInt32)));
}

TEST(Op, RefusalsSayWhatWouldBeRight) {
  const Attributes conv = {{"stride", List{1, 1}},
                           {"padding", List{0, 0, 0, 0}},
                           {"dilation", List{1, 1}},
                           {"groups", int64_t{1}}};
  EXPECT_EQ(refusal("conv", {{DType::f32, {1, 4, 8, 8}}, {DType::f32, {8, 3, 3, 3}}}, conv),
            "conv (layer1.conv): w is f32[8,3,3,3] and x is f32[1,4,8,8] with groups = 1; w must be [O, 4 / "
            "1, …] with O a multiple of groups");
  EXPECT_EQ(refusal("conv", {{DType::f32, {1, 3, 2, 8}}, {DType::f32, {8, 3, 3, 3}}}, conv),
            "conv (layer1.conv): its kernel [8, 3, 3, 3] with dilation [1, 1] does not fit into x "
            "f32[1,3,2,8] with padding [0, 0, 0, 0]");
  EXPECT_EQ(refusal("add", {{DType::f32, {2, 3}}, {DType::f32, {2, 4}}}),
            "add (layer1.conv): shapes [2, 3] and [2, 4] do not go together");
  EXPECT_EQ(
      refusal("add", {{DType::f32, {2}}, {DType::i64, {2}}}),
      "add (layer1.conv): its inputs are f32[2] and i64[2]; they must be of one type (cast one of them)");
  EXPECT_EQ(refusal("exp", {{DType::i32, {2}}}), "exp (layer1.conv): its input is i32[2], wants f32 or f64");
  EXPECT_EQ(refusal("add", {{DType::f32, {2}}}), "add (layer1.conv): has 1 inputs, wants 2");
  EXPECT_EQ(refusal("softmax", {{DType::f32, {2, 3}}}, {{"axis", int64_t{-1}}}),
            "softmax (layer1.conv): axis is -1, must be at least 0 and below 2");
  EXPECT_EQ(refusal("broadcast", {{DType::f32, {1}}}, {{"shape", List{1 << 30, 1 << 30}}}),
            "broadcast (layer1.conv): its output [1073741824, 1073741824] is too large");
}

}  // namespace
}  // namespace lathe::compile
