#include "lathe/compile/import_torch.h"

#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/script.h>
#include <torch/torch.h>

#include "lathe/compile/torch/interpreter.h"
#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/json.h"
#include "lathe/core/printable.h"
#include "lathe/data/dataset.h"
#include "lathe/nn/model.h"
#include "lathe/nn/script_model.h"
#include "lathe/nn/zip_check.h"

namespace lathe::compile {
namespace {

using torchscript::Interpreter;
using torchscript::Variable;
using Tensors = std::vector<torch::Tensor>;

std::string first_line(const c10::Error& error) {
  const std::string what = error.what_without_backtrace();
  return core::printable(what.substr(0, std::min(what.find('\n'), size_t{200})));
}

void collect(Interpreter& interpreter, const Variable& result, std::vector<ValueId>& outputs) {
  if (result.sequence) {
    for (const auto& item : result.sequence->items) collect(interpreter, item, outputs);
  } else if (result.cell || result.known.isTensor()) {
    outputs.push_back(interpreter.value_of(result));
  } else if (result.known.isTuple()) {
    for (const auto& item : result.known.toTupleRef().elements())
      collect(interpreter, {item, nullptr, nullptr}, outputs);
  } else {
    throw InputError("the module returns a {}; the compiler wants tensors", result.known.tagKind());
  }
}

// Runs a method's or a trace's block on the types.
Graph interpret(torch::jit::Block& block, std::vector<Variable> arguments, const std::vector<Type>& types,
                Interpreter& interpreter) {
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < types.size(); ++i)
    arguments.push_back(
        interpreter.variable_of(interpreter.builder.graph().add_input(fmt::format("input.{}", i), types[i])));
  std::vector<ValueId> outputs;
  for (const auto& result : interpreter.run(block, std::move(arguments)))
    collect(interpreter, result, outputs);
  interpreter.report();
  if (outputs.empty()) throw InputError("the module returns no tensor");
  Graph& made = interpreter.builder.graph();
  made.outputs = outputs;
  finish_import(made);
  check(made);
  return std::move(made);
}

void name_module(const torch::jit::Module& module, const std::string& path, Interpreter& interpreter) {
  interpreter.module_paths[module._ivalue().get()] = path;
  for (const auto& child : module.named_children())
    name_module(child.value, path.empty() ? child.name : path + "." + child.name, interpreter);
}

void name_tensor(const std::string& name, const torch::Tensor& tensor, Interpreter& interpreter) {
  if (tensor.defined() && tensor.numel() > 0) interpreter.tensor_names.emplace(tensor.data_ptr(), name);
}

torch::jit::Module evaluation_copy(const torch::jit::Module& module) {
  torch::jit::Module copy = module.deepcopy();
  copy.eval();
  for (const auto& parameter : copy.parameters()) parameter.set_requires_grad(false);
  return copy;
}

struct Trace {
  Graph graph;
  Tensors outputs;
};

Trace trace(torch::nn::Module& module, const Forward& forward, const Tensors& examples) {
  torch::jit::Stack stack;
  for (const auto& example : examples) stack.emplace_back(example);
  Tensors outputs;
  const auto run = [&](torch::jit::Stack inputs) -> torch::jit::Stack {
    Tensors arguments;
    for (const auto& input : inputs) arguments.push_back(input.toTensor());
    outputs = forward(arguments);
    return {outputs.begin(), outputs.end()};
  };
  std::shared_ptr<torch::jit::tracer::TracingState> state;
  try {
    state = torch::jit::tracer::trace(
                stack, run, [](const torch::autograd::Variable&) { return std::string(); },
                /*strict=*/true, /*force_outplace=*/false)
                .first;
  } catch (const c10::Error& error) {
    throw InputError("the module cannot be traced: {}", first_line(error));
  }
  Graph graph;
  Interpreter interpreter(graph);
  for (const auto& parameter : module.named_parameters())
    name_tensor(parameter.key(), parameter.value(), interpreter);
  for (const auto& buffer : module.named_buffers()) name_tensor(buffer.key(), buffer.value(), interpreter);
  std::vector<Type> types;
  for (const auto& example : examples)
    types.push_back({dtype_of(example.scalar_type()), example.sizes().vec()});
  Graph made = interpret(*state->graph->block(), {}, types, interpreter);
  return {std::move(made), outputs};
}

std::string described(const Node& node) {
  return fmt::format("{} ({})", node.op, node.source);
}

// Where two traces of one module part; empty where they do not. Sizes may differ between traces of two sizes.
std::string difference(const Graph& a, const Graph& b, bool same_size) {
  for (size_t i = 0; i < std::min(a.nodes.size(), b.nodes.size()); ++i) {
    const Node &m = a.nodes[i], &n = b.nodes[i];
    if (m.op != n.op) return fmt::format("{} against {}", described(m), described(n));
    if (!same_size) continue;
    if (m.attributes != n.attributes || m.inputs != n.inputs) return described(m);
    for (const ValueId id : m.inputs)
      if (a.value(id).is_constant() &&
          (!b.value(id).is_constant() || !torch::equal(a.value(id).constant, b.value(id).constant)))
        return fmt::format("a constant of {}", described(m));
  }
  if (a.nodes.size() != b.nodes.size())
    return described(
        (a.nodes.size() > b.nodes.size() ? a : b).nodes[std::min(a.nodes.size(), b.nodes.size())]);
  return {};
}

void check_outputs(const Graph& graph, const Tensors& examples, const Tensors& expected) {
  const Tensors got = evaluate(graph, examples);
  if (got.size() != expected.size())
    throw Error("the traced graph has {} outputs, the module {}", got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i)
    if (!torch::allclose(got[i].to(torch::kFloat64), expected[i].detach().to(torch::kFloat64), 1e-3, 1e-4,
                         /*equal_nan=*/true))
      throw InputError(
          "output {} of the traced module differs from what it computes: it draws random numbers, changes a "
          "view in place, or keeps state",
          i);
}

Tensors other_values(const Tensors& examples) {
  Tensors others;
  for (const auto& example : examples)
    others.push_back(example.is_floating_point() ? example.flip(0) * -0.7 + 0.1 : example.flip(0).clone());
  return others;
}

// Twice as many of each example, where all have the same number.
Tensors doubled(const Tensors& examples) {
  Tensors more;
  for (const auto& example : examples) {
    if (example.dim() == 0 || example.size(0) != examples[0].size(0)) return {};
    more.push_back(torch::cat({example, example}));
  }
  return more;
}

// No parameter asks for gradients while it lives: the tracer refuses such constants.
class WithoutGradients {
 public:
  explicit WithoutGradients(const torch::nn::Module& module) {
    for (const auto& parameter : module.parameters())
      if (parameter.requires_grad()) parameters_.push_back(parameter.set_requires_grad(false));
  }
  ~WithoutGradients() {
    for (const auto& parameter : parameters_) parameter.set_requires_grad(true);
  }
  WithoutGradients(const WithoutGradients&) = delete;
  WithoutGradients& operator=(const WithoutGradients&) = delete;

