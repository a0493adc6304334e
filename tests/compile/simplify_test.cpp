#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "lathe/core/error.h"
#include "tests/compile/expect_pass.h"
#include "tests/compile/random_graph.h"

namespace lathe::compile {
namespace {

void expect_simplified(const std::string& before, const std::string& after) {
  expect_pass(simplify, before, after);
}

// One op on x stays away: relu keeps the output a value of its own.
TEST(Simplify, IdentitiesGo) {
  for (const char* nothing :
       {"identity(%0)", "cast(%0) {dtype = \"f32\"}", "reshape(%0) {shape = [2, 3]}",
        "broadcast(%0) {shape = [2, 3]}", "transpose(%0) {axes = [0, 1]}",
        "slice(%0) {ends = [2, 3], starts = [0, 0], steps = [1, 1]}", "flip(%0) {axes = []}",
        "pad(%0) {after = [0, 0], before = [0, 0], mode = \"constant\", value = 1.0}",
        "concat(%0) {axis = 1}", "sum(%0) {axes = [], keepdims = 0}", "clamp(%0) {max = inf, min = -inf}",
        "add(%0, %1)", "add(%1, %0)", "sub(%0, %1)", "mul(%0, %2)", "mul(%2, %0)", "div(%0, %2)",
        "pow(%0, %2)"})
    expect_simplified(std::string("input %0 \"x\" : f32[2,3]\n"
                                  "constant %1 : f32[] = {0.0}\n"
                                  "constant %2 : f32[1,1] = {1.0}\n"
                                  "%3 = ") +
                          nothing + " : f32[2,3]\n%4 = tanh(%3) : f32[2,3]\noutput %4\n",
                      "input %0 \"x\" : f32[2,3]\n%1 = tanh(%0) : f32[2,3]\noutput %1\n");
}

TEST(Simplify, OutputsStayValuesOfTheirOwn) {
  expect_simplified(
      "input %0 \"x\" : f32[2]\n%1 \"y\" = identity(%0) : f32[2]\n%2 = tanh(%0) : f32[2]\n%3 \"a\" = "
      "identity(%2) : f32[2]\n"
      "%4 \"b\" = identity(%2) : f32[2]\noutput %1, %3, %4\n",
      "input %0 \"x\" : f32[2]\n%1 \"y\" = identity(%0) : f32[2]\n%2 \"a\" = tanh(%0) : f32[2]\n"
      "%3 \"b\" = identity(%2) : f32[2]\noutput %1, %2, %3\n");
}

TEST(Simplify, PairsThatUndoOneAnotherGo) {
  expect_simplified(
      "input %0 : f32[2]\n%1 = neg(%0) : f32[2]\n%2 = neg(%1) : f32[2]\n%3 = tanh(%2) : f32[2]\noutput %3\n",
      "input %0 : f32[2]\n%1 = tanh(%0) : f32[2]\noutput %1\n");
  expect_simplified("input %0 : f32[2]\n%1 = exp(%0) : f32[2]\n%2 = relu(%1) : f32[2]\noutput %2\n",
                    "input %0 : f32[2]\n%1 = exp(%0) : f32[2]\noutput %1\n");
}

TEST(Simplify, TransposesAndReshapesBecomeOne) {
  expect_simplified(
      "input %0 : f32[2,3,4]\n%1 = transpose(%0) {axes = [2, 0, 1]} : f32[4,2,3]  # a\n"
      "%2 = transpose(%1) {axes = [0, 2, 1]} : f32[4,3,2]  # b\noutput %2\n",
      "input %0 : f32[2,3,4]\n%1 = transpose(%0) {axes = [2, 1, 0]} : f32[4,3,2]  # a+b\noutput %1\n");
  expect_simplified(
      "input %0 : f32[2,6]\n%1 = reshape(%0) {shape = [12]} : f32[12]\n%2 = reshape(%1) {shape = [3, 4]} : "
      "f32[3,4]\noutput %2\n",
      "input %0 : f32[2,6]\n%1 = reshape(%0) {shape = [3, 4]} : f32[3,4]\noutput %1\n");
  expect_simplified(
      "input %0 : f32[2,6]\n%1 = reshape(%0) {shape = [2, 1, 6]} : f32[2,1,6]\n"
      "%2 = transpose(%1) {axes = [1, 0, 2]} : f32[1,2,6]\noutput %2\n",
      "input %0 : f32[2,6]\n%1 = reshape(%0) {shape = [1, 2, 6]} : f32[1,2,6]\noutput %1\n");
  expect_simplified(
      "input %0 : f32[2,3]\n%1 = transpose(%0) {axes = [1, 0]} : f32[3,2]\n"
      "%2 = transpose(%1) {axes = [1, 0]} : f32[2,3]\n%3 = exp(%2) : f32[2,3]\noutput %3\n",
      "input %0 : f32[2,3]\n%1 = exp(%0) : f32[2,3]\noutput %1\n");
}

constexpr const char* kPadded =
    "input %0 : f32[1,1,4,4]\n"
    "constant %1 : f32[1,1,2,2] = {1.0, 2.0, 3.0, 4.0}\n"
    "%2 = pad(%0) {after = [0, 0, 0, 1], before = [0, 0, 1, 0], mode = \"constant\", value = VALUE} : "
    "f32[1,1,5,5]\n";

std::string padded(const std::string& value, const std::string& rest) {
  std::string text = kPadded;
  return text.replace(text.find("VALUE"), 5, value) + rest;
}

TEST(Simplify, PaddingGoesIntoConvolutionsAndPools) {
  expect_simplified(padded("0.0",
                           "%3 = conv(%2, %1) {dilation = [1, 1], groups = 1, padding = [0, 1, 0, 0], stride "
                           "= [1, 1]} : f32[1,1,4,5]\n"
                           "output %3\n"),
                    "input %0 : f32[1,1,4,4]\nconstant %1 : f32[1,1,2,2] = {1.0, 2.0, 3.0, 4.0}\n"
                    "%2 = conv(%0, %1) {dilation = [1, 1], groups = 1, padding = [1, 1, 0, 1], stride = [1, "
                    "1]} : f32[1,1,4,5]\noutput %2\n");
  expect_simplified(padded("0.0",
                           "%3 = avg_pool(%2) {count_include_pad = 0, kernel = [2, 2], padding = [0, 0, 0, "
                           "0], stride = [1, 1]} : "
                           "f32[1,1,4,4]\noutput %3\n"),
                    "input %0 : f32[1,1,4,4]\n%1 = avg_pool(%0) {count_include_pad = 1, kernel = [2, 2], "
                    "padding = [1, 0, 0, 1], "
                    "stride = [1, 1]} : f32[1,1,4,4]\noutput %1\n");
  expect_simplified(
      padded(
          "-inf",
          "%3 = max_pool(%2) {dilation = [1, 1], kernel = [2, 2], padding = [0, 0, 0, 0], stride = [1, 1]} : "
          "f32[1,1,4,4]\noutput %3\n"),
      "input %0 : f32[1,1,4,4]\n%1 = max_pool(%0) {dilation = [1, 1], kernel = [2, 2], padding = [1, 0, 0, "
      "1], "
      "stride = [1, 1]} : f32[1,1,4,4]\noutput %1\n");
}

TEST(Simplify, OtherPaddingStays) {
  for (const char* rest : {"%3 = max_pool(%2) {dilation = [1, 1], kernel = [2, 2], padding = [0, 0, 0, 0], "
                           "stride = [1, 1]} : f32[1,1,4,4]\noutput %3\n",
                           "%3 = avg_pool(%2) {count_include_pad = 0, kernel = [2, 2], padding = [1, 0, 0, "
                           "0], stride = [1, 1]} : f32[1,1,5,4]\n"
                           "output %3\n"}) {
    const Graph graph = graph_of(padded("0.0", rest));
    EXPECT_EQ(count(simplify(graph), "pad"), 1) << rest;
    check_same(graph, simplify(graph), "simplify");
  }
  EXPECT_EQ(count(simplify(graph_of(padded("1.0",
                                           "%3 = conv(%2, %1) {dilation = [1, 1], groups = 1, padding = [0, "
                                           "0, 0, 0], stride = [1, 1]} : f32[1,1,4,4]\n"
                                           "output %3\n"))),
                  "pad"),
            1);
}

TEST(Simplify, ProductsAndSumsGoIntoLayers) {
  expect_simplified(
      "input %0 : f32[1,1,2,2]\nconstant %1 : f32[2,1,1,1] = {1.0, 2.0}\nconstant %2 : f32[2,1,1] = {10.0, "
      "100.0}\n"
      "constant %3 : f32[] = {0.5}\n"
      "%4 = conv(%0, %1) {dilation = [1, 1], groups = 1, padding = [0, 0, 0, 0], stride = [1, 1]} : "
      "f32[1,2,2,2]\n"
      "%5 = mul(%4, %2) : f32[1,2,2,2]\n%6 = sub(%3, %5) : f32[1,2,2,2]\noutput %6\n",
      "input %0 : f32[1,1,2,2]\nconstant %1 : f32[2,1,1,1] = {-10.0, -200.0}\nconstant %2 : f32[2] = {0.5, "
      "0.5}\n"
      "%3 = conv(%0, %1, %2) {dilation = [1, 1], groups = 1, padding = [0, 0, 0, 0], stride = [1, 1]} : "
      "f32[1,2,2,2]\n"
      "output %3\n");
  // [C, O/groups, k] with two groups: outputs 0 and 1 belong to input 0, 2 and 3 to input 1.
  expect_simplified(
      "input %0 : f32[1,2,3]\nconstant %1 : f32[2,2,1] = {1.0, 2.0, 3.0, 4.0}\nconstant %2 : f32[4,1] = "
      "{2.0, 3.0, 5.0, 7.0}\n"
      "%3 = conv_transpose(%0, %1) {dilation = [1], groups = 2, output_padding = [0], padding = [0, 0], "
      "stride = [1]} : f32[1,4,3]\n"
      "%4 = mul(%3, %2) : f32[1,4,3]\noutput %4\n",
      "input %0 : f32[1,2,3]\nconstant %1 : f32[2,2,1] = {2.0, 6.0, 15.0, 28.0}\n"
      "%2 = conv_transpose(%0, %1) {dilation = [1], groups = 2, output_padding = [0], padding = [0, 0], "
      "stride = [1]} : f32[1,4,3]\n"
      "output %2\n");
  expect_simplified(
      "input %0 : f32[3,2]\nconstant %1 : f32[2,2] = {1.0, 2.0, 3.0, 4.0}\nconstant %2 : f32[2] = {5.0, "
      "6.0}\n"
      "%3 = matmul(%0, %1) : f32[3,2]  # fc\n%4 = add(%3, %2) : f32[3,2]  # bias\noutput %4\n",
      "input %0 : f32[3,2]\nconstant %1 : f32[2,2] = {1.0, 3.0, 2.0, 4.0}\nconstant %2 : f32[2] = {5.0, "
      "6.0}\n"
      "%3 = linear(%0, %1, %2) : f32[3,2]  # fc+bias\noutput %3\n");
}

// Somebody else reads the layer's result, or the constant is not one number a channel.
TEST(Simplify, ProductsStayWhereTheLayerIsNeededAsItIs) {
  const std::string head =
      "input %0 : f32[3,2]\nconstant %1 : f32[2,2] = {1.0, 2.0, 3.0, 4.0}\nconstant %2 : f32[2] = {5.0, "
      "6.0}\n"
      "constant %3 : f32[3,1] = {5.0, 6.0, 7.0}\n%4 = linear(%0, %1) : f32[3,2]\n";
  for (const char* rest :
       {"%5 = mul(%4, %2) : f32[3,2]\n%6 = tanh(%4) : f32[3,2]\noutput %5, %6\n",
        "%5 = mul(%4, %2) : f32[3,2]\noutput %4, %5\n", "%5 = mul(%4, %3) : f32[3,2]\noutput %5\n"}) {
    const Graph graph = graph_of(head + rest);
    EXPECT_EQ(count(simplify(graph), "mul"), 1);
    check_same(graph, simplify(graph), "simplify");
  }
}

TEST(Simplify, ClampsBecomeOne) {
  const auto clamp = [](const std::string& inner, const std::string& outer, const std::string& result) {
    expect_simplified("input %0 : f32[4]\nconstant %1 : f32[] = {0.0}\nconstant %2 : f32[] = {6.0}\n%3 = " +
                          inner + " : f32[4]\n%4 = " + outer + " : f32[4]\noutput %4\n",
                      "input %0 : f32[4]\n%1 = " + result + " : f32[4]\noutput %1\n");
  };
  clamp("relu(%0)", "clamp(%3) {max = 6.0, min = -1.0}", "clamp(%0) {max = 6.0, min = 0.0}");
  clamp("clamp(%0) {max = 2.0, min = 1.0}", "clamp(%3) {max = 9.0, min = 4.0}",
        "clamp(%0) {max = 4.0, min = 4.0}");
  clamp("maximum(%0, %1)", "minimum(%2, %3)", "clamp(%0) {max = 6.0, min = 0.0}");
  clamp("maximum(%0, %1)", "relu(%3)", "relu(%0)");
  clamp("clamp(%0) {max = inf, min = 0.0}", "identity(%3)", "relu(%0)");
}

TEST(Simplify, ArithmeticHasShorterNames) {
  for (const auto& [before, after] :
       std::vector<std::pair<std::string, std::string>>{{"pow(%0, %1)", "square"},
                                                        {"mul(%0, %0)", "square"},
                                                        {"div(%2, %0)", "reciprocal"},
                                                        {"pow(%0, %3)", "reciprocal"}})
    EXPECT_EQ(
        count(
            simplify(graph_of("input %0 : f32[4]\nconstant %1 : f32[] = {2.0}\nconstant %2 : f32[] = {1.0}\n"
                              "constant %3 : f32[] = {-1.0}\n%4 = " +
                              before + " : f32[4]\noutput %4\n")),
            after),
        1)
        << before;
}

TEST(Simplify, RecognisesActivations) {
  const std::string numbers =
      "input %0 : f32[4]\nconstant %1 : f32[] = {0.5}\nconstant %2 : f32[] = {1.4142135}\nconstant %3 : "
      "f32[] = {1.0}\n"
      "constant %4 : f32[] = {3.0}\nconstant %5 : f32[] = {6.0}\nconstant %6 : f32[] = {0.044715}\n"
      "constant %7 : f32[] = {0.7978846}\n";
  for (const auto& [lines, op] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"sigmoid(%0)", "mul(%0, %8)"}, "silu"},
           {{"hardsigmoid(%0)", "mul(%8, %0)"}, "hardswish"},
           {{"softplus(%0)", "tanh(%8)", "mul(%0, %9)"}, "mish"},
           {{"add(%0, %4)", "clamp(%8) {max = 6.0, min = 0.0}", "div(%9, %5)"}, "hardsigmoid"},
           {{"add(%0, %4)", "clamp(%8) {max = 6.0, min = 0.0}", "mul(%0, %9)", "div(%10, %5)"}, "hardswish"},
           {{"div(%0, %2)", "erf(%8)", "add(%9, %3)", "mul(%0, %10)", "mul(%11, %1)"}, "gelu"},
           {{"mul(%0, %1)", "div(%0, %2)", "erf(%9)", "add(%3, %10)", "mul(%8, %11)"}, "gelu"},
           {{"pow(%0, %4)", "mul(%6, %8)", "add(%0, %9)", "mul(%10, %7)", "tanh(%11)", "add(%12, %3)",
             "mul(%0, %1)", "mul(%14, %13)"},
            "gelu_tanh"}}) {
    std::string text = numbers;
    int id = 8;
    for (const auto& line : lines) text += "%" + std::to_string(id++) + " = " + line + " : f32[4]\n";
    expect_simplified(text + "output %" + std::to_string(id - 1) + "\n",
                      "input %0 : f32[4]\n%1 = " + op + "(%0) : f32[4]\noutput %1\n");
  }
}

