#include "lathe/compile/explain.h"

#include <fmt/ranges.h>

#include "lathe/compile/passes.h"
#include "lathe/compile/text.h"

namespace lathe::compile {
namespace {

using Pass = Graph (*)(Graph);

struct NamedPass {
  const char *name, *about;
  Pass pass;
};

constexpr NamedPass kRewrites[] = {
    {"eliminate_dead", "Nodes and constants that no output needs go.", eliminate_dead},
    {"use_integer_layers", "Convolutions and linear layers of quantized values become sums of integers.",
     use_integer_layers},
    {"fold_constants", "What depends on constants only is computed now.", fold_constants},
    {"fold_batch_norm",
     "Batch norm after a convolution or a linear layer goes into its weights and bias. Elsewhere it becomes "
     "a "
     "product and a sum.",
     fold_batch_norm},
    {"eliminate_common", "Nodes that compute the same become one, and so do equal constants.",
     eliminate_common},
    {"simplify",
     "Rules that look at a node and at what makes its inputs, until none applies: what changes nothing goes, "
     "padding with zeros and constant factors go into the layer beside them, a product and a sum become a "
     "linear layer, formulas become the activation or the attention that they spell out.",
     simplify},
    {"optimize", "The passes so far, in turn, until nothing changes.", optimize},
};

std::string kernels_text(const Graph& graph, const std::vector<Group>& groups) {
  std::string text;
  for (const Group& group : groups) {
    std::vector<std::string> names;
    for (int index : group.nodes) {
      const Node& node = graph.nodes[static_cast<size_t>(index)];
      names.push_back(fmt::format("%{} {}", node.outputs.at(0), node.op));
    }
    text += fmt::format("{}\n", fmt::join(names, " + "));
  }
  return text;
}

}  // namespace

std::vector<ExplainedPass> explain_passes(Graph graph, const ExplainOptions& options) {
  std::vector<ExplainedPass> passes = {{"as read", "The graph as its file says it.", to_text(graph)}};
  const auto apply = [&](const char* name, const char* about, const auto& pass) {
    Graph after = pass(graph);
    if (options.check_passes) check_same(graph, after, name);
    const std::string text = to_text(after);
    passes.push_back({name, about, text == to_text(graph) ? "" : text});
    graph = std::move(after);
  };
  if (options.opt_level >= 1)
    for (const NamedPass& rewrite : kRewrites) apply(rewrite.name, rewrite.about, rewrite.pass);
  if (options.opt_level >= 3)
    apply("choose_layouts",
          "Convolutions and what lies between them get the layout that registers want: [N, C/block, H, W, "
          "block], with a border of zeros for the padding. Each `layout` node is a conversion; kernels' and "
          "conversions' times together are least.",
          [&](Graph g) { return choose_layouts(std::move(g), options.target); });
  passes.push_back(
      {"fuse",
       "A line for each kernel. A convolution or a product takes the element-wise nodes after it, "
       "a reduction those before it; what lies between never goes to memory.",
       kernels_text(graph, options.opt_level >= 2 ? fuse(graph) : singletons(graph))});
  return passes;
}

std::string passes_page(const std::string& name, const std::vector<ExplainedPass>& passes,
                        const std::string& command) {
  std::string page = fmt::format(
      "# The passes of `{}`\n\nWritten by `{}`. The notation is explained in `lathe/compile/text.h`, each "
      "pass "
      "in `lathe/compile/passes.h`.\n",
      name, command);
  for (const ExplainedPass& pass : passes)
    page += fmt::format(
        "\n## {}\n\n{}\n\n{}", pass.name, pass.about,
        pass.text.empty() ? "It has nothing to do here.\n" : fmt::format("```\n{}```\n", pass.text));
  return page;
}

}  // namespace lathe::compile
