#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>

#include "lathe/compile/onnx/importer.h"
#include "lathe/compile/onnx_conformance.h"
#include "lathe/core/files.h"
#include "lathe/core/printable.h"

namespace lathe::compile {
namespace {

struct Case {
  std::filesystem::path folder;
  onnx::ModelProto model;
  std::vector<std::pair<std::string, torch::Tensor>> inputs;
  std::vector<torch::Tensor> outputs;
};

torch::Tensor read_tensor(const std::filesystem::path& file) {
  onnx::TensorProto tensor;
  if (!tensor.ParseFromString(core::read_file(file)))
    throw InputError("{} holds no tensor", file.filename().string());
  return onnx_import::to_tensor(tensor, {});
}

Case read_case(const std::filesystem::path& folder) {
  Case result;
  result.folder = folder;
  if (!result.model.ParseFromString(core::read_file(folder / "model.onnx")))
    throw InputError("model.onnx is damaged");
  const auto& graph = result.model.graph();
  const auto file = [&](const char* kind, int i) {
    return folder / "test_data_set_0" / fmt::format("{}_{}.pb", kind, i);
  };
  for (int i = 0; i < graph.input_size(); ++i)
    if (std::filesystem::exists(file("input", i)))
      result.inputs.emplace_back(graph.input(i).name(), read_tensor(file("input", i)));
  for (int i = 0; i < graph.output_size(); ++i) result.outputs.push_back(read_tensor(file("output", i)));
  return result;
}

std::string operators(const onnx::ModelProto& model) {
  std::set<std::string> names;
  for (const auto& node : model.graph().node()) names.insert(core::printable(node.op_type()));
  return fmt::format("{}", fmt::join(names, " "));
}

// Empty where the outputs are as they should be.
std::string fault(const Case& the_case, const Graph& graph) {
  std::vector<torch::Tensor> arguments;
  for (const ValueId id : graph.inputs)
    for (const auto& [name, tensor] : the_case.inputs)
      if (name == graph.value(id).name) arguments.push_back(tensor);
  const auto got = evaluate(graph, arguments);
  if (got.size() != the_case.outputs.size())
    return fmt::format("{} outputs instead of {}", got.size(), the_case.outputs.size());
  for (size_t i = 0; i < got.size(); ++i) {
    const torch::Tensor& expected = the_case.outputs[i];
    const auto type = [](const torch::Tensor& t) {
      return to_string(Type{dtype_of(t.scalar_type()), t.sizes().vec()});
    };
    if (type(got[i]) != type(expected))
      return fmt::format("output {} is {} instead of {}", i, type(got[i]), type(expected));
    const bool same = expected.is_floating_point()
                          ? torch::allclose(got[i], expected, 1e-3, 1e-5, /*equal_nan=*/true)
                          : torch::equal(got[i], expected);
    if (!same)
      return fmt::format(
          "output {} differs by up to {}", i,
          (got[i].to(torch::kFloat64) - expected.to(torch::kFloat64)).abs().max().item<double>());
  }
  return {};
}

// What to try to know, from nothing to everything: integers, then all but the first input, then all.
std::vector<std::map<std::string, torch::Tensor>> knowledge(const Case& the_case) {
  std::map<std::string, torch::Tensor> integers, rest, all;
  for (size_t i = 0; i < the_case.inputs.size(); ++i) {
    const auto& [name, tensor] = the_case.inputs[i];
    if (i > 0 && !tensor.is_floating_point()) integers.insert(the_case.inputs[i]);
    if (i > 0) rest.insert(the_case.inputs[i]);
    all.insert(the_case.inputs[i]);
  }
  return {{}, integers, rest, all};
}

ConformanceRow judged(const std::filesystem::path& folder, std::string case_name) {
  ConformanceRow row;
  row.name = std::move(case_name);
  Case the_case;
  try {
    onnx::ModelProto model;
    if (model.ParseFromString(core::read_file(folder / "model.onnx"))) {
      row.op = operators(model);
      for (const auto& import : model.opset_import()) row.opset = std::max(row.opset, import.version());
    }
    the_case = read_case(folder);
  } catch (const InputError& error) {
    // Sequences, strings, types that the compiler has not; the importer says the same with the operator's
    // name.
    row.message = error.what();
  }
  std::string last;
  for (const auto& known :
       row.message.empty() ? knowledge(the_case) : std::vector<std::map<std::string, torch::Tensor>>{{}}) {
    try {
      const Graph graph = import_onnx(folder / "model.onnx", {{}, known});
      if (!row.message.empty()) return row;
      row.message = fault(the_case, graph);
      row.verdict = row.message.empty() ? Verdict::right : Verdict::wrong;
      std::vector<std::string> names;
      for (const auto& [name, tensor] : known) names.push_back(name);
      if (row.message.empty() && !names.empty())
        row.message = fmt::format("known when compiling: {}", fmt::join(names, ", "));
      return row;
    } catch (const InputError& error) {
      last = error.what();
    } catch (const std::exception& error) {
      row.verdict = Verdict::wrong;
      row.message = error.what();
      return row;
    }
  }
  const std::string prefix = (folder / "model.onnx").string() + ": ";
  row.message = last.rfind(prefix, 0) == 0 ? last.substr(prefix.size()) : last;
  return row;
}

}  // namespace

std::vector<ConformanceRow> onnx_conformance(const std::filesystem::path& folder) {
  if (!std::filesystem::is_directory(folder))
    throw InputError("{}: no such folder; Debian's libonnx-testdata has one", folder.string());
  std::vector<std::filesystem::path> cases;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.path().filename() == "model.onnx") cases.push_back(entry.path().parent_path());
  std::sort(cases.begin(), cases.end());
  std::vector<ConformanceRow> rows;
  for (const auto& path : cases) rows.push_back(judged(path, path.lexically_relative(folder).string()));
  return rows;
}

}  // namespace lathe::compile
