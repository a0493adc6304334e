#include "cli/machine.h"

#include <ATen/ATen.h>
#include <dlfcn.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>

#include "lathe/train/threads.h"

namespace lathe::cli {
namespace {

// The value of the first line "KEY : value" of a file of such lines.
std::string value_of(const char* file, const std::string& key) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos || line.compare(0, key.size(), key) != 0) continue;
    const size_t end = line.find_last_not_of(" \t", colon - 1),
                 begin = line.find_first_not_of(" \t", colon + 1);
    if (end + 1 == key.size() && begin != std::string::npos) return line.substr(begin);
  }
  return "";
}

uint64_t memory_field(const char* key) {
  return std::strtoull(value_of("/proc/meminfo", key).c_str(), nullptr, 10) * 1024;
}

uint64_t number_in(const char* file, uint64_t fallback) {
  uint64_t number = 0;
  return std::ifstream(file) >> number ? number : fallback;
}

template <typename Function>
Function* library_function(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

int64_t page_faults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

void touch_large_block() {
  constexpr size_t size = size_t{64} << 20;
  const std::unique_ptr<void, decltype(&std::free)> block(std::malloc(size), &std::free);
  if (!block) return;
  auto* bytes = static_cast<volatile char*>(block.get());
  for (size_t i = 0; i < size; i += 4096) bytes[i] = 1;
}

}  // namespace

bool Processor::has(const std::string& vector_set) const {
  return std::find(vector_sets.begin(), vector_sets.end(), vector_set) != vector_sets.end();
}

Processor processor() {
  Processor result{.model = value_of("/proc/cpuinfo", "model name"), .vector_sets = {}};
  std::istringstream words(value_of("/proc/cpuinfo", "flags"));
  const std::vector<std::string> flags{std::istream_iterator<std::string>(words), {}};
  constexpr std::pair<const char*, const char*> kVectorSets[] = {
      {"sse4_2", "SSE4.2"},
      {"avx", "AVX"},
      {"avx2", "AVX2"},
      {"fma", "FMA"},
      {"avx512f", "AVX-512"},
      {"avx512_vnni", "AVX-512 VNNI"},
      {"avx512_bf16", "AVX-512 BF16"},
      {"amx_tile", "AMX"},
  };
  for (const auto& [flag, name] : kVectorSets)
    if (std::find(flags.begin(), flags.end(), flag) != flags.end()) result.vector_sets.push_back(name);
  return result;
}

int machine_processors() {
  return static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
}

double load_average() {
  double load = 0;
  return getloadavg(&load, 1) == 1 ? load : 0;
}

Memory memory() {
  Memory result{.total = memory_field("MemTotal"), .available = memory_field("MemAvailable")};
  const uint64_t limit = number_in("/sys/fs/cgroup/memory.max", result.total);
  if (limit < result.total) {
    const uint64_t used = number_in("/sys/fs/cgroup/memory.current", 0);
    result.total = limit;
    result.available = std::min(result.available, limit - std::min(limit, used));
  }
  return result;
}

Blas blas() {
  if (const auto config = library_function<const char*()>("openblas_get_config")) {
    std::istringstream words(config());  // "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH …"
    std::string name, version;
    words >> name >> version;
    const auto kernels = library_function<const char*()>("openblas_get_corename");
    return {.library = name + " " + version, .kernels = kernels ? kernels() : ""};
  }
  return {.library = at::hasMKL() ? "Intel MKL" : "reference", .kernels = ""};
}

double gemm_gflops(double seconds) {
  using Clock = std::chrono::steady_clock;
  const at::NoGradGuard no_grad;
  const int threads = train::compute_threads();
  train::set_compute_threads(1);
  constexpr int64_t side = 512;
  const at::Tensor a = at::ones({side, side}), b = at::ones({side, side});
  at::Tensor c = at::mm(a, b);  // the first one sets up the library
  const auto start = Clock::now();
  double elapsed = 0;
  int64_t products = 0;
  while (elapsed < seconds) {
    at::mm_out(c, a, b);
    ++products;
    elapsed = std::chrono::duration<double>(Clock::now() - start).count();
  }
  train::set_compute_threads(threads);
  return static_cast<double>(products) * 2 * side * side * side / elapsed * 1e-9;
}

bool allocator_keeps_large_blocks() {
  touch_large_block();
  const int64_t before = page_faults();
  touch_large_block();
  return page_faults() - before < 1000;  // of 16,384 pages
}

}  // namespace lathe::cli
