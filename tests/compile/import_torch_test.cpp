#include "lathe/compile/import_torch.h"

#include <gtest/gtest.h>
#include <torch/script.h>
#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/tokenize.h"
#include "lathe/nn/archive.h"
#include "lathe/nn/gru.h"

namespace lathe::compile {
namespace {

using Tensors = std::vector<torch::Tensor>;

void expect_same(const Graph& graph, const Tensors& inputs, const Tensors& expected,
                 double tolerance = 1e-5) {
  const Tensors got = evaluate(graph, inputs);
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_EQ(got[i].sizes(), expected[i].sizes());
    EXPECT_EQ(got[i].scalar_type(), expected[i].scalar_type());
    EXPECT_TRUE(torch::allclose(got[i], expected[i], tolerance, tolerance))
        << (got[i] - expected[i]).abs().max().item<float>();
  }
}

template <typename Module>
Graph traced(Module& module, const Tensors& examples) {
  return import_traced(
      *module, [&](const Tensors& in) { return Tensors{module->forward(in[0])}; }, examples);
}

// Traces, and compares on other values than the traced ones.
template <typename Module>
Graph expect_traced(Module& module, const torch::Tensor& example) {
  const Graph graph = traced(module, {example});
  module->eval();
  const torch::NoGradGuard no_grad;
  const torch::Tensor x = torch::rand_like(example);
  expect_same(graph, {x}, {module->forward(x)});
  return graph;
}

int count(const Graph& graph, const std::string& op) {
  return static_cast<int>(
      std::count_if(graph.nodes.begin(), graph.nodes.end(), [&](const Node& n) { return n.op == op; }));
}

struct BlockImpl : torch::nn::Module {
  BlockImpl(int64_t in, int64_t out, int64_t stride)
      : conv1(register_module(
            "conv1",
            torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, 3).stride(stride).padding(1).bias(false)))),
        bn1(register_module("bn1", torch::nn::BatchNorm2d(out))),
        conv2(register_module(
            "conv2", torch::nn::Conv2d(torch::nn::Conv2dOptions(out, out, 3).padding(1).bias(false)))),
        bn2(register_module("bn2", torch::nn::BatchNorm2d(out))) {
    if (in != out)
      down = register_module("down", torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, 1).stride(stride)));
  }
  torch::Tensor forward(torch::Tensor x) {
    torch::Tensor y = bn2(conv2(bn1(conv1(x)).relu_()));
    y += down ? down(x) : x;
    return y.relu_();
  }
  torch::nn::Conv2d conv1;
  torch::nn::BatchNorm2d bn1;
  torch::nn::Conv2d conv2;
  torch::nn::BatchNorm2d bn2;
  torch::nn::Conv2d down{nullptr};
};
TORCH_MODULE(Block);

TEST(Traced, ResidualNetwork) {
  torch::nn::Sequential net(torch::nn::Conv2d(torch::nn::Conv2dOptions(3, 8, 7).stride(2).padding(3)),
                            torch::nn::BatchNorm2d(8), torch::nn::ReLU(torch::nn::ReLUOptions(true)),
                            torch::nn::MaxPool2d(torch::nn::MaxPool2dOptions(3).stride(2).padding(1)),
                            Block(8, 8, 1), Block(8, 16, 2), torch::nn::AdaptiveAvgPool2d(1),
                            torch::nn::Flatten(), torch::nn::Linear(16, 10));
  const Graph graph = expect_traced(net, torch::randn({2, 3, 33, 41}));
  EXPECT_EQ(count(graph, "conv"), 6);
  EXPECT_EQ(count(graph, "batch_norm"), 5);
  const auto conv =
      std::find_if(graph.nodes.begin(), graph.nodes.end(), [](const Node& n) { return n.op == "conv"; });
  EXPECT_EQ(graph.value(conv->inputs[1]).name, "0.weight");
  EXPECT_EQ(conv->source, "0");
  EXPECT_EQ(std::count_if(graph.nodes.begin(), graph.nodes.end(),
                          [](const Node& n) { return n.source == "5.conv2"; }),
            1);
  for (const auto& parameter : net->parameters()) EXPECT_TRUE(parameter.requires_grad());
}

