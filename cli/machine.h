#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// What `lathe doctor` looks at: facts about this machine and this process, without judgement.
namespace lathe::cli {

struct Processor {
  std::string model;                     // "AMD EPYC 9B14"
  std::vector<std::string> vector_sets;  // of SSE4.2, AVX2, FMA, AVX-512, … those that it has, in this order
  bool has(const std::string& vector_set) const;
};
Processor processor();

int machine_processors();
double load_average();  // of the last minute: processes that wanted a processor

struct Memory {
  uint64_t total = 0, available = 0;  // bytes; a control group's limit counts
};
Memory memory();

struct Blas {
  std::string library;  // "OpenBLAS 0.3.21", "Intel MKL", "reference"
  std::string kernels;  // OpenBLAS: the processor whose kernels it runs, "SkylakeX"
};
Blas blas();

// Of one thread that multiplies float32 matrices.
double gemm_gflops(double seconds);

// Whether a large block that was freed is given out again without page faults.
bool allocator_keeps_large_blocks();

}  // namespace lathe::cli
