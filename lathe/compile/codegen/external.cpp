#include "lathe/compile/codegen/external.h"

#include <algorithm>
#include <mutex>
namespace lathe::compile::codegen {
namespace {

struct Registry {
  std::mutex mutex;
  std::vector<KernelProvider> providers;
};

Registry& registry() {
#ifdef LATHE_ONEDNN
  static Registry all{{}, {{"oneDNN", onednn_implementations}}};
#else
  static Registry all;
#endif
  return all;
}

std::vector<KernelProvider> providers() {
  std::lock_guard lock(registry().mutex);
  return registry().providers;
}

}  // namespace

void register_kernels(KernelProvider provider) {
  std::lock_guard lock(registry().mutex);
  auto& known = registry().providers;
  const auto at = std::find_if(known.begin(), known.end(),
                               [&](const KernelProvider& other) { return other.name == provider.name; });
  if (at == known.end() && provider.make)
    known.push_back(std::move(provider));
  else if (at != known.end() && provider.make)
    *at = std::move(provider);
  else if (at != known.end())
    known.erase(at);
}

std::vector<std::string> kernel_providers() {
  std::vector<std::string> names;
  for (const KernelProvider& provider : providers()) names.push_back(provider.name);
  return names;
}

std::vector<Implementation> external_implementations(const Graph& graph, const Group& group,
                                                     const Target& target, CodeCache& cache) {
  const Job job{graph, group, target, cache, anchor_of(graph, group), 1};
  std::vector<Implementation> all;
  for (const KernelProvider& provider : providers())
    for (Implementation& implementation : provider.make(job)) all.push_back(std::move(implementation));
  return all;
}

}  // namespace lathe::compile::codegen
