#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lathe/compile/graph.h"
#include "lathe/core/seed.h"

namespace lathe::compile {

// Values that a graph's inputs may have: normal numbers; u8 in 0..255, other integers 0 or 1.
std::vector<torch::Tensor> random_inputs(const Graph& graph, core::Seed seed);

// max |a − b| / max |b| of reference b, where both are the same infinity or NaN 0; infinite where just one is
// not finite.
double relative_error(const torch::Tensor& value, const torch::Tensor& reference);

struct VerifyOptions {
  int trials = 3;           // random inputs
  double tolerance = 1e-4;  // of |difference|, relative to the largest |value| of the tensor
  core::Seed seed = core::Seed(0);
  int threads = 1;
};

struct TensorStatistics {
  int64_t numel = 0, num_nan = 0, num_infinite = 0;
  double min = 0, max = 0, mean = 0, deviation = 0;  // of what is finite
};

// An operation of the compiled module that computes something else than the graph.
struct Divergence {
  size_t operation = 0;
  std::string source, variant;  // as in the manifest
  double error = 0;             // relative; infinite where one is not finite and the other is
  TensorStatistics compiled, reference;
};

struct VerifyReport {
  struct Output {
    std::string name;
    double error = 0;  // the largest of all trials, relative
  };
  std::vector<Output> outputs;
  bool agrees = true;               // all outputs, in all trials
  std::optional<Divergence> first;  // the first operation that diverges, where one was found
  size_t num_compared = 0;          // operations whose output could be compared
  std::string not_finite;           // the graph's first node that gives NaN or infinity in double precision
  std::vector<TensorStatistics> compiled, reference;  // of the outputs, where they differ
};

// Runs a compiled directory and the graph that it was made of (in double precision) on random inputs. Where
// outputs differ, the module is run again operation by operation and what each writes is compared with the
// values of the graph that have its names and shape. Throws InputError when the directory was compiled for
// other inputs or outputs.
VerifyReport verify(const Graph& graph, const std::filesystem::path& directory,
                    const VerifyOptions& options = {});

}  // namespace lathe::compile