TEST(Simplify, RecognisesLayerNorm) {
  expect_simplified(
      "input %0 : f32[3,4]\nconstant %1 : f32[] = {0.125}\nconstant %2 : f32[] = {2.0}\n"
      "constant %3 : f32[4] = {1.0, 2.0, 3.0, 4.0}\nconstant %4 : f32[4] = {5.0, 6.0, 7.0, 8.0}\n"
      "%5 = mean(%0) {axes = [1], keepdims = 1} : f32[3,1]\n%6 = sub(%0, %5) : f32[3,4]\n"
      "%7 = pow(%6, %2) : f32[3,4]\n%8 = mean(%7) {axes = [1], keepdims = 1} : f32[3,1]\n"
      "%9 = add(%8, %1) : f32[3,1]\n%10 = sqrt(%9) : f32[3,1]\n%11 = div(%6, %10) : f32[3,4]\n"
      "%12 = mul(%11, %3) : f32[3,4]\n%13 = add(%4, %12) : f32[3,4]\noutput %13\n",
      "input %0 : f32[3,4]\nconstant %1 : f32[4] = {1.0, 2.0, 3.0, 4.0}\n"
      "constant %2 : f32[4] = {5.0, 6.0, 7.0, 8.0}\n"
      "%3 = layer_norm(%0, %1, %2) {eps = 0.125, num_axes = 1} : f32[3,4]\noutput %3\n");
  // Another value's mean is no norm.
  const std::string other =
      "input %0 : f32[3,4]\ninput %1 : f32[3,4]\nconstant %2 : f32[] = {0.125}\n"
      "%3 = mean(%1) {axes = [1], keepdims = 1} : f32[3,1]\n%4 = sub(%0, %3) : f32[3,4]\n"
      "%5 = square(%4) : f32[3,4]\n%6 = mean(%5) {axes = [1], keepdims = 1} : f32[3,1]\n"
      "%7 = add(%6, %2) : f32[3,1]\n%8 = sqrt(%7) : f32[3,1]\n%9 = div(%4, %8) : f32[3,4]\noutput %9\n";
  expect_simplified(other, other);
}

