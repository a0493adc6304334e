#pragma once
#include <string>
#include <vector>

#include "lathe/compile/graph.h"
#include "lathe/compile/target.h"

namespace lathe::compile {

// A pass on the way to kernels, and the graph after it.
struct ExplainedPass {
  std::string name;   // "fold_batch_norm"
  std::string about;  // what it does, in a sentence or two
  std::string text;   // the graph, or a line for each kernel; empty: the pass changed nothing
};

struct ExplainOptions {
  Target target = compile::target("host");
  int opt_level = 3;          // as CompileOptions
  bool check_passes = false;  // throws Error where a pass changes what the graph computes
};

// The graph as it is read, after each pass in the order in which compile() runs them, and its kernels.
std::vector<ExplainedPass> explain_passes(Graph graph, const ExplainOptions& options = {});

// The same as a page in Markdown; `command` is what wrote it.
std::string passes_page(const std::string& name, const std::vector<ExplainedPass>& passes,
                        const std::string& command);

}  // namespace lathe::compile
