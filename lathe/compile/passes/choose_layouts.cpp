#include <algorithm>
#include <array>
#include <map>

#include "lathe/compile/passes.h"
#include "lathe/compile/passes/layouts.h"
#include "lathe/compile/passes/rewrite.h"

namespace lathe::compile {
namespace {

constexpr int kLeavesTimesNodes = 8000;  // the search's effort, about 0.1 s

size_t at(ValueId id) {
  return static_cast<size_t>(id);
}

std::optional<ValueId> drop_layout(Rewriter&, const Node& node, const Type&) {
  if (node.op != "layout") return std::nullopt;
  return node.inputs[0];
}

// Where a value is needed in a form that it is not in, one change of layout gives it.
class Problem {
 public:
  Problem(const Graph& graph, const Target& target) : graph_(graph), uses_(uses(graph)), target_(target) {
    for (const Node& node : graph.nodes) {
      problem_.modes.push_back(layout_modes(graph, node, target));
      std::vector<double> costs;
      for (const Mode& mode : problem_.modes.back()) costs.push_back(mode.seconds);
      problem_.pbqp.nodes.push_back(std::move(costs));
    }
    for (size_t i = 0; i < graph.values.size(); ++i) add(static_cast<ValueId>(i));
  }
  LayoutProblem take() { return std::move(problem_); }

 private:
  bool flexible(int node) const { return node >= 0 && modes(node).size() > 1; }
  const std::vector<Mode>& modes(int node) const { return problem_.modes[static_cast<size_t>(node)]; }

  // The forms in which a node may read the value: by mode.
  Form read(int node, size_t mode, ValueId value) const {
    const Node& reader = graph_.nodes[static_cast<size_t>(node)];
    for (size_t i = 0; i < reader.inputs.size(); ++i)
      if (reader.inputs[i] == value && follows_mode(graph_, reader, i)) return modes(node)[mode].in;
    return Form::plain;
  }

  void add(ValueId value) {
    const int producer = uses_.producer[at(value)];
    const auto& readers = uses_.readers[at(value)];
    const bool output =
        std::find(graph_.outputs.begin(), graph_.outputs.end(), value) != graph_.outputs.end();
    const bool interesting = flexible(producer) || std::any_of(readers.begin(), readers.end(),
                                                               [&](int reader) { return flexible(reader); });
    const Type& type = graph_.type(value);
    if (graph_.value(value).is_constant() || type.shape.size() != 4 || !interesting) return;
    const double change = layout_change_seconds(type, target_.vector_floats());
    if (readers.size() + (output ? 1 : 0) != 1) return add_shared(value, producer, readers, output, change);
    auto& costs = problem_.pbqp.nodes;
    const int reader = output ? -1 : readers[0];
    if (flexible(producer) && flexible(reader)) {
      Pbqp::Edge edge{producer, reader, {}};
      for (const Mode& from : modes(producer))
        for (size_t to = 0; to < modes(reader).size(); ++to)
          edge.costs.push_back(from.out == read(reader, to, value) ? 0 : change);
      problem_.pbqp.edges.push_back(std::move(edge));
    } else if (flexible(producer)) {
      for (size_t m = 0; m < modes(producer).size(); ++m)
        if (modes(producer)[m].out == Form::blocked) costs[static_cast<size_t>(producer)][m] += change;
    } else {
      for (size_t m = 0; m < modes(reader).size(); ++m)
        if (read(reader, m, value) == Form::blocked) costs[static_cast<size_t>(reader)][m] += change;
    }
  }

  void add_shared(ValueId value, int producer, const std::vector<int>& readers, bool output, double change) {
    // Plain alone, blocked alone, both.
    const auto lacks = [](size_t there, Form form) { return there == (form == Form::plain ? 1u : 0u); };
    const int node = static_cast<int>(problem_.pbqp.nodes.size());
    const bool rigid_reader =
        output || std::any_of(readers.begin(), readers.end(), [&](int reader) { return !flexible(reader); });
    std::vector<double> costs{0, 0, change};
    if (!flexible(producer) || rigid_reader) costs[1] = kForbidden;
    problem_.pbqp.nodes.push_back(costs);
    if (flexible(producer)) {
      Pbqp::Edge edge{producer, node, {}};
      for (const Mode& mode : modes(producer))
        for (size_t there = 0; there < 3; ++there)
          edge.costs.push_back(lacks(there, mode.out) ? kForbidden : 0);
      problem_.pbqp.edges.push_back(std::move(edge));
    }
    for (const int reader : readers) {
      if (!flexible(reader)) continue;
      Pbqp::Edge edge{node, reader, {}};
      for (size_t there = 0; there < 3; ++there)
        for (size_t m = 0; m < modes(reader).size(); ++m)
          edge.costs.push_back(lacks(there, read(reader, m, value)) ? kForbidden : 0);
      problem_.pbqp.edges.push_back(std::move(edge));
    }
  }

