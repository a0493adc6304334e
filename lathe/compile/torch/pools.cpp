#include <torch/torch.h>

#include "lathe/compile/torch/interpreter.h"
#include "lathe/core/error.h"

namespace lathe::compile::torchscript {
namespace {

using Ids = std::vector<ValueId>;
using List = std::vector<int64_t>;

// Columns beyond the padded end that libtorch's ceil mode reaches: the last window begins inside.
int64_t beyond(int64_t in, int64_t reach, int64_t stride, int64_t padding) {
  const int64_t room = in + 2 * padding - reach;
  int64_t last = (room + stride - 1) / stride;
  if (last * stride >= in + padding) --last;
  return std::max<int64_t>(0, last * stride - room);
}

Ids pool(const Call& call) {
  Builder& b = call.builder();
  const std::string name = call.name();
  const bool max = name.find("max_pool") != std::string::npos;
  const size_t spatial = static_cast<size_t>(name[name.find("pool") + 4] - '0');
  ValueId x = call.tensor("self");
  const bool single = b.rank(x) == static_cast<int64_t>(spatial) + 1;
  if (single) x = b.unsqueeze(x, 0);
  const List kernel = call.integers("kernel_size", spatial);
  List stride = call.integers("stride", spatial);
  if (stride.empty()) stride = kernel;
  List padding = call.integers("padding", spatial);
  const List dilation = max ? call.integers("dilation", spatial) : List(spatial, 1);
  List extra(spatial, 0);
  if (call.flag("ceil_mode", false))
    for (size_t i = 0; i < spatial; ++i)
      extra[i] = beyond(b.shape(x).at(2 + i), dilation[i] * (kernel[i] - 1) + 1, stride[i], padding[i]);
  padding.insert(padding.end(), padding.begin(), padding.begin() + static_cast<int64_t>(spatial));
  std::map<std::string, Attribute> attributes = {
      {"kernel", kernel}, {"stride", stride}, {"padding", padding}, {"extra", extra}};
  if (max) {
    attributes["dilation"] = dilation;
  } else {
    if (call.has("divisor_override")) throw InputError("divides by a number of its own");
    attributes["count_include_pad"] = int64_t{call.flag("count_include_pad", true)};
  }
  const ValueId y = b.add(max ? "max_pool" : "avg_pool", {x}, attributes);
  if (call.node().outputs().size() > 1) {
    if (call.node().outputs()[1]->hasUses()) throw InputError("gives the maxima's positions");
    return {y, y};
  }
  return {single ? b.select(y, 0, 0) : y};
}

Ids adaptive(const Call& call) {
  Builder& b = call.builder();
  const std::string name = call.name();
  const size_t spatial = static_cast<size_t>(name[name.find("pool") + 4] - '0');
  ValueId x = call.tensor("self");
  const bool single = b.rank(x) == static_cast<int64_t>(spatial) + 1;
  if (single) x = b.unsqueeze(x, 0);
  const bool max = name.find("max") != std::string::npos;
  if (max && call.node().outputs().size() > 1 && call.node().outputs()[1]->hasUses())
    throw InputError("gives the maxima's positions");
  ValueId y = b.add(max ? "adaptive_max_pool" : "adaptive_avg_pool", {x},
                    {{"output_size", call.integers("output_size", spatial)}});
  if (single) y = b.select(y, 0, 0);
  return Ids(call.node().outputs().size(), y);
}

Ids upsample(const Call& call) {
  Builder& b = call.builder();
  const std::string name = call.name();
  const ValueId x = call.tensor(call.has("self") ? "self" : "input");
  const size_t spatial = static_cast<size_t>(b.rank(x)) - 2;
  const bool linear = name.find("linear") != std::string::npos,
             exact = name.find("exact") != std::string::npos;
  List sizes = call.integers("output_size", spatial);
  std::vector<double> scales;
  if (call.has("scale_factors"))
    for (const auto& factor : call.variable("scale_factors").known.toListRef())
      scales.push_back(factor.toDouble());
  else if (call.has("scales"))
    scales = {call.number("scales")};
  else if (call.has("scales_h") && call.has("scales_w"))
    scales = {call.number("scales_h"), call.number("scales_w")};
  if (sizes.empty())
    for (size_t i = 0; i < spatial; ++i)
      sizes.push_back(static_cast<int64_t>(static_cast<double>(b.shape(x)[2 + i]) * scales.at(i)));
  const bool corners = call.flag("align_corners", false);
  std::map<std::string, Attribute> attributes = {
      {"sizes", sizes},
      {"mode", std::string(linear ? "linear" : "nearest")},
      {"coordinates", std::string(corners           ? "align_corners"
                                  : linear || exact ? "half_pixel"
                                                    : "asymmetric")},
      {"rounding", std::string(exact ? "round_prefer_ceil" : "floor")}};
  if (scales.size() == spatial && !corners) attributes["scales"] = scales;
  return {b.add("resize", {x}, attributes)};
}

}  // namespace

void add_pools(Entries& entries) {
  for (const char* name : {"max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d",
                           "max_pool2d_with_indices", "max_pool1d_with_indices", "max_pool3d_with_indices"})
    entries[std::string("aten::") + name] = {pool};
  for (const char* name : {"adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d",
                           "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"})
    entries[std::string("aten::") + name] = {adaptive};
  for (const char* name :
       {"upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d", "upsample_linear1d",
        "upsample_bilinear2d", "upsample_trilinear3d", "_upsample_nearest_exact1d",
        "_upsample_nearest_exact2d", "_upsample_nearest_exact3d"})
    entries[std::string("aten::") + name] = {upsample};
}

}  // namespace lathe::compile::torchscript
