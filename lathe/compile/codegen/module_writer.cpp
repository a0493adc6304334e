#include "lathe/compile/codegen/module_writer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "lathe/core/error.h"
#include "lathe/core/files.h"

extern "C" {
#include "lathe/runtime/lathe_runtime.h"
#include "lathe/runtime/plan.h"
}

namespace lathe::compile::codegen {
namespace fs = std::filesystem;
namespace {

int64_t aligned(int64_t bytes) {
  return (bytes + 63) / 64 * 64;
}

// Where a value's or a scratch block's storage begins.
struct Storage {
  uint32_t place = LATHE_ARENA;
  int64_t offset = 0;
};

struct Layouter {
  const Graph& graph;
  const std::vector<Chosen>& groups;
  std::vector<ValueId> root;                  // of each value: whose storage it shares
  std::vector<Storage> storage;               // of roots
  std::vector<std::vector<Storage>> scratch;  // of each group
  int64_t arena_bytes = 0, lower_bound = 0, io_bytes = 0;
  std::vector<int64_t> io_offsets;  // inputs, then outputs
};

Layouter lay_out(const Graph& graph, const std::vector<Chosen>& groups) {
  Layouter l{graph, groups, {}, std::vector<Storage>(graph.values.size()), {}, 0, 0, 0, {}};
  const size_t count = graph.values.size();
  for (size_t i = 0; i < count; ++i) l.root.push_back(static_cast<ValueId>(i));
  for (const Chosen& chosen : groups)
    if (!chosen.implementation) {
      const Node& first = graph.nodes[static_cast<size_t>(chosen.group.nodes.front())];
      const Node& last = graph.nodes[static_cast<size_t>(chosen.group.nodes.back())];
      l.root[static_cast<size_t>(last.outputs[0])] = l.root[static_cast<size_t>(first.inputs[0])];
    }
  std::vector<Block> blocks;
  std::vector<int> block_of(count, -1);
  for (ValueId id : graph.inputs) {
    l.storage[static_cast<size_t>(id)] = {LATHE_IO, l.io_bytes};
    l.io_offsets.push_back(l.io_bytes);
    l.io_bytes += aligned(storage_bytes(graph.type(id), graph.value(id).layout));
  }
  std::vector<bool> is_output(count);
  for (ValueId id : graph.outputs) {
    is_output[static_cast<size_t>(id)] = true;
    l.storage[static_cast<size_t>(id)] = {LATHE_IO, l.io_bytes};
    l.io_offsets.push_back(l.io_bytes);
    l.io_bytes += aligned(storage_bytes(graph.type(id), graph.value(id).layout));
  }
  std::vector<std::vector<int>> scratch_blocks(groups.size());
  for (size_t g = 0; g < groups.size(); ++g) {
    const int step = static_cast<int>(g);
    if (!groups[g].implementation) continue;
    for (const Step& s : groups[g].implementation->steps)
      for (const Argument& argument : s.arguments) {
        if (argument.place != Argument::Place::value) continue;
        const ValueId id = l.root[static_cast<size_t>(argument.index)];
        if (graph.value(id).is_constant()) throw Error("a kernel reads the constant {} as a value", id);
        const bool is_input = std::find(graph.inputs.begin(), graph.inputs.end(), id) != graph.inputs.end();
        if (is_output[static_cast<size_t>(id)] || is_input) continue;
        int& block = block_of[static_cast<size_t>(id)];
        if (block < 0) {
          block = static_cast<int>(blocks.size());
          blocks.push_back({storage_bytes(graph.type(id), graph.value(id).layout), step, step});
        }
        blocks[static_cast<size_t>(block)].last = step;
      }
    for (int64_t bytes : groups[g].implementation->scratch_bytes) {
      scratch_blocks[g].push_back(static_cast<int>(blocks.size()));
      blocks.push_back({bytes, step, step});
    }
  }
  const MemoryPlan plan = plan_memory(blocks);
  l.arena_bytes = plan.bytes;
  l.lower_bound = plan.lower_bound;
  for (size_t i = 0; i < count; ++i)
    if (block_of[i] >= 0) l.storage[i] = {LATHE_ARENA, plan.offsets[static_cast<size_t>(block_of[i])]};
  for (const auto& list : scratch_blocks) {
    l.scratch.emplace_back();
    for (int block : list)
      l.scratch.back().push_back({LATHE_ARENA, plan.offsets[static_cast<size_t>(block)]});
  }
  return l;
}

// The parts of plan.bin while they grow.
struct Plan {
  lathe_plan_header header{};
  std::vector<lathe_plan_tensor> tensors;
  std::vector<lathe_plan_operation> operations;
  std::vector<lathe_plan_fill> fills;
  std::vector<lathe_plan_buffer> buffers;
  std::vector<lathe_plan_dim> dims;
  std::vector<uint32_t> arguments;
  std::string strings;
  std::map<std::string, uint32_t> known_strings;

