#include "lathe/compile/compile.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "lathe/compile/codegen/builder.h"
#include "lathe/compile/codegen/external.h"
#include "lathe/compile/codegen/implementations.h"
#include "lathe/compile/codegen/module_writer.h"
#include "lathe/compile/codegen/prepare.h"
#include "lathe/compile/compiled_model.h"
#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/parallel.h"

namespace lathe::compile {
namespace fs = std::filesystem;
namespace {

using codegen::Chosen;
using codegen::Implementation;

void refuse_unknown(const Graph& graph) {
  std::map<std::string, int> missing;
  for (const Node& node : graph.nodes)
    if (node.op != "attention" && !codegen::has_kernel(node.op)) ++missing[node.op];
  if (missing.empty()) return;
  std::vector<std::string> list;
  for (const auto& [name, count] : missing) list.push_back(fmt::format("{} ({}×)", name, count));
  throw InputError("no kernels for {}", fmt::join(list, ", "));
}

bool is_alias(const Graph& graph, const Group& group) {
  for (int index : group.nodes) {
    const Node& node = graph.nodes[static_cast<size_t>(index)];
    if (node.op != "reshape" && node.op != "identity") return false;
    if (graph.value(node.inputs[0]).is_constant() || graph.value(node.inputs[0]).layout.block > 1)
      return false;
  }
  const ValueId output = graph.nodes[static_cast<size_t>(group.nodes.back())].outputs[0];
  return std::find(graph.outputs.begin(), graph.outputs.end(), output) == graph.outputs.end();
}

// Ways to compute a group, the first being what is taken unmeasured.
std::vector<Implementation> ways(const Graph& graph, const Group& group, const CompileOptions& options,
                                 bool measured, codegen::CodeCache& cache) {
  std::vector<Implementation> externals;
  if (options.externals == Externals::always || (options.externals == Externals::automatic && measured))
    externals = codegen::external_implementations(graph, group, options.target, cache);
  if (options.externals == Externals::always && !externals.empty()) return externals;
  std::vector<Implementation> all = codegen::implementations(
      graph, group, options.target, cache, static_cast<size_t>(std::max(1, options.variants)));
  std::move(externals.begin(), externals.end(), std::back_inserter(all));
  return all;
}

// For every group the variant that was fastest while the whole network ran: in each round every group runs
// another of its variants, so weights are as cold as they will be.
std::vector<size_t> measure(const Graph& graph, const std::vector<Group>& groups,
                            const std::vector<std::vector<Implementation>>& all,
                            const CompileOptions& options) {
  size_t rounds = 1;
  for (const auto& variants : all) rounds = std::max(rounds, variants.size());
  std::vector<size_t> best(groups.size(), 0);
  std::vector<double> best_seconds(groups.size(), 1e30);
  for (size_t round = 0; round < rounds; ++round) {
    if (options.progress)
      options.progress("measuring", static_cast<double>(round) / static_cast<double>(rounds));
    std::vector<Chosen> chosen;
    for (size_t g = 0; g < groups.size(); ++g)
      chosen.push_back({groups[g], all[g].empty() ? nullptr : &all[g][round % all[g].size()]});
    const core::TemporaryDirectory directory("lathe-measure-");
    const auto size = codegen::write_module(graph, chosen, options.target, directory.path());
    CompiledModel model(directory.path(), options.measure_threads);
    model.profile(2);
    const auto profile = model.profile(12);
    std::vector<double> seconds(groups.size(), 0);
    for (size_t o = 0; o < profile.size(); ++o)
      seconds[static_cast<size_t>(size.operation_group[o])] += profile[o].seconds;
    for (size_t g = 0; g < groups.size(); ++g)
      if (!all[g].empty() && seconds[g] < best_seconds[g]) {
        best_seconds[g] = seconds[g];
        best[g] = round % all[g].size();
      }
  }
  return best;
}

fs::path kept_objects(const fs::path& target) {
  return target.string() + ".objects";
}

// Without a linker: the kernels as object files beside where the module would be.
[[noreturn]] void keep_objects(const fs::path& objects, const fs::path& target, const NoLinker& reason) {
  const fs::path kept = kept_objects(target);
  fs::copy(objects, kept, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  throw NoLinker("{}; the kernels' object files are in {}", reason.what(), kept.string());
}

bool can_link() {
  try {
    return !linker().empty();
  } catch (const NoLinker&) {
    return false;
  }
}

}  // namespace

CompileReport compile(const Graph& original, const fs::path& directory, const CompileOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const auto seconds_since = [](auto from) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count();
  };
  check(original);
  const auto apply = [&](Graph graph, const char* name, auto pass) {
    if (!options.check_passes) return pass(std::move(graph));
    const Graph before = graph;
    Graph after = pass(std::move(graph));
    check(after);
    check_same(before, after, name);
    return after;
  };
  Graph graph = original;
  if (options.opt_level >= 1)
    graph = apply(std::move(graph), "optimize", [](Graph g) { return optimize(std::move(g)); });
  if (options.opt_level >= 3)
    graph = apply(std::move(graph), "choose_layouts",
                  [&](Graph g) { return choose_layouts(std::move(g), options.target); });
  refuse_unknown(graph);
  if (options.externals == Externals::always && codegen::kernel_providers().empty())
    throw InputError(
        "externals are always wanted, and this build has no library of kernels; install libdnnl-dev and "
        "build again");
  graph = apply(std::move(graph), "prepare", [](Graph g) { return codegen::prepare(std::move(g)); });
  const std::vector<Group> groups =
      codegen::kernel_groups(graph, options.opt_level >= 2 ? fuse(graph) : singletons(graph));
  codegen::widen_borders(graph, groups);

