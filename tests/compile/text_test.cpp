#include "lathe/compile/text.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "lathe/core/error.h"
#include "lathe/core/seed.h"
#include "tests/compile/random_graph.h"

namespace lathe::compile {
namespace {

void expect_round_trip(const Graph& graph) {
  const std::string text = to_text(graph);
  const Graph read = parse_text(text, hashed_constants(graph));
  EXPECT_EQ(to_text(read), text);
  check(read);
}

std::string refusal(std::string_view text) {
  try {
    parse_text(text);
  } catch (const InputError& error) {
    return error.what();
  }
  return "taken";
}

TEST(Text, PrintsEveryPart) {
  Graph graph;
  graph.name = "net";
  const ValueId x = graph.add_input("x", {DType::f32, {1, 2, 4, 4}});
  const ValueId w = graph.add_constant(at::arange(144.0f).view({8, 2, 3, 3}), "conv.weight");
  const ValueId b =
      graph.add_constant(at::tensor({0.1f, -1.0f, 2.5f, 1e-20f, 0.f, 0.f, 0.f, 7.f}), "conv.bias");
  const ValueId y = graph.add("conv", {x, w, b},
                              {{"stride", std::vector<int64_t>{1, 1}},
                               {"padding", std::vector<int64_t>{1, 1, 1, 1}},
                               {"dilation", std::vector<int64_t>{1, 1}},
                               {"groups", int64_t{1}}},
                              "features.0");
  graph.value(y).layout = {8, {1, 1, 2, 2}};
  const auto best = graph.add(
      Node{"topk", {y}, {}, {{"axis", int64_t{1}}, {"k", int64_t{2}}, {"largest", int64_t{1}}}, ""});
  graph.outputs = {y, best[1]};
  graph.value(best[1]).name = "a \"b\"\n";
  EXPECT_EQ(
      to_text(graph),
      "graph \"net\"\n"
      "input %0 \"x\" : f32[1,2,4,4]\n"
      "constant %1 \"conv.weight\" : f32[8,2,3,3] = hash " +
          hash_of(graph.value(w).constant) +
          "\n"
          "constant %2 \"conv.bias\" : f32[8] = {0.1, -1.0, 2.5, 1e-20, 0.0, 0.0, 0.0, 7.0}\n"
          "%3 = conv(%0, %1, %2) {dilation = [1, 1], groups = 1, padding = [1, 1, 1, 1], stride = [1, 1]} : "
          "f32[1,8,4,4] layout(8, border 1 1 2 2)  # features.0\n"
          "%4, %5 \"a \\\"b\\\"\\x0a\" = topk(%3) {axis = 1, k = 2, largest = 1} : f32[1,2,4,4], "
          "i64[1,2,4,4]\n"
          "output %3, %5\n");
  expect_round_trip(graph);
}

TEST(Text, OneElementStandsForEqualOnes) {
  Graph graph;
  for (const auto type : {torch::kFloat32, torch::kFloat64, torch::kInt64, torch::kInt32, torch::kInt16,
                          torch::kInt8, torch::kUInt8, torch::kBool})
    graph.add_constant(at::ones({17, 3}, type));
  torch::Tensor zeros = at::zeros({20});
  graph.add_constant(-zeros);
  zeros[3] = -0.0;
  graph.add_constant(zeros);                // equal numbers, other bits
  graph.add_constant(at::ones({1 << 17}));  // too many
  const std::string text = to_text(graph);
  EXPECT_NE(text.find("constant %0 : f32[17,3] = all 1.0\n"), std::string::npos) << text;
  EXPECT_NE(text.find("constant %7 : bool[17,3] = all true\n"), std::string::npos) << text;
  EXPECT_NE(text.find("constant %8 : f32[20] = all -0.0\n"), std::string::npos) << text;
  EXPECT_EQ(hashed_constants(graph).size(), 2u);
  expect_round_trip(graph);
  EXPECT_EQ(refusal("graph \"\"\nconstant %0 : f32[131072] = all 1.0\noutput"),
            "line 2: 'all' is for constants of at most 256 KiB");
}

TEST(Text, ConstantsOfEveryTypeComeBackBitForBit) {
  Graph graph;
  const double infinity = std::numeric_limits<double>::infinity();
  for (const auto type : {torch::kFloat32, torch::kFloat64})
    graph.add_constant(at::tensor({0.1, -0.0, 1e-30, 3.0, infinity, -infinity, 1.0 / 3}).to(type));
  for (const auto type :
       {torch::kInt64, torch::kInt32, torch::kInt16, torch::kInt8, torch::kUInt8, torch::kBool})
    graph.add_constant(at::tensor({0, 1, 127}).to(type));
  graph.add_constant(at::tensor({std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()}));
  graph.add_constant(at::zeros({0, 3}));
  const Graph read = parse_text(to_text(graph));
  for (size_t i = 0; i < graph.values.size(); ++i) {
    EXPECT_EQ(read.values[i].type, graph.values[i].type);
    EXPECT_EQ(std::memcmp(read.values[i].constant.data_ptr(), graph.values[i].constant.data_ptr(),
                          graph.values[i].constant.nbytes()),
              0)
        << i;
  }
  expect_round_trip(graph);
}

TEST(Text, AttributesOfEveryKindComeBack) {
  const std::string text =
      "graph \"\"\n"
      "input %0 : f32[4]\n"
      "%1 = identity(%0) {a = 1, b = 1.0, c = \"x\\\\y\", d = [1, 2], e = [1.0, 2.5], f = [], g = [.], h = "
      "inf, i = -1e-09} : "
      "f32[4]\n"
      "output %1\n";
  const Graph graph = parse_text(text);
  EXPECT_EQ(to_text(graph), text);
  const Node& node = graph.nodes[0];
  EXPECT_EQ(node.integer("a"), 1);
  EXPECT_EQ(node.number("b"), 1.0);
  EXPECT_EQ(node.text("c"), "x\\y");
  EXPECT_TRUE(std::holds_alternative<std::vector<double>>(node.attributes.at("g")));
}

TEST(Text, RefusalsNameTheLineAndWhatWouldBeRight) {
  const std::string head = "graph \"g\"\ninput %0 \"x\" : f32[2,3]\n";
  EXPECT_EQ(refusal(""), "line 1: the text ends without graph \"NAME\"");
  EXPECT_EQ(refusal("net\n"), "line 1: expected graph \"NAME\", found 'net'");
  EXPECT_EQ(refusal(head), "line 3: the text ends without its line 'output %N, …'");
  EXPECT_EQ(refusal(head + "%1 = relu(%2) : f32[2,3]\noutput %1"), "line 3: %2 is read before it is made");
  EXPECT_EQ(refusal(head + "%0 = relu(%0) : f32[2,3]\noutput %0"), "line 3: %0 is made a second time");
  EXPECT_EQ(refusal(head + "%1 = relu(%0) : f32[2,4]\noutput %1"),
            "line 3: relu gives f32[2,3], not f32[2,4]");
  EXPECT_EQ(refusal(head + "%1 = relu(%0) : f16[2,3]\noutput %1"),
            "line 3: unknown type 'f16'; known: f32, f64, i64, i32, i16, i8, u8, bool");
  EXPECT_NE(refusal(head + "%1 = rely(%0) : f32[2,3]\noutput %1").find("line 3: unknown operator 'rely'"),
            std::string::npos);
  EXPECT_EQ(refusal(head + "output %0 %1"), "line 3: expected the end of the line, found '%1'");
  EXPECT_EQ(refusal(head + "output %0\nrelu"),
            "line 4: expected nothing after the line 'output', found 'relu'");
  EXPECT_EQ(refusal(head + "constant %1 : f32[2] = {1.0}\noutput %0"), "line 3: 1 elements for f32[2]");
  EXPECT_EQ(refusal(head + "constant %1 : u8[1] = {256}\noutput %0"),
            "line 3: expected an integer from 0 to 255, found '256}'");
  EXPECT_EQ(refusal(head + "constant %1 : f32[99] = hash 0123\noutput %0"),
            "line 3: no constant has the hash 0123; 0 were given");
  EXPECT_EQ(refusal(head + "%999999999 = relu(%0) : f32[2,3]\noutput %0").substr(0, 34),
            "line 3: expected a value's number ");
  EXPECT_EQ(refusal("graph \"g\"\ninput %0 : f32[4294967296,4294967296]\noutput %0"),
            "line 2: more elements than 64 bits can count");
  EXPECT_EQ(refusal(head + "%1 = relu(%0) : f32[2,3] layout(8)\noutput %1"),
            "line 3: a blocked layout needs four axes [N,C,H,W]");
}

// Texts with characters changed, removed and doubled are read or refused, never worse.
TEST(Text, SurvivesDamage) {
  core::Random random(3);
  const Graph graph = random_graph(1);
  const std::string good = to_text(graph);
  const Constants constants = hashed_constants(graph);
  int taken = 0;
  for (int trial = 0; trial < 400; ++trial) {
    std::string text = good;
    for (int64_t i = 0; i < 1 + random.below(3); ++i) {
      const auto where = static_cast<size_t>(random.below(static_cast<int64_t>(text.size())));
      const char letters[] = "%=(){}[],:#\"-.0123456789 \n\\xfilrt";
      switch (random.below(4)) {
        case 0:
          text[where] = letters[random.below(sizeof letters - 1)];
          break;
        case 1:
          text.erase(where, 1 + static_cast<size_t>(random.below(8)));
          break;
        case 2:
          text.insert(where, text.substr(where, static_cast<size_t>(random.below(30))));
          break;
        default:
          text.resize(where + 1);
          break;
      }
    }
    try {
      const Graph read = parse_text(text, constants);
      expect_round_trip(read);
      ++taken;
    } catch (const InputError& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    }
  }
  EXPECT_GT(taken, 0);
}

TEST(Text, RandomGraphsComeBack) {
  for (uint64_t seed = 0; seed < 100; ++seed) expect_round_trip(random_graph(seed));
}

}  // namespace
}  // namespace lathe::compile
