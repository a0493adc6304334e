#pragma once
#include <cstddef>
#include <functional>

namespace lathe::studies {

// Calls job(0) … job(n − 1), core::num_threads() of them at a time, each with one compute thread. What
// libtorch shares between them draws and computes nothing here, so each gives the bits that it gives alone.
void run_side_by_side(size_t n, const std::function<void(size_t)>& job);

}  // namespace lathe::studies
