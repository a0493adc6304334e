// Graphs as text.
#include <ATen/ATen.h>

#include "lathe/compile/text.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

compile::Constants constants() {
  const auto weights = at::ones({8, 2, 3, 3});
  return {{compile::hash_of(weights), weights}};
}

void read(std::string_view bytes) {
  static const compile::Constants known = constants();
  const compile::Graph graph = compile::parse_text(bytes, known);
  compile::check(graph);
  const std::string text = compile::to_text(graph);
  require(compile::to_text(compile::parse_text(text, compile::hashed_constants(graph))) == text,
          "what was read prints as text that reads the same");
}

std::vector<std::string> seeds() {
  const std::string hash = constants().begin()->first;
  return {
      "graph \"net\"\ninput %0 \"x\" : f32[1,2,4,4]\nconstant %1 \"w\" : f32[8,2,3,3] = hash " + hash +
          "\n%2 \"y\" = conv(%0, %1) {dilation = [1, 1], groups = 1, padding = [1, 1, 1, 1], stride = [1, "
          "1]} : "
          "f32[1,8,4,4] layout(8, border 1 1 1 1)  # layer.conv\n%3 = layout(%2) {block = 1} : f32[1,8,4,4]\n"
          "%4, %5 = topk(%3) {axis = 1, k = 2, largest = 1} : f32[1,2,4,4], i64[1,2,4,4]\noutput %4, %5\n",
      "graph \"\"\n# nothing\ninput %0 : f32[2]\nconstant %1 : f32[2] = {0.5, -inf}\nconstant %2 : bool[1] = "
      "{true}\nconstant %3 : u8[] = {255}\n%4 = add(%0, %1) : f32[2]\n%5 = clamp(%4) {max = 1e+30, min = "
      "0.0} : "
      "f32[2]\n%6 = cast(%5) {dtype = \"i32\"} : i32[2]\noutput %6\n",
      "graph \"q\"\ninput %0 \"a \\\"b\\\"\\x0a\" : f32[2,3]\n%1 = quantize(%0) {axis = 1, dtype = \"i8\", "
      "scale = "
      "[0.5, 1.0, 2.0], zero_point = [0, 0, 0]} : i8[2,3]\noutput %1\n"};
}

const bool registered = add_target({"graph_text", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
