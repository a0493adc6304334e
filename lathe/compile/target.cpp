#include "lathe/compile/target.h"

#include <fmt/ranges.h>
#include <unistd.h>

#include "lathe/core/error.h"

namespace lathe::compile {
namespace {

struct Named {
  const char* name;
  Isa isa;
};
constexpr Named kTargets[] = {{"x86-64-sse41", Isa::sse41},
                              {"x86-64-avx2", Isa::avx2},
                              {"x86-64-avx512", Isa::avx512},
                              {"x86-64-vnni", Isa::vnni}};

bool has(Isa isa) {
  switch (isa) {
    case Isa::sse41:
      return __builtin_cpu_supports("sse4.1");
    case Isa::avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case Isa::avx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512cd");
    case Isa::vnni:
      return has(Isa::avx512) && __builtin_cpu_supports("avx512vnni");
  }
  return false;
}

}  // namespace

int Target::vector_floats() const {
  return isa == Isa::sse41 ? 4 : isa == Isa::avx2 ? 8 : 16;
}
int Target::vector_registers() const {
  return isa == Isa::avx512 || isa == Isa::vnni ? 32 : 16;
}

Target target(std::string_view name) {
  Target found;
  for (const auto& known : kTargets)
    if (name == "host" ? has(known.isa) : name == known.name) found.name = known.name, found.isa = known.isa;
  if (found.name.empty())
    throw InputError("unknown target '{}'; known: host, {}", name, fmt::join(targets(), ", "));
  if (runs_here(found)) {
    if (const long l1 = sysconf(_SC_LEVEL1_DCACHE_SIZE); l1 > 0) found.l1_bytes = l1;
    if (const long l2 = sysconf(_SC_LEVEL2_CACHE_SIZE); l2 > 0) found.l2_bytes = l2;
  }
  return found;
}

std::vector<std::string> targets() {
  std::vector<std::string> names;
  for (const auto& known : kTargets) names.push_back(known.name);
  return names;
}

bool runs_here(const Target& target) {
  return has(target.isa);
}

}  // namespace lathe::compile
