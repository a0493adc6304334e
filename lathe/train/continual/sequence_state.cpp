#include "lathe/train/continual/sequence_state.h"

#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/core/json.h"
#include "lathe/nn/archive_file.h"
#include "lathe/train/threads.h"

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

Json to_json(const FitReport& fit) {
  Json json = {{"steps", fit.steps},
               {"skipped", fit.skipped_steps},
               {"evaluations", fit.evaluations},
               {"progress", fit.progress},
               {"seconds", fit.seconds},
               {"step_milliseconds", fit.step_milliseconds},
               {"stopped_early", fit.stopped_early},
               {"curve", Json::array()},
               {"epochs", Json::array()}};
  for (const StepPoint& p : fit.curve) json["curve"].push_back({p.step, p.loss, p.learning_rate, p.metrics});
  for (const EpochPoint& p : fit.epochs)
    json["epochs"].push_back({p.epoch, p.step, p.holdout_loss, p.holdout_accuracy, p.seconds});
  return json;
}

FitReport fit_from(const Json& json) {
  FitReport fit{.steps = json.at("steps"),
                .skipped_steps = json.at("skipped"),
                .evaluations = json.at("evaluations"),
                .progress = json.at("progress"),
                .seconds = json.at("seconds"),
                .step_milliseconds = json.at("step_milliseconds"),
                .stopped_early = json.at("stopped_early")};
  for (const Json& p : json.at("curve")) fit.curve.push_back({p.at(0), p.at(1), p.at(2), p.at(3)});
  for (const Json& p : json.at("epochs")) fit.epochs.push_back({p.at(0), p.at(1), p.at(2), p.at(3), p.at(4)});
  return fit;
}

// The JSON of a state's archive.
Json description_in(torch::serialize::InputArchive& archive, const std::filesystem::path& file) {
  c10::IValue text;
  archive.read("state", text);
  return core::parse_json(text.toStringRef(), file.string(), kAdvice);
}

void check_shape(const char* name, const torch::Tensor& tensor, torch::IntArrayRef shape) {
  if (tensor.sizes() != shape || tensor.scalar_type() != torch::kFloat64)
    throw Error("{} is not the table of numbers that these tasks have", name);
}

void read_state(torch::serialize::InputArchive& archive, const std::filesystem::path& file,
                SequenceState& state, nn::Model& model, ContinualMethod& method, int64_t num_tasks,
                const std::string& settings) {
  const Json json = description_in(archive, file);
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
  check_shape("accuracy", state.result.accuracy, {num_tasks, num_tasks});
  check_shape("untrained", state.result.untrained, {num_tasks});
  state.result.seconds = json.at("seconds").get<std::vector<double>>();
  state.result.warnings = json.at("warnings").get<std::vector<std::string>>();
  for (const Json& entry : json.at("memory")) state.result.memory.push_back(memory_from(entry));
  for (const Json& entry : json.at("trainings")) state.result.trainings.push_back(fit_from(entry));
  state.next_task = json.at("next_task");
  const int64_t num_probes = json.at("probes");
  if (state.next_task < 0 || state.next_task > num_tasks)
    throw Error("the next task is {}, of {}", state.next_task, num_tasks);
  if (num_probes < 0 || num_probes >= num_tasks)
    throw Error("inputs of {} earlier tasks are kept, of {} tasks", num_probes, num_tasks);
  const std::vector<Layer> layers = shared_layers(model);
  for (int64_t t = 0; t < num_probes; ++t) {
    torch::serialize::InputArchive probe;
    archive.read(fmt::format("probe{}", t), probe);
    state.probes.emplace_back().load(probe, layers);
  }
}

}  // namespace

void save_state(const std::filesystem::path& file, const SequenceState& state, const nn::Model& model,
                const ContinualMethod& method, const std::string& settings) {
  Json json = {
      {"settings", settings},          {"threads", compute_threads()},    {"next_task", state.next_task},
      {"probes", state.probes.size()}, {"seconds", state.result.seconds}, {"warnings", state.result.warnings},
      {"memory", Json::array()},       {"trainings", Json::array()}};
  for (const auto& memory : state.result.memory) json["memory"].push_back(to_json(memory));
  for (const FitReport& fit : state.result.trainings) json["trainings"].push_back(to_json(fit));
  nn::write_archive(file, [&](torch::serialize::OutputArchive& archive) {
    torch::serialize::OutputArchive weights, statistics, memory;
    archive.write("state", c10::IValue(json.dump()));
    for (const auto& [name, tensor] : tensors_of(model)) weights.write(name, tensor, /*is_buffer=*/true);
    archive.write("model", weights);
    state.statistics.save(statistics);
    archive.write("statistics", statistics);
    method.save(memory);
    archive.write("method", memory);
    archive.write("accuracy", state.result.accuracy, /*is_buffer=*/true);
    archive.write("untrained", state.result.untrained, /*is_buffer=*/true);
    for (size_t t = 0; t < state.probes.size(); ++t) {
      torch::serialize::OutputArchive probe;
      state.probes[t].save(probe);
      archive.write(fmt::format("probe{}", t), probe);
    }
  });
}

bool load_state(const std::filesystem::path& file, SequenceState& state, nn::Model& model,
                ContinualMethod& method, int64_t num_tasks, const std::string& settings) {
  if (!std::filesystem::exists(file)) return false;
  nn::read_archive(file, kAdvice, [&](torch::serialize::InputArchive& archive) {
    read_state(archive, file, state, model, method, num_tasks, settings);
  });
  return true;
}

std::optional<int> state_threads(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return std::nullopt;
  try {
    int threads = 0;
    nn::read_archive(file, kAdvice, [&](torch::serialize::InputArchive& archive) {
      threads = description_in(archive, file).at("threads");
    });
    return threads;
  } catch (const std::exception&) {
    return std::nullopt;  // load_state will say what is wrong with it
  }
}

}  // namespace lathe::train::continual