 private:
  Tensors parameters_;
};

}  // namespace

Graph import_module(const torch::jit::Module& module, const std::vector<Type>& inputs,
                    const std::string& method) {
  const auto found = module.find_method(method);
  if (!found) throw InputError("the module has no method '{}'", method);
  const torch::jit::Module copy = evaluation_copy(module);
  Graph graph;
  Interpreter interpreter(graph);
  name_module(copy, "", interpreter);
  for (const auto& parameter : copy.named_parameters())
    name_tensor(parameter.name, parameter.value, interpreter);
  for (const auto& buffer : copy.named_buffers()) name_tensor(buffer.name, buffer.value, interpreter);

  const auto& function = torch::jit::toGraphFunction(copy.get_method(method).function());
  const auto& schema = function.getSchema().arguments();
  std::vector<std::string> names;
  for (size_t i = 1; i < schema.size(); ++i) names.push_back(schema[i].name());
  size_t least = 0;
  for (size_t i = 1; i < schema.size(); ++i) least += schema[i].default_value() ? 0 : 1;
  if (inputs.size() < least || inputs.size() > names.size())
    throw InputError("'{}' takes {} inputs, got the types of {}", method, names.size(), inputs.size());
  std::vector<Variable> arguments = {{copy._ivalue(), nullptr, nullptr}};
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < inputs.size(); ++i)
    arguments.push_back(interpreter.variable_of(graph.add_input(names[i], inputs[i])));
  for (size_t i = inputs.size() + 1; i < schema.size(); ++i)
    arguments.push_back({*schema[i].default_value(), nullptr, nullptr});
  try {
    return interpret(*function.graph()->block(), std::move(arguments), {}, interpreter);
  } catch (const c10::Error& error) {
    throw InputError("the module cannot be compiled for these inputs: {}", first_line(error));
  }
}

Graph import_torchscript(const std::filesystem::path& file, const std::vector<Type>& inputs) {
  if (std::filesystem::is_regular_file(file))
    if (const auto damage = nn::zip_damage(core::read_file(file)))
      throw InputError("{} is not a readable TorchScript archive: {}", file.string(), *damage);
  std::unordered_map<std::string, std::string> extra = {{"lathe.json", ""}};
  const torch::jit::Module module = nn::load_script(file, extra);
  std::vector<Type> types = inputs;
  if (types.empty()) {
    if (extra["lathe.json"].empty())
      throw InputError("{} does not say what its inputs are; give their types, for example f32[1,3,224,224]",
                       file.string());
    try {
      const auto description = core::parse_json(extra["lathe.json"], file.string(), "save the model again");
      const data::Schema schema = data::schema_from_json(description.at("schema"));
      Shape shape = {1};
      shape.insert(shape.end(), schema.shape.begin(), schema.shape.end());
      types.push_back({schema.text() ? DType::i64 : schema.table() ? DType::f32 : DType::u8, shape});
    } catch (const nlohmann::json::exception& error) {
      throw InputError("{} is damaged: {}; save the model again", file.string(), error.what());
    }
  }
  Graph graph = import_module(module, types);
  graph.name = file.stem().string();
  return graph;
}

Graph import_traced(torch::nn::Module& module, const Forward& forward, const Tensors& examples) {
  if (examples.empty()) throw InputError("tracing needs an example of each input");
  const nn::EvaluationMode evaluation(module);
  const WithoutGradients without(module);
  const torch::NoGradGuard no_grad;
  Trace first = trace(module, forward, examples);
  check_outputs(first.graph, examples, first.outputs);

  const Tensors others = other_values(examples);
  const Trace second = trace(module, forward, others);
  if (const std::string where = difference(first.graph, second.graph, true); !where.empty())
    throw InputError(
        "two traces of the module on different values differ at {}: what it does depends on its inputs' "
        "values, which a trace cannot follow; script the module instead",
        where);
  check_outputs(first.graph, others, second.outputs);

  if (const Tensors more = doubled(examples); !more.empty()) {
    std::optional<Trace> larger;
    try {
      larger = trace(module, forward, more);
    } catch (const InputError&) {  // the module wants just this many
    }
    if (larger)
      if (const std::string where = difference(first.graph, larger->graph, false); !where.empty())
        throw InputError(
            "traces of the module on {} and {} examples differ at {}: what it does depends on their number; "
            "script the module instead",
            examples[0].size(0), more[0].size(0), where);
  }
  return std::move(first.graph);
}

}  // namespace lathe::compile