TEST(UseIntegerLayers, TakesQuantizedLayersWithTheirBias) {
  expect_pass(
      use_integer_layers,
      "input %0 \"x\" : f32[1,3]\nconstant %1 : i8[2,3] = {1, -2, 3, 4, 5, -6}\n"
      "constant %2 : f32[2] = {0.25, 0.5}\n"
      "%3 = quantize(%0) {dtype = \"i8\", scale = [0.5], zero_point = [-1]} : i8[1,3]\n"
      "%4 = dequantize(%3) {scale = [0.5], zero_point = [-1]} : f32[1,3]\n"
      "%5 = dequantize(%1) {axis = 0, scale = [0.25, 0.125], zero_point = [0, 0]} : f32[2,3]\n"
      "%6 = linear(%4, %5, %2) : f32[1,2]  # fc\noutput %6\n",
      "input %0 \"x\" : f32[1,3]\nconstant %1 : i8[2,3] = {1, -2, 3, 4, 5, -6}\n"
      "constant %2 : f32[2] = {0.25, 0.5}\n"
      "%3 = quantize(%0) {dtype = \"u8\", scale = [0.5], zero_point = [127.0]} : u8[1,3]\n"
      "%4 = linear_integer(%3, %1) {zero_point = 127} : i32[1,2]  # fc\n"
      "%5 = dequantize(%4) {axis = 1, scale = [0.125, 0.0625], zero_point = [0.0, 0.0]} : f32[1,2]  # fc\n"
      "%6 = add(%5, %2) : f32[1,2]  # fc\noutput %6\n");
}

