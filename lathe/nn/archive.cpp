#include "lathe/nn/archive.h"

#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/script.h>
#include <torch/torch.h>

#include <sstream>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/json.h"
#include "lathe/core/printable.h"
#include "lathe/nn/script_model.h"
#include "lathe/nn/zip_check.h"

namespace lathe::nn {
namespace {

constexpr const char* kExtraFile = "lathe.json";
constexpr const char* kAdvice = "train or save the model again";

// An empty TorchScript module with the same tree of parameters and buffers, sharing the tensors.
torch::jit::Module mirror(const torch::nn::Module& from, const std::string& name,
                          const std::shared_ptr<torch::jit::CompilationUnit>& unit) {
  torch::jit::Module to(c10::QualifiedName(name), unit);
  for (const auto& parameter : from.named_parameters(/*recurse=*/false))
    to.register_parameter(parameter.key(), parameter.value(), /*is_buffer=*/false);
  for (const auto& buffer : from.named_buffers(/*recurse=*/false))
    to.register_buffer(buffer.key(), buffer.value());
  for (const auto& child : from.named_children()) {
    const auto* script = dynamic_cast<const ScriptModel*>(child.value().get());
    to.register_module(child.key(),
                       script ? script->module() : mirror(*child.value(), name + "_" + child.key(), unit));
  }
  return to;
}

torch::Tensor example_inputs(const data::Schema& schema) {
  std::vector<int64_t> shape = {2};
  shape.insert(shape.end(), schema.shape.begin(), schema.shape.end());
  return torch::zeros(shape, schema.text()    ? torch::kInt64
                             : schema.table() ? torch::kFloat32
                                              : torch::kUInt8);
}

}  // namespace

std::string to_archive(Classifier& classifier) {
  const EvaluationMode evaluation(classifier);
  const torch::NoGradGuard no_grad;
  auto unit = std::make_shared<torch::jit::CompilationUnit>();
  torch::jit::Module module = mirror(classifier, "__torch__.Classifier", unit);

  // The tracer knows a parameter by its identity: those of `module` are the classifier's own, so that they
  // are recorded as attributes and not as constants.
  auto trace = torch::jit::tracer::trace(
      {example_inputs(classifier.schema())},
      [&](torch::jit::Stack inputs) -> torch::jit::Stack {
        return {classifier.forward(inputs.at(0).toTensor())};
      },
      [](const torch::autograd::Variable&) { return std::string(); }, /*strict=*/true,
      /*force_outplace=*/true, &module);
  module.type()->addMethod(
      unit->create_function(c10::QualifiedName(*module.type()->name(), "forward"), trace.first->graph));
  module.eval();

  const nlohmann::json description = {
      {"format", 1}, {"model", classifier.architecture()}, {"schema", data::to_json(classifier.schema())}};
  std::ostringstream stream;
  module.save(stream, {{kExtraFile, description.dump()}});
  return stream.str();
}

void save(Classifier& classifier, const std::filesystem::path& file) {
  core::write_file(file, to_archive(classifier));
}

std::shared_ptr<Classifier> load(const std::filesystem::path& file) {
  if (std::filesystem::is_regular_file(file))
    if (const auto damage = zip_damage(core::read_file(file)))
      throw InputError("{} is not a readable TorchScript archive: {}", file.string(), *damage);
  std::unordered_map<std::string, std::string> extra = {{kExtraFile, ""}};
  const torch::jit::Module module = load_script(file, extra);
  if (extra[kExtraFile].empty())
    throw InputError("{} was not saved by lathe; use it with [model] kind = \"torchscript\", path = \"{}\"",
                     file.string(), file.string());
  try {
    const auto description = core::parse_json(extra[kExtraFile], file.string(), kAdvice);
    const auto model = description.at("model").get<std::string>();
    const auto architecture = core::Config::parse(model, file.string());
    std::optional<torch::jit::Module> script;
    if (architecture.text("kind") == "torchscript") script = module.attr("body").toModule();
    const data::Schema schema = data::schema_from_json(description.at("schema"));
    // What is built before its weights are compared with the file's must not take more memory than they do.
    if (!script && least_weights(core::Config::parse(model, file.string()), schema) >
                       static_cast<double>(std::filesystem::file_size(file)))
      throw InputError("{} is damaged: its description asks for more weights than the file can hold; {}",
                       file.string(), kAdvice);
    auto classifier = build(architecture, schema, core::Seed(0), script);
    const torch::NoGradGuard no_grad;
    std::map<std::string, torch::Tensor> saved;
    for (const auto& tensor : module.named_parameters()) saved[tensor.name] = tensor.value;
    for (const auto& tensor : module.named_buffers()) saved[tensor.name] = tensor.value;
    if (saved.count("output_weights") && saved.count("output_biases"))
      classifier->scale_outputs({saved.at("output_weights"), saved.at("output_biases")});
    const auto fill = [&](const std::string& name, torch::Tensor& tensor) {
      const auto found = saved.find(name);
      if (found == saved.end() || found->second.sizes() != tensor.sizes())
        throw InputError("{}: {} is missing or has another shape", file.string(), name);
      tensor.copy_(found->second);
    };
    for (auto& parameter : classifier->named_parameters()) fill(parameter.key(), parameter.value());
    for (auto& buffer : classifier->named_buffers()) fill(buffer.key(), buffer.value());
    return classifier;
  } catch (const nlohmann::json::exception& error) {
    throw InputError("{} is damaged: {}; {}", file.string(), error.what(), kAdvice);
  } catch (const c10::Error& error) {
    const std::string what = error.what_without_backtrace();
    throw InputError("{} is damaged: {}; {}", file.string(), core::printable(what.substr(0, what.find('\n'))),
                     kAdvice);
  }
}

}  // namespace lathe::nn
