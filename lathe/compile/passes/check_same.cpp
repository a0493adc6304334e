#include <torch/torch.h>

#include <cmath>

#include "lathe/compile/passes.h"
#include "lathe/core/error.h"
#include "lathe/core/seed.h"

namespace lathe::compile {
namespace {

constexpr double kTolerance = 1e-4;

torch::Tensor random_input(const Type& type, core::Random& random) {
  std::vector<double> numbers(static_cast<size_t>(type.numel()));
  const bool real = type.dtype == DType::f32 || type.dtype == DType::f64;
  for (double& number : numbers)
    number = real ? random.normal() : static_cast<double>(random.below(2));  // indices stay within every axis
  return torch::tensor(numbers, torch::kFloat64).reshape(type.shape).to(scalar_type(type.dtype));
}

}  // namespace

void check_same(const Graph& before, const Graph& after, std::string_view pass, int trials) {
  const auto fail = [&](const std::string& what) { throw Error("{} changed the graph: {}", pass, what); };
  try {
    check(after);
  } catch (const Error& error) {
    fail(error.what());
  }
  if (before.inputs.size() != after.inputs.size() || before.outputs.size() != after.outputs.size())
    fail(fmt::format("{} inputs and {} outputs were {} and {}", after.inputs.size(), after.outputs.size(),
                     before.inputs.size(), before.outputs.size()));
  core::Random random = core::Seed(0).stream("check").random();
  for (int trial = 0; trial < trials; ++trial) {
    std::vector<torch::Tensor> inputs;
    for (const ValueId input : before.inputs) inputs.push_back(random_input(before.type(input), random));
    const auto expected = evaluate(before, inputs), got = evaluate(after, inputs);
    for (size_t i = 0; i < expected.size(); ++i) {
      const std::string name = before.value(before.outputs[i]).name;
      const std::string which = name.empty() ? fmt::format("output {}", i) : fmt::format("output '{}'", name);
      if (!(before.type(before.outputs[i]) == after.type(after.outputs[i])))
        fail(fmt::format("{} is {}, was {}", which, to_string(after.type(after.outputs[i])),
                         to_string(before.type(before.outputs[i]))));
      if (expected[i].numel() == 0) continue;
      if (!expected[i].is_floating_point()) {
        if (!torch::equal(expected[i], got[i])) fail(which + " has other numbers");
        continue;
      }
      const torch::Tensor a = expected[i].to(torch::kFloat64), b = got[i].to(torch::kFloat64);
      const torch::Tensor finite = a.isfinite();
      if (!torch::equal(finite, b.isfinite())) fail(which + " is finite elsewhere");
      const torch::Tensor zero = torch::zeros_like(a);
      const torch::Tensor x = torch::where(finite, a, zero), y = torch::where(finite, b, zero);
      const double scale = std::max(x.abs().max().item<double>(), 1e-30);
      const double error = (x - y).abs().max().item<double>() / scale;
      if (error > kTolerance) fail(fmt::format("{} differs by {:.1e} of its largest number", which, error));
    }
  }
}

}  // namespace lathe::compile