TEST(Simplify, RecognisesAttention) {
  const std::string inputs =
      "input %0 \"q\" : f32[2,3,4]\ninput %1 \"k\" : f32[2,5,4]\ninput %2 \"v\" : f32[2,5,6]\n";
  expect_simplified(inputs +
                        "input %3 \"mask\" : f32[3,5]\nconstant %4 : f32[] = {2.0}\n"
                        "%5 = transpose(%1) {axes = [0, 2, 1]} : f32[2,4,5]\n%6 = matmul(%0, %5) : "
                        "f32[2,3,5]\n%7 = div(%6, %4) : f32[2,3,5]\n"
                        "%8 = add(%7, %3) : f32[2,3,5]\n%9 = softmax(%8) {axis = 2} : f32[2,3,5]\n%10 = "
                        "matmul(%9, %2) : f32[2,3,6]\noutput %10\n",
                    inputs +
                        "input %3 \"mask\" : f32[3,5]\n"
                        "%4 = attention(%0, %1, %2, %3) {causal = 0, scale = 0.5} : f32[2,3,6]\noutput %4\n");
  // Heads: the turned keys come from [N, L, heads, D] in one transpose; the scale is on the queries.
  expect_simplified(
      "input %0 : f32[1,2,3,4]\ninput %1 : f32[1,5,2,4]\ninput %2 : f32[1,2,5,6]\nconstant %3 : f32[1] = "
      "{0.5}\n"
      "%4 = mul(%0, %3) : f32[1,2,3,4]\n%5 = transpose(%1) {axes = [0, 2, 3, 1]} : f32[1,2,4,5]\n"
      "%6 = matmul(%4, %5) : f32[1,2,3,5]\n%7 = softmax(%6) {axis = 3} : f32[1,2,3,5]\n%8 = matmul(%7, %2) : "
      "f32[1,2,3,6]\noutput %8\n",
      "input %0 : f32[1,2,3,4]\ninput %1 : f32[1,5,2,4]\ninput %2 : f32[1,2,5,6]\n"
      "%3 = transpose(%1) {axes = [0, 2, 1, 3]} : f32[1,2,5,4]\n"
      "%4 = attention(%0, %3, %2) {causal = 0, scale = 0.5} : f32[1,2,3,6]\noutput %4\n");
}

