#include <algorithm>
#include <numeric>
#include <set>

#include "lathe/compile/op.h"
#include "lathe/compile/passes.h"
#include "lathe/compile/passes/dominators.h"

namespace lathe::compile {
namespace {

constexpr size_t kMostNodes = 256;  // in a group
constexpr size_t kMostRecomputed = 2;

bool ends_chain(const std::string& op) {
  return op == "concat" || op == "gather" || op == "pad" || op == "flip" || op == "resize";
}

bool is_cheap(const std::string& op) {
  static const std::set<std::string, std::less<>> cheap{
      "add",    "sub",  "mul",  "neg",        "abs",      "relu",    "clamp", "maximum",   "minimum",
      "square", "cast", "sign", "leaky_relu", "identity", "reshape", "slice", "broadcast", "transpose"};
  return cheap.count(op) > 0;
}

class Fusion {
 public:
  explicit Fusion(const Graph& graph)
      : graph_(graph), uses_(uses(graph)), after_(post_dominators(graph, uses_)), group_(graph.nodes.size()) {
    std::iota(group_.begin(), group_.end(), 0);
    for (int i = 0; i < size(); ++i) members_.push_back({i});
  }

  std::vector<Group> groups() {
    for (int node = size() - 1; node >= 0; --node)
      if (kind(node) == OpClass::complex) absorb_consumers(node);
    for (int node = size() - 1; node >= 0; --node)
      if (kind(node) == OpClass::reduction) absorb_consumers(node);
    for (int node = 0; node < size(); ++node)
      if (kind(node) == OpClass::injective) join_consumer(node);
    std::vector<std::set<int>> sets;  // by their last node, which the others lead to
    for (int node = 0; node < size(); ++node) {
      const auto& nodes = members_[static_cast<size_t>(find(node))];
      const bool last = *std::max_element(nodes.begin(), nodes.end()) == node;
      sets.push_back(last ? std::set<int>(nodes.begin(), nodes.end()) : std::set<int>());
    }
    for (int node = size() - 1; node >= 0; --node) recompute(node, sets);
    std::vector<Group> result;
    for (const auto& nodes : sets)
      if (!nodes.empty()) result.push_back({{nodes.begin(), nodes.end()}});
    return result;
  }

 private:
  int size() const { return static_cast<int>(graph_.nodes.size()); }
  const Node& node(int index) const { return graph_.nodes[static_cast<size_t>(index)]; }
  OpClass kind(int index) const { return op(node(index).op).kind; }
  bool elementwise(int index) const {
    return is_elementwise(node(index).op) && node(index).outputs.size() == 1;
  }
  bool layout(int index) const { return node(index).op == "layout"; }
  const Type& type(int index) const { return graph_.type(node(index).outputs[0]); }
  const Shape& shape(int index) const { return type(index).shape; }

  int find(int index) {
    int& parent = group_[static_cast<size_t>(index)];
    return parent == index ? index : parent = find(parent);
  }
  const std::vector<int>& members(int index) { return members_[static_cast<size_t>(find(index))]; }
  void merge(int a, int b) {
    a = find(a), b = find(b);
    if (a == b) return;
    auto &into = members_[static_cast<size_t>(a)], &from = members_[static_cast<size_t>(b)];
    into.insert(into.end(), from.begin(), from.end());
    from.clear();
    group_[static_cast<size_t>(b)] = a;
  }

  // Numbers along one axis, one number, or the whole shape.
  static bool fits_epilogue(const Shape& input, const Shape& output, size_t axis) {
    if (input == output) return true;
    if (input.size() > output.size()) return false;
    const size_t missing = output.size() - input.size();
    for (size_t i = 0; i < input.size(); ++i)
      if (input[i] != 1 && missing + i != axis) return false;
    return true;
  }
  bool may_follow(int consumer, const Shape& output, size_t axis) {
    if (!elementwise(consumer) || shape(consumer) != output || members(consumer).size() != 1) return false;
    for (const ValueId input : node(consumer).inputs)
      if (!fits_epilogue(graph_.type(input).shape, output, axis)) return false;
    return true;
  }

  // What a convolution, a matrix product or a reduction computes goes through element-wise nodes of its
  // shape.
  void absorb_consumers(int first) {
    if (node(first).outputs.size() != 1) return;
    const Shape& output = shape(first);
    const std::string& op = node(first).op;
    const bool matrix = op == "linear" || op == "matmul" || op == "attention" || op == "softmax" ||
                        op == "log_softmax" || op == "layer_norm" || op == "linear_integer";
    const size_t axis = matrix || output.size() < 2 ? output.size() - 1 : 1;
    for (int last = first;;) {
      const int next = after_[static_cast<size_t>(last)];
      if (next == size()) return;
      const auto path = between(graph_, uses_, last, next);
      if (members(first).size() + path.size() > kMostNodes) return;
      for (const int consumer : path)
        if (!may_follow(consumer, output, axis)) return;
      for (const int consumer : path) {
        merge(first, consumer);
        absorb_bytes(first, consumer, output);
      }
      last = next;
    }
  }

  // What a consumer reads as floating point but lies in memory as bytes is converted where it is read.
  void absorb_bytes(int first, int consumer, const Shape& output) {
    for (const ValueId input : node(consumer).inputs) {
      const int producer = uses_.producer[static_cast<size_t>(input)];
      if (producer < 0 || node(producer).op != "dequantize" || shape(producer) != output) continue;
      if (uses_.readers[static_cast<size_t>(input)].size() == 1 && members(producer).size() == 1 &&
          graph_.type(node(producer).inputs[0]).dtype == DType::u8)
        merge(first, producer);
    }
  }

