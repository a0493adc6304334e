#include "lathe/train/threads.h"

#include <ATen/Parallel.h>
#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "lathe/core/parallel.h"

namespace lathe::train {
namespace {

double median_milliseconds(const std::function<void()>& step, int repeats) {
  step();  // warm-up: thread pools, primitives
  std::vector<double> times;
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    step();
    times.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  std::nth_element(times.begin(), times.begin() + repeats / 2, times.end());
  return times[static_cast<size_t>(repeats / 2)];
}

}  // namespace

void set_compute_threads(int threads) {
  at::set_num_threads(threads);
  // OpenBLAS has a pool of its own that libtorch does not know; absent where libtorch brings another BLAS.
  if (auto* set = reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads")))
    set(threads);
}

int compute_threads() {
  return at::get_num_threads();
}

ThreadChoice choose_threads(const std::function<void()>& step, int repeats) {
  const int all = core::available_processors();
  ThreadChoice choice;
  set_compute_threads(1);
  choice.milliseconds_one = median_milliseconds(step, repeats);
  choice.milliseconds_all = choice.milliseconds_one;
  if (all > 1) {
    set_compute_threads(all);
    choice.milliseconds_all = median_milliseconds(step, repeats);
    // One thread unless all are clearly faster: the other core is worth something to the rest of the machine.
    choice.threads = choice.milliseconds_all < 0.9 * choice.milliseconds_one ? all : 1;
  }
  set_compute_threads(choice.threads);
  return choice;
}

}  // namespace lathe::train