  const Graph& graph_;
  const Uses uses_;
  const Target& target_;
  LayoutProblem problem_;
};

// The same graph with every value in the form that its producer's mode gives, and `layout` nodes between.
class Writer {
 public:
  Writer(const Graph& graph, int block) : graph_(graph), block_(block) {
    forms_.resize(graph.values.size(), {-1, -1});
    after_.name = graph.name;
    const auto take = [&](ValueId id) {
      forms_[at(id)][0] = static_cast<ValueId>(after_.values.size());
      after_.values.push_back(graph.value(id));
    };
    for (const ValueId input : graph.inputs) take(input), after_.inputs.push_back(forms_[at(input)][0]);
    for (size_t i = 0; i < graph.values.size(); ++i)
      if (graph.values[i].is_constant()) take(static_cast<ValueId>(i));
  }

  void write(const Node& node, const Mode& mode) {
    Node moved = node;
    for (size_t i = 0; i < node.inputs.size(); ++i)
      moved.inputs[i] = in_form(node.inputs[i], follows_mode(graph_, node, i) ? mode.in : Form::plain);
    for (ValueId& output : moved.outputs) {
      auto& form = forms_[at(output)][static_cast<size_t>(mode.out)];
      form = static_cast<ValueId>(after_.values.size());
      Value value = graph_.value(output);
      value.layout = mode.out == Form::blocked ? Layout{block_, {}} : Layout{};
      after_.values.push_back(std::move(value));
      sources_[form] = node.source;
      output = form;
    }
    after_.nodes.push_back(std::move(moved));
  }

  Graph finish() {
    for (const ValueId output : graph_.outputs) {
      const ValueId plain = in_form(output, Form::plain), blocked = forms_[at(output)][1];
      if (blocked >= 0) after_.value(blocked).name.clear();
      after_.value(plain).name = graph_.value(output).name;
      after_.outputs.push_back(plain);
    }
    set_borders();
    return compact(after_);
  }

 private:
  ValueId in_form(ValueId id, Form form) {
    auto& known = forms_[at(id)];
    const auto wanted = static_cast<size_t>(form);
    if (known[wanted] >= 0) return known[wanted];
    const ValueId from = known[1 - wanted];
    const int64_t block = form == Form::blocked ? block_ : 1;
    const auto source = sources_.find(from);
    known[wanted] = after_.add("layout", {from}, {{"block", block}},
                               source == sources_.end() ? std::string() : source->second);
    after_.value(known[wanted]).layout.block = static_cast<int>(block);
    return known[wanted];
  }

  void set_borders() {
    for (const Node& node : after_.nodes) {
      const bool bytes = node.op == "conv_integer";
      if (!bytes && node.op != "conv" && node.op != "max_pool" && node.op != "avg_pool") continue;
      Layout& layout = after_.value(node.inputs[0]).layout;
      if (layout.block == 1) continue;
      const auto& padding = node.integers("padding");  // top, left, bottom, right
      std::array<int64_t, 4> wanted{padding[0], padding[2], padding[1], padding[3]};
      if (node.has("extra")) wanted[1] += node.integers("extra")[0], wanted[3] += node.integers("extra")[1];
      for (size_t side = 0; side < 4; ++side)
        layout.border[side] = std::max(layout.border[side], static_cast<int>(wanted[side]));
      if (bytes && layout.border != std::array<int, 4>{})
        layout.filling = static_cast<int>(node.integer("zero_point"));
    }
  }

  const Graph& graph_;
  int block_;
  Graph after_;
  std::vector<std::array<ValueId, 2>> forms_;  // by value: its plain and its blocked one
  std::map<ValueId, std::string> sources_;
};

}  // namespace

LayoutProblem layout_problem(const Graph& graph, const Target& target) {
  return Problem(graph, target).take();
}

Graph choose_layouts(Graph graph, const Target& target) {
  graph = rewrite(graph, {drop_layout});
  for (Value& value : graph.values) value.layout = {};
  const LayoutProblem problem = layout_problem(graph, target);
  const int leaves = std::max(16, kLeavesTimesNodes / (1 + static_cast<int>(problem.pbqp.nodes.size())));
  const PbqpSolution solution = solve(problem.pbqp, std::min(leaves, 4096));
  Writer writer(graph, target.vector_floats());
  for (size_t i = 0; i < graph.nodes.size(); ++i)
    writer.write(graph.nodes[i], problem.modes[i][static_cast<size_t>(solution.chosen[i])]);
  return writer.finish();
}

}  // namespace lathe::compile
