#include "lathe/compile/verify.h"

#include <fmt/ranges.h>
#include <torch/torch.h>

#include <set>

#include "lathe/compile/compiled_model.h"
#include "lathe/compile/manifest.h"
#include "lathe/compile/passes.h"
#include "lathe/core/error.h"

namespace lathe::compile {
namespace {

using Tensors = std::vector<torch::Tensor>;
using Names = std::set<std::string>;

TensorStatistics statistics(const torch::Tensor& tensor) {
  const torch::Tensor values = tensor.to(torch::kFloat64).flatten(),
                      finite = values.masked_select(values.isfinite());
  TensorStatistics result;
  result.numel = values.numel();
  result.num_nan = values.isnan().sum().item<int64_t>();
  result.num_infinite = values.isinf().sum().item<int64_t>();
  if (finite.numel() == 0) return result;
  result.min = finite.min().item<double>();
  result.max = finite.max().item<double>();
  result.mean = finite.mean().item<double>();
  result.deviation = finite.std(/*unbiased=*/false).item<double>();
  return result;
}

Names names_of(const std::string& source) {
  Names names;
  size_t begin = 0;
  while (begin <= source.size()) {
    const size_t end = std::min(source.find('+', begin), source.size());
    names.insert(source.substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

// A blocked value [N, C / b, H, W, b], or [N, C / b, tiles, r, tiles, r, b] of r×r tiles that may stick out,
// as [N, C, H, W]; or a value of the same number of elements; undefined where the shapes do not go together.
torch::Tensor in_shape(const torch::Tensor& written, const Shape& shape) {
  if (written.dim() == 7)
    if (const torch::Tensor rows = written.flatten(4, 5).flatten(2, 3);
        shape.size() == 4 && rows.size(2) >= shape[2] && rows.size(3) >= shape[3])
      return in_shape(rows.slice(2, 0, shape[2]).slice(3, 0, shape[3]), shape);
  if (written.dim() == 5 && shape.size() == 4 && written.size(0) == shape[0] && written.size(2) == shape[2] &&
      written.size(3) == shape[3] && written.size(1) == (shape[1] + written.size(4) - 1) / written.size(4))
    return written.permute({0, 1, 4, 2, 3}).reshape({shape[0], -1, shape[2], shape[3]}).slice(1, 0, shape[1]);
  return written.numel() == c10::multiply_integers(shape) ? written.reshape(shape) : torch::Tensor();
}

// A graph's values by the names of the nodes that make them.
class Reference {
 public:
  Reference(const Graph& graph, const Tensors& inputs)
      : graph_(graph), values_(evaluate_all(graph, inputs, Precision::f64)) {
    for (const Node& node : graph_.nodes)
      names_.push_back(names_of(node.source.empty() ? node.op : node.source));
  }

  // Calls visit(value) for what nodes make all of whose names are among these.
  void visit(const Names& names, const std::function<void(const torch::Tensor&)>& visit) const {
    for (size_t n = 0; n < graph_.nodes.size(); ++n)
      if (std::includes(names.begin(), names.end(), names_[n].begin(), names_[n].end()))
        for (ValueId id : graph_.nodes[n].outputs)
          if (values_[static_cast<size_t>(id)].defined()) visit(values_[static_cast<size_t>(id)]);
  }

  std::string first_not_finite() const {
    for (const Node& node : graph_.nodes)
      for (ValueId id : node.outputs) {
        const torch::Tensor& value = values_[static_cast<size_t>(id)];
        if (value.defined() && !value.isfinite().all().item<bool>())
          return node.source.empty() ? node.op : fmt::format("{} ({})", node.source, node.op);
      }
    return "";
  }

 private:
  const Graph& graph_;
  Tensors values_;
  std::vector<Names> names_;
};

// Steps of one kernel group follow each other under one source; the last writes what the group computes.
bool ends_group(const Manifest& manifest, size_t operation) {
  return operation + 1 == manifest.operations.size() ||
         manifest.operations[operation].source != manifest.operations[operation + 1].source;
}

void find_first(const Graph& graph, const Manifest& manifest, CompiledModel& model, const Tensors& inputs,
                const VerifyOptions& options, VerifyReport& report) {
  const Graph optimized = optimize(graph);
  const Reference original(graph, inputs), after(optimized, inputs);
  report.not_finite = original.first_not_finite();
  for (size_t o = 0; o < manifest.operations.size(); ++o) {
    if (!ends_group(manifest, o)) continue;
    const Names names = names_of(manifest.operations[o].source);
    Divergence nearest;
    bool compared = false;
    for (const torch::Tensor& written : model.written_by(o)) {
      const auto compare = [&](const torch::Tensor& reference) {
        const torch::Tensor value = in_shape(written, reference.sizes().vec());
        if (!value.defined()) return;
        const double error = relative_error(value, reference);
        if (compared && error >= nearest.error) return;
        compared = true;
        nearest = {.operation = o,
                   .source = manifest.operations[o].source,
                   .variant = manifest.operations[o].variant,
                   .error = error,
                   .compiled = statistics(value),
                   .reference = statistics(reference)};
      };
      original.visit(names, compare);
      after.visit(names, compare);
    }
    report.num_compared += compared;
    if (compared && !(nearest.error <= options.tolerance)) {
      report.first = nearest;
      return;
    }
  }
}

void check_ports(const Graph& graph, const CompiledModel& model, const std::filesystem::path& directory) {
  const auto check = [&](const std::vector<ValueId>& ids, const std::vector<CompiledModel::Port>& ports,
                         const char* what) {
    std::vector<std::string> ours, theirs;
    for (ValueId id : ids) ours.push_back(to_string(graph.type(id)));
    for (const CompiledModel::Port& port : ports) theirs.push_back(to_string(port.type));
    if (ours != theirs)
      throw InputError("{} was not compiled from this model: its {} are {}, the model's {}",
                       directory.string(), what, fmt::join(theirs, ", "), fmt::join(ours, ", "));
  };
  check(graph.inputs, model.inputs(), "inputs");
  check(graph.outputs, model.outputs(), "outputs");
}

}  // namespace

double relative_error(const torch::Tensor& value, const torch::Tensor& reference) {
  if (value.numel() == 0) return 0;
  const torch::Tensor a = value.to(torch::kFloat64).flatten(), b = reference.to(torch::kFloat64).flatten();
  const torch::Tensor same = a.eq(b).logical_or(a.isnan().logical_and(b.isnan()));
  const double error = (a - b).abs().masked_fill(same, 0).max().item<double>();
  const torch::Tensor finite = b.masked_select(b.isfinite());
  const double scale = finite.numel() > 0 ? finite.abs().max().item<double>() : 0;
  return std::isfinite(error) ? error / std::max(scale, 1e-30) : INFINITY;
}

Tensors random_inputs(const Graph& graph, core::Seed seed) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed.value());
  Tensors inputs;
  for (ValueId id : graph.inputs) {
    const Type& type = graph.type(id);
    const auto options = torch::dtype(scalar_type(type.dtype));
    if (type.dtype == DType::f32 || type.dtype == DType::f64)
      inputs.push_back(torch::randn(type.shape, generator, options));
    else
      inputs.push_back(torch::randint(0, type.dtype == DType::u8 ? 256 : 2, type.shape, generator, options));
  }
  return inputs;
}

VerifyReport verify(const Graph& graph, const std::filesystem::path& directory,
                    const VerifyOptions& options) {
  const torch::NoGradGuard no_gradients;
  const Manifest manifest = read_manifest(directory);
  CompiledModel model(directory, options.threads);
  check_ports(graph, model, directory);
  VerifyReport report;
  for (const CompiledModel::Port& port : model.outputs()) report.outputs.push_back({.name = port.name});
  for (int trial = 0; trial < options.trials && report.agrees; ++trial) {
    const Tensors inputs = random_inputs(graph, options.seed.stream(static_cast<uint64_t>(trial)));
    const Tensors expected = evaluate(graph, inputs, Precision::f64), outputs = model(inputs);
    for (size_t i = 0; i < outputs.size(); ++i) {
      const double error = relative_error(outputs[i], expected[i]);
      report.outputs[i].error = std::max(report.outputs[i].error, error);
      if (error <= options.tolerance) continue;
      report.agrees = false;
    }
    if (report.agrees) continue;
    for (size_t i = 0; i < outputs.size(); ++i) {
      report.compiled.push_back(statistics(outputs[i]));
      report.reference.push_back(statistics(expected[i]));
    }
    find_first(graph, manifest, model, inputs, options, report);
  }
  return report;
}

}  // namespace lathe::compile