  // Node index of a group's convolution, product, reduction or opaque node; -1: all are injective.
  int core(const std::vector<int>& nodes) const {
    for (const int index : nodes)
      if (kind(index) != OpClass::injective) return index;
    return -1;
  }
  bool all_elementwise(const std::vector<int>& nodes) const {
    return std::all_of(nodes.begin(), nodes.end(), [&](int index) { return elementwise(index); });
  }

  // Whether these nodes may be one group: the limits that do not depend on how they are connected.
  bool may_be_one(const std::vector<int>& nodes) const {
    if (nodes.size() > kMostNodes) return false;
    int cores = 0, layouts = 0;
    for (const int index : nodes) {
      if (kind(index) == OpClass::complex || kind(index) == OpClass::opaque) return false;
      cores += kind(index) == OpClass::reduction ? 1 : 0;
      layouts += layout(index) ? 1 : 0;
    }
    if (layouts == 0) return cores <= 1;
    if (layouts > 1 || cores > 0) return false;
    const auto one = std::find_if(nodes.begin(), nodes.end(), [&](int index) { return layout(index); });
    return std::all_of(nodes.begin(), nodes.end(), [&](int index) {
      return index == *one || (elementwise(index) && shape(index) == shape(*one));
    });
  }

  // Whether a producer may be computed inside the group of this reader of it: the reader is injective or the
  // group's reduction, not what follows the reduction.
  bool takes_producers(int reader, const std::vector<int>& group) const {
    const int inner = core(group);
    if (inner < 0) return true;
    return kind(inner) == OpClass::reduction && reader <= inner;
  }

  bool all_cheap(const std::vector<int>& nodes) const {
    return std::all_of(nodes.begin(), nodes.end(), [&](int index) { return is_cheap(node(index).op); });
  }

  // Whether a reader asks for elements of what it reads more than once: it broadcasts, or its windows
  // overlap.
  bool repeats(int reader, int producer) const {
    const std::string& op = node(reader).op;
    if (op == "concat" || op == "pad") return false;
    if (kind(reader) == OpClass::injective) return type(reader).numel() > type(producer).numel();
    return op == "max_pool" || op == "avg_pool";
  }

  void join_consumer(int producer) {
    const int next = after_[static_cast<size_t>(producer)];
    if (next == size() || find(producer) == find(next) || ends_chain(node(producer).op)) return;
    if (core(members(producer)) >= 0) return;
    const auto path = between(graph_, uses_, producer, next);
    std::set<int> all(members(producer).begin(), members(producer).end());
    for (const int index : path) {
      const bool inner = index != next;
      if (inner && (kind(index) != OpClass::injective || ends_chain(node(index).op))) return;
      if (repeats(index, producer) && !all_cheap(members(producer))) return;
      if (!takes_producers(index, members(index))) return;
      all.insert(members(index).begin(), members(index).end());
    }
    if (ends_chain(node(next).op) && (path.size() != 1 || !all_elementwise(members(producer)))) return;
    if (!may_be_one({all.begin(), all.end()})) return;
    for (const int index : path) merge(producer, index);
  }

  // A cheap group that several others read is computed in each of them, where all of them can, instead of
  // being stored; only if it reads one large value, so that nothing more is read than before.
  void recompute(int last, std::vector<std::set<int>>& sets) {
    const std::set<int> nodes = sets[static_cast<size_t>(last)];
    if (nodes.empty() || nodes.size() > kMostRecomputed) return;
    std::set<ValueId> large;
    for (const int index : nodes) {
      if (!is_cheap(node(index).op) || node(index).outputs.size() != 1) return;
      for (const ValueId input : node(index).inputs) {
        const int producer = uses_.producer[static_cast<size_t>(input)];
        if (nodes.count(producer) == 0 && graph_.type(input).numel() * 8 > type(last).numel())
          large.insert(input);
      }
    }
    const ValueId value = node(last).outputs[0];
    const bool output =
        std::find(graph_.outputs.begin(), graph_.outputs.end(), value) != graph_.outputs.end();
    const auto& readers = uses_.readers[static_cast<size_t>(value)];
    if (large.size() > 1 || output || readers.size() < 2) return;
    std::set<size_t> targets;
    for (const int reader : readers) {
      if (ends_chain(node(reader).op)) return;
      for (size_t i = 0; i < sets.size(); ++i) {
        if (sets[i].count(reader) == 0) continue;
        const std::vector<int> group(sets[i].begin(), sets[i].end());
        std::set<int> all = sets[i];
        all.insert(nodes.begin(), nodes.end());
        if (!takes_producers(reader, group) || !may_be_one({all.begin(), all.end()})) return;
        targets.insert(i);
      }
    }
    for (const size_t i : targets) sets[i].insert(nodes.begin(), nodes.end());
    sets[static_cast<size_t>(last)].clear();
  }

  const Graph& graph_;
  const Uses uses_;
  const std::vector<int> after_;
  std::vector<int> group_;
  std::vector<std::vector<int>> members_;
};

}  // namespace

std::vector<Group> fuse(const Graph& graph) {
  return Fusion(graph).groups();
}

std::vector<Group> singletons(const Graph& graph) {
  std::vector<Group> groups;
  for (size_t i = 0; i < graph.nodes.size(); ++i) groups.push_back({{static_cast<int>(i)}});
  return groups;
}

}  // namespace lathe::compile