  uint32_t text(const std::string& value) {
    const auto [known, fresh] = known_strings.emplace(value, static_cast<uint32_t>(strings.size()));
    if (fresh) strings += value + '\0';
    return known->second;
  }
  template <typename T>
  static void append(std::string& bytes, const std::vector<T>& part) {
    if (!part.empty()) bytes.append(reinterpret_cast<const char*>(part.data()), part.size() * sizeof(T));
  }
  std::string bytes() {
    header.num_buffers = static_cast<uint32_t>(buffers.size());
    header.num_dims = static_cast<uint32_t>(dims.size());
    header.num_operations = static_cast<uint32_t>(operations.size());
    header.num_arguments = static_cast<uint32_t>(arguments.size());
    header.num_fills = static_cast<uint32_t>(fills.size());
    header.strings_bytes = static_cast<uint32_t>(strings.size());
    std::string all(reinterpret_cast<const char*>(&header), sizeof header);
    append(all, tensors);
    append(all, operations);
    append(all, fills);
    append(all, buffers);
    append(all, dims);
    append(all, arguments);
    all += strings;
    const uint64_t hash = lathe_xxhash64(all.data(), all.size(), 0);
    all.append(reinterpret_cast<const char*>(&hash), sizeof hash);
    return all;
  }
};

void add_tensor(Plan& plan, const Value& value, const std::string& name, int64_t offset) {
  if (value.type.shape.size() > LATHE_MAX_RANK)
    throw InputError("{} has {} axes; compiled modules pass at most {}", name, value.type.shape.size(),
                     LATHE_MAX_RANK);
  lathe_plan_tensor tensor{};
  tensor.name = plan.text(name);
  tensor.dtype = plan.text(std::string(name_of(value.type.dtype)));
  tensor.rank = static_cast<uint32_t>(value.type.shape.size());
  tensor.element_bytes = static_cast<uint32_t>(size_of(value.type.dtype));
  std::copy(value.type.shape.begin(), value.type.shape.end(), tensor.shape);
  tensor.offset = static_cast<uint64_t>(offset);
  plan.tensors.push_back(tensor);
}

uint32_t add_buffer(Plan& plan, const Argument& argument, const Storage& storage) {
  lathe_plan_buffer buffer{};
  buffer.place = storage.place;
  const bool is_float = argument.dtype == DType::f32 || argument.dtype == DType::f64;
  const bool is_unsigned = argument.dtype == DType::u8 || argument.dtype == DType::boolean;
  buffer.type_code = is_float ? 2 : is_unsigned ? 1 : 0;
  buffer.type_bits = static_cast<uint32_t>(size_of(argument.dtype) * 8);
  buffer.rank = static_cast<uint32_t>(argument.dims.size());
  buffer.first_dim = static_cast<uint32_t>(plan.dims.size());
  buffer.offset = static_cast<uint64_t>(storage.offset + argument.offset * size_of(argument.dtype));
  for (const Dim& dim : argument.dims) plan.dims.push_back({dim.min, dim.extent, dim.stride});
  plan.buffers.push_back(buffer);
  return static_cast<uint32_t>(plan.buffers.size() - 1);
}

// Fills the border of a blocked value: what lies above and left of the first row, between rows, behind the
// last.
void add_fills(Plan& plan, const Value& value, int64_t offset) {
  const auto& [above, below, left, right] = value.layout.border;
  if (value.layout.block <= 1 || above + below + left + right == 0) return;
  const int64_t lane_bytes = size_of(value.type.dtype) * value.layout.block;
  const int64_t width = value.type.shape[3], height = value.type.shape[2];
  const int64_t row = (left + width + right) * lane_bytes, plane = (above + height + below) * row;
  const int64_t planes =
      value.type.shape[0] * ((value.type.shape[1] + value.layout.block - 1) / value.layout.block);
  const auto fill = [&](int64_t at, int64_t bytes, int64_t stride, int64_t count) {
    if (bytes > 0 && count > 0)
      plan.fills.push_back({static_cast<uint64_t>(offset + at), static_cast<uint64_t>(bytes),
                            static_cast<uint64_t>(stride), static_cast<uint64_t>(count),
                            static_cast<uint64_t>(value.layout.filling)});
  };
  fill(0, above * row + left * lane_bytes, plane, planes);
  fill((left + width) * lane_bytes, (left + right) * lane_bytes, row, planes * (above + height + below) - 1);
  fill((above + height) * row - right * lane_bytes, right * lane_bytes + below * row, plane, planes);
}

std::string source_of(const Graph& graph, const Group& group) {
  std::vector<std::string> names;
  for (int index : group.nodes) {
    const Node& node = graph.nodes[static_cast<size_t>(index)];
    const std::string& name = node.source.empty() ? node.op : node.source;
    if (names.empty() || names.back() != name) names.push_back(name);
  }
  return fmt::format("{}", fmt::join(names, "+"));
}

// Parameters of all groups, equal ones once.
struct Parameters {
  std::string bytes;
  std::map<std::string, int64_t> known;
  int64_t add(const torch::Tensor& tensor) {
    const std::string_view data(static_cast<const char*>(tensor.data_ptr()),
                                static_cast<size_t>(tensor.nbytes()));
    const uint64_t first = lathe_xxhash64(data.data(), data.size(), 0),
                   second = lathe_xxhash64(data.data(), data.size(), 1);
    const auto [place, fresh] = known.emplace(fmt::format("{}:{:x}:{:x}", data.size(), first, second),
                                              static_cast<int64_t>(bytes.size()));
    if (fresh) {
      bytes.append(data);
      bytes.resize(static_cast<size_t>(aligned(static_cast<int64_t>(bytes.size()))));
    }
    return place->second;
  }
};

std::string port_name(const Graph& graph, ValueId id, const char* kind, size_t index) {
  const std::string& name = graph.value(id).name;
  return name.empty() ? fmt::format("{}{}", kind, index) : name;
}

}  // namespace

ModuleSize write_module(const Graph& graph, const std::vector<Chosen>& groups, const Target& target,
                        const fs::path& directory) {
  const Layouter layout = lay_out(graph, groups);
  Plan plan;
  Parameters parameters;
  ModuleSize size;
  std::map<std::string, const Code*> codes;
  std::set<std::string> externals;
  nlohmann::json operations = nlohmann::json::array();
  for (size_t g = 0; g < groups.size(); ++g) {
    const Implementation* implementation = groups[g].implementation;
    if (!implementation) continue;
    const std::string source = source_of(graph, groups[g].group);
    std::vector<Storage> packed;
    for (const torch::Tensor& tensor : implementation->parameters)
      packed.push_back({LATHE_PARAMS, parameters.add(tensor)});
    for (size_t s = 0; s < implementation->steps.size(); ++s) {
      const Step& step = implementation->steps[s];
      codes.emplace(step.code->symbol, step.code.get());
      externals.insert(step.code->libraries.begin(), step.code->libraries.end());
      size.num_external += !step.code->libraries.empty();
      lathe_plan_operation operation{};
      operation.kernel = plan.text(step.code->symbol + "_argv");
      operation.source = plan.text(source);
      operation.first_argument = static_cast<uint32_t>(plan.arguments.size());
      operation.num_arguments = static_cast<uint32_t>(step.arguments.size());
      operation.num_outputs = static_cast<uint32_t>(step.num_outputs);
      operation.split_dim = step.split_dim;
      operation.granule = static_cast<uint32_t>(step.granule);
      operation.first_fill = static_cast<uint32_t>(plan.fills.size());
      operation.flops = step.flops;
      operation.bytes = step.bytes;
      for (size_t a = 0; a < step.arguments.size(); ++a) {
        const Argument& argument = step.arguments[a];
        Storage place;
        if (argument.place == Argument::Place::value) {
          const ValueId root = layout.root[static_cast<size_t>(argument.index)];
          place = layout.storage[static_cast<size_t>(root)];
          if (a + static_cast<size_t>(step.num_outputs) >= step.arguments.size() &&
              place.place == LATHE_ARENA)
            add_fills(plan, graph.value(root), place.offset);
        } else if (argument.place == Argument::Place::parameter) {
          place = packed[static_cast<size_t>(argument.index)];
        } else {
          place = layout.scratch[g][static_cast<size_t>(argument.index)];
        }
        plan.arguments.push_back(add_buffer(plan, argument, place));
      }
      operation.num_fills = static_cast<uint32_t>(plan.fills.size()) - operation.first_fill;
      plan.operations.push_back(operation);
      size.operation_group.push_back(static_cast<int>(g));
      operations.push_back({{"kernel", step.code->symbol},
                            {"source", source},
                            {"variant", implementation->name},
                            {"flops", step.flops},
                            {"bytes", step.bytes}});
    }
  }
  for (size_t i = 0; i < graph.inputs.size(); ++i)
    add_tensor(plan, graph.value(graph.inputs[i]), port_name(graph, graph.inputs[i], "input", i),
               layout.io_offsets[i]);
  for (size_t i = 0; i < graph.outputs.size(); ++i)
    add_tensor(plan, graph.value(graph.outputs[i]), port_name(graph, graph.outputs[i], "output", i),
               layout.io_offsets[graph.inputs.size() + i]);

  const fs::path objects = directory / "objects";
  fs::create_directory(objects);
  std::vector<fs::path> files;
  for (const auto& [symbol, code] : codes) {
    files.push_back(objects / (symbol + ".o"));
    core::write_file(files.back(), code->object);
  }
  size.externals.assign(externals.begin(), externals.end());
  link_objects(files, size.externals, directory / "module.so");
  fs::remove_all(objects);
  const std::string library = core::read_file(directory / "module.so");

  std::memcpy(plan.header.magic, LATHE_PLAN_MAGIC, 8);
  plan.header.abi = LATHE_ABI;
  plan.header.isa = static_cast<uint32_t>(target.isa);
  plan.header.arena_bytes = static_cast<uint64_t>(layout.arena_bytes);
  plan.header.io_bytes = static_cast<uint64_t>(layout.io_bytes);
  plan.header.params_bytes = parameters.bytes.size();
  plan.header.params_hash = lathe_xxhash64(parameters.bytes.data(), parameters.bytes.size(), 0);
  plan.header.module_bytes = library.size();
  plan.header.module_hash = lathe_xxhash64(library.data(), library.size(), 0);
  plan.header.num_inputs = static_cast<uint32_t>(graph.inputs.size());
  plan.header.num_outputs = static_cast<uint32_t>(graph.outputs.size());
  core::write_file(directory / "params.bin", parameters.bytes);
  core::write_file(directory / "plan.bin", plan.bytes());

  size.num_kernels = static_cast<int>(codes.size());
  size.num_operations = static_cast<int>(plan.operations.size());
  size.arena_bytes = layout.arena_bytes;
  size.arena_lower_bound = layout.lower_bound;
  size.parameter_bytes = static_cast<int64_t>(parameters.bytes.size());
  const auto ports = [&](const std::vector<ValueId>& ids, const char* kind) {
    nlohmann::json list = nlohmann::json::array();
    for (size_t i = 0; i < ids.size(); ++i)
      list.push_back({{"name", port_name(graph, ids[i], kind, i)}, {"type", to_string(graph.type(ids[i]))}});
    return list;
  };
  const nlohmann::json manifest = {{"version", LATHE_ABI},
                                   {"name", graph.name},
                                   {"target", target.name},
                                   {"inputs", ports(graph.inputs, "input")},
                                   {"outputs", ports(graph.outputs, "output")},
                                   {"arena_bytes", layout.arena_bytes},
                                   {"arena_lower_bound", layout.lower_bound},
                                   {"parameter_bytes", parameters.bytes.size()},
                                   {"externals", size.externals},
                                   {"operations", operations}};
  core::write_file(directory / "graph.json", manifest.dump(1) + "\n");
  return size;
}

}  // namespace lathe::compile::codegen
