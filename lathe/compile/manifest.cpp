#include "lathe/compile/manifest.h"

#include <fmt/ranges.h>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/json.h"
#include "lathe/core/progress.h"

namespace lathe::compile {
namespace {

using Json = nlohmann::json;

std::vector<Manifest::Port> ports(const Json& list) {
  std::vector<Manifest::Port> result;
  for (const Json& port : list) result.push_back({.name = port.at("name"), .type = port.at("type")});
  return result;
}

Manifest manifest_from(const Json& json) {
  Manifest manifest{.name = json.at("name"),
                    .target = json.at("target"),
                    .inputs = ports(json.at("inputs")),
                    .outputs = ports(json.at("outputs")),
                    .arena_bytes = json.at("arena_bytes"),
                    .arena_lower_bound = json.at("arena_lower_bound"),
                    .parameter_bytes = json.at("parameter_bytes"),
                    .externals = json.value("externals", std::vector<std::string>()),
                    .operations = {}};
  for (const Json& operation : json.at("operations"))
    manifest.operations.push_back({.source = operation.at("source"),
                                   .variant = operation.at("variant"),
                                   .kernel = operation.at("kernel"),
                                   .flops = operation.at("flops"),
                                   .bytes = operation.at("bytes")});
  return manifest;
}

}  // namespace

Manifest read_manifest(const std::filesystem::path& directory) {
  const std::filesystem::path file = directory / "graph.json";
  if (!std::filesystem::exists(directory / "plan.bin") && !std::filesystem::exists(file))
    throw InputError(
        "{} is not a compiled directory (it has no plan.bin); `lathe compile MODEL -o {}` makes one",
        directory.string(), directory.string());
  const Json json = core::parse_json(core::read_file(file), file.string(), "compile the model again");
  try {
    return manifest_from(json);
  } catch (const Json::exception& error) {
    throw InputError("{} is damaged: {}; compile the model again", file.string(), error.what());
  }
}

core::Table operations_table(const Manifest& manifest) {
  core::Table table({"operation", "variant", "MFLOP", "MB"});
  for (const Manifest::Operation& operation : manifest.operations)
    table.add({operation.source, operation.variant, operation.flops / 1e6, operation.bytes / 1e6});
  return table;
}

core::Table summary_table(const Manifest& manifest) {
  core::Table table({"", "value"});
  const auto list = [](const std::vector<Manifest::Port>& ports) {
    std::vector<std::string> texts;
    for (const Manifest::Port& port : ports) texts.push_back(port.name + " " + port.type);
    return fmt::format("{}", fmt::join(texts, ", "));
  };
  const auto bytes = [](int64_t count) { return core::human_bytes(static_cast<uint64_t>(count)); };
  table.add({"target", manifest.target});
  table.add({"inputs", list(manifest.inputs)});
  table.add({"outputs", list(manifest.outputs)});
  table.add({"operations", static_cast<int64_t>(manifest.operations.size())});
  table.add({"parameters", bytes(manifest.parameter_bytes)});
  table.add({"needs", manifest.externals.empty() ? "libc, libm"
                                                 : fmt::format("{}", fmt::join(manifest.externals, ", "))});
  table.add({"arena", fmt::format("{} (at least {})", bytes(manifest.arena_bytes),
                                  bytes(manifest.arena_lower_bound))});
  return table;
}

}  // namespace lathe::compile
