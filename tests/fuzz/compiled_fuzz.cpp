// Compiled directories. plan.bin and params.bin are anything, beside a module.so that is as it was compiled;
// checksums are set right, so that the checks behind them are reached. Nothing runs: kernels trust a plan
// that was taken. And graph.json, which programs that run a module do not read.
#include <torch/types.h>

#include <cstring>
#include <memory>

#include "lathe/compile/compile.h"
#include "lathe/compile/compiled_model.h"
#include "lathe/compile/manifest.h"
#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "tests/fuzz/target.h"

extern "C" {
#include "lathe/runtime/inspect.h"
#include "lathe/runtime/plan.h"
}

namespace lathe::fuzz {
namespace {

namespace fs = std::filesystem;
using Integers = std::vector<int64_t>;

constexpr size_t kTouched = size_t{1} << 20;  // bytes of an input or output that are written or read

// Two convolutions with a border between them, and two outputs of which one is made of whole numbers.
compile::Graph network() {
  compile::Graph g;
  g.name = "small";
  const auto convolution = [&](compile::ValueId x) {
    const int64_t channels = g.type(x).shape[1];
    return g.add("conv", {x, g.add_constant(at::ones({16, channels, 3, 3}))},
                 {{"stride", Integers{1, 1}},
                  {"padding", Integers(4, 1)},
                  {"dilation", Integers{1, 1}},
                  {"groups", int64_t{1}}},
                 "convolution");
  };
  const auto x = g.add_input("image", {compile::DType::f32, {1, 16, 6, 6}});
  const auto y = g.add("relu", {convolution(g.add("relu", {convolution(x)}))});
  const auto sums = g.add("sum", {y}, {{"axes", Integers{2, 3}}, {"keepdims", int64_t{0}}});
  g.outputs = {sums, g.add("argmax", {sums}, {{"axis", int64_t{1}}, {"keepdims", int64_t{0}}})};
  return g;
}

const fs::path& whole() {
  static const fs::path directory = [] {
    const fs::path path = scratch() / "whole";
    compile::compile(network(), path, {.target = compile::target("x86-64-avx2")});
    return path;
  }();
  return directory;
}

// The plan with the sizes and checksums that the loader wants; `plan` comes without its own.
std::string with_checksums(std::string plan, std::string_view params) {
  static const std::string library = core::read_file(whole() / "module.so");
  lathe_plan_header header;
  if (plan.size() >= sizeof header) {
    std::memcpy(&header, plan.data(), sizeof header);
    header.params_bytes = params.size(), header.params_hash = lathe_xxhash64(params.data(), params.size(), 0);
    header.module_bytes = library.size(),
    header.module_hash = lathe_xxhash64(library.data(), library.size(), 0);
    std::memcpy(plan.data(), &header, sizeof header);
  }
  const uint64_t hash = lathe_xxhash64(plan.data(), plan.size(), 0);
  return plan.append(reinterpret_cast<const char*>(&hash), sizeof hash);
}

// Reads both ends of everything that the plan says is there.
void touch(const lathe_module* module, lathe_session* session) {
  volatile unsigned char sink = 0;
  const auto ends = [&](const void* memory, size_t bytes) {
    const auto* at = static_cast<const unsigned char*>(memory);
    sink = at[0], sink = at[bytes - 1];
  };
  for (int i = 0; i < lathe_num_inputs(module); ++i) {
    const lathe_tensor_info* info = lathe_input_info(module, i);
    std::memset(lathe_input(session, i), 1, std::min(info->bytes, kTouched));
    ends(lathe_input(session, i), info->bytes);
  }
  for (int i = 0; i < lathe_num_outputs(module); ++i)
    ends(lathe_output(session, i), lathe_output_info(module, i)->bytes);
  for (int o = 0; o < lathe_num_operations(module); ++o) {
    const lathe_operation_info* info = lathe_operation(module, o);
    require(std::strlen(info->kernel) > 0 && std::strlen(info->source) < (1u << 20), "operations have names");
    lathe_view view;
    for (int i = 0; i < lathe_num_written(module, o); ++i) {
      require(lathe_written(session, o, i, &view) == 0, "what an operation writes can be looked at");
      size_t span = 1;
      for (int d = 0; d < view.rank; ++d)
        span += static_cast<size_t>(view.extent[d] - 1) * static_cast<size_t>(view.stride[d]);
      ends(view.first, span * static_cast<size_t>(view.type_bits / 8));
    }
  }
}

[[noreturn]] void refuse() {
  throw InputError("{}", lathe_last_error());
}

void read(std::string_view bytes) {
  if (!compile::has_code_generator()) throw InputError("no code generator, no module");
  static const fs::path directory = [] {
    fs::path path = scratch() / "compiled";
    fs::create_directory(path);
    fs::copy_file(whole() / "module.so", path / "module.so");
    return path;
  }();
  const auto files = split(bytes, 2);
  save(directory / "plan.bin", with_checksums(std::string(files[0]), files[1]));
  save(directory / "params.bin", files[1]);
  const std::unique_ptr<lathe_module, void (*)(lathe_module*)> module(lathe_load(directory.c_str()),
                                                                      lathe_unload);
  if (!module) refuse();
  for (const int threads : {1, 2}) {  // with two, operations are cut into pieces
    const std::unique_ptr<lathe_session, void (*)(lathe_session*)> session(
        lathe_session_new(module.get(), threads), lathe_session_free);
    if (!session) refuse();
    touch(module.get(), session.get());
  }
  compile::CompiledModel model(directory);
  for (size_t i = 0; i < model.inputs().size(); ++i) {
    const compile::Type& type = model.inputs()[i].type;
    if (type.numel() <= static_cast<int64_t>(kTouched))
      model.set_input(i, at::zeros(type.shape, compile::scalar_type(type.dtype)));
  }
  for (size_t i = 0; i < model.outputs().size(); ++i)
    if (model.outputs()[i].type.numel() <= static_cast<int64_t>(kTouched)) model.output(i);
}

std::vector<std::string> seeds() {
  if (!compile::has_code_generator()) return {};
  const std::string plan = core::read_file(whole() / "plan.bin");
  return {join({plan.substr(0, plan.size() - sizeof(uint64_t)), core::read_file(whole() / "params.bin")})};
}

void read_manifest(std::string_view bytes) {
  save(scratch() / "graph.json", bytes);
  const compile::Manifest manifest = compile::read_manifest(scratch());
  require(operations_table(manifest).size() == manifest.operations.size(), "a row for each operation");
  summary_table(manifest).to_text();
  operations_table(manifest).to_text();
}

std::vector<std::string> manifest_seeds() {
  return {
      R"({"version": 1, "name": "small", "target": "x86-64-avx2", "inputs": [{"name": "image", "type": "f32[1,16,6,6]"}],
"outputs": [{"name": "output0", "type": "f32[1,16]"}], "arena_bytes": 4096, "arena_lower_bound": 4000,
"parameter_bytes": 18432, "operations": [{"kernel": "lathe_0", "source": "convolution", "variant": "direct 6x2",
"flops": 1e6, "bytes": 5000}]})"};
}

const bool registered = add_target({"compiled", read, seeds});
const bool manifest_registered = add_target({"compiled_manifest", read_manifest, manifest_seeds});

}  // namespace
}  // namespace lathe::fuzz