TEST(Traced, MobileNetwork) {
  torch::nn::Sequential net(
      torch::nn::Conv2d(torch::nn::Conv2dOptions(3, 8, 3).stride(2).padding(1)), torch::nn::BatchNorm2d(8),
      torch::nn::ReLU6(), torch::nn::Conv2d(torch::nn::Conv2dOptions(8, 8, 3).padding(1).groups(8)),
      torch::nn::Functional(torch::hardswish), torch::nn::Conv2d(8, 12, 1),
      torch::nn::AvgPool2d(
          torch::nn::AvgPool2dOptions(3).stride(2).padding(1).ceil_mode(true).count_include_pad(false)),
      torch::nn::ConvTranspose2d(
          torch::nn::ConvTranspose2dOptions(12, 4, 3).stride(2).padding(1).output_padding(1)),
      torch::nn::GroupNorm(2, 4),
      torch::nn::Upsample(torch::nn::UpsampleOptions()
                              .scale_factor(std::vector<double>{2, 2})
                              .mode(torch::kBilinear)
                              .align_corners(false)),
      torch::nn::PixelShuffle(2), torch::nn::Dropout(0.5));
  expect_traced(net, torch::randn({2, 3, 20, 24}));
}

TEST(Traced, TransformerEncoder) {
  torch::nn::TransformerEncoderLayer layer(
      torch::nn::TransformerEncoderLayerOptions(16, 4).dim_feedforward(32).activation(torch::kGELU));
  torch::nn::TransformerEncoder encoder(torch::nn::TransformerEncoderOptions(layer, 2));
  expect_traced(encoder, torch::randn({7, 3, 16}));
}

TEST(Traced, RecurrentNetworks) {
  torch::nn::LSTM lstm(torch::nn::LSTMOptions(5, 6).num_layers(2).bidirectional(true).batch_first(true));
  torch::nn::GRU gru(torch::nn::GRUOptions(5, 6).num_layers(2).bias(false));
  lstm->eval(), gru->eval();
  const torch::Tensor x = torch::randn({3, 7, 5}), other = torch::randn({3, 7, 5});
  const Graph first = import_traced(*lstm,
                                    [&](const Tensors& in) {
                                      const auto [y, state] = lstm->forward(in[0]);
                                      return Tensors{y, std::get<0>(state), std::get<1>(state)};
                                    },
                                    {x});
  const torch::NoGradGuard no_grad;
  const auto [y, state] = lstm->forward(other);
  expect_same(first, {other}, {y, std::get<0>(state), std::get<1>(state)});
  EXPECT_EQ(count(first, "lstm"), 4);
  const Graph second =
      import_traced(*gru, [&](const Tensors& in) { return Tensors{std::get<0>(gru->forward(in[0]))}; }, {x});
  expect_same(second, {other}, {std::get<0>(gru->forward(other))});
}

struct ChoosyImpl : torch::nn::Module {
  torch::Tensor forward(torch::Tensor x) { return x.sum().item<float>() > 0 ? x.relu() : x.tanh(); }
};
TORCH_MODULE(Choosy);
struct NoisyImpl : torch::nn::Module {
  torch::Tensor forward(torch::Tensor x) { return x + torch::rand({3}); }
};
TORCH_MODULE(Noisy);