TEST(Simplify, RecognisesCausalMasks) {
  const std::string head =
      "input %0 : f32[1,2,4]\ninput %1 : f32[1,2,4]\ninput %2 : f32[1,2,4]\n"
      "constant %3 : bool[2,2] = {true, false, true, true}\nconstant %4 : f32[] = {-inf}\n"
      "constant %5 : f32[2,2] = {0.0, -inf, 0.0, 0.0}\n"
      "%6 = transpose(%1) {axes = [0, 2, 1]} : f32[1,4,2]\n%7 = matmul(%0, %6) : f32[1,2,2]\n";
  for (const char* masked : {"%8 = where(%3, %7, %4)", "%8 = add(%5, %7)"})
    expect_simplified(
        head + masked +
            " : f32[1,2,2]\n%9 = softmax(%8) {axis = 2} : f32[1,2,2]\n%10 = matmul(%9, %2) : f32[1,2,4]\n"
            "output %10\n",
        "input %0 : f32[1,2,4]\ninput %1 : f32[1,2,4]\ninput %2 : f32[1,2,4]\n"
        "%3 = attention(%0, %1, %2) {causal = 1, scale = 1.0} : f32[1,2,4]\noutput %3\n");
}

TEST(Simplify, AttentionWhoseWeightsAreNeededStays) {
  const Graph graph = graph_of(
      "input %0 : f32[1,2,4]\ninput %1 : f32[1,2,4]\n%2 = transpose(%1) {axes = [0, 2, 1]} : f32[1,4,2]\n"
      "%3 = matmul(%0, %2) : f32[1,2,2]\n%4 = softmax(%3) {axis = 2} : f32[1,2,2]\n%5 = matmul(%4, %1) : "
      "f32[1,2,4]\noutput %5, %4\n");
  EXPECT_EQ(count(simplify(graph), "attention"), 0);
}

