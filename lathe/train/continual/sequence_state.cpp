#include "lathe/train/continual/sequence_state.h"

#include <torch/torch.h>

#include <sstream>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/json.h"
#include "lathe/core/printable.h"
#include "lathe/nn/zip_check.h"

namespace lathe::train::continual {
namespace {

using Json = nlohmann::json;

constexpr const char* kAdvice = "remove it to start over";

std::map<std::string, torch::Tensor> tensors_of(const nn::Model& model) {
  std::map<std::string, torch::Tensor> tensors;
  for (const auto& entry : model.named_parameters())
    tensors["parameter." + entry.key()] = entry.value().detach();
  for (const auto& entry : model.named_buffers()) tensors["buffer." + entry.key()] = entry.value();
  return tensors;
}

Json to_json(const std::map<std::string, LayerMemory>& memory) {
  Json json = Json::object();
  for (const auto& [name, m] : memory) json[name] = {m.inputs, m.vectors, m.energy, m.bytes};
  return json;
}

std::map<std::string, LayerMemory> memory_from(const Json& json) {
  std::map<std::string, LayerMemory> memory;
  for (const auto& [name, m] : json.items()) memory[name] = {m.at(0), m.at(1), m.at(2), m.at(3)};
  return memory;
}

void read_state(torch::serialize::InputArchive& archive, const std::filesystem::path& file,
                SequenceState& state, nn::Model& model, ContinualMethod& method,
                const std::string& settings) {
  if (const auto damage = nn::zip_damage(core::read_file(file))) throw Error(*damage);
  archive.load_from(file.string());
  c10::IValue text;
  archive.read("state", text);
  const Json json = core::parse_json(text.toStringRef(), file.string(), kAdvice);
  if (json.at("settings") != settings)
    throw InputError("{} was written with other settings or tasks; {}, or restore them", file.string(),
                     kAdvice);
  const torch::NoGradGuard no_grad;
  torch::serialize::InputArchive weights, kept, memory;
  archive.read("model", weights);
  for (const auto& [name, tensor] : tensors_of(model)) {
    torch::Tensor value;
    weights.read(name, value, /*is_buffer=*/true);
    if (value.sizes() != tensor.sizes()) throw Error("{} has another shape than the model's", name);
    tensor.copy_(value);
  }
  archive.read("statistics", kept);
  state.statistics.load(kept);
  archive.read("method", memory);
  method.load(memory);
  archive.read("accuracy", state.result.accuracy, /*is_buffer=*/true);
  archive.read("untrained", state.result.untrained, /*is_buffer=*/true);
  state.result.seconds = json.at("seconds").get<std::vector<double>>();
  state.result.warnings = json.at("warnings").get<std::vector<std::string>>();
  for (const Json& entry : json.at("memory")) state.result.memory.push_back(memory_from(entry));
  state.next_task = json.at("next_task");
}

}  // namespace

void save_state(const std::filesystem::path& file, const SequenceState& state, const nn::Model& model,
                const ContinualMethod& method, const std::string& settings) {
  Json json = {{"settings", settings},
               {"next_task", state.next_task},
               {"seconds", state.result.seconds},
               {"warnings", state.result.warnings},
               {"memory", Json::array()}};
  for (const auto& memory : state.result.memory) json["memory"].push_back(to_json(memory));
  torch::serialize::OutputArchive archive, weights, statistics, memory;
  archive.write("state", c10::IValue(json.dump()));
  for (const auto& [name, tensor] : tensors_of(model)) weights.write(name, tensor, /*is_buffer=*/true);
  archive.write("model", weights);
  state.statistics.save(statistics);
  archive.write("statistics", statistics);
  method.save(memory);
  archive.write("method", memory);
  archive.write("accuracy", state.result.accuracy, /*is_buffer=*/true);
  archive.write("untrained", state.result.untrained, /*is_buffer=*/true);
  std::ostringstream stream;
  archive.save_to(stream);
  core::write_file(file, stream.str());
}

bool load_state(const std::filesystem::path& file, SequenceState& state, nn::Model& model,
                ContinualMethod& method, const std::string& settings) {
  if (!std::filesystem::exists(file)) return false;
  torch::serialize::InputArchive archive;
  try {
    read_state(archive, file, state, model, method, settings);
  } catch (const InputError&) {
    throw;
  } catch (const std::exception& error) {
    const std::string what = error.what();
    throw InputError("{} cannot be read ({}); {}", file.string(),
                     core::printable(what.substr(0, what.find('\n'))), kAdvice);
  }
  return true;
}

}  // namespace lathe::train::continual
