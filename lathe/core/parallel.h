#pragma once
#include <cstdint>
#include <functional>

namespace lathe::core {

// Threads that parallel_for uses, the calling one included. Default: the processors this process may run on
// (affinity mask and cgroup quota), not those of the machine.
int num_threads();
void set_num_threads(int threads);
int available_processors();

// Calls body(begin, end) for consecutive ranges of at most ceil(n / threads) and at least `grain` indices
// that together cover [0, n). Ranges depend only on n, grain and num_threads(). The first exception is
// rethrown after all ranges ended. Nested calls run on the calling thread.
void parallel_for(int64_t n, int64_t grain, const std::function<void(int64_t begin, int64_t end)>& body);

}  // namespace lathe::core