template <typename Function>
std::string refusal(Function function) {
  try {
    function();
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Traced, WhatATraceCannotFollowIsRefused) {
  Choosy choosy;
  const std::string why = refusal([&] { traced(choosy, {torch::ones({2, 3})}); });
  EXPECT_NE(why.find("differ at relu (relu) against tanh (tanh)"), std::string::npos) << why;
  Noisy noisy;
  const std::string noise = refusal([&] { traced(noisy, {torch::ones({2, 3})}); });
  EXPECT_NE(noise.find("aten::rand"), std::string::npos) << noise;
}

torch::jit::Module scripted(const std::string& source) {
  torch::jit::Module module("scripted");
  module.register_parameter("weight", torch::randn({4, 3}), false);
  module.register_attribute("depth", c10::IntType::get(), 3);
  module.define(source);
  return module;
}

const Type kRows{DType::f32, {2, 3}};

TEST(Script, FollowsKnownConditionsAndLoops) {
  torch::jit::Module module = scripted(R"(
def forward(self, x, scale: float = 2.0):
    if x.dim() == 2 and x.size(0) > 1:
        y = torch.matmul(x, self.weight.t())
    else:
        y = x
    parts = []
    for i in range(self.depth):
        parts.append(y * i + scale)
    z = torch.cat(parts, dim=-1)
    z.add_(1)
    while z.size(0) < 8:
        z = torch.cat([z, z])
    return z, {"a": 1}["a"] * y
)");
  const Graph graph = import_module(module, {kRows});
  const torch::Tensor x = torch::randn({2, 3});
  const auto expected = module.forward({x}).toTuple();
  expect_same(graph, {x}, {expected->elements()[0].toTensor(), expected->elements()[1].toTensor()});
  EXPECT_EQ(graph.value(graph.inputs[0]).name, "x");
}

TEST(Script, DataDependentControlFlowIsRefused) {
  const auto branch =
      scripted("def forward(self, x):\n    if bool(x.sum() > 0):\n        x = -x\n    return x\n");
  EXPECT_NE(refusal([&] { import_module(branch, {kRows}); }).find("`if`"), std::string::npos)
      << refusal([&] { import_module(branch, {kRows}); });
  const auto view = scripted("def forward(self, x):\n    y = x * 2\n    y[0].add_(1)\n    return y\n");
  EXPECT_NE(
      refusal([&] { import_module(view, {kRows}); }).find("changes in place a tensor that shares its memory"),
      std::string::npos);
  const auto endless =
      scripted("def forward(self, x):\n    while x.size(0) > 0:\n        pass\n    return x\n");
  EXPECT_NE(refusal([&] { import_module(endless, {kRows}); }).find("does not end"), std::string::npos);
}

TEST(Script, AllUnsupportedOperatorsInOneError) {
  torch::jit::Module module =
      scripted("def forward(self, x):\n    y = torch.erfinv(x)\n    return torch.digamma(torch.erfinv(y))\n");
  EXPECT_EQ(refusal([&] { import_module(module, {kRows}); }),
            "the compiler does not have what this module needs: aten::digamma 1× in the module itself; "
            "aten::erfinv 2× in the module itself");
  EXPECT_EQ(refusal([&] { import_module(module, {}); }), "'forward' takes 1 inputs, got the types of 0");
}

TEST(Archive, LathesOwnModels) {
  const core::TemporaryDirectory directory;
  data::Schema images;
  images.shape = {1, 12, 12};
  for (int i = 0; i < 5; ++i) images.classes.push_back(std::string(1, static_cast<char>('a' + i)));
  for (const std::string model : {"kind = \"mlp\"\nhidden = [16, 8]", "kind = \"cnn\"\nchannels = [8, 8]",
                                  "kind = \"resnet\"\ndepth = 8\nwidth = 4"}) {
    const auto classifier = nn::build(core::Config::parse(model, "test"), images, core::Seed(1));
    for (auto& buffer : classifier->named_buffers())
      if (buffer.key().find("running_var") != std::string::npos) buffer.value().uniform_(0.5, 2);
    const auto file = directory.path() / "model.pt";
    nn::save(*classifier, file);
    const Graph graph = import_torchscript(file);
    EXPECT_EQ(to_string(graph.type(graph.inputs[0])), "u8[1,1,12,12]");
    classifier->eval();
    const torch::NoGradGuard no_grad;
    const torch::Tensor x = torch::randint(0, 256, {1, 1, 12, 12}, torch::kUInt8);
    expect_same(graph, {x}, {classifier->forward(x)});
    const Graph eight = import_torchscript(file, {{DType::u8, {8, 1, 12, 12}}});
    const torch::Tensor more = torch::randint(0, 256, {8, 1, 12, 12}, torch::kUInt8);
    expect_same(eight, {more}, {classifier->forward(more)});
  }
  EXPECT_THROW(import_torchscript(directory.path() / "none.pt"), InputError);
}

TEST(Traced, TextModel) {
  for (const nn::Pooling pooling : {nn::Pooling::max, nn::Pooling::last}) {
    nn::Gru gru({.num_tokens = 50, .num_classes = 3, .width = 8, .hidden = 12, .pooling = pooling});
    gru.initialize(core::Seed(3));
    gru.eval();
    const torch::NoGradGuard no_grad;
    torch::Tensor x = torch::randint(2, 50, {1, 9}, torch::kInt64), y = x.clone();
    y.slice(1, 4).fill_(data::kPadding);
    const Graph graph =
        import_traced(gru, [&](const Tensors& in) { return Tensors{gru.forward(in[0])}; }, {x});
    for (const torch::Tensor& text : {x, y}) expect_same(graph, {text}, {gru.forward(text)});
  }
}

TEST(Script, GathersAlongAnAxis) {
  const auto module =
      scripted("def forward(self, x, i):\n    return x.gather(1, i), torch.gather(x, 0, i)\n");
  const Graph graph = import_module(module, {kRows, {DType::i64, {2, 2}}});
  const torch::Tensor x = torch::randn({2, 3}), i = torch::tensor({{0, 1}, {1, 0}});
  expect_same(graph, {x, i}, {x.gather(1, i), x.gather(0, i)});
}

// A table without columns of names: what selects none of its columns, and what comes of that, joins nothing.
TEST(Script, EmptyPartsAreLeftOut) {
  torch::jit::Module module("empty");
  module.define(R"(
    def forward(self, x):
        none = x[:, 4:]
        return torch.cat([x * 2.0, (none * 3.0).relu(), none], 1)
  )");
  const Graph graph = import_module(module, {{DType::f32, {2, 4}}});
  const torch::Tensor x = torch::randn({2, 4});
  expect_same(graph, {x}, {x * 2.0});
}

}  // namespace
}  // namespace lathe::compile