TEST(FoldConstants, ComputesWhatDependsOnConstantsOnly) {
  expect_pass(
      fold_constants,
      "input %0 : f32[2]\nconstant %1 : f32[2] = {1.0, 4.0}\n%2 = sqrt(%1) : f32[2]\n%3 = neg(%2) : f32[2]\n"
      "%4 = add(%0, %3) : f32[2]\n%5 = relu(%2) : f32[2]\noutput %4, %5\n",
      "input %0 : f32[2]\nconstant %1 : f32[2] = {-1.0, -2.0}\nconstant %2 : f32[2] = {1.0, 2.0}\n"
      "%3 = add(%0, %1) : f32[2]\n%4 = identity(%2) : f32[2]\noutput %3, %4\n");
  EXPECT_EQ(count(fold_constants(
                      graph_of("input %0 : f32[1]\nconstant %1 : f32[] = {1.0}\n"
                               "%2 = broadcast(%1) {shape = [1000, 1000]} : f32[1000,1000]\noutput %2\n")),
                  "broadcast"),
            1);
}

TEST(Eliminate, DeadNodesAndConstantsGo) {
  expect_pass(
      eliminate_dead,
      "input %0 : f32[2]\ninput %1 : f32[3]\nconstant %2 : f32[2] = {1.0, 4.0}\n%3 = add(%0, %2) : f32[2]\n"
      "%4 = exp(%3) : f32[2]\n%5 = neg(%0) : f32[2]\noutput %5\n",
      "input %0 : f32[2]\ninput %1 : f32[3]\n%2 = neg(%0) : f32[2]\noutput %2\n");
}

