// Which of Winograd's variants there are, where they apply, and what they touch beyond an image.
#include <algorithm>

#include "lathe/compile/codegen/winograd.h"

namespace lathe::compile::codegen {
namespace {

// The largest divisor of n that is at most `most`.
int divisor(int n, int most) {
  for (int d = std::min(n, most); d > 1; --d)
    if (n % d == 0) return d;
  return 1;
}

// A kind of variants, and about how long they take where weights come from memory. The constants were
// measured on a Zen 3 core.
struct Kind {
  Filtering filtering;
  bool filters_here;
  double seconds;
};

Kind estimate(const Conv2d& conv, const Filtering& f, bool filters_here) {
  const WinogradGeometry g = geometry(conv, f.m);
  const double weights = static_cast<double>(conv.in_channels * conv.out_channels),
               alpha2 = g.alpha * g.alpha;
  const double products = 2 * weights * alpha2 * g.tiles() / 70e9;
  constexpr double kMemory = 10e9, kTransformed = 10e9;  // bytes and elements of U a second
  const double filters = filters_here ? weights * alpha2 / kTransformed + weights * 9 * 4 / kMemory / 2
                                      : weights * alpha2 * 4 / kMemory;
  return {f, filters_here, products + filters};
}

// Best first. Parts of tiles are as equal as can be, so that few are computed twice.
std::vector<WinogradVariant> with_tiles(const Job& job, const Conv2d& conv, const Kind& kind, int rows) {
  const WinogradGeometry g = geometry(conv, kind.filtering.m);
  const int together = (rows == 0 ? g.tiles_y : rows) * g.tiles_x;
  constexpr int64_t kStackBytes = 1 << 20;
  constexpr int kDeepest = 32;  // channels; integers would overflow beyond
  const int depth =
      kind.filters_here ? divisor(static_cast<int>(conv.in_blocks()), kDeepest / conv.block) : 0;
  std::vector<WinogradVariant> all;
  for (int blocks : {2, 4, 3, 1}) {
    const int64_t bytes = int64_t{4} * g.alpha * g.alpha * together * blocks * conv.block;
    if (conv.out_blocks() % blocks != 0 || bytes > kStackBytes) continue;
    const int most = std::min(most_accumulators(job.target.vector_registers(), blocks) / blocks, together);
    const int parts = (together + most - 1) / most;
    all.push_back({kind.filtering, rows, (together + parts - 1) / parts, blocks, depth});
  }
  const auto cost = [&](const WinogradVariant& v) {
    return cycles_per_product(v.tiles, v.blocks) * rounded_up(together, v.tiles);
  };
  std::stable_sort(all.begin(), all.end(),
                   [&](const WinogradVariant& x, const WinogradVariant& y) { return cost(x) < cost(y); });
  return all;
}

// Rows of tiles that keep what they are transformed to in the second cache; 0, all in two kernels, comes
// first where all of it is not much larger.
std::vector<int> chunks_of_rows(const Job& job, const Conv2d& conv, int m) {
  const WinogradGeometry g = geometry(conv, m);
  const double row_bytes =
      4.0 * g.tiles_x * g.alpha * g.alpha * static_cast<double>(conv.in_blocks() * conv.block);
  const double cache = static_cast<double>(job.target.l2_bytes) * 0.6;
  std::vector<int> chunks = {0};
  if (g.tiles_y > 1 && row_bytes <= cache)
    chunks.insert(row_bytes * g.tiles_y <= 4 * cache ? chunks.end() : chunks.begin(),
                  divisor(g.tiles_y, std::max(1, static_cast<int>(cache / row_bytes))));
  return chunks;
}

}  // namespace

std::vector<WinogradVariant> winograd_variants(const Job& job, const Conv2d& conv) {
  std::vector<Kind> kinds;
  if (job.node().op == "conv_integer") {
    kinds = {estimate(conv, {4, true}, true)};
  } else {
    for (const int m : {4, 2})
      for (const bool filters_here : {false, true}) kinds.push_back(estimate(conv, {m, false}, filters_here));
    std::stable_sort(kinds.begin(), kinds.end(),
                     [](const Kind& a, const Kind& b) { return a.seconds < b.seconds; });
  }
  constexpr size_t kTiles = 2;  // shapes of one kind, to measure
  std::vector<WinogradVariant> all;
  for (const Kind& kind : kinds)
    for (const int rows :
         kind.filters_here ? std::vector<int>{0} : chunks_of_rows(job, conv, kind.filtering.m)) {
      std::vector<WinogradVariant> some = with_tiles(job, conv, kind, rows);
      if (some.size() > kTiles) some.resize(kTiles);
      all.insert(all.end(), some.begin(), some.end());
    }
  if (all.size() > job.variants) all.resize(job.variants);
  return all;
}

bool winograd_applies(const Graph& graph, const Node& node) {
  const Conv2d conv = conv2d(graph, node);
  if (node.op == "conv_integer" && !integers_fit(weight_of(graph, node))) return false;
  return !conv.depthwise && !conv.from_dense && conv.kernel_y == 3 && conv.kernel_x == 3 &&
         conv.stride_y == 1 && conv.stride_x == 1 && conv.dilation_y == 1 && conv.dilation_x == 1 &&
         conv.height >= 4 && conv.width >= 4 && conv.in_channels >= 16 && conv.out_channels >= 16;
}

std::vector<BorderNeed> winograd_borders(const Graph& graph, const Group& group, const Node& node) {
  const Conv2d conv = conv2d(graph, node);
  int below = 0, right = 0;
  for (int m : {2, 4}) {
    const WinogradGeometry g = geometry(conv, m);
    below = std::max(below, static_cast<int>(g.tiles_y * m - conv.height));
    right = std::max(right, static_cast<int>(g.tiles_x * m - conv.width));
  }
  std::vector<BorderNeed> needs;
  const auto need = [&](ValueId id, int down, int across) {
    if (graph.value(id).layout.block > 1) needs.push_back({id, {0, down, 0, across}});
  };
  int in_below = 0, in_right = 0;
  for (int m : {2, 4}) {
    const WinogradGeometry g = geometry(conv, m);
    in_below = std::max(in_below, static_cast<int>(g.tiles_y * m + 2 - conv.pad_top - conv.in_height));
    in_right = std::max(in_right, static_cast<int>(g.tiles_x * m + 2 - conv.pad_left - conv.in_width));
  }
  need(node.inputs[0], in_below, in_right);
  needs.back().border[0] = static_cast<int>(conv.pad_top);
  needs.back().border[2] = static_cast<int>(conv.pad_left);
  // What the epilogue reads and the result are touched by whole tiles too.
  for (int index : group.nodes) {
    const Node& other = graph.nodes[static_cast<size_t>(index)];
    for (ValueId id : other.inputs)
      if (&other != &node && graph.type(id).shape == graph.type(node.outputs[0]).shape)
        need(id, below, right);
  }
  need(graph.nodes[static_cast<size_t>(group.nodes.back())].outputs[0], below, right);
  return needs;
}

}  // namespace lathe::compile::codegen
