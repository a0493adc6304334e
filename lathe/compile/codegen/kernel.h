#pragma once
#include <torch/types.h>

#include <memory>
#include <string>
#include <vector>

#include "lathe/compile/graph.h"
#include "lathe/compile/passes.h"
#include "lathe/compile/target.h"

namespace lathe::compile::codegen {

struct Dim {
  int min = 0, extent = 1, stride = 0;  // in elements
};

// What a kernel reads or writes: a view of a value, of one of the implementation's parameters, or of one of
// its scratch blocks. Dimensions innermost first.
struct Argument {
  enum class Place { value, parameter, scratch } place = Place::value;
  int index = 0;
  DType dtype = DType::f32;
  int64_t offset = 0;  // of the element at all mins, in elements from the start
  std::vector<Dim> dims;
};

// Machine code of one kernel; kernels of equal keys share it.
struct Code {
  std::string symbol;                  // of the function int(void** arguments)
  std::string object;                  // an ELF object file
  std::vector<std::string> libraries;  // that it calls beside libc and libm: "libdnnl.so.2"
};

// One call of a kernel.
struct Step {
  std::shared_ptr<const Code> code;
  std::vector<Argument> arguments;  // the last num_outputs are written
  int num_outputs = 1;
  int split_dim = -1;  // the outputs' dimension along which it may be cut into pieces; -1: none
  int granule = 1;     // pieces are multiples of it
  double flops = 0, bytes = 0;
};

// One way to compute a group of nodes.
struct Implementation {
  std::string name;  // "direct 6x2", "winograd 4, 6x2, …"
  std::vector<Step> steps;
  std::vector<torch::Tensor> parameters;  // packed; contiguous
  std::vector<int64_t> scratch_bytes;
};

// Zeros that an implementation needs around a blocked value beyond those its readers' paddings ask for.
struct BorderNeed {
  ValueId value;
  std::array<int, 4> border;
};

// Compiles pipelines, each key once; safe from several threads. A directory keeps objects between runs.
class CodeCache;

}  // namespace lathe::compile::codegen