TEST(Eliminate, EqualNodesAndConstantsBecomeOne) {
  expect_pass(
      eliminate_common,
      "input %0 : f32[2]\nconstant %1 : f32[2] = {1.0, 4.0}\nconstant %2 : f32[2] = {1.0, 4.0}\n"
      "constant %3 : f32[2] = {1.0, 5.0}\n%4 = add(%0, %1) : f32[2]  # a\n%5 = add(%2, %0) : f32[2]  # b\n"
      "%6 = add(%0, %3) : f32[2]\n%7 = mul(%4, %5) : f32[2]\n%8 = mul(%7, %6) : f32[2]\noutput %8\n",
      "input %0 : f32[2]\nconstant %1 : f32[2] = {1.0, 4.0}\nconstant %2 : f32[2] = {1.0, 5.0}\n"
      "%3 = add(%0, %1) : f32[2]  # a+b\n%4 = add(%0, %2) : f32[2]\n%5 = mul(%3, %3) : f32[2]\n"
      "%6 = mul(%5, %4) : f32[2]\noutput %6\n");
}

TEST(CheckSame, NamesThePassAndTheOutput) {
  const Graph a = graph_of("input %0 : f32[2]\n%1 \"y\" = tanh(%0) : f32[2]\noutput %1\n");
  const Graph b = graph_of("input %0 : f32[2]\n%1 \"y\" = sigmoid(%0) : f32[2]\noutput %1\n");
  try {
    check_same(a, b, "fold");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find("fold changed the graph: output 'y' differs by "), 0u)
        << error.what();
  }
  check_same(a, a, "nothing");
}

TEST(Optimize, KeepsWhatRandomGraphsCompute) {
  int before = 0, after = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const Graph graph = random_graph(seed);
    check(graph);
    EXPECT_LE(graph.nodes.size(), 25u);
    for (const auto& [pass, name] :
         std::vector<std::pair<Graph (*)(Graph), const char*>>{{fold_constants, "fold_constants"},
                                                               {eliminate_dead, "eliminate_dead"},
                                                               {eliminate_common, "eliminate_common"},
                                                               {fold_batch_norm, "fold_batch_norm"},
                                                               {simplify, "simplify"},
                                                               {optimize, "optimize"}})
      EXPECT_NO_THROW(check_same(graph, pass(graph), name)) << "seed " << seed << "\n" << to_text(graph);
    const Graph best = optimize(graph);
    EXPECT_EQ(to_text(optimize(best)), to_text(best)) << "seed " << seed;
    EXPECT_EQ(to_text(parse_text(to_text(best), hashed_constants(best))), to_text(best));
    for (size_t i = 0; i < graph.outputs.size(); ++i)
      EXPECT_EQ(best.value(best.outputs[i]).name, graph.value(graph.outputs[i]).name);
    before += static_cast<int>(graph.nodes.size()), after += static_cast<int>(best.nodes.size());
  }
  EXPECT_LT(after, before * 9 / 10);
}

}  // namespace
}  // namespace lathe::compile