  codegen::CodeCache cache(options.cache);
  const bool measured_here = options.variants > 1 && runs_here(options.target) && can_link();
  std::vector<std::vector<Implementation>> all(groups.size());
  for (size_t g = 0; g < groups.size(); ++g) {
    if (options.progress)
      options.progress("kernels", static_cast<double>(g) / static_cast<double>(groups.size()));
    if (!is_alias(graph, groups[g])) all[g] = ways(graph, groups[g], options, measured_here, cache);
  }
  CompileReport report;
  std::vector<size_t> best(groups.size(), 0);
  if (measured_here) {
    const auto measured = std::chrono::steady_clock::now();
    best = measure(graph, groups, all, options);
    report.measure_seconds = seconds_since(measured);
  }
  std::vector<Chosen> chosen;
  for (size_t g = 0; g < groups.size(); ++g)
    chosen.push_back({groups[g], all[g].empty() ? nullptr : &all[g][best[g]]});

  fs::path target = fs::absolute(directory);
  if (!target.has_filename()) target = target.parent_path();  // "net.compiled/"
  fs::create_directories(target.parent_path());
  const core::TemporaryDirectory staged(".compile-", target.parent_path());
  codegen::ModuleSize size;
  try {
    size = codegen::write_module(graph, chosen, options.target, staged.path());
  } catch (const NoLinker& error) {
    keep_objects(staged.path() / "objects", target, error);
  }
  const fs::path fresh = staged.path() / "module", old = staged.path() / "old";
  fs::create_directory(fresh);
  for (const char* name : {"plan.bin", "params.bin", "module.so", "graph.json"})
    fs::rename(staged.path() / name, fresh / name);
  if (fs::exists(target)) fs::rename(target, old);
  fs::rename(fresh, target);
  fs::remove_all(kept_objects(target));  // of an attempt without a linker
  report.num_kernels = size.num_kernels;
  report.num_found = cache.num_found();
  report.num_operations = size.num_operations;
  report.num_external = size.num_external;
  report.externals = size.externals;
  report.arena_bytes = size.arena_bytes;
  report.arena_lower_bound = size.arena_lower_bound;
  report.parameter_bytes = size.parameter_bytes;
  report.seconds = seconds_since(start);
  return report;
}

}  // namespace lathe::compile
