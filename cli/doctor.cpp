#include <torch/torch.h>
#include <unistd.h>

#include <cstdlib>

#include "cli/machine.h"
#include "cli/verb.h"
#include "lathe/core/error.h"
#include "lathe/core/parallel.h"
#include "lathe/core/progress.h"
#include "lathe/core/run_store.h"
#include "lathe/pipeline/vega_scripts.h"

namespace lathe::cli {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kLittleMemory = uint64_t{2} << 30, kLittleDisk = uint64_t{1} << 30;
constexpr double kSlowGemm = 30;  // GFLOP/s; AVX2 and FMA at 2 GHz could do 64

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

void add_processor(core::Table& table, const Processor& cpu) {
  table.add({"processor", cpu.model, ""});
  table.add(
      {"vector sets", fmt::format("{}", fmt::join(cpu.vector_sets, ", ")),
       cpu.has("AVX2") && cpu.has("FMA") ? "" : "without AVX2 and FMA training is several times slower"});

  const int available = core::available_processors(), all = machine_processors();
  table.add({"processors", fmt::format("{} of {}", available, all),
             available < all
                 ? "an affinity mask or a control group withholds the others (taskset, nproc, docker --cpus)"
                 : ""});
  const double load = load_average();
  table.add({"load",
             {load, 2},
             load > 0.5 ? fmt::format("other processes kept about {:.1f} processors busy in the last minute; "
                                      "training waits for them",
                                      load)
                        : ""});
}

void add_memory(core::Table& table) {
  const Memory ram = memory();
  table.add(
      {"memory", fmt::format("{} free of {}", core::human_bytes(ram.available), core::human_bytes(ram.total)),
       ram.available < kLittleMemory ? "little for training: lower train.batch_size or set train.micro_batch"
                                     : ""});
  const bool kept = allocator_keeps_large_blocks();
  table.add({"large blocks", kept ? "kept by malloc" : "returned to the system",
             kept ? "" : "every step pays page faults; is another malloc preloaded (LD_PRELOAD)?"});
}

std::string kernel_hint(const Processor& cpu, const Blas& blas) {
  if (blas.library == "reference") return "the slowest there is: apt install libopenblas0-pthread";
  const bool uses_avx512 =
      blas.kernels == "SkylakeX" || blas.kernels == "Cooperlake" || blas.kernels == "Sapphirerapids";
  if (blas.kernels.empty() || uses_avx512 || !cpu.has("AVX-512")) return "";
  return environment("OPENBLAS_CORETYPE").empty()
             ? "not those for AVX-512: export OPENBLAS_CORETYPE=SkylakeX for about twice the speed"
             : "not those for AVX-512, because OPENBLAS_CORETYPE is set: unset it for about twice the speed";
}

void add_arithmetic(core::Table& table, const Processor& cpu) {
  table.add({"libtorch", TORCH_VERSION, ""});
  const Blas library = blas();
  table.add({"matrix library", library.library, ""});
  table.add({"matrix kernels", library.kernels.empty() ? "its own choice" : library.kernels,
             kernel_hint(cpu, library)});
  const double gflops = gemm_gflops(0.2);
  table.add({"matrix product", fmt::format("{:.0f} GFLOP/s on one thread", gflops),
             gflops < kSlowGemm ? "slow: wrong kernels (see above), or others use the processor" : ""});
  table.add({"oneDNN", at::globalContext().hasMKLDNN() ? "found" : "not built into libtorch",
             at::globalContext().hasMKLDNN()
                 ? ""
                 : "convolutions are slower without it; Debian's libtorch-dev has it"});
  const bool cuda = torch::cuda::is_available();
  table.add({"CUDA", cuda ? fmt::format("{} devices", torch::cuda::device_count()) : "none",
             cuda ? "train with --device cuda"
                  : "optional: the preset torch2 builds against a LibTorch that has CUDA"});
}

void add_settings(core::Table& table) {
  const std::string core_type = environment("OPENBLAS_CORETYPE"), wait = environment("OMP_WAIT_POLICY");
  table.add({"OPENBLAS_CORETYPE", core_type.empty() ? "not set" : core_type, ""});
  table.add({"OMP_WAIT_POLICY", wait.empty() ? "not set" : wait,
             wait == "passive" || wait == "PASSIVE"
                 ? ""
                 : "threads that spin stall when another process has their processor; unset it"});
  const std::string capability = environment("ATEN_CPU_CAPABILITY");
  if (!capability.empty())
    table.add({"ATEN_CPU_CAPABILITY", capability, "limits libtorch's own kernels; unset it"});
}

void add_store(core::Table& table) {
  try {
    const fs::path file = core::RunStore::default_path();
    const core::RunStore store;
    const bool writable = access(file.c_str(), W_OK) == 0;
    table.add(
        {"run store", file.string(),
         writable ? "" : "cannot be written: lathe run will fail; set LATHE_HOME to a directory of yours"});
  } catch (const Error& error) {
    table.add({"run store", "cannot be used", error.what()});
  }
}

void add_disk(core::Table& table) {
  std::error_code error;
  const fs::space_info space = fs::space(".", error);
  table.add({"disk here", error ? error.message() : core::human_bytes(space.available) + " free",
             error || space.available < kLittleDisk ? "bundles may not fit" : ""});
}

void add_package(core::Table& table, const std::string& what, bool found, const std::string& package,
                 const std::string& purpose) {
  table.add({what, found ? "found" : "not found",
             found ? "" : fmt::format("apt install {}: {}", package, purpose)});
}

bool vega_found() {
  try {
    return !pipeline::vega_script().empty();
  } catch (const Error&) {
    return false;
  }
}

void doctor(const Options& options) {
  core::Table table({"check", "value", "hint"});
  const Processor cpu = processor();
  add_processor(table, cpu);
  add_memory(table);
  add_arithmetic(table, cpu);
  add_settings(table);
  add_store(table);
  add_disk(table);
  add_package(table, "Fashion-MNIST",
              fs::exists("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz"),
              "dataset-fashion-mnist", "the images of examples/fashion_mnist.toml");
  add_package(table, "Vega", vega_found(), "libjs-vega", "the charts of report.html");
  add_package(table, "Python's torch", fs::exists("/usr/lib/python3/dist-packages/torch"), "python3-torch",
              "loads model.pt in Python");
  print(options, {{"checks", table}});
}

}  // namespace

void add_doctor(CLI::App& app, Options& options) {
  add_verb(app, options, "doctor", "What this machine gives, and what costs speed", "lathe doctor")
      ->callback([&options] { doctor(options); });
}

}  // namespace lathe::cli
