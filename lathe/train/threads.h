#pragma once
#include <functional>

namespace lathe::train {

// Threads of libtorch's operators and of OpenBLAS together.
void set_compute_threads(int threads);
int compute_threads();

struct ThreadChoice {
  int threads = 1;
  double milliseconds_one = 0, milliseconds_all = 0;  // median of a step
};
// Runs `step` a few times with one thread and with all that this process may use, and sets the faster:
// barriers cost tiny models more than the second core gives.
ThreadChoice choose_threads(const std::function<void()>& step, int repeats = 5);

}  // namespace lathe::train
