#include "studies/side_by_side.h"

#include <atomic>

#include "lathe/core/parallel.h"
#include "lathe/train/threads.h"

namespace lathe::studies {

void run_side_by_side(size_t n, const std::function<void(size_t)>& job) {
  const int threads_before = train::compute_threads();
  std::atomic<size_t> next{0};
  core::parallel_for(core::num_threads(), 1, [&](int64_t, int64_t) {
    train::set_compute_threads(1);
    try {
      for (size_t i = next++; i < n; i = next++) job(i);
    } catch (...) {
      next = n;
      throw;
    }
  });
  train::set_compute_threads(threads_before);
}

}  // namespace lathe::studies
